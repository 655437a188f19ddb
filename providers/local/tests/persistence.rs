//! State outlives its process; equal deployments dump equally.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its own functions too")]

mod cloud;

use std::fs;
use std::io::Write;

use cloud::{Cloud, GROUP, resource};
use local::server::{self, Options};
use reqwest::Method;
use serde_json::{Value, json};

const HUBS: &str = "2023-06-30";

async fn deploy(cloud: &Cloud) {
    cloud.group().await;
    let tags = json!({ "twinctl-journal": uuid::Uuid::new_v4().to_string() });
    let adt = resource("Microsoft.DigitalTwins/digitalTwinsInstances/factory-adt");
    cloud.create(&adt, "2023-01-31", json!({ "location": "westeurope", "tags": tags })).await;
    let hub = resource("Microsoft.Devices/IotHubs/factory-hub");
    let sku = json!({ "name": "S1", "capacity": 1 });
    cloud.create(&hub, HUBS, json!({ "location": "westeurope", "tags": tags, "sku": sku })).await;
    let identity = resource("Microsoft.ManagedIdentity/userAssignedIdentities/factory-id");
    let identity = cloud.create(&identity, "2023-01-31", json!({ "location": "westeurope", "tags": tags })).await;
    let principal = identity["properties"]["principalId"].as_str().unwrap();
    let name = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, principal.as_bytes());
    let role = format!("{GROUP}/providers/Microsoft.Authorization/roleDefinitions/{}", cloud::DATA_OWNER);
    let body = json!({ "properties": { "roleDefinitionId": role, "principalId": principal } });
    cloud.create(&format!("{adt}/providers/Microsoft.Authorization/roleAssignments/{name}"), "2022-04-01", body).await;
    device(cloud, Method::PUT, "machine-1").await;
}

async fn device(cloud: &Cloud, method: Method, id: &str) -> cloud::Reply {
    let url = format!(
        "https://factory-hub.hub.localhost:{}/devices/{id}?api-version=2021-04-12",
        cloud.at().iot_hub.port().unwrap()
    );
    let body = json!({ "deviceId": id, "status": "enabled" });
    cloud.send(method, url.parse().unwrap(), Some(&body)).await
}

#[tokio::test]
async fn a_restarted_cloud_is_the_same_cloud() {
    let cloud = Cloud::start().await;
    deploy(&cloud).await;
    let (dump, effects, endpoints) = (cloud.dump().await, cloud.effects().await, cloud.at().clone());
    let key = device(&cloud, Method::GET, "machine-1").await.body["authentication"]["symmetricKey"].clone();
    let cloud = cloud.reopen().await;
    assert_eq!(cloud.dump().await, dump);
    assert_eq!(cloud.effects().await, effects);
    assert_eq!((&cloud.at().arm, &cloud.at().adt), (&endpoints.arm, &endpoints.adt), "ports are kept");
    assert_eq!(device(&cloud, Method::GET, "machine-1").await.body["authentication"]["symmetricKey"], key);
}

#[tokio::test]
async fn a_torn_last_line_is_forgotten_and_an_operation_goes_on() {
    let cloud = Cloud::start().await;
    cloud.group().await;
    let hub = resource("Microsoft.Devices/IotHubs/factory-hub");
    let body = json!({ "location": "westeurope", "sku": { "name": "S1", "capacity": 1 } });
    let begun = cloud.put(&hub, HUBS, body).await;
    let Cloud { dir, running, .. } = cloud;
    running.stop().await;
    for journal in ["cloud.jsonl", "effects.jsonl"] {
        let mut file = fs::File::options().append(true).open(dir.path().join(journal)).unwrap();
        file.write_all(b"[{\"table\":\"reso").unwrap();
    }
    let cloud = Cloud::open(dir, None).await;
    assert_eq!(cloud.finish(&begun).await.body["status"], "Succeeded");
    assert_eq!(cloud.get(&hub, HUBS).await.body["properties"]["state"], "Active");
}

#[tokio::test]
async fn equal_deployments_dump_equally() {
    let (one, two) = (Cloud::start().await, Cloud::start().await);
    deploy(&one).await;
    deploy(&two).await;
    let (one, two) = (one.dump().await, two.dump().await);
    assert_eq!(one, two);
    let text = one.to_string();
    let device = &one["devices"]["factory-hub/machine-1"];
    assert_eq!(device["authentication"]["symmetricKey"]["primaryKey"], "<secret-1>");
    assert!(text.contains("roleAssignments/<Azure Digital Twins Data Owner for factory-id>"), "{text}");
    assert!(text.contains("\"factory-adt.adt.localhost\""), "{text}");
}

#[tokio::test]
async fn a_folder_is_served_once() {
    let cloud = Cloud::start().await;
    let options = Options { dir: cloud.dir.path().to_owned(), ..Options::default() };
    let error = server::start(options).await.expect_err("taken");
    assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
}

#[tokio::test]
async fn realistic_time_follows_the_recorded_durations() {
    let cloud = Cloud::open(tempfile::tempdir().unwrap(), Some(0.01)).await;
    cloud.group().await;
    let adt = resource("Microsoft.DigitalTwins/digitalTwinsInstances/factory-adt");
    let start = std::time::Instant::now();
    let begun = cloud.put(&adt, "2023-01-31", json!({ "location": "westeurope" })).await;
    cloud.finish(&begun).await;
    let took = start.elapsed().as_millis();
    assert!(took >= 280, "28 s at a hundredth take 280 ms, not {took} ms");
}

#[tokio::test]
async fn realistic_time_lets_queries_of_twins_lag() {
    // The recorded five seconds, times this, are longer than any test takes.
    for (realistic, seen) in [(None, 1), (Some(1000.0), 0)] {
        let cloud = Cloud::open(tempfile::tempdir().unwrap(), realistic).await;
        let send = async |method: Method, path: &str, body: Value| {
            let url = cloud.at().adt_http.join(&format!("{path}?api-version=2023-10-31")).unwrap();
            let reply = cloud.send(method, url, Some(&body)).await;
            assert!((200..300).contains(&reply.status), "{path}: {}", reply.body);
            reply.body
        };
        let model = json!({ "@id": "dtmi:a;1", "@type": "Interface", "@context": "dtmi:dtdl:context;2" });
        send(Method::POST, "models", json!([model])).await;
        send(Method::PUT, "digitaltwins/a", json!({ "$metadata": { "$model": "dtmi:a;1" } })).await;
        let count = send(Method::POST, "query", json!({ "query": "SELECT COUNT() FROM DIGITALTWINS" })).await;
        assert_eq!(count["value"], json!([{ "COUNT": seen }]), "at {realistic:?}");
    }
}

#[tokio::test]
async fn the_registry_keeps_keys_and_checks_etags() {
    let cloud = Cloud::start().await;
    cloud.group().await;
    let hub = resource("Microsoft.Devices/IotHubs/factory-hub");
    cloud.create(&hub, HUBS, json!({ "location": "westeurope", "sku": { "name": "S1", "capacity": 1 } })).await;
    let made = device(&cloud, Method::PUT, "m1").await;
    assert_eq!((made.status, &made.body["connectionState"]), (200, &json!("Disconnected")));
    assert!(made.body["authentication"]["symmetricKey"]["primaryKey"].is_string());
    let again = device(&cloud, Method::PUT, "m1").await;
    assert_eq!(again.status, 409);
    assert!(again.body["Message"].as_str().unwrap().contains("DeviceAlreadyExists"));
    let url = format!(
        "https://factory-hub.hub.localhost:{}/devices/m1?api-version=2021-04-12",
        cloud.at().iot_hub.port().unwrap()
    );
    let conditional = async |method: Method, tag: &str| {
        let request = cloud.client.request(method, &url).bearer_auth(&cloud.token).header("if-match", tag);
        let body = json!({ "deviceId": "m1", "status": "disabled" });
        let answer = request.json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap_or_default())
    };
    assert_eq!(conditional(Method::PUT, "\"stale\"").await.0, 412);
    let (status, updated) = conditional(Method::PUT, "*").await;
    assert_eq!((status, &updated["status"]), (200, &json!("disabled")));
    assert_eq!(updated["authentication"], made.body["authentication"], "keys stay");
    assert_eq!(conditional(Method::DELETE, "*").await.0, 204);
    assert_eq!(device(&cloud, Method::GET, "m1").await.status, 404);
}

#[tokio::test]
async fn asking_the_stand_alone_instance_leaves_no_trace_but_filling_it_does() {
    let cloud = Cloud::start().await;
    let before = cloud.dump().await;
    let models = cloud.at().adt_http.join("models?api-version=2023-10-31").unwrap();
    assert_eq!(cloud.send(Method::GET, models.clone(), None).await.status, 200);
    assert_eq!(cloud.dump().await, before);
    let model = json!([{ "@id": "dtmi:x:Room;1", "@type": "Interface", "@context": "dtmi:dtdl:context;2" }]);
    assert_eq!(cloud.send(Method::POST, models, Some(&model)).await.status, 201);
    assert!(cloud.dump().await["adt"]["default"].is_object());
}
