//! Azure's custom handler.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use functions::{
    answer::{Answer, Code},
    call::{BODY_LIMIT, Call, Handler, What},
    function::Function,
    host::azure::{Ended, Options},
    settings::Secret,
};
use serde_json::{Value, json};
use tokio::sync::{Notify, oneshot};

use crate::support::{Served, Stuck, TOKEN, Told, app, client, event, secret};

fn invocation(data: &Value) -> String {
    json!({"Data": data, "Metadata": {"sys": {"MethodName": "adt-pusher"}}}).to_string()
}

fn request(method: &str, body: &str) -> String {
    let headers = json!({"X-Inter-Cloud-Token": [TOKEN], "Content-Type": ["application/json"]});
    invocation(&json!({"req": {"Url": "https://a/api/adt-pusher", "Method": method, "Headers": headers, "Body": body}}))
}

#[tokio::test]
async fn a_forwarded_request_is_answered_plainly() {
    let throttled = Answer::new(Code::Throttled, "slow down").retry_after(Some(Duration::from_secs(3)));
    let told = Told::to_say([Answer::new(Code::Updated, "done").detail("twin", "room-1"), throttled]);
    let served = Served::new(app().with(Function::AdtPusher, told.clone())).await;
    let response = served.post("/api/adt-pusher?code=ignored", "{}").await;
    assert_eq!(
        (response.status().as_u16(), response.headers()["content-type"].to_str().unwrap()),
        (200, "application/json")
    );
    let body: Value = response.json().await.unwrap();
    assert_eq!(body, json!({"code": "updated", "message": "done", "twin": "room-1"}));
    let response = served.post("/api/adt-pusher", "{}").await;
    assert_eq!((response.status().as_u16(), response.headers()["retry-after"].to_str().unwrap()), (429, "3"));
    let calls = told.calls.lock().unwrap();
    assert!(matches!(&calls[0], What::Post { token: Some(token), body } if *token == secret() && body == b"{}"));
}

#[tokio::test]
async fn an_invocation_by_http_is_answered_in_its_outputs() {
    let told = Told::code(Code::UnknownDevice);
    let served = Served::new(app().with(Function::AdtPusher, told.clone())).await;
    let response = served.post("/adt-pusher", request("POST", r#"{"a": 1}"#)).await;
    assert_eq!(
        (response.status().as_u16(), response.headers()["content-type"].to_str().unwrap()),
        (200, "application/json")
    );
    let outcome: Value = response.json().await.unwrap();
    let res = &outcome["Outputs"]["res"];
    assert_eq!((&res["statusCode"], &outcome["ReturnValue"]), (&json!(404), &Value::Null));
    assert_eq!(res["body"], r#"{"code":"unknown-device","message":"as told"}"#);
    let calls = told.calls.lock().unwrap();
    assert!(
        matches!(&calls[0], What::Post { token: Some(token), body } if *token == Secret::new(TOKEN) && body == br#"{"a": 1}"#)
    );
}

#[tokio::test]
async fn a_failed_event_fails_the_invocation() {
    let told = Told::to_say([Answer::new(Code::Updated, "done"), Answer::new(Code::Upstream, "no luck")]);
    let served = Served::new(app().with(Function::AdtUpdater, told.clone())).await;
    let twice = json!(event("d").to_string()).to_string();
    for (data, status) in [(json!(event("d")), 200), (json!("text"), 400), (json!(twice), 502)] {
        let response = served.post("/adt-updater", invocation(&json!({"event": data}))).await;
        assert_eq!(response.status().as_u16(), status, "{data}");
        assert_eq!(response.headers()["content-type"], "application/json");
        let outcome: Value = response.json().await.unwrap();
        assert_eq!(outcome["Outputs"], json!({}));
        assert_eq!(outcome["Logs"].as_array().unwrap().len(), usize::from(status != 200));
    }
    assert_eq!(told.count(), 2);
    assert_eq!(told.body(), json!([event("d")]));
}

#[tokio::test]
async fn what_is_not_served_is_said() {
    let served = Served::new(app().with(Function::AdtPusher, Told::code(Code::Updated))).await;
    for (method, path, status) in [
        ("GET", "/", 200),
        ("GET", "/api/adt-pusher", 405),
        ("PUT", "/adt-pusher", 405),
        ("POST", "/", 404),
        ("POST", "/api/", 404),
        ("POST", "/api/adt-updater", 404),
        ("POST", "/api/nothing", 404),
        ("POST", "/admin/status", 404),
        ("POST", "/api/adt-pusher/more", 404),
    ] {
        let url = format!("{}{path}", served.base);
        let response = client().request(method.parse().unwrap(), url).send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{method} {path}");
        assert_eq!(response.headers().contains_key("allow"), status == 405, "{method} {path}");
    }
    let outcome: Value = served.post("/adt-pusher", request("GET", "")).await.json().await.unwrap();
    assert_eq!(outcome["Outputs"]["res"]["statusCode"], 405);
    let outcome: Value = served.post("/adt-pusher", "no JSON").await.json().await.unwrap();
    assert_eq!(outcome["Outputs"]["res"]["statusCode"], 400);
    assert_eq!(served.post("/adt-updater", "no JSON").await.status().as_u16(), 400);
}

#[tokio::test]
async fn what_is_too_large_is_said_in_either_form() {
    let told = Told::code(Code::Updated);
    let served = Served::new(app().with(Function::AdtPusher, told.clone())).await;
    let (fits, too_large) = ("x".repeat(BODY_LIMIT), "x".repeat(BODY_LIMIT + 1));
    assert_eq!(served.post("/api/adt-pusher", fits.clone()).await.status().as_u16(), 200);
    assert_eq!(served.post("/api/adt-pusher", too_large.clone()).await.status().as_u16(), 413);
    for (body, status) in [(fits, 200), (too_large, 413), ("x".repeat(16 * BODY_LIMIT), 413)] {
        let outcome: Value = served.post("/adt-pusher", request("POST", &body)).await.json().await.unwrap();
        assert_eq!(outcome["Outputs"]["res"]["statusCode"], status);
    }
    assert_eq!(served.post("/adt-updater", "x".repeat(16 * BODY_LIMIT)).await.status().as_u16(), 413);
    assert_eq!(told.count(), 2);
}

#[tokio::test]
async fn calls_are_counted_by_function_and_code() {
    let served = Served::new(app().with(Function::AdtPusher, Told::code(Code::Updated))).await;
    for _ in 0..2 {
        served.post("/api/adt-pusher", "{}").await;
    }
    served.post("/api/hot-reader", "{}").await;
    let status: Value =
        client().get(format!("{}/admin/status", served.base)).send().await.unwrap().json().await.unwrap();
    let calls = json!({"adt-pusher": {"updated": 2}, "hot-reader": {"misconfigured": 1}});
    assert_eq!(status, json!({"calls": calls, "failedPushes": 0}));
}

#[tokio::test]
async fn a_call_ends_with_its_time() {
    let options = Options { post_time: Duration::from_millis(10), ..Options::default() };
    let served = Served::with(Arc::new(app().with(Function::AdtPusher, Arc::new(Stuck))), options).await;
    assert_eq!(served.post("/api/adt-pusher", "{}").await.status().as_u16(), 504);
}

/// A function that says when it has begun, and ends when it is told.
#[derive(Default)]
struct Slow {
    begun: Notify,
    end: Notify,
}

#[async_trait]
impl Handler for Slow {
    async fn call(&self, _: Call) -> Answer {
        self.begun.notify_one();
        self.end.notified().await;
        Answer::new(Code::Updated, "done")
    }
}

#[tokio::test]
async fn calls_in_flight_end_before_the_host_does() {
    let slow = Arc::new(Slow::default());
    let mut served = Served::new(app().with(Function::AdtPusher, slow.clone())).await;
    let url = format!("{}/api/adt-pusher", served.base);
    let (sent, answered) = oneshot::channel();
    tokio::spawn(async move {
        let response = client().post(url).send().await.unwrap();
        sent.send(response.status().as_u16()).unwrap();
    });
    slow.begun.notified().await;
    served.ask_to_stop();
    // Nothing new is accepted any more; the call in flight is unhurt by it.
    let gone = async {
        while client().get(&served.base).send().await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), gone).await.unwrap();
    slow.end.notify_one();
    assert_eq!(answered.await, Ok(200));
    assert_eq!(served.ended().await, Ended { cut_off: 0 });
}

#[tokio::test]
async fn what_does_not_end_is_cut_off() {
    let slow = Arc::new(Slow::default());
    let options = Options { drain: Duration::from_millis(10), ..Options::default() };
    let mut served = Served::with(Arc::new(app().with(Function::AdtPusher, slow.clone())), options).await;
    let url = format!("{}/api/adt-pusher", served.base);
    let call = tokio::spawn(async move { client().post(url).send().await.is_err() });
    slow.begun.notified().await;
    served.ask_to_stop();
    assert_eq!(served.ended().await, Ended { cut_off: 1 });
    assert!(call.await.unwrap());
}
