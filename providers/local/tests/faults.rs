//! Faults hit what they are aimed at, before or after the effect as they say.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its own functions too")]

mod cloud;

use cloud::{Cloud, DATA_OWNER, GROUP, resource};
use reqwest::Method;
use serde_json::{Value, json};

const EVENTS: &str = "2022-06-15";

fn topic() -> String {
    resource("Microsoft.EventGrid/topics/top-1")
}

#[tokio::test]
async fn throttling_and_errors_come_before_the_effect() {
    let cloud = Cloud::start().await;
    cloud.fault(json!({ "kind": "throttle", "retry_after": 7, "service": "arm", "method": "PUT" })).await;
    let reply = cloud.put(GROUP, "2024-07-01", json!({ "location": "westeurope" })).await;
    assert_eq!((reply.status, reply.retry_after.as_deref()), (429, Some("7")));
    cloud.fault(json!({ "kind": "error", "status": 503, "path": "*/factory-rg" })).await;
    assert_eq!(cloud.put(GROUP, "2024-07-01", json!({ "location": "westeurope" })).await.status, 503);
    assert_eq!(cloud.effects().await, [""; 0]);
    cloud.group().await;
}

#[tokio::test]
async fn a_lost_reply_leaves_the_effect() {
    let cloud = Cloud::start().await;
    cloud.fault(json!({ "kind": "reply-lost", "method": "PUT" })).await;
    let request = cloud.client.put(cloud.arm(GROUP, "2024-07-01")).bearer_auth(&cloud.token);
    let lost = request.json(&json!({ "location": "westeurope" })).send().await;
    assert!(lost.is_err(), "no answer may arrive: {lost:?}");
    assert_eq!(cloud.effects().await, ["PutResource "]);
    assert_eq!(cloud.get(GROUP, "2024-07-01").await.status, 200);
}

#[tokio::test]
async fn a_long_operation_can_end_as_failed_and_be_tried_again() {
    let cloud = Cloud::start().await;
    cloud.group().await;
    cloud.fault(json!({ "kind": "operation-fails", "code": "NoCapacity", "path": "*/topics/*" })).await;
    let begun = cloud.put(&topic(), EVENTS, json!({ "location": "westeurope" })).await;
    assert_eq!(begun.status, 201);
    let ended = cloud.finish(&begun).await;
    assert_eq!((&ended.body["status"], &ended.body["error"]["code"]), (&json!("Failed"), &json!("NoCapacity")));
    assert_eq!(cloud.get(&topic(), EVENTS).await.body["properties"]["provisioningState"], "Failed");
    cloud.create(&topic(), EVENTS, json!({ "location": "westeurope" })).await;
}

#[tokio::test]
async fn a_deleted_name_can_stay_taken_for_a_while() {
    let cloud = Cloud::start().await;
    cloud.group().await;
    cloud.create(&topic(), EVENTS, json!({ "location": "westeurope" })).await;
    cloud.fault(json!({ "kind": "soft-delete", "refusals": 2, "method": "DELETE" })).await;
    let gone = cloud.delete(&topic(), EVENTS).await;
    cloud.finish(&gone).await;
    for _ in 0..2 {
        let held = cloud.put(&topic(), EVENTS, json!({ "location": "westeurope" })).await;
        assert_eq!((held.status, held.code()), (409, "NameHeldBySoftDeletedResource"));
    }
    cloud.create(&topic(), EVENTS, json!({ "location": "westeurope" })).await;
}

#[tokio::test]
async fn the_data_plane_admits_nobody_before_the_role_has_propagated() {
    let cloud = Cloud::start().await;
    cloud.group().await;
    let adt = resource("Microsoft.DigitalTwins/digitalTwinsInstances/factory-adt");
    cloud.create(&adt, "2023-01-31", json!({ "location": "westeurope" })).await;
    cloud.fault(json!({ "kind": "propagation", "requests": 2, "service": "adt" })).await;
    let models = cloud.at().adt.join("models?api-version=2023-10-31").unwrap();
    let status = async || cloud.send(Method::GET, models.clone(), None).await.status;
    assert_eq!((status().await, status().await, status().await), (403, 403, 403), "there is no role");
    let assignment =
        format!("{adt}/providers/Microsoft.Authorization/roleAssignments/11fb06fb-712d-5ddd-98c7-e71bbd588830");
    let role = format!("{adt}/providers/Microsoft.Authorization/roleDefinitions/{DATA_OWNER}");
    let body = json!({ "properties": { "roleDefinitionId": role, "principalId": oid(&cloud.token) } });
    assert_eq!(cloud.put(&assignment, "2022-04-01", body).await.status, 201);
    assert_eq!((status().await, status().await, status().await), (403, 403, 200));
}

fn oid(token: &str) -> String {
    use base64::Engine as _;
    let claims = token.split('.').nth(1).unwrap();
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).unwrap();
    serde_json::from_slice::<Value>(&claims).unwrap()["oid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn each_service_throttles_in_its_own_words() {
    let cloud = Cloud::start().await;
    cloud.fault(json!({ "kind": "throttle", "retry_after": 0, "times": 0 })).await;
    let twins = cloud.at().adt.join("models?api-version=2023-10-31").unwrap();
    let reply = cloud.send(Method::GET, twins, None).await;
    assert_eq!((reply.status, &reply.body["error"]["statusCode"], reply.code()), (429, &json!(429), ""));
    let devices = cloud.at().iot_hub.join("devices?api-version=2021-04-12").unwrap();
    let reply = cloud.send(Method::GET, devices, None).await;
    assert!(reply.body["Message"].as_str().unwrap().starts_with("ErrorCode:ThrottlingException;"), "{reply:?}");
    assert!(cloud.control(Method::GET, "health", None).await["instance"].is_string(), "never the control interface");
}
