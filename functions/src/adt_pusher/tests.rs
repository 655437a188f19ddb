//! Every code of the pusher.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::*;
use crate::twin::{
    Options,
    testing::{Fault, Twins, info},
};

const TOKEN: &str = "canary-9f3a";
const TIME: &str = "2026-11-23T10:15:30Z";

fn pusher(twins: &Twins) -> AdtPusher {
    let writer = Writer::new(Arc::new(twins.clone()), Options::default());
    AdtPusher::new(Secret::new(TOKEN), Some((info(&["t", "twinless"]), writer)))
}

async fn push(pusher: &AdtPusher, token: Option<&str>, body: impl Into<Vec<u8>>) -> Answer {
    let deadline = (tokio::time::Instant::now() + Duration::from_secs(5)).into_std();
    let what = What::Post { token: token.map(Secret::new), body: body.into() };
    pusher.call(Call { what, deadline }).await
}

fn body(device: &str, values: Value) -> String {
    json!({"iotDeviceId": device, "time": TIME, "telemetry": values}).to_string()
}

#[tokio::test(start_paused = true)]
async fn values_arrive_and_again_change_nothing() {
    let twins = Twins::of(&["t"]);
    let pusher = pusher(&twins);
    let envelope = json!({"source_cloud": "aws", "payload": {"deviceId": "t", "time": TIME, "temperature": 5, "x": 1}});
    let answer = push(&pusher, Some(TOKEN), envelope.to_string()).await;
    assert_eq!((answer.code, answer.body()["ignored"].clone()), (Code::Updated, json!(["x"])));
    assert_eq!(twins.value("t", "/temperature"), Some(json!(5)));
    let again = push(&pusher, Some(TOKEN), body("t", json!({"temperature": 5.0, "mode": "standby"}))).await;
    assert_eq!((again.code, again.body()["mistyped"].clone()), (Code::NothingToDo, json!(["mode"])));
}

#[tokio::test(start_paused = true)]
async fn without_the_token_nothing_is_told() {
    let twins = Twins::of(&["t"]);
    let known = pusher(&twins);
    let unknown = AdtPusher::new(Secret::new(TOKEN), None);
    let whole = body("t", json!({"temperature": 5}));
    let mut told = Vec::new();
    for pusher in [&known, &unknown] {
        for token in [None, Some(""), Some("canary-9f3b"), Some("canary-9f3a "), Some("canary")] {
            for text in [whole.as_str(), "not json", ""] {
                told.push(push(pusher, token, text).await);
            }
        }
    }
    assert!(told.windows(2).all(|two| two[0] == two[1]), "all are told the same");
    assert_eq!(told[0].code, Code::Unauthorized);
    assert!(!told[0].body().to_string().contains("canary"));
    assert!(!format!("{known:?}").contains("canary"));
    assert!(twins.requests().is_empty());
}

#[tokio::test(start_paused = true)]
async fn each_refusal_has_its_code() {
    let twins = Twins::of(&["t"]);
    let pusher = pusher(&twins);
    let fine = body("t", json!({"temperature": 5}));
    let mut codes = Vec::new();
    let cases: [(&str, &str, Vec<Fault>); 9] = [
        ("malformed", "{\"iotDeviceId\": 5}", vec![]),
        ("malformed", "[", vec![]),
        ("unknown-device", &body("stranger", json!({"temperature": 5})), vec![]),
        ("unknown-device", &body("twinless", json!({"temperature": 5})), vec![]),
        ("too-large", &" ".repeat(call::BODY_LIMIT + 1), vec![]),
        ("throttled", &fine, vec![Fault::Throttled(Some(11_000))]),
        ("throttled", &fine, vec![]),
        ("timed-out", &body("t", json!({"count": 5})), vec![Fault::Slow(9_000)]),
        ("upstream", &body("t", json!({"mode": "on"})), vec![Fault::Failed; 50]),
    ];
    for (expected, text, faults) in cases {
        if expected == "timed-out" {
            tokio::time::sleep(Duration::from_secs(11)).await;
        }
        twins.fault(faults);
        let answer = push(&pusher, Some(TOKEN), text).await;
        assert!(answer.code != Code::Throttled || answer.retry_after == Some(Duration::from_secs(11)));
        codes.push((expected, answer.code.name()));
        if expected == "timed-out" {
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
    }
    assert!(codes.iter().all(|(expected, code)| expected == code), "{codes:?}");
    let malformed = push(&pusher, Some(TOKEN), body("t", json!("canary"))).await;
    assert_eq!(
        malformed.body(),
        json!({"code": "malformed", "message": "/telemetry: not a JSON object", "at": "/telemetry"})
    );
}

#[tokio::test(start_paused = true)]
async fn values_that_the_instance_refuses_are_the_senders_to_mend() {
    let twins = Twins::of(&["t"]);
    twins.refuse(json!(666));
    let answer = push(&pusher(&twins), Some(TOKEN), body("t", json!({"temperature": 666}))).await;
    assert_eq!((answer.code, answer.body()["refused"].clone()), (Code::Malformed, json!(["/temperature"])));
}

#[tokio::test(start_paused = true)]
async fn before_the_instance_is_known_it_is_not_ready() {
    let pusher = AdtPusher::new(Secret::new(TOKEN), None);
    assert_eq!(push(&pusher, Some(TOKEN), body("t", json!({}))).await.code, Code::NotReady);
}

#[tokio::test(start_paused = true)]
async fn it_takes_no_events() {
    let call = Call { what: What::Events(vec![]), deadline: Instant::now() };
    assert_eq!(pusher(&Twins::default()).call(call).await.code, Code::MethodNotAllowed);
}
