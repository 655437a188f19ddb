use std::time::Duration;

use serde_json::json;

use super::*;
use crate::script::{Reply, Script};

fn container(script: &Script) -> Container {
    script.azure().cosmos(&script.base, "factory", "hot data").expect("an endpoint")
}

fn item() -> Value {
    json!({ "id": "e1", "iotDeviceId": "machine-1", "temperature": 21.5 })
}

#[tokio::test]
async fn an_item_is_upserted_as_the_rest_interface_wants_it() {
    let reply = |status| Reply::new(status).header("etag", "\"0a\"").header("x-ms-session-token", "0:-1#7");
    let script = Script::serve([reply(201), reply(200)]).await;
    let hot = container(&script);
    let first = hot.upsert(&item(), &"machine-1".into()).await.expect("written");
    assert_eq!(first, Written { etag: Some("\"0a\"".into()), created: true });
    assert!(!hot.upsert(&item(), &"machine-1".into()).await.expect("written").created);
    let seen = &script.seen()[0];
    assert_eq!(seen.line(), "POST /dbs/factory/colls/hot%20data/docs");
    assert_eq!(seen.json(), item());
    let expected = [
        ("authorization", "type%3Daad%26ver%3D1.0%26sig%3Dtoken-for-https%3A%2F%2Fcosmos.azure.com%2F.default"),
        ("x-ms-version", "2018-12-31"),
        ("x-ms-documentdb-partitionkey", "[\"machine-1\"]"),
        ("x-ms-documentdb-is-upsert", "True"),
        ("content-type", "application/json"),
    ];
    for (name, value) in expected {
        assert_eq!(seen.header(name), Some(value), "{name}");
    }
    let date = seen.header("x-ms-date").expect("a date");
    assert!(date.ends_with(" GMT") && date.as_bytes()[3] == b',', "{date}");
}

#[tokio::test]
async fn a_create_does_not_replace() {
    let conflict =
        json!({ "code": "Conflict", "message": "Entity with the specified id already exists in the system." });
    let script = Script::serve([Reply::json(409, &conflict)]).await;
    let error = container(&script).create(&item(), &"machine-1".into()).await.expect_err("refused");
    assert_eq!((error.kind(), error.code()), (Kind::Conflict, Some("Conflict")));
    assert_eq!(script.seen()[0].header("x-ms-documentdb-is-upsert"), None);
}

#[tokio::test]
async fn a_read_brings_the_session_along_and_tells_a_missing_item_from_a_missing_container() {
    let missing = json!({ "code": "NotFound", "message": "Owner resource does not exist" });
    let script = Script::serve([
        Reply::new(201).header("x-ms-session-token", "0:-1#7"),
        Reply::json(200, &item()),
        Reply::json(404, &json!({ "code": "NotFound", "message": "Resource Not Found." })),
        Reply::json(404, &missing).header("x-ms-substatus", "1003"),
        Reply::json(404, &missing).header("x-ms-substatus", "1002"),
    ])
    .await;
    let hot = container(&script);
    let partition = "machine-1".into();
    hot.upsert(&item(), &partition).await.expect("written");
    assert_eq!(hot.read("e1", &partition).await.expect("an answer"), Some(item()));
    assert_eq!(hot.read("e/2", &partition).await.expect("an answer"), None);
    assert_eq!(hot.read("e1", &partition).await.expect_err("no container").kind(), Kind::NotFound);
    assert_eq!(hot.read("e1", &partition).await.expect_err("a replica lags").kind(), Kind::Transient);
    let seen = script.seen();
    assert_eq!(seen[0].header("x-ms-session-token"), None);
    assert_eq!(seen[1].header("x-ms-session-token"), Some("0:-1#7"));
    assert_eq!(seen[2].line(), "GET /dbs/factory/colls/hot%20data/docs/e%2F2");
}

#[tokio::test]
async fn a_query_is_read_to_its_last_page() {
    let page = |items: Value| Reply::json(200, &json!({ "_rid": "r", "Documents": items, "_count": 1 }));
    let script = Script::serve([
        page(json!([{ "id": "a" }])).header("x-ms-continuation", "next"),
        Reply::new(503),
        page(json!([{ "id": "b" }])),
        page(json!([])),
    ])
    .await;
    let hot = container(&script);
    let sql = "SELECT * FROM c WHERE c.temperature > @t";
    let mut pages = hot.query(sql, &[("@t", json!(20))], Some(&"machine-1".into())).per_page(1);
    assert_eq!(pages.next().await.expect("a page"), Some(vec![json!({ "id": "a" })]));
    assert_eq!(pages.next().await.expect_err("refused").kind(), Kind::Transient);
    assert_eq!(pages.next().await.expect("the same page"), Some(vec![json!({ "id": "b" })]));
    assert_eq!(pages.next().await.expect("the end"), None);
    assert!(hot.query("SELECT * FROM c", &[], None).collect().await.expect("all").is_empty());
    let seen = script.seen();
    assert_eq!(seen[0].json(), json!({ "query": sql, "parameters": [{ "name": "@t", "value": 20 }] }));
    assert_eq!(seen[0].header("content-type"), Some("application/query+json"));
    assert_eq!(seen[0].header("x-ms-max-item-count"), Some("1"));
    assert_eq!(seen[0].header("x-ms-continuation"), None);
    assert_eq!(seen[2].header("x-ms-continuation"), Some("next"));
    assert_eq!(seen[2].header("x-ms-documentdb-query-enablecrosspartition"), None);
    assert_eq!(seen[3].header("x-ms-documentdb-partitionkey"), None);
    assert_eq!(seen[3].header("x-ms-documentdb-query-enablecrosspartition"), Some("True"));
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let cases = [
        (429, "3200", Kind::Throttled),
        (449, "0", Kind::Transient),
        (410, "1007", Kind::Transient),
        (408, "0", Kind::Transient),
        (403, "3", Kind::Transient),
        (403, "5301", Kind::NotYet),
        (403, "5300", Kind::Permanent),
        (401, "0", Kind::NotYet),
        (400, "1001", Kind::Permanent),
        (412, "0", Kind::Conflict),
        (413, "0", Kind::Permanent),
        (503, "0", Kind::Transient),
    ];
    let replies = cases.map(|(status, sub_status, _)| {
        Reply::json(status, &json!({ "code": "X", "message": "no" }))
            .header("x-ms-substatus", sub_status)
            .header("x-ms-retry-after-ms", "17")
            .header("x-ms-activity-id", "a-1")
    });
    let script = Script::serve(replies).await;
    let hot = container(&script);
    for (status, sub_status, kind) in cases {
        let error = hot.upsert(&item(), &"machine-1".into()).await.expect_err("refused");
        assert_eq!(error.kind(), kind, "{status}/{sub_status}");
        assert_eq!(error.retry_after(), Some(Duration::from_millis(17)));
        assert_eq!(error.request_id(), Some("a-1"));
    }
}
