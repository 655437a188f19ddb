//! A client nobody here wrote: Microsoft's JavaScript SDK for digital twins, over TLS.
//!
//! It is told `localhost`, which every resolver knows, and not the instance's own host name; under a plain name the local cloud
//! serves the only instance there is.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{by_hand::ByHand, node::Node, twinctl::Sandbox};

const GROUP: &str = "/subscriptions/10ca1000-5ab5-5c21-9a70-10ca10000001/resourceGroups/by-hand";
const TWINS: &str = "2023-01-31";

/// An instance with an endpoint, and nothing else.
fn instance_with_endpoint(cloud: &ByHand, endpoint: &str) {
    assert_eq!(cloud.arm(Method::PUT, GROUP, "2024-07-01", Some(json!({ "location": "westeurope" }))).0, 201);
    let instance = format!("{GROUP}/providers/Microsoft.DigitalTwins/digitalTwinsInstances/by-hand-twins");
    make(cloud, &instance, json!({ "location": "westeurope" }));
    let properties = json!({
        "endpointType": "EventGrid",
        "authenticationType": "KeyBased",
        "TopicEndpoint": "https://by-hand.westeurope-1.eventgrid.azure.net/api/events",
        "accessKey1": "any",
    });
    make(cloud, &format!("{instance}/endpoints/{endpoint}"), json!({ "properties": properties }));
}

fn make(cloud: &ByHand, id: &str, body: Value) {
    let (status, answer) = cloud.arm(Method::PUT, id, TWINS, Some(body));
    assert_eq!(status, 201, "{answer}");
    // Each look at an operation brings it on.
    let is_done = || cloud.arm(Method::GET, id, TWINS, None).1["properties"]["provisioningState"] == "Succeeded";
    assert!((0..100).any(|_| is_done()), "{id} is never made");
}

#[test]
fn microsofts_javascript_sdk_does_all_that_programs_do() {
    let Some(node) = Node::with_digital_twins() else { return };
    let sandbox = Sandbox::empty();
    let cloud = ByHand::at(&sandbox);
    instance_with_endpoint(&cloud, "events");
    let endpoints = cloud.endpoints();
    let given = json!({
        "twins": endpoints.adt,
        "login": endpoints.login,
        "tenant": endpoints.tenant,
        "endpoint": "events",
    });
    let checked = node.run("twins.cjs", &endpoints.ca_pem, &given).code(0).json();
    println!("checked: {checked:#}");
    assert_eq!(checked.as_array().map(Vec::len), Some(10), "{checked:#}");
    // Nothing is left, so it all went through this cloud and its deletions were true.
    let effects = sandbox.effects();
    let count = |operation: &str| effects.iter().filter(|effect| effect["operation"] == operation).count();
    assert_eq!(count("PutRelationship"), count("DeleteRelationship"), "{effects:#?}");
    assert!(count("PutRelationship") > 150, "{effects:#?}");
}
