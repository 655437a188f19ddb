use serde_json::json;

use super::*;
use crate::{
    Kind,
    script::{Reply, Script},
};

fn stored() -> serde_json::Value {
    json!({
        "deviceId": "machine-1", "generationId": "1", "etag": "AA==", "status": "enabled",
        "authentication": {"type": "sas", "symmetricKey": {"primaryKey": "cGs=", "secondaryKey": "c2s="}}
    })
}

fn client(script: &Script) -> Client {
    script.azure().iot_hub(script.base.as_str()).expect("a host")
}

#[tokio::test]
async fn a_device_is_made_changed_and_deleted() {
    let replies = [Reply::json(200, &stored()), Reply::json(200, &stored()), Reply::new(204), Reply::new(404)];
    let script = Script::serve(replies).await;
    let hub = client(&script);
    let device = hub.create_device("machine-1", true).await.expect("made");
    assert_eq!((device.id.as_str(), device.enabled, device.etag.as_str()), ("machine-1", true, "AA=="));
    assert!(!format!("{device:?}").contains("cGs="), "keys are not printed");
    hub.update_device("machine-1", false, Some(&device.etag)).await.expect("changed");
    hub.delete_device("machine-1", None).await.expect("deleted");
    hub.delete_device("machine-1", None).await.expect("nothing to delete");
    let seen = script.seen();
    assert_eq!(seen[0].line(), "PUT /devices/machine-1?api-version=2021-04-12");
    assert_eq!(seen[0].header("if-match"), None, "a create must not replace");
    assert_eq!(seen[0].header("authorization"), Some("Bearer token-for-https://iothubs.azure.net/.default"));
    assert_eq!(seen[1].header("if-match"), Some("\"AA==\""));
    assert_eq!(seen[1].json()["status"], "disabled");
    assert_eq!(seen[2].header("if-match"), Some("*"));
}

#[tokio::test]
async fn a_hub_that_is_not_ready_is_waited_for() {
    let inactive =
        json!({"Message": "ErrorCode:IotHubNotActive;hub is not currently in Active state", "ExceptionMessage": ""});
    let exists = json!({"Message": "ErrorCode:DeviceAlreadyExists;A device with ID 'x' is already registered."});
    let script =
        Script::serve([Reply::new(401), Reply::json(409, &inactive), Reply::json(409, &exists), Reply::new(404)]).await;
    let hub = client(&script);
    for kind in [Kind::NotYet, Kind::NotYet, Kind::Conflict] {
        assert_eq!(hub.create_device("a/b", true).await.expect_err("refused").kind(), kind);
    }
    assert_eq!(hub.device("a/b").await.expect("an answer"), None);
    assert_eq!(script.lines()[3], "GET /devices/a%2Fb?api-version=2021-04-12");
}
