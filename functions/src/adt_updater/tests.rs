//! What the updater makes of events, alone and in batches.

use std::{sync::Arc, time::Duration};

use serde_json::json;

use super::*;
use crate::twin::{
    Options,
    testing::{Fault, Twins, info},
};

fn updater(twins: &Twins) -> AdtUpdater {
    AdtUpdater::new(info(&["t", "u"]), Writer::new(Arc::new(twins.clone()), Options::default()))
}

async fn deliver(updater: &AdtUpdater, events: impl IntoIterator<Item = Value>) -> Answer {
    let deadline = (tokio::time::Instant::now() + Duration::from_secs(5)).into_std();
    updater.call(Call { what: What::Events(events.into_iter().collect()), deadline }).await
}

fn event(device: &str, second: u8, body: Value) -> Value {
    json!({
        "eventType": event_grid::TELEMETRY, "subject": format!("devices/{device}"),
        "data": {
            "body": body, "properties": {},
            "systemProperties": {
                "iothub-connection-device-id": device,
                "iothub-enqueuedtime": format!("2026-11-23T10:15:{second:02}Z")
            }
        }
    })
}

fn counted(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_merged_by_twin() {
    let twins = Twins::of(&["t", "u"]);
    let updater = updater(&twins);
    let events = (0..20).map(|n| event(["t", "u"][n % 2], n as u8, json!({"temperature": n})));
    assert_eq!(deliver(&updater, events.clone()).await.code, Code::Updated);
    assert_eq!(
        (twins.value("t", "/temperature"), twins.value("u", "/temperature")),
        (Some(json!(18)), Some(json!(19)))
    );
    assert!(twins.requests().len() <= 6, "{:?}", twins.requests());
    assert_eq!(deliver(&updater, events).await.code, Code::NothingToDo);
}

#[tokio::test(start_paused = true)]
async fn the_handshake_is_answered() {
    let handshake = json!({"eventType": event_grid::VALIDATION, "data": {"validationCode": "c-1"}});
    let answer = deliver(&updater(&Twins::default()), [handshake]).await;
    assert_eq!((answer.code, answer.body()["validationResponse"].clone()), (Code::Validated, json!("c-1")));
}

#[tokio::test(start_paused = true)]
async fn what_a_repetition_cannot_mend_is_taken_and_counted() {
    let twins = Twins::of(&["t"]);
    let updater = updater(&twins);
    let other = json!({"eventType": "Microsoft.Devices.DeviceCreated", "data": {}});
    for event in [other, event("stranger", 1, json!({"temperature": 1})), event("stranger", 1, json!("AAEC"))] {
        assert_eq!(deliver(&updater, [event]).await.code, Code::NothingToDo);
    }
    assert_eq!(deliver(&updater, []).await.code, Code::NothingToDo);
    assert_eq!((counted(&updater.counts().other_events), counted(&updater.counts().unknown_devices)), (1, 2));
    assert!(twins.requests().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_malformed_goes_to_the_dead_letters_and_holds_up_nobody() {
    let twins = Twins::of(&["t"]);
    let updater = updater(&twins);
    let answer = deliver(&updater, [event("t", 1, json!("AAEC")), event("t", 2, json!({"temperature": 2}))]).await;
    assert_eq!((answer.code, answer.code.status()), (Code::Malformed, 400));
    assert_eq!(counted(&updater.counts().malformed), 1);
    assert_eq!(twins.value("t", "/temperature"), Some(json!(2)));
}

#[tokio::test(start_paused = true)]
async fn what_a_repetition_can_mend_is_delivered_again() {
    let twins = Twins::of(&["t"]);
    let updater = updater(&twins);
    let missing = deliver(&updater, [event("u", 1, json!({"temperature": 1}))]).await;
    assert_eq!(missing.code, Code::UnknownDevice, "a deployment may put the twin back");
    twins.fault([Fault::Throttled(Some(11_000))]);
    let batch = [event("t", 1, json!({"temperature": 1})), event("t", 1, json!("AAEC"))];
    let answer = deliver(&updater, batch).await;
    assert_eq!((answer.code, answer.retry_after), (Code::Throttled, Some(Duration::from_secs(11))));
}

#[tokio::test(start_paused = true)]
async fn a_clock_ahead_is_counted_and_does_not_freeze_the_twin() {
    let twins = Twins::of(&["t"]);
    let updater = updater(&twins);
    let ahead = event("t", 1, json!({"temperature": 1, "time": "2036-01-01T00:00:00Z"}));
    assert_eq!(deliver(&updater, [ahead.clone()]).await.body()["clockAhead"], true);
    assert_eq!(deliver(&updater, [event("t", 2, json!({"temperature": 2}))]).await.code, Code::Updated);
    assert_eq!(deliver(&updater, [ahead]).await.code, Code::NothingToDo);
    assert_eq!(twins.value("t", "/temperature"), Some(json!(2)));
    assert_eq!(counted(&updater.counts().clocks_ahead), 2);
}

#[tokio::test(start_paused = true)]
async fn it_takes_no_post() {
    let call = Call { what: What::Post { token: None, body: vec![] }, deadline: Instant::now() };
    assert_eq!(updater(&Twins::default()).call(call).await.code, Code::MethodNotAllowed);
}
