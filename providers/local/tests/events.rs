//! Events on their way: who may be sent to, what becomes of what never arrives, and the blobs that it ends in.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its own functions too")]

mod cloud;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cloud::{Cloud, resource, zip};
use hmac::{Hmac, Mac};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use sha2::Sha256;
use url::Url;

const EVENTS: &str = "2022-06-15";
const HUBS: &str = "2023-06-30";
const STORAGE: &str = "2023-01-01";
const WEB: &str = "2023-12-01";
/// How long a test waits for what must come.
const DEADLINE: Duration = Duration::from_secs(60);

fn account() -> String {
    resource("Microsoft.Storage/storageAccounts/factorysa")
}

/// An account with a container `dead`.
async fn storage(cloud: &Cloud) {
    let body = json!({ "location": "westeurope", "kind": "StorageV2", "sku": { "name": "Standard_LRS" } });
    cloud.create(&account(), STORAGE, body).await;
    container(cloud, "dead").await;
}

async fn container(cloud: &Cloud, name: &str) {
    cloud.create(&format!("{}/blobServices/default/containers/{name}", account()), STORAGE, json!({})).await;
}

/// An app whose package has the function `updater`, disabled or not.
async fn app(cloud: &Cloud, disabled: bool) -> String {
    let plan = resource("Microsoft.Web/serverfarms/factory-plan");
    let sku = json!({ "name": "FC1", "tier": "FlexConsumption" });
    cloud.create(&plan, WEB, json!({ "location": "westeurope", "sku": sku })).await;
    let site = resource("Microsoft.Web/sites/factory-app");
    let storage = json!({ "type": "blobContainer", "value": "https://x/y" });
    let config = json!({ "deployment": { "storage": storage }, "runtime": { "name": "custom", "version": "1.0" } });
    let properties = json!({ "serverFarmId": plan, "functionAppConfig": config });
    let body = json!({ "location": "westeurope", "kind": "functionapp,linux", "properties": properties });
    cloud.create(&site, WEB, body).await;
    publish(cloud, disabled).await;
    site
}

async fn publish(cloud: &Cloud, disabled: bool) {
    let document = json!({ "disabled": disabled, "bindings": [{ "type": "eventGridTrigger", "name": "event" }] });
    let base = format!("https://factory-app.scm.localhost:{}", cloud.at().scm.port().unwrap());
    let request = cloud.client.post(format!("{base}/api/publish")).bearer_auth(&cloud.token);
    let answer = request.header("content-type", "application/zip").body(zip(&[("updater", document)])).send().await;
    let id: String = answer.unwrap().json().await.unwrap();
    let poll: Url = format!("{base}/api/deployments/{id}").parse().unwrap();
    let over = async { while cloud.send(Method::GET, poll.clone(), None).await.body["status"] != 4 {} };
    assert!(tokio::time::timeout(DEADLINE, over).await.is_ok(), "the deployment does not end");
}

/// A hub with one device, whose key is returned, and the hub's system topic.
async fn hub(cloud: &Cloud) -> (String, String) {
    let hub = resource("Microsoft.Devices/IotHubs/factory-hub");
    let body = json!({ "location": "westeurope", "sku": { "name": "S1", "capacity": 1 }, "properties": {} });
    cloud.create(&hub, HUBS, body).await;
    let device = cloud.send(Method::PUT, device(cloud, "devices/pump-1"), Some(&json!({ "deviceId": "pump-1" }))).await;
    let key = device.body["authentication"]["symmetricKey"]["primaryKey"].as_str().unwrap().to_owned();
    let topic = resource("Microsoft.EventGrid/systemTopics/factory-topic");
    let properties = json!({ "source": hub, "topicType": "Microsoft.Devices.IoTHubs" });
    cloud.create(&topic, EVENTS, json!({ "location": "westeurope", "properties": properties })).await;
    (key, topic)
}

fn device(cloud: &Cloud, path: &str) -> Url {
    let port = cloud.at().iot_hub.port().unwrap();
    format!("https://factory-hub.hub.localhost:{port}/{path}?api-version=2020-03-13").parse().unwrap()
}

/// Sends a message as the device.
async fn send(cloud: &Cloud, key: &str, body: &Value) {
    let escape = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let (subject, end) = (escape("factory-hub.hub.localhost/devices/pump-1"), chrono::Utc::now().timestamp() + 3600);
    let mut mac = Hmac::<Sha256>::new_from_slice(&STANDARD.decode(key).unwrap()).unwrap();
    mac.update(format!("{subject}\n{end}").as_bytes());
    let code = escape(&STANDARD.encode(mac.finalize().into_bytes()));
    let request = cloud.client.post(device(cloud, "devices/pump-1/messages/events"));
    let request = request.header("authorization", format!("SharedAccessSignature sr={subject}&sig={code}&se={end}"));
    let answer = request.header("iothub-contenttype", "application/json").header("iothub-contentencoding", "utf-8");
    assert_eq!(answer.json(body).send().await.unwrap().status(), 204);
}

fn subscription(site: &str, more: Value) -> Value {
    let target = json!({ "resourceId": format!("{site}/functions/updater"), "maxEventsPerBatch": 1 });
    let mut properties = json!({ "destination": { "endpointType": "AzureFunction", "properties": target } });
    properties.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "properties": properties })
}

fn dead_letters(container: &str) -> Value {
    let properties = json!({ "resourceId": account(), "blobContainerName": container });
    json!({ "endpointType": "StorageBlob", "properties": properties })
}

fn blob(cloud: &Cloud, path: &str) -> Url {
    format!("https://factorysa.blob.localhost:{}/{path}", cloud.at().data.port().unwrap()).parse().unwrap()
}

async fn on_blob(cloud: &Cloud, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Response {
    let request = cloud.client.request(method, blob(cloud, path)).bearer_auth(&cloud.token).body(body.to_owned());
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.header("x-ms-version", "2021-08-06").send().await.unwrap()
}

/// An answer's status and one of its headers.
fn said<'a>(answer: &'a Response, header: &str) -> (u16, &'a str) {
    (answer.status().as_u16(), answer.headers()[header].to_str().unwrap())
}

/// The one subscription's row in the control interface's table.
async fn standing(cloud: &Cloud) -> Value {
    cloud.control(Method::GET, "events", None).await["subscriptions"][0].clone()
}

async fn until(cloud: &Cloud, done: impl Fn(&Value) -> bool) -> Value {
    let waiting = async {
        loop {
            let standing = standing(cloud).await;
            if done(&standing) {
                return standing;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(DEADLINE, waiting).await.expect("the deliveries never come to stand like this")
}

#[tokio::test]
async fn a_subscription_that_cannot_work_is_refused() {
    let cloud = Cloud::start().await;
    cloud.group().await;
    storage(&cloud).await;
    let (site, (_, topic)) = (app(&cloud, true).await, hub(&cloud).await);
    let id = format!("{topic}/eventSubscriptions/to-updater");
    let disabled = cloud.put(&id, EVENTS, subscription(&site, json!({}))).await;
    assert_eq!((disabled.status, disabled.code()), (400, "Endpoint validation"));
    publish(&cloud, false).await;
    let message = |reply: &cloud::Reply| reply.body["error"]["message"].as_str().unwrap_or_default().to_owned();
    for (more, reason) in [
        (json!({ "retryPolicy": { "maxDeliveryAttempts": 31 } }), "maxDeliveryAttempts"),
        (json!({ "retryPolicy": { "eventTimeToLiveInMinutes": 0 } }), "eventTimeToLiveInMinutes"),
        (json!({ "deadLetterDestination": dead_letters("nowhere") }), "container 'nowhere'"),
        (json!({ "filter": { "advancedFilters": [{ "operatorType": "Nonsense", "key": "subject" }] } }), "Nonsense"),
    ] {
        let refused = cloud.put(&id, EVENTS, subscription(&site, more)).await;
        assert_eq!((refused.status, refused.code()), (400, "InvalidRequest"), "{reason}");
        assert!(message(&refused).contains(reason), "{refused:?}");
    }
    cloud.create(&id, EVENTS, subscription(&site, json!({ "deadLetterDestination": dead_letters("dead") }))).await;
}

#[tokio::test]
async fn what_is_refused_for_good_ends_as_a_dead_letter_across_a_restart() {
    let cloud = Cloud::start().await;
    cloud.group().await;
    storage(&cloud).await;
    let (site, (key, topic)) = (app(&cloud, false).await, hub(&cloud).await);
    let filter = json!({ "subjectBeginsWith": "devices/pump", "advancedFilters": [
        { "operatorType": "NumberGreaterThan", "key": "data.body.level", "value": 5 },
    ] });
    let more = json!({ "filter": filter, "deadLetterDestination": dead_letters("dead") });
    cloud.create(&format!("{topic}/eventSubscriptions/to-updater"), EVENTS, subscription(&site, more)).await;
    cloud.fault(json!({ "kind": "error", "status": 503, "code": "Busy", "service": "event-grid", "times": 0 })).await;
    for level in [1, 6, 7] {
        send(&cloud, &key, &json!({ "level": level })).await;
    }
    let failing = until(&cloud, |standing| standing["failedAttempts"].as_u64() >= Some(2)).await;
    assert_eq!((&failing["delivered"], &failing["dropped"]), (&json!(0), &json!(0)));
    let cloud = cloud.reopen().await;
    let refused = json!({ "kind": "error", "status": 400, "code": "BadRequest", "service": "event-grid", "times": 0 });
    cloud.fault(refused).await;
    let ended = until(&cloud, |standing| standing["deadLettered"] == 2).await;
    assert_eq!((&ended["waiting"], &ended["inFlight"], &ended["dying"]), (&json!(0), &json!(0), &json!(0)));
    let listed =
        on_blob(&cloud, Method::GET, "dead?restype=container&comp=list&prefix=factory-topic/TO-UPDATER/", &[], "");
    let listed = listed.await.text().await.unwrap();
    let mut letters = Vec::new();
    for name in listed.split("<Name>").skip(1).map(|rest| rest.split('<').next().unwrap()) {
        let content = on_blob(&cloud, Method::GET, &format!("dead/{name}"), &[], "").await.text().await.unwrap();
        letters.extend(serde_json::from_str::<Vec<Value>>(&content).unwrap());
    }
    let mut levels: Vec<u64> = letters.iter().map(|letter| letter["data"]["body"]["level"].as_u64().unwrap()).collect();
    levels.sort_unstable();
    assert_eq!(levels, [6, 7], "{listed}");
    let letter = &letters[0];
    assert_eq!(letter["topic"], resource("Microsoft.Devices/IotHubs/factory-hub").to_uppercase());
    assert_eq!((&letter["dataVersion"], &letter["metadataVersion"]), (&json!(""), &json!("1")));
    assert_eq!(letter["deadLetterReason"], "UndeliverableDueToHttpBadRequest");
    assert!(letter["deliveryAttempts"].as_u64() >= Some(2), "attempts before the restart count: {letter}");
}

#[tokio::test]
async fn blobs_are_written_read_listed_and_deleted() {
    let cloud = Cloud::start().await;
    cloud.group().await;
    storage(&cloud).await;
    let block = ("x-ms-blob-type", "BlockBlob");
    let first = on_blob(&cloud, Method::PUT, "dead/a/b%20c.txt", &[block, ("x-ms-meta-who", "me")], "hello").await;
    assert_eq!(said(&first, "content-md5"), (201, "XUFAKrxLKna5cZ2REBfFkg=="));
    assert_eq!(first.headers()["x-ms-version"], "2021-08-06");
    let again = on_blob(&cloud, Method::PUT, "dead/a/b%20c.txt", &[block, ("if-none-match", "*")], "other").await;
    assert_eq!(said(&again, "x-ms-error-code"), (409, "BlobAlreadyExists"));
    let head = on_blob(&cloud, Method::HEAD, "dead/a/b%20c.txt", &[], "").await;
    assert_eq!((said(&head, "content-length"), said(&head, "x-ms-meta-who")), ((200, "5"), (200, "me")));
    assert_eq!(head.headers()["etag"], first.headers()["etag"]);
    let part = on_blob(&cloud, Method::GET, "dead/a/b%20c.txt", &[("x-ms-range", "bytes=1-2")], "").await;
    assert_eq!(said(&part, "content-range"), (206, "bytes 1-2/5"));
    assert_eq!(part.text().await.unwrap(), "el");
    let list = on_blob(&cloud, Method::GET, "dead?restype=container&comp=list&delimiter=/", &[], "").await;
    assert!(list.text().await.unwrap().contains("<BlobPrefix><Name>a/</Name></BlobPrefix>"));
    let cloud = cloud.reopen().await;
    assert_eq!(on_blob(&cloud, Method::GET, "dead/a/b%20c.txt", &[], "").await.text().await.unwrap(), "hello");
    assert_eq!(on_blob(&cloud, Method::DELETE, "dead/a/b%20c.txt", &[], "").await.status(), 202);
    let gone = on_blob(&cloud, Method::GET, "dead/a/b%20c.txt", &[], "").await;
    assert_eq!(said(&gone, "x-ms-error-code"), (404, "BlobNotFound"));
}

#[tokio::test]
async fn blobs_need_a_container_a_caller_and_a_kind_that_is_there() {
    let cloud = Cloud::start().await;
    cloud.group().await;
    storage(&cloud).await;
    let nobody = cloud.client.get(blob(&cloud, "dead/x")).send().await.unwrap();
    assert_eq!(said(&nobody, "x-ms-error-code"), (401, "NoAuthenticationInformation"));
    for (path, kind, status) in
        [("nope/x", "BlockBlob", 404), ("dead/x", "PageBlob", 501), ("dead/x?comp=block", "BlockBlob", 501)]
    {
        let answer = on_blob(&cloud, Method::PUT, path, &[("x-ms-blob-type", kind)], "1").await;
        assert_eq!(answer.status().as_u16(), status, "{path} {kind}");
    }
    let bad = [("x-ms-blob-type", "BlockBlob"), ("content-md5", "AAAA")];
    assert_eq!(on_blob(&cloud, Method::PUT, "dead/x", &bad, "1").await.headers()["x-ms-error-code"], "Md5Mismatch");
    container(&cloud, "other").await;
    let path = format!("{}/blobServices/default/containers/other", account());
    assert_eq!(on_blob(&cloud, Method::PUT, "other/x", &bad[..1], "1").await.status(), 201);
    cloud.delete(&path, STORAGE).await;
    container(&cloud, "other").await;
    assert_eq!(on_blob(&cloud, Method::GET, "other/x", &[], "").await.status(), 404, "a new container is empty");
}
