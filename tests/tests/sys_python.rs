//! Clients nobody here wrote: Microsoft's Python SDK for devices sends, Microsoft's Python SDK for digital twins reads.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{by_hand::ByHand, python::Python, twinctl::Sandbox};

const GROUP: &str = "/subscriptions/10ca1000-5ab5-5c21-9a70-10ca10000001/resourceGroups/by-hand";
const HUBS: &str = "2023-06-30";

/// What a device needs to know: the hub, its own name and key, and how to get there.
fn device(cloud: &ByHand, hub: &str, id: &str) -> Value {
    let (status, device) = cloud.hub(Method::GET, &format!("/devices/{id}"), None);
    assert_eq!(status, 200, "{device}");
    json!({
        "hub": format!("{hub}.hub.localhost"),
        "device": id,
        "key": device["authentication"]["symmetricKey"]["primaryKey"],
        "ca": cloud.endpoints().ca_pem,
        "port": cloud.endpoints().mqtt.port(),
    })
}

/// A hub with one device, and nothing else.
fn hub_of_one(cloud: &ByHand) {
    assert_eq!(cloud.arm(Method::PUT, GROUP, "2024-07-01", Some(json!({ "location": "westeurope" }))).0, 201);
    let hub = format!("{GROUP}/providers/Microsoft.Devices/IotHubs/by-hand-hub");
    let body = json!({ "location": "westeurope", "sku": { "name": "S1", "capacity": 1 }, "properties": {} });
    assert_eq!(cloud.arm(Method::PUT, &hub, HUBS, Some(body)).0, 201);
    // Each look at an operation brings it on.
    let active = (0..100).any(|_| cloud.arm(Method::GET, &hub, HUBS, None).1["properties"]["state"] == "Active");
    assert!(active, "the hub never becomes active");
    let (status, answer) = cloud.hub(Method::PUT, "/devices/machine-1", Some(json!({ "deviceId": "machine-1" })));
    assert_eq!(status, 200, "{answer}");
}

#[test]
fn microsofts_device_sdk_connects_sends_and_reads_its_twin() {
    let Some(python) = Python::with_clients() else { return };
    let sandbox = Sandbox::empty();
    let cloud = ByHand::at(&sandbox);
    hub_of_one(&cloud);
    let mut given = device(&cloud, "by-hand-hub", "machine-1");
    given["messages"] = json!([
        { "body": r#"{"temperature":5}"#, "contentType": "application/json", "contentEncoding": "utf-8", "id": "m 1" },
        { "body": "bare", "properties": { "größe": "a&b=c", "empty": "" } },
    ]);
    let sent = python.run("send.py", &given).code(0).json();
    assert_eq!(sent["sent"], 2);
    assert_eq!(sent["twin"], json!({ "desired": { "$version": 1 }, "reported": { "$version": 1 } }));
    assert_eq!(cloud.control("/events")["unmatched"], 2, "published, and nobody has subscribed");
    given["key"] = "b3RoZXI=".into();
    let refused = python.run("send.py", &given).code(1);
    assert!(refused.stderr.contains("CredentialError"), "{refused:#?}");
    assert_eq!(cloud.control("/events")["unmatched"], 2);
}

/// The name of the only hub of the example; it ends in letters of chance.
fn deployed_hub(cloud: &ByHand) -> String {
    let group = GROUP.replace("by-hand", "factory-rg");
    let (status, hubs) = cloud.arm(Method::GET, &format!("{group}/providers/Microsoft.Devices/IotHubs"), HUBS, None);
    assert_eq!((status, hubs["value"].as_array().map(Vec::len)), (200, Some(1)), "{hubs}");
    hubs["value"][0]["name"].as_str().expect("hubs have names").to_owned()
}

/// Device SDK, hub over MQTT, Event Grid, function process, Azure Digital Twins, twins SDK: one value all the way, once as JSON
/// and once as the base64 that a message without a content type becomes.
#[test]
fn what_microsofts_device_sdk_sends_microsofts_twins_sdk_reads() {
    let Some(python) = Python::with_clients() else { return };
    let sandbox = Sandbox::of_example("factory");
    sandbox.deploy();
    let cloud = ByHand::at(&sandbox);
    let mut given = device(&cloud, &deployed_hub(&cloud), "climate-press-hall");
    given["messages"] = json!([
        { "body": r#"{"temperature":31.25}"#, "contentType": "application/json", "contentEncoding": "utf-8" },
        { "body": r#"{"humidity":12.5}"# },
    ]);
    assert_eq!(python.run("send.py", &given).code(0).json()["sent"], 2);
    for (property, value) in [("temperature", 31.25), ("humidity", 12.5)] {
        let wanted = json!({
            "twins": cloud.endpoints().adt,
            "login": cloud.endpoints().login,
            "tenant": cloud.endpoints().tenant,
            "ca": cloud.endpoints().ca_pem,
            "twin": "climate-press-hall",
            "property": property,
            "value": value,
            "seconds": 90,
        });
        let twin = python.run("read.py", &wanted).code(0).json();
        assert!(twin["$metadata"][property]["sourceTime"].is_string(), "the device's time is kept: {twin}");
    }
}
