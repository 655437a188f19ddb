use serde_json::json;

use super::*;
use crate::script::{Reply, Script};

fn client(script: &Script) -> Client {
    script.azure().scm(script.base.as_str()).expect("a host")
}

#[tokio::test]
async fn a_package_is_uploaded_and_its_deployment_watched() {
    let script = Script::serve([
        Reply::json(202, &json!("d-1")),
        Reply::new(404),
        Reply::json(200, &json!({"id": "d-1", "status": 2, "status_text": ""})),
        Reply::json(200, &json!({"id": "d-1", "status": 4})),
    ])
    .await;
    let scm = client(&script);
    let id = scm.publish(Bytes::from_static(b"PK")).await.expect("accepted");
    assert_eq!(scm.deployment(&id).await.expect_err("the site restarts").kind(), Kind::NotYet);
    assert_eq!(scm.deployment(&id).await.expect("a look"), Progress::Running("deploying".into()));
    assert_eq!(scm.deployment(&id).await.expect("a look"), Progress::Succeeded);
    let upload = &script.seen()[0];
    assert_eq!(upload.line(), "POST /api/publish?RemoteBuild=false&Deployer=twinctl");
    assert_eq!((upload.header("content-type"), upload.body.as_slice()), (Some("application/zip"), b"PK".as_slice()));
    assert_eq!(script.lines()[1], "GET /api/deployments/d-1");
}

#[tokio::test]
async fn a_failed_deployment_says_why() {
    let failed = json!({"status": 3, "status_text": "host.json is missing"});
    let script = Script::serve([Reply::json(200, &failed), Reply::json(200, &json!({"status": 6}))]).await;
    let scm = client(&script);
    let error = scm.deployment("d").await.expect_err("failed");
    assert_eq!((error.kind(), error.message()), (Kind::Permanent, "host.json is missing"));
    assert_eq!(scm.deployment("d").await.expect_err("partial").code(), Some("OperationPartiallySucceeded"));
}

#[tokio::test]
async fn a_busy_or_waking_site_is_waited_for() {
    let script =
        Script::serve([Reply::new(409), Reply::new(503).text("<html>Site Disabled</html>"), Reply::new(401)]).await;
    let scm = client(&script);
    for _ in 0..3 {
        assert_eq!(scm.publish(Bytes::new()).await.expect_err("not yet").kind(), Kind::NotYet);
    }
}

#[test]
fn ids_come_in_several_shapes() {
    let id = |body: &str| deployment_id(&Answer::for_test(202, &[], body));
    assert_eq!(id("\"a\"").as_deref(), Some("a"));
    assert_eq!(id("{\"id\":\"b\"}").as_deref(), Some("b"));
    assert_eq!(id(" c\n").as_deref(), Some("c"));
    assert_eq!(id(""), None);
}

#[test]
fn the_deployment_site_is_the_one_that_the_resource_names() {
    let site = json!({"properties": {"hostNameSslStates": [
        {"name": "app-x1.azurewebsites.net", "hostType": "Standard"},
        {"name": "app-x1.scm.azurewebsites.net", "hostType": "Repository"},
    ]}});
    assert_eq!(host_of(&site), Some("app-x1.scm.azurewebsites.net"));
    assert_eq!(host_of(&json!({})), None);
}
