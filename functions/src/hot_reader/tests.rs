//! Queries against storage in memory.

use std::{sync::Mutex, time::Duration};

use serde_json::json;

use super::*;
use crate::history::{Range, Stored};

/// Items of one device, `d-1`, sorted by id.
struct Memory {
    items: Vec<Stored>,
    asked: Mutex<Vec<Range>>,
}

impl Memory {
    /// Ten items, one a minute from ten o'clock on, with the minute as their value; every second one has a text too.
    fn minutes() -> Arc<Self> {
        let item = |minute: usize| {
            let mut values = serde_json::Map::new();
            values.insert("temperature".into(), minute.into());
            if minute.is_multiple_of(2) {
                values.insert("state".into(), format!("s{minute}").into());
            }
            let id = format!("20261123T10{minute:02}00.000000Z-{minute:032x}");
            Stored { id, time: format!("2026-11-23T10:{minute:02}:00Z"), values }
        };
        Arc::new(Self { items: (0..10).map(item).collect(), asked: Mutex::default() })
    }
}

#[async_trait]
impl History for Memory {
    async fn page(&self, range: &Range, _: Instant) -> Result<Vec<Stored>, Answer> {
        self.asked.lock().unwrap().push(range.clone());
        let beyond = |item: &&Stored| match &range.after {
            None => true,
            Some(after) if range.descending => item.id < *after,
            Some(after) => item.id > *after,
        };
        let within = |item: &&Stored| range.device == "d-1" && item.id >= range.from && item.id < range.until;
        let mut items: Vec<_> = self.items.iter().filter(within).filter(beyond).cloned().collect();
        if range.descending {
            items.reverse();
        }
        // Storage may give fewer than it is asked for.
        items.truncate(range.limit.min(3));
        Ok(items)
    }
}

fn query(changes: &Value) -> Value {
    let mut query = json!({
        "workspaceId": "w", "entityId": "d-1", "componentName": "sensor", "selectedProperties": ["temperature"],
        "startTime": "2026-11-23T10:00:00Z", "endTime": "2026-11-23T11:00:00Z"
    });
    query.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    query
}

async fn asked(memory: &Arc<Memory>, what: What) -> Answer {
    let reader = HotReader::new(Some(Secret::new("t")), Source::Own(Arc::clone(memory) as _));
    reader.call(Call { what, deadline: Instant::now() + Duration::from_secs(60) }).await
}

async fn found(memory: &Arc<Memory>, changes: &Value) -> Value {
    let answer = asked(memory, What::Query(query(changes))).await;
    assert_eq!(answer.code, Code::Found, "{answer:?}");
    answer.body()
}

/// The values of an answer's first property.
fn numbers(answer: &Value) -> Vec<i64> {
    let values = answer["propertyValues"][0]["values"].as_array().cloned().unwrap_or_default();
    values.iter().map(|value| value["value"]["integerValue"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn an_answer_has_the_connectors_form() {
    let changes = json!({
        "selectedProperties": ["temperature", "state", "colour"], "endTime": "2026-11-23T10:01:00Z",
        "properties": {"temperature": {"definition": {"dataType": {"type": "DOUBLE"}}}}
    });
    let reference = |name| json!({"entityId": "d-1", "componentName": "sensor", "propertyName": name});
    let value = |minute, value| json!({"time": format!("2026-11-23T10:0{minute}:00Z"), "value": value});
    let wanted = json!({"propertyValues": [
        {"entityPropertyReference": reference("temperature"), "values": [
            value(0, json!({"doubleValue": 0.0})), value(1, json!({"doubleValue": 1.0}))
        ]},
        {"entityPropertyReference": reference("state"), "values": [value(0, json!({"stringValue": "s0"}))]},
    ]});
    assert_eq!(found(&Memory::minutes(), &changes).await, wanted);
}

#[tokio::test]
async fn pages_follow_each_other_in_both_orders() {
    for (order, wanted) in [("ASCENDING", (0..10).collect::<Vec<_>>()), ("DESCENDING", (0..10).rev().collect())] {
        for most in [1, 3, 4, 10, 200] {
            let (memory, mut all, mut next) = (Memory::minutes(), Vec::new(), Value::Null);
            loop {
                let changes = json!({"orderByTime": order, "maxResults": most, "nextToken": next});
                let answer = found(&memory, &changes).await;
                let page = numbers(&answer);
                assert!(page.len() <= most, "{page:?}");
                all.extend(page);
                next = answer["nextToken"].clone();
                if next.is_null() {
                    break;
                }
            }
            assert_eq!(all, wanted, "{order} by {most}");
        }
    }
}

#[tokio::test]
async fn both_ends_of_the_time_are_within() {
    let times = json!({"startTime": "2026-11-23T10:02:00Z", "endTime": "2026-11-23T10:04:00Z"});
    assert_eq!(numbers(&found(&Memory::minutes(), &times).await), [2, 3, 4]);
    let seconds =
        json!({"startTime": null, "endTime": null, "startDateTime": 1_795_428_120, "endDateTime": 1_795_428_240});
    assert_eq!(numbers(&found(&Memory::minutes(), &seconds).await), [2, 3, 4]);
}

#[tokio::test]
async fn the_device_is_the_property_or_else_the_entity() {
    for (property, device) in [
        (json!({"value": {"stringValue": "d-1"}}), "d-1"),
        (json!({"definition": {"defaultValue": {"stringValue": "d-2"}}}), "d-2"),
        (json!({"value": {"stringValue": ""}}), "machine"),
        (json!({}), "machine"),
    ] {
        let memory = Memory::minutes();
        found(&memory, &json!({"entityId": "machine", "properties": {"iotDeviceId": property}})).await;
        assert_eq!(memory.asked.lock().unwrap()[0].device, device);
    }
}

#[tokio::test]
async fn over_http_the_token_is_asked_for() {
    let memory = Memory::minutes();
    let post = |token: &str, body: &str| What::Post { token: Some(Secret::new(token)), body: body.as_bytes().to_vec() };
    let body = query(&json!({})).to_string();
    assert_eq!(asked(&memory, post("t", &body)).await.code, Code::Found);
    assert_eq!(asked(&memory, post("u", &body)).await.code, Code::Unauthorized);
    assert_eq!(asked(&memory, post("t", "{")).await.code, Code::Malformed);
    let closed = HotReader::new(None, Source::Own(memory));
    let call = Call { what: post("t", &body), deadline: Instant::now() + Duration::from_secs(60) };
    assert_eq!(closed.call(call).await.code, Code::Unauthorized);
}

#[tokio::test]
async fn what_is_no_query_is_refused_with_its_place() {
    for (changes, at) in [
        (json!({"entityId": null}), "/entityId"),
        (json!({"selectedProperties": null}), "/selectedProperties"),
        (json!({"selectedProperties": [1]}), "/selectedProperties"),
        (json!({"startTime": "noon"}), "/startTime"),
        (json!({"startTime": null, "startDateTime": "noon"}), "/startDateTime"),
        (json!({"maxResults": "many"}), "/maxResults"),
        (json!({"orderByTime": "UP"}), "/orderByTime"),
        (json!({"nextToken": "20261122T000000.000000Z-0"}), "/nextToken"),
        (json!({"nextToken": 7}), "/nextToken"),
        (json!({"propertyFilters": [{"propertyName": "a"}]}), "/propertyFilters"),
        (json!({"interpolation": {"interpolationType": "LINEAR"}}), "/interpolation"),
    ] {
        let answer = asked(&Memory::minutes(), What::Query(query(&changes))).await;
        assert_eq!((answer.code, answer.details["at"].as_str()), (Code::Malformed, Some(at)), "{changes}");
    }
    assert_eq!(asked(&Memory::minutes(), What::Query(json!([]))).await.code, Code::Malformed);
}
