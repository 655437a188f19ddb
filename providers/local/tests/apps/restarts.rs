//! A process is of one package and one set of settings: another takes its place when they change.

use serde_json::{Value, json};

use crate::app::{App, gone, lives, package};

#[tokio::test]
async fn new_settings_take_a_new_process_and_the_old_one_finishes_its_calls() {
    let app = App::deploy(&[("RELEASE", "1")]).await;
    let old = app.pid().await;
    assert_eq!(app.pid().await, old, "one process serves all calls");
    let folder = tempfile::tempdir().unwrap();
    let (begun, until) = (folder.path().join("begun"), folder.path().join("until"));
    let slow = app.call(json!({ "do": "wait", "begun": begun, "until": until }));
    let meanwhile = async {
        let start = std::time::Instant::now();
        while !begun.exists() {
            assert!(start.elapsed() < std::time::Duration::from_secs(60), "the slow call never begins");
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        app.set(&[("RELEASE", "2")]).await;
        let (_, body) = app.call(json!({})).await;
        assert_eq!(body["release"], "2");
        assert_ne!(body["pid"], old);
        assert!(lives(old), "it still works on a call");
        std::fs::write(&until, "").unwrap();
    };
    let ((status, body), ()) = tokio::join!(slow, meanwhile);
    assert_eq!((status, &body["pid"]), (200, &json!(old)), "the call ended where it had begun");
    gone(old).await;
    let state = app.state().await;
    assert_eq!((&state["state"], &state["restarts"], &state["crashes"]), (&json!("running"), &json!(1), &json!(0)));
}

#[tokio::test]
async fn a_process_that_nobody_calls_ends_when_its_settings_change() {
    let app = App::deploy(&[]).await;
    let old = app.pid().await;
    app.set(&[("RELEASE", "2")]).await;
    gone(old).await;
    assert_eq!(app.until("retired", |state| state["state"] == "not-started").await["pid"], Value::Null);
    let next = app.pid().await;
    app.set(&[("RELEASE", "2")]).await;
    assert_eq!(app.pid().await, next, "the same settings change nothing");
    app.restart().await;
    assert_ne!(app.pid().await, next);
    gone(next).await;
}

#[tokio::test]
async fn a_new_package_is_run_once_it_is_deployed_and_the_old_one_is_taken_away() {
    let app = App::deploy(&[]).await;
    let (first, old) = (app.packages(), app.pid().await);
    let id = app.upload(&package(false, "2")).await;
    assert_eq!(app.pid().await, old, "the deployment has not ended");
    assert_eq!(app.packages().len(), 2);
    let poll = app.scm(&format!("deployments/{id}"));
    while app.cloud.send(reqwest::Method::GET, poll.clone(), None).await.body["complete"] != true {}
    assert_ne!(app.pid().await, old);
    gone(old).await;
    let start = std::time::Instant::now();
    while app.packages().len() > 1 {
        assert!(start.elapsed() < std::time::Duration::from_secs(60), "the old package stays");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_ne!(app.packages(), first);
    assert_eq!(app.state().await["package"], app.packages()[0]);
}

#[tokio::test]
async fn a_deployment_that_fails_leaves_the_app_as_it_was() {
    let app = App::deploy(&[]).await;
    let old = app.pid().await;
    app.cloud.fault(json!({ "kind": "operation-fails", "service": "scm", "path": "*/publish" })).await;
    let id = app.upload(&package(false, "2")).await;
    let poll = app.scm(&format!("deployments/{id}"));
    while app.cloud.send(reqwest::Method::GET, poll.clone(), None).await.body["complete"] != true {}
    assert_eq!(app.pid().await, old);
}

#[tokio::test]
async fn a_deleted_app_has_no_process() {
    let app = App::deploy(&[]).await;
    let pid = app.pid().await;
    app.delete().await;
    gone(pid).await;
    let (status, _) = app.call(json!({})).await;
    assert_eq!((status, app.state().await), (404, Value::Null));
}

#[tokio::test]
async fn a_package_that_cannot_be_used_is_refused() {
    let app = App::deploy(&[]).await;
    let request = app.cloud.client.post(app.scm("publish")).bearer_auth(&app.cloud.token);
    let answer = request.body("no zip").send().await.unwrap();
    assert_eq!(answer.status(), 400);
    let body: Value = answer.json().await.unwrap();
    assert!(
        body["error"]["message"].as_str().unwrap().starts_with("The package cannot be used: it is no zip"),
        "{body}"
    );
}

#[tokio::test]
async fn processes_are_no_part_of_the_dump() {
    let app = App::deploy(&[]).await;
    let before = app.cloud.dump().await;
    app.pid().await;
    assert_eq!(app.cloud.dump().await, before);
}
