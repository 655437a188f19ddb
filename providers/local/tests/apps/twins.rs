//! From a twin to a function: a change of the one is an event for the other, along route, endpoint, topic, subscription.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use local::Endpoints;
use local::process::{self, Launch};
use reqwest::{Client, Method, Url};
use serde_json::{Value, json};

use crate::app::{App, NAME};
use crate::cloud::{Cloud, resource};
use crate::orphans::{kill, launch};

const EVENTS: &str = "2022-06-15";
const TWINS: &str = "2023-01-31";
const MODEL: &str = "dtmi:factory:Room;1";
/// How long a test waits for what must come.
const DEADLINE: Duration = Duration::from_secs(60);

/// A deployed app, and an instance whose changes of twins go to its function.
struct Told {
    app: App,
    /// Where the function writes what it gets.
    got: tempfile::TempDir,
}

impl Told {
    async fn deploy(schema: &str, filter: Value) -> Self {
        let got = tempfile::tempdir().unwrap();
        let app = App::deploy(&[("EVENTS", &file(got.path()).display().to_string())]).await;
        let cloud = &app.cloud;
        cloud.create(&instance(), TWINS, json!({ "location": "westeurope" })).await;
        let body = json!({ "location": "westeurope", "properties": { "inputSchema": schema } });
        let published = cloud.create(&topic(), EVENTS, body).await;
        endpoint(cloud, "grid", &published["properties"]["endpoint"]).await;
        let function = resource(&format!("Microsoft.Web/sites/{NAME}/functions/events"));
        let destination = json!({ "endpointType": "AzureFunction", "properties": { "resourceId": function } });
        let properties = json!({ "destination": destination, "filter": filter });
        cloud
            .create(&format!("{}/eventSubscriptions/to-events", topic()), EVENTS, json!({ "properties": properties }))
            .await;
        let told = Self { app, got };
        told.send(Method::POST, "models", json!([model()]), 201).await;
        told.send(Method::PUT, "eventroutes/all", json!({ "endpointName": "grid", "filter": "true" }), 204).await;
        told.send(Method::PUT, "digitaltwins/r", json!({ "$metadata": { "$model": MODEL }, "area": 1 }), 200).await;
        told
    }

    async fn send(&self, method: Method, path: &str, body: Value, status: u16) {
        let reply = self.app.cloud.send(method, twins(self.app.cloud.at(), path), Some(&body)).await;
        assert_eq!(reply.status, status, "{path}: {reply:?}");
    }
}

/// What the function has got, once `enough` says that it is all there.
async fn got(folder: &Path, enough: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let start = Instant::now();
    loop {
        let text = std::fs::read_to_string(file(folder)).unwrap_or_default();
        let whole: Result<Vec<Value>, _> = text.lines().map(serde_json::from_str).collect();
        match whole {
            Ok(events) if enough(&events) => return events,
            seen => assert!(start.elapsed() < DEADLINE, "the events never come: {seen:#?}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn file(folder: &Path) -> PathBuf {
    folder.join("events.jsonl")
}

fn instance() -> String {
    resource("Microsoft.DigitalTwins/digitalTwinsInstances/factory-adt")
}

fn topic() -> String {
    resource("Microsoft.EventGrid/topics/factory-topic")
}

async fn endpoint(cloud: &Cloud, name: &str, url: &Value) {
    let keys = cloud.post(&format!("{}/listKeys", topic()), EVENTS, json!({})).await.body;
    let properties = json!({ "endpointType": "EventGrid", "TopicEndpoint": url, "accessKey1": keys["key2"],
        "deadLetterSecret": "https://sa.blob.core.windows.net/dead?sv=1&sig=x" });
    let shown =
        cloud.create(&format!("{}/endpoints/{name}", instance()), TWINS, json!({ "properties": properties })).await;
    let properties = &shown["properties"];
    assert_eq!((&properties["accessKey1"], &properties["deadLetterSecret"]), (&json!("****"), &json!("****")));
    assert_eq!((&properties["TopicEndpoint"], &properties["provisioningState"]), (url, &json!("Succeeded")));
}

fn model() -> Value {
    json!({ "@id": MODEL, "@type": "Interface", "@context": "dtmi:dtdl:context;2",
        "contents": [{ "@type": "Property", "name": "area", "schema": "double" }] })
}

fn twins(at: &Endpoints, path: &str) -> Url {
    let port = at.adt.port().unwrap();
    format!("https://factory-adt.adt.localhost:{port}/{path}?api-version=2023-10-31").parse().unwrap()
}

async fn patch(client: &Client, at: &Endpoints, area: u32) -> u16 {
    let patch = json!([{ "op": "replace", "path": "/area", "value": area }]);
    let request = client.patch(twins(at, "digitaltwins/r")).bearer_auth("any").json(&patch);
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_patch_that_was_answered_reaches_the_function_although_the_cloud_is_killed() {
    let Told { app, got: folder } = Told::deploy("EventGridSchema", json!({})).await;
    got(folder.path(), |events| events.len() == 1).await;
    let Cloud { dir, running, client, .. } = app.cloud;
    running.stop().await;
    let fault = "error,status=503,service=event-grid,times=0".into();
    let held_up = Launch { args: vec![dir.path().into(), fault], ..launch(dir.path()) };
    let at = process::up(dir.path(), &held_up).await.unwrap();
    assert_eq!(patch(&client, &at, 2).await, 204);
    kill(dir.path(), &at).await;
    let at = process::up(dir.path(), &launch(dir.path())).await.unwrap();
    let is_update = |event: &Value| event["eventType"] == "Microsoft.DigitalTwins.Twin.Update";
    let events = got(folder.path(), |events| events.iter().any(is_update)).await;
    let mut event = events.into_iter().find(is_update).unwrap();
    let (id, time, trace) = (event["id"].take(), event["eventTime"].take(), event["data"]["traceparent"].take());
    assert!(id.is_string() && trace.as_str().unwrap().starts_with("00-"), "{id} {trace}");
    chrono::DateTime::parse_from_rfc3339(time.as_str().unwrap()).unwrap();
    let patch = json!([{ "value": 2, "path": "/area", "op": "replace" }]);
    let expected = json!({
        "id": null, "topic": topic(), "subject": "r", "eventType": "Microsoft.DigitalTwins.Twin.Update", "eventTime": null,
        "data": { "data": { "modelId": MODEL, "patch": patch }, "contenttype": "application/json", "traceparent": null },
        "dataVersion": "1.0", "metadataVersion": "1",
    });
    assert_eq!(event, expected);
    process::down(dir.path()).await.unwrap();
    drop(at);
}

#[tokio::test]
async fn a_topic_that_takes_cloud_events_passes_them_on_flat_and_filtered() {
    let filter = json!({ "includedEventTypes": ["microsoft.iot.telemetry"], "advancedFilters": [
        { "operatorType": "NumberGreaterThan", "key": "data.level", "value": 5 },
    ] });
    let told = Told::deploy("CloudEventSchemaV1_0", filter).await;
    let (cloud, at) = (&told.app.cloud, told.app.cloud.at());
    let shown = cloud.get(&format!("{}/eventSubscriptions/to-events", topic()), EVENTS).await;
    assert_eq!(shown.body["properties"]["eventDeliverySchema"], "CloudEventSchemaV1_0");
    for level in [4, 6] {
        let request = cloud.client.post(twins(at, "digitaltwins/r/telemetry")).bearer_auth("any");
        let request =
            request.header("message-id", format!("n-{level}")).header("telemetry-source-time", "2026-01-01T00:00:00Z");
        assert_eq!(request.json(&json!({ "level": level })).send().await.unwrap().status(), 204);
    }
    let mut events = got(told.got.path(), |events| !events.is_empty()).await;
    let mut event = events.remove(0);
    assert_eq!(events, [] as [Value; 0]);
    event["traceparent"].take();
    let expected = json!({
        "specversion": "1.0", "type": "microsoft.iot.telemetry", "id": "n-6", "time": "2026-01-01T00:00:00Z",
        "source": format!("factory-adt.adt.localhost:{}/digitaltwins/r", at.adt.port().unwrap()), "dataschema": MODEL,
        "datacontenttype": "application/json", "traceparent": null, "data": { "level": 6 },
    });
    assert_eq!(event, expected);
}

#[tokio::test]
async fn what_an_endpoint_cannot_take_is_counted_and_said() {
    let told = Told::deploy("EventGridSchema", json!({})).await;
    let cloud = &told.app.cloud;
    let hub = json!({ "endpointType": "EventHub", "connectionStringPrimaryKey": "Endpoint=sb://x/;SharedAccessKey=y" });
    cloud.create(&format!("{}/endpoints/hub", instance()), TWINS, json!({ "properties": hub })).await;
    let elsewhere = json!("https://other-topic.westeurope-1.events.localhost:1/api/events");
    endpoint(cloud, "else", &elsewhere).await;
    let stolen = json!({ "endpointType": "EventGrid", "TopicEndpoint": "https://factory-topic.westeurope-1.events.localhost/api/events",
        "accessKey1": "guessed" });
    cloud.create(&format!("{}/endpoints/stolen", instance()), TWINS, json!({ "properties": stolen })).await;
    for name in ["hub", "else", "stolen"] {
        told.send(
            Method::PUT,
            &format!("eventroutes/to-{name}"),
            json!({ "endpointName": name, "filter": "true" }),
            204,
        )
        .await;
    }
    told.send(Method::PATCH, "digitaltwins/r", json!([{ "op": "add", "path": "/area", "value": 3 }]), 204).await;
    let routes = cloud.control(Method::GET, "events", None).await["routes"].clone();
    let row = |route: &str| routes.as_array().unwrap().iter().find(|row| row["route"] == route).unwrap().clone();
    assert_eq!((&row("all")["sent"], &row("all")["lost"]), (&json!(2), &json!(0)));
    for (route, reason) in [
        ("to-hub", "the local cloud has no EventHub"),
        ("to-else", "there is no topic at https://other-topic.westeurope-1.events.localhost:1/api/events"),
        ("to-stolen", "the topic takes none of the endpoint's access keys"),
    ] {
        let row = row(route);
        assert_eq!((&row["sent"], &row["lost"], &row["reason"]), (&json!(0), &json!(1), &json!(reason)));
    }
}

#[tokio::test]
async fn endpoints_and_topics_that_cannot_be_are_refused() {
    let cloud = Cloud::start().await;
    cloud.group().await;
    let topic = async |schema: &str| {
        let body = json!({ "location": "westeurope", "properties": { "inputSchema": schema } });
        cloud.put(&topic(), EVENTS, body).await
    };
    assert_eq!(topic("Morse").await.code(), "InvalidRequest");
    let begun = topic("CloudEventSchemaV1_0").await;
    cloud.finish(&begun).await;
    assert_eq!(topic("EventGridSchema").await.code(), "InvalidRequest", "the schema is for life");
    let destination = json!({ "endpointType": "StorageQueue", "properties": {} });
    let body = json!({ "properties": { "destination": destination, "eventDeliverySchema": "EventGridSchema" } });
    let id = format!("{}/eventSubscriptions/to-queue", self::topic());
    assert_eq!(cloud.put(&id, EVENTS, body).await.code(), "InvalidRequest", "CloudEvents stay CloudEvents");
    cloud.create(&instance(), TWINS, json!({ "location": "westeurope" })).await;
    for (name, value) in [("deadLetterSecret", "https://sa.blob.core.windows.net/dead"), ("deadLetterUri", "dead")] {
        let mut properties = json!({ "endpointType": "ServiceBus" });
        properties[name] = value.into();
        let put = cloud.put(&format!("{}/endpoints/bus", instance()), TWINS, json!({ "properties": properties })).await;
        assert_eq!((put.status, put.code()), (400, "InvalidEndpoint"), "{name}");
    }
}
