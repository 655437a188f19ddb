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

#[tokio::test]
async fn a_device_sends_as_itself_under_one_token() {
    let too_large = json!({"Message": "ErrorCode:MessageTooLarge;too large", "ExceptionMessage": ""});
    let script = Script::serve([Reply::new(204), Reply::new(204), Reply::json(413, &too_large)]).await;
    let sender = script.azure().device(script.base.as_str(), "a/b", &Secret::from("c2VjcmV0")).expect("a key");
    let message = device::Message {
        id: Some("m-1".into()),
        created: Some("2026-01-01T00:00:00Z".into()),
        properties: [("Level".to_owned(), "low".to_owned())].into(),
        ..device::Message::json(&json!({"temperature": 5}))
    };
    for _ in 0..2 {
        sender.send(&message).await.expect("taken");
    }
    assert_eq!(sender.send(&message).await.expect_err("refused").kind(), Kind::Permanent);
    let seen = script.seen();
    assert_eq!(seen[0].line(), "POST /devices/a%2Fb/messages/events?api-version=2020-03-13");
    assert_eq!(seen[0].json(), json!({"temperature": 5}));
    let expected = [
        ("iothub-messageid", "m-1"),
        ("iothub-creationtimeutc", "2026-01-01T00:00:00Z"),
        ("iothub-contenttype", "application/json"),
        ("iothub-contentencoding", "utf-8"),
        ("iothub-app-level", "low"),
    ];
    for (name, value) in expected {
        assert_eq!(seen[0].header(name), Some(value), "{name}");
    }
    let token = seen[0].header("authorization").expect("a token");
    assert!(token.starts_with("SharedAccessSignature sr=127.0.0.1%2Fdevices%2Fa%2Fb&sig="), "{token}");
    assert_eq!(seen[1].header("authorization"), Some(token));
}

#[tokio::test]
async fn what_http_cannot_carry_is_not_sent() {
    let script = Script::serve([]).await;
    let sender = script.azure().device(script.base.as_str(), "m", &Secret::from("c2VjcmV0")).expect("a key");
    for (name, value) in [("a b", "x"), ("ä", "x"), ("a", "ü"), ("a", "x\r\nevil: 1")] {
        let properties = [(name.to_owned(), value.to_owned())].into();
        let message = device::Message { properties, ..device::Message::default() };
        assert_eq!(sender.send(&message).await.expect_err("refused").kind(), Kind::Permanent, "{name} {value}");
    }
    assert!(script.lines().is_empty());
}
