//! TwinMaker without anybody's client: who asks, what outlives the process, effects, faults, and connectors.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its own functions too")]

mod cloud;

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::Request;
use cloud::Cloud;
use local::server::{self, Options};
use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

const ARN: &str = "arn:aws:iottwinmaker:eu-central-1:123456789012:workspace/factory";

/// Credentials of an account for a service of a region.
fn scope(account: &str, service: &str) -> String {
    let scope = format!("{account}/20261102/eu-central-1/{service}/aws4_request");
    format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=00")
}

/// An answer: status, error code and body.
#[derive(Debug)]
struct Reply {
    status: u16,
    code: String,
    body: Value,
}

/// Sends a request under a host name and with an authorization.
async fn send(cloud: &Cloud, host: &str, authorization: &str, method: Method, path: &str, body: &Value) -> Reply {
    let port = cloud.at().twinmaker.port().unwrap();
    let request = cloud.client.request(method, format!("http://{host}:{port}{path}"));
    let answer = request.header("authorization", authorization).json(body).send().await.unwrap();
    let code = answer.headers().get("x-amzn-errortype").map(|code| code.to_str().unwrap().to_owned());
    Reply { status: answer.status().as_u16(), code: code.unwrap_or_default(), body: answer.json().await.unwrap() }
}

async fn ask(cloud: &Cloud, method: Method, path: &str, body: Value) -> Reply {
    send(cloud, "localhost", &scope("123456789012", "iottwinmaker"), method, path, &body).await
}

async fn done(cloud: &Cloud, method: Method, path: &str, body: Value) -> Value {
    let reply = ask(cloud, method, path, body).await;
    assert_eq!(reply.status, 200, "{path}: {reply:?}");
    reply.body
}

/// Looks until a change is over.
async fn settle(cloud: &Cloud, path: &str) -> String {
    for _ in 0..10 {
        let state = done(cloud, Method::GET, path, json!({})).await["status"]["state"].as_str().unwrap().to_owned();
        if !state.ends_with("ING") {
            return state;
        }
    }
    panic!("{path} is under way for ever");
}

/// A workspace with a type and an entity.
async fn deploy(cloud: &Cloud) {
    let lambda = json!({ "lambda": { "arn": "arn:aws:lambda:eu-central-1:123456789012:function:reader" } });
    let body = json!({
        "propertyDefinitions": {
            "temperature": { "dataType": { "type": "DOUBLE" }, "isTimeSeries": true, "isStoredExternally": true }
        },
        "functions": { "dataReader": { "implementedBy": lambda } }, "tags": { "twinctl": "d" }
    });
    done(cloud, Method::POST, "/workspaces/factory", json!({ "tags": { "twinctl": "d" } })).await;
    done(cloud, Method::POST, "/workspaces/factory/component-types/sensor", body).await;
    assert_eq!(settle(cloud, "/workspaces/factory/component-types/sensor").await, "ACTIVE");
    let components = json!({ "sensor": { "componentTypeId": "sensor" } });
    let body = json!({ "entityId": "room-1", "entityName": "Room 1", "components": components });
    done(cloud, Method::POST, "/workspaces/factory/entities", body).await;
    assert_eq!(settle(cloud, "/workspaces/factory/entities/room-1").await, "ACTIVE");
}

#[tokio::test]
async fn credentials_say_who_asks() {
    let cloud = Cloud::start().await;
    deploy(&cloud).await;
    let as_who = async |authorization: &str| {
        let reply = send(&cloud, "localhost", authorization, Method::GET, "/workspaces/factory", &json!({})).await;
        (reply.status, reply.code)
    };
    assert_eq!(as_who(&scope("123456789012", "iottwinmaker")).await, (200, String::new()));
    let missing = (404, "ResourceNotFoundException".to_owned());
    assert_eq!(as_who(&scope("AKIAEXAMPLE", "iottwinmaker")).await, missing, "another account's");
    assert_eq!(as_who(&scope("123456789012", "s3")).await, (403, "InvalidSignatureException".to_owned()));
    assert_eq!(as_who("Bearer x").await, (403, "MissingAuthenticationTokenException".to_owned()));
}

#[tokio::test]
async fn planes_have_names_of_their_own_and_what_is_not_here_names_itself() {
    let cloud = Cloud::start().await;
    deploy(&cloud).await;
    let authorization = scope("123456789012", "iottwinmaker");
    let under = async |host: &str, path: &str| {
        let reply = send(&cloud, host, &authorization, Method::POST, path, &json!({})).await;
        (reply.status, reply.code)
    };
    let unknown = (404, "UnknownOperationException".to_owned());
    assert_eq!(under("api.localhost", "/workspaces-list").await, (200, String::new()));
    assert_eq!(under("data.localhost", "/workspaces-list").await, unknown);
    assert_eq!(under("localhost", "/nothing").await, unknown);
    let values = "/workspaces/factory/entity-properties/history";
    assert_eq!(under("data.localhost", values).await, (400, "ValidationException".to_owned()));
    let reply = ask(&cloud, Method::POST, "/workspaces/factory/scenes", json!({})).await;
    assert_eq!((reply.status, reply.code.as_str()), (501, "NotImplemented"));
    assert!(reply.body["message"].as_str().unwrap().contains("CreateScene"), "{reply:?}");
    let reply = ask(&cloud, Method::POST, "/workspaces/factory/entities", json!([])).await;
    assert_eq!((reply.status, reply.code.as_str()), (400, "SerializationException"));
}

#[tokio::test]
async fn a_restarted_cloud_has_the_same_twin_at_the_same_port() {
    let cloud = Cloud::start().await;
    deploy(&cloud).await;
    done(&cloud, Method::PUT, "/workspaces/factory/entities/room-1", json!({ "description": "a room" })).await;
    let (dump, effects, url) = (cloud.dump().await, cloud.effects().await, cloud.at().twinmaker.clone());
    let entity = &dump["twinmaker"][format!("{ARN}/entity/room-1")];
    assert_eq!((&entity["description"], &entity["parentEntityId"]), (&json!("a room"), &json!("$ROOT")), "{dump:#}");
    let cloud = cloud.reopen().await;
    assert_eq!((cloud.dump().await, cloud.effects().await), (dump, effects));
    assert_eq!(cloud.at().twinmaker, url);
    assert_eq!(settle(&cloud, "/workspaces/factory/entities/room-1").await, "ACTIVE", "a change goes on");
}

#[tokio::test]
async fn every_change_is_an_effect() {
    let cloud = Cloud::start().await;
    deploy(&cloud).await;
    let tags = json!({ "resourceARN": ARN, "tags": { "twinctl": "d" } });
    done(&cloud, Method::POST, "/tags", tags).await;
    assert_eq!(ask(&cloud, Method::POST, "/workspaces/factory", json!({})).await.code, "ConflictException");
    done(&cloud, Method::DELETE, "/workspaces/factory/entities/room-1", json!({})).await;
    let expected = [
        format!("CreateWorkspace {ARN}"),
        format!("CreateComponentType {ARN}/component-type/sensor"),
        format!("CreateEntity {ARN}/entity/room-1"),
        format!("= TagResource {ARN}"),
        format!("DeleteEntity {ARN}/entity/room-1"),
    ];
    assert_eq!(cloud.effects().await, expected);
}

#[tokio::test]
async fn faults_hit_twinmaker_in_its_own_shape() {
    let cloud = Cloud::start().await;
    cloud.fault(json!({ "kind": "throttle", "retry_after": 7, "service": "twinmaker" })).await;
    let reply = ask(&cloud, Method::POST, "/workspaces/factory", json!({})).await;
    assert_eq!((reply.status, reply.code.as_str()), (429, "ThrottlingException"));
    cloud.fault(json!({ "kind": "reply-lost", "service": "twinmaker", "method": "POST" })).await;
    let port = cloud.at().twinmaker.port().unwrap();
    let request = cloud.client.post(format!("http://localhost:{port}/workspaces/factory"));
    let lost = request.header("authorization", scope("123456789012", "iottwinmaker")).send().await;
    assert!(lost.is_err(), "no answer may arrive: {lost:?}");
    assert_eq!(cloud.effects().await, [format!("CreateWorkspace {ARN}")]);
    done(&cloud, Method::GET, "/workspaces/factory", json!({})).await;
}

#[tokio::test]
async fn with_realistic_time_a_change_takes_its_time() {
    // The nominal three seconds, times this, are 300 ms.
    let cloud = Cloud::open(tempfile::tempdir().unwrap(), Some(0.1)).await;
    done(&cloud, Method::POST, "/workspaces/factory", json!({})).await;
    let path = "/workspaces/factory/component-types/bare";
    done(&cloud, Method::POST, path, json!({})).await;
    let begun = std::time::Instant::now();
    loop {
        let state = done(&cloud, Method::GET, path, json!({})).await["status"]["state"].clone();
        if state == "ACTIVE" {
            break;
        }
        assert_eq!(state, "CREATING");
        assert!(begun.elapsed().as_secs() < 10, "it is under way for ever");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert!(begun.elapsed().as_millis() >= 250, "{:?}", begun.elapsed());
}

/// Path, authorization and document of every call.
type Heard = Arc<Mutex<Vec<(String, String, Value)>>>;

async fn call(request: Request<axum::body::Body>) -> (String, String, Value) {
    let authorization = request.headers()["authorization"].to_str().unwrap().to_owned();
    let path = request.uri().path().to_owned();
    let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap();
    (path, authorization, serde_json::from_slice(&body).unwrap())
}

/// An emulator that answers every call with a document and remembers what it was asked.
async fn emulator(answer: Value) -> (Url, Heard) {
    let heard = Heard::default();
    let hear = Arc::clone(&heard);
    let answer = move |request: Request<axum::body::Body>| {
        let (hear, answer) = (Arc::clone(&hear), answer.to_string());
        async move {
            let call = call(request).await;
            hear.lock().unwrap().push(call);
            answer
        }
    };
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    (url, heard)
}

fn history() -> Value {
    json!({
        "entityId": "room-1", "componentName": "sensor", "selectedProperties": ["temperature"],
        "startTime": "2026-11-01T00:00:00Z", "endTime": "2026-11-02T00:00:00Z"
    })
}

const HISTORY: &str = "/workspaces/factory/entity-properties/history";

#[tokio::test]
async fn the_emulator_is_told_at_the_start_and_remembered() {
    let value = json!({ "time": "2026-11-01T08:00:00Z", "value": { "doubleValue": 21.5 } });
    let reference = json!({ "entityId": "room-1", "componentName": "sensor", "propertyName": "temperature" });
    let series = json!({ "entityPropertyReference": reference, "values": [value] });
    let (url, heard) = emulator(json!({ "propertyValues": [series] })).await;
    let dir = tempfile::tempdir().unwrap();
    let options = || Options { dir: dir.path().to_owned(), aws_endpoint: Some(url.clone()), ..Options::default() };
    server::start(options()).await.unwrap().stop().await;
    let cloud = Cloud::open(dir, None).await;
    assert_eq!(cloud.control(Method::GET, "aws", None).await["endpoint"], url.as_str());
    deploy(&cloud).await;
    let answer = done(&cloud, Method::POST, HISTORY, history()).await;
    assert_eq!(answer, json!({ "propertyValues": [series] }));
    let (path, authorization, document) = heard.lock().unwrap().pop().unwrap();
    assert!(path.ends_with(":function:reader/invocations"), "{path}");
    assert!(authorization.contains("Credential=123456789012/"), "{authorization}");
    assert_eq!(document["componentTypeId"], "sensor");
    assert_eq!(document["startDateTime"], 1_793_491_200);
}

#[tokio::test]
async fn what_a_connector_answers_must_be_what_the_service_takes() {
    let cloud = Cloud::start().await;
    deploy(&cloud).await;
    let reference = json!({ "propertyName": "temperature" });
    let answers = [
        json!([]),
        json!({ "propertyValues": {} }),
        json!({ "propertyValues": [{ "values": [] }] }),
        json!({ "propertyValues": [{ "entityPropertyReference": reference, "values": [{ "value": { "doubleValue": 1 } }] }] }),
        json!({ "propertyValues": [{ "entityPropertyReference": reference, "values": [{ "timestamp": 1, "value": 1 }] }] }),
    ];
    for answer in answers {
        let (url, _) = emulator(answer.clone()).await;
        cloud.control(Method::PUT, "aws", Some(&json!({ "endpoint": url }))).await;
        let reply = ask(&cloud, Method::POST, HISTORY, history()).await;
        assert_eq!((reply.status, reply.code.as_str()), (424, "ConnectorFailureException"), "{answer}");
    }
}
