//! Processes that end on their own: noticed at once, started again on demand, ever later when it does not help.

use reqwest::Method;
use serde_json::json;

use crate::app::{App, NAME, gone};

#[tokio::test]
async fn a_crash_during_a_call_is_answered_and_the_next_call_finds_a_new_process() {
    let app = App::deploy(&[]).await;
    let old = app.pid().await;
    let (status, _) = app.call(json!({ "do": "exit" })).await;
    assert_eq!(status, 502);
    let state = app.until("noticed", |state| state["pid"].is_null()).await;
    assert_eq!((&state["lastExit"], &state["crashes"]), (&json!("exit status: 3"), &json!(1)));
    assert_ne!(app.pid().await, old);
    assert_eq!(app.state().await["crashes"], 0, "the new one works");
}

#[tokio::test]
async fn a_kill_on_demand_is_a_crash() {
    let app = App::deploy(&[]).await;
    let none = app.cloud.control(Method::POST, &format!("apps/{NAME}/kill"), None).await;
    assert_eq!(none["error"]["code"], "Conflict");
    let pid = app.pid().await;
    let killed = app.cloud.control(Method::POST, &format!("apps/{NAME}/kill"), None).await;
    assert_eq!(killed["pid"], pid);
    gone(pid).await;
    let state = app.until("noticed", |state| state["crashes"] == 1).await;
    assert_eq!(state["lastExit"], "signal: 9 (SIGKILL)");
    assert_ne!(app.pid().await, pid);
    let none = app.cloud.control(Method::POST, "apps/no-app/kill", None).await;
    assert_eq!(none["error"]["code"], "NotFound");
}

#[tokio::test]
async fn a_process_that_never_starts_is_started_ever_more_rarely_until_its_settings_help() {
    let app = App::deploy(&[("CRASH_AT_START", "1")]).await;
    let mut pauses = Vec::new();
    for crash in 1..=6 {
        let (status, body) = app.call(json!({})).await;
        assert_eq!((status, body), (503, json!("Function host is not running.")));
        let state = app.state().await;
        assert_eq!((&state["crashes"], &state["starts"]), (&json!(crash), &json!(crash)));
        assert_eq!(state["lastExit"], "the process ended with exit status: 4 before it answered");
        pauses.push(state["backoffMilliseconds"].as_u64().unwrap_or(0));
    }
    assert_eq!(pauses[0], 0, "once is no habit");
    assert!(pauses.iter().all(|pause| *pause <= 600), "{pauses:?}");
    app.set(&[]).await;
    app.pid().await;
    let state = app.state().await;
    assert_eq!((&state["state"], &state["crashes"]), (&json!("running"), &json!(0)));
}

#[tokio::test]
async fn an_app_without_a_package_has_no_functions_and_one_without_a_handler_does_not_run() {
    let app = App::deploy(&[]).await;
    let bindings = json!({ "bindings": [{ "type": "httpTrigger", "authLevel": "anonymous", "name": "req" }] });
    app.publish(&crate::cloud::zip(&[("hello", bindings)])).await;
    assert_eq!(app.call(json!({})).await.0, 503);
    assert_eq!(app.state().await["starts"], 0, "there is nothing to start");
}
