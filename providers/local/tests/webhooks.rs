//! Webhooks as destinations of event subscriptions: the handshake, and what they get of a twin's changes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its own functions too")]

mod cloud;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use cloud::{Cloud, Reply, resource};
use serde_json::{Value, json};

const EVENTS: &str = "2022-06-15";
const TWINS: &str = "2023-01-31";
const MODEL: &str = "dtmi:factory:Room;1";
/// How long a test waits for what must come.
const DEADLINE: Duration = Duration::from_secs(60);

/// Headers and body of every notification that a webhook has got.
type Got = Arc<Mutex<Vec<(HeaderMap, Value)>>>;

/// A webhook that answers the handshake as its path says: `/good`, `/deaf`, `/late` (202).
async fn webhook() -> (String, Got) {
    let got = Got::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().fallback(answer).with_state(Arc::clone(&got));
    tokio::spawn(async move { axum::serve(listener, app).await });
    (base, got)
}

async fn answer(State(got): State<Got>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    if method == Method::OPTIONS {
        assert_eq!(headers["webhook-request-origin"], "eventgrid.azure.net");
        let allowed = if uri.path() == "/good" { "eventgrid.azure.net" } else { "example.com" };
        return [("webhook-allowed-origin", allowed)].into_response();
    }
    let body: Value = serde_json::from_slice(&body).unwrap();
    if headers["aeg-event-type"] == "SubscriptionValidation" {
        let code = &body[0]["data"]["validationCode"];
        let status = if uri.path() == "/late" { StatusCode::ACCEPTED } else { StatusCode::OK };
        let code = if uri.path() == "/deaf" { json!("?") } else { code.clone() };
        return (status, json!({ "validationResponse": code }).to_string()).into_response();
    }
    got.lock().unwrap().push((headers, body));
    StatusCode::OK.into_response()
}

fn topic() -> String {
    resource("Microsoft.EventGrid/topics/factory-topic")
}

fn instance() -> String {
    resource("Microsoft.DigitalTwins/digitalTwinsInstances/factory-adt")
}

fn subscription() -> String {
    format!("{}/eventSubscriptions/to-hook", topic())
}

/// An instance whose notifications go to a topic.
async fn told(schema: &str) -> Cloud {
    let cloud = Cloud::start().await;
    cloud.group().await;
    cloud.create(&instance(), TWINS, json!({ "location": "westeurope" })).await;
    let body = json!({ "location": "westeurope", "properties": { "inputSchema": schema } });
    let made = cloud.create(&topic(), EVENTS, body).await;
    let keys = cloud.post(&format!("{}/listKeys", topic()), EVENTS, json!({})).await.body;
    let properties = json!({ "endpointType": "EventGrid", "TopicEndpoint": made["properties"]["endpoint"], "accessKey1": keys["key1"] });
    cloud.create(&format!("{}/endpoints/grid", instance()), TWINS, json!({ "properties": properties })).await;
    let model = json!([{ "@id": MODEL, "@type": "Interface", "@context": "dtmi:dtdl:context;2" }]);
    twins(&cloud, Method::POST, "models", model).await;
    twins(&cloud, Method::PUT, "eventroutes/all", json!({ "endpointName": "grid", "filter": "true" })).await;
    cloud
}

async fn twins(cloud: &Cloud, method: Method, path: &str, body: Value) {
    let port = cloud.at().adt.port().unwrap();
    let url = format!("https://factory-adt.adt.localhost:{port}/{path}?api-version=2023-10-31");
    let reply = cloud.send(method, url.parse().unwrap(), Some(&body)).await;
    assert!((200..300).contains(&reply.status), "{path}: {reply:?}");
}

async fn subscribe(cloud: &Cloud, url: &str) -> Reply {
    let destination = json!({ "endpointType": "WebHook", "properties": { "endpointUrl": url } });
    cloud.put(&subscription(), EVENTS, json!({ "properties": { "destination": destination } })).await
}

/// The one notification that comes.
async fn only(got: &Got) -> (HeaderMap, Value) {
    let start = Instant::now();
    while got.lock().unwrap().is_empty() {
        assert!(start.elapsed() < DEADLINE, "nothing comes");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut got = got.lock().unwrap();
    assert_eq!(got.len(), 1, "{got:?}");
    got.remove(0)
}

#[tokio::test]
async fn a_webhook_that_shakes_hands_gets_events_in_event_grids_schema() {
    let (cloud, (base, got)) = (told("EventGridSchema").await, webhook().await);
    let begun = subscribe(&cloud, &format!("{base}/good?code=secret")).await;
    cloud.finish(&begun).await;
    let shown = cloud.get(&subscription(), EVENTS).await.body;
    let expected = json!({ "endpointUrl": null, "endpointBaseUrl": format!("{base}/good") });
    assert_eq!(shown["properties"]["destination"]["properties"], expected, "the code is a secret");
    let full = cloud.post(&format!("{}/getFullUrl", subscription()), EVENTS, json!({})).await.body;
    assert_eq!(full["endpointUrl"], format!("{base}/good?code=secret"));
    twins(&cloud, Method::PUT, "digitaltwins/r", json!({ "$metadata": { "$model": MODEL } })).await;
    let (headers, events) = only(&got).await;
    assert_eq!(
        (&headers["aeg-event-type"], &headers["aeg-subscription-name"]),
        (&"Notification".parse().unwrap(), &"TO-HOOK".parse().unwrap())
    );
    assert_eq!(events.as_array().map(Vec::len), Some(1));
    assert_eq!(
        (&events[0]["eventType"], &events[0]["subject"]),
        (&json!("Microsoft.DigitalTwins.Twin.Create"), &json!("r"))
    );
    assert_eq!(events[0]["data"]["data"]["$dtId"], "r");
}

#[tokio::test]
async fn a_webhook_that_allows_the_origin_gets_cloud_events() {
    let (cloud, (base, got)) = (told("CloudEventSchemaV1_0").await, webhook().await);
    let begun = subscribe(&cloud, &format!("{base}/good")).await;
    cloud.finish(&begun).await;
    twins(&cloud, Method::PUT, "digitaltwins/r", json!({ "$metadata": { "$model": MODEL } })).await;
    let (headers, event) = only(&got).await;
    assert_eq!(headers["content-type"], "application/cloudevents+json; charset=utf-8");
    assert_eq!((&event["specversion"], &event["data"]["$dtId"]), (&json!("1.0"), &json!("r")));
    let refused = subscribe(&cloud, &format!("{base}/bad")).await;
    assert_eq!((refused.status, refused.code()), (400, "Url validation"));
}

#[tokio::test]
async fn a_webhook_that_does_not_want_events_is_refused() {
    let (cloud, (base, _)) = (told("EventGridSchema").await, webhook().await);
    let message = |reply: &Reply| reply.body["error"]["message"].as_str().unwrap_or_default().to_owned();
    for (url, reason) in [
        (format!("{base}/deaf?code=secret"), "/deaf failed: it does not answer with the validation code."),
        (format!("{base}/late"), "it answers 202"),
        ("http://127.0.0.1:1/".to_owned(), "it cannot be reached"),
    ] {
        let refused = subscribe(&cloud, &url).await;
        assert_eq!((refused.status, refused.code()), (400, "Url validation"), "{url}");
        assert!(message(&refused).contains(reason) && !message(&refused).contains("secret"), "{refused:?}");
    }
    let elsewhere = subscribe(&cloud, "https://example.com/hook").await;
    assert_eq!((elsewhere.status, elsewhere.code()), (400, "InvalidRequest"));
    assert!(message(&elsewhere).contains("this machine only"), "{elsewhere:?}");
    assert_eq!(cloud.get(&subscription(), EVENTS).await.status, 404);
}
