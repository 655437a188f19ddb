use std::{
    collections::BTreeMap,
    fs,
    sync::{Arc, LazyLock},
};

use azure::{Azure, Options, api};
use bytes::Bytes;
use serde_json::{Value, json};
use url::Url;

use super::*;

mod examples;
mod traffic;

/// Loaded once: reading all the files takes longer than any test.
static CONTRACTS: LazyLock<Option<Contracts>> = LazyLock::new(Contracts::ours);

const SITE: &str =
    "/subscriptions/6ba7b810-9dad-11d1-80b4-00c04fd430c8/resourceGroups/rg/providers/Microsoft.Web/sites/app";
const TWINS: &str = "/subscriptions/6ba7b810-9dad-11d1-80b4-00c04fd430c8/resourceGroups/rg/providers/Microsoft.DigitalTwins/digitalTwinsInstances/factory";

fn exchange(method: &str, target: &str, body: &Value, status: u16, answer: &Value) -> Exchange {
    let bytes = |value: &Value| if value.is_null() { Bytes::new() } else { Bytes::from(value.to_string()) };
    let headers = if body.is_null() { None } else { Some(("content-type".to_owned(), "application/json".to_owned())) };
    Exchange {
        method: method.to_owned(),
        url: Url::parse(&format!("https://host{target}")).expect("a URL"),
        headers: headers.into_iter().collect(),
        body: bytes(body),
        answer: Some(Answer { status, headers: BTreeMap::new(), body: bytes(answer) }),
    }
}

/// What is wrong with one exchange.
fn wrong(exchange: Exchange) -> Option<Vec<String>> {
    let report = CONTRACTS.as_ref()?.check(&[exchange]);
    Some(report.violations.into_iter().map(|violation| violation.what).collect())
}

fn instance() -> Value {
    json!({"location": "westeurope", "identity": {"type": "SystemAssigned"}, "tags": {"a": "b"}})
}

fn stored() -> Value {
    let properties = json!({"provisioningState": "Provisioning", "hostName": null});
    json!({"id": TWINS, "name": "factory", "type": "t", "location": "westeurope", "properties": properties})
}

#[test]
fn a_good_request_has_nothing_wrong_and_a_bad_one_is_named() {
    let target = format!("{TWINS}?api-version={}", api::DIGITAL_TWINS);
    let put = |body: &Value| wrong(exchange("PUT", &target, body, 201, &stored()));
    let Some(found) = put(&instance()) else { return };
    assert_eq!(found, Vec::<String>::new());
    let with = |pointer: &str, value: Value| {
        let mut body = instance();
        body[pointer] = value;
        put(&body).expect("loaded")
    };
    let cases = [
        ("locatoin", json!("x"), "locatoin"),
        ("location", json!(1), "/location"),
        ("id", json!("/x"), "body/id: is for the service to set"),
        ("identity", json!({"type": "Own"}), "/identity/type"),
        ("tags", json!({"a": 1}), "/tags/a"),
        ("properties", json!({"hostName": "h"}), "body/properties/hostName: is for the service to set"),
        ("properties", json!({"hostname": "h"}), "hostname"),
        ("properties", json!({"publicNetworkAccess": "Sometimes"}), "/properties/publicNetworkAccess"),
    ];
    for (name, value, expected) in cases {
        let found = with(name, value);
        assert!(found.len() == 1 && found[0].contains(expected), "{name}: {found:?}");
    }
    let empty = put(&json!({})).expect("loaded");
    assert!(empty.iter().any(|what| what.contains("location")), "{empty:?}");
}

#[test]
fn what_matches_no_operation_is_wrong() {
    let nothing = |method: &str, target: &str| wrong(exchange(method, target, &Value::Null, 200, &json!({})));
    let Some(version) = nothing("GET", &format!("{TWINS}?api-version=2020-01-01")) else { return };
    assert!(version[0].contains("no operation"), "{version:?}");
    for (method, target) in [
        ("GET", TWINS.to_owned()),
        ("TRACE", format!("{TWINS}?api-version={}", api::DIGITAL_TWINS)),
        ("GET", format!("{TWINS}/endpoint?api-version={}", api::DIGITAL_TWINS)),
        ("POST", "/api/publishing".to_owned()),
    ] {
        assert!(nothing(method, &target).expect("loaded")[0].contains("no operation"), "{method} {target}");
    }
    assert_eq!(nothing("POST", "/api/publish?RemoteBuild=false"), Some(vec![]));
}

#[test]
fn parameters_are_held_to_their_description() {
    let get = |target: &str| wrong(exchange("GET", target, &Value::Null, 200, &stored()));
    let version = api::DIGITAL_TWINS;
    let Some(unknown) = get(&format!("{TWINS}?api-version={version}&expand=all")) else { return };
    assert_eq!(unknown, ["query parameter expand is unknown"]);
    let short = TWINS.replace("/factory", "/f-");
    let named = get(&format!("{short}?api-version={version}")).expect("loaded");
    assert!(named.iter().any(|what| what.starts_with("parameter resourceName")), "{named:?}");
    let flag =
        get(&format!("/models?api-version={}&includeModelDefinition=yes", api::DIGITAL_TWINS_DATA)).expect("loaded");
    assert!(flag.iter().any(|what| what.starts_with("parameter includeModelDefinition")), "{flag:?}");
    let body = wrong(exchange("GET", &format!("{TWINS}?api-version={version}"), &json!({}), 200, &stored()));
    assert_eq!(body, Some(vec!["the operation takes no body".to_owned()]));
}

#[test]
fn answers_are_held_to_their_description() {
    let target = format!("{TWINS}?api-version={}", api::DIGITAL_TWINS);
    let get = |status: u16, answer: &Value| wrong(exchange("GET", &target, &Value::Null, status, answer));
    let Some(more) = get(200, &json!({"location": "w", "properties": {"isNew": true}, "extra": 1})) else { return };
    assert_eq!(more, Vec::<String>::new(), "an answer may hold more");
    assert_eq!(get(404, &json!({"error": {"code": "ResourceNotFound", "message": "m"}})), Some(vec![]));
    for (status, answer) in [
        (200, json!({"properties": {}})),
        (200, json!({"location": "w", "properties": {"createdTime": "yesterday"}})),
        (200, Value::Null),
        (204, Value::Null),
        (404, json!({"error": 7})),
    ] {
        assert_eq!(get(status, &answer).map(|found| found.len()), Some(1), "{status} {answer}");
    }
}

#[test]
fn a_destination_is_held_to_the_kind_that_it_names() {
    let scope = TWINS.replace("Microsoft.DigitalTwins/digitalTwinsInstances/factory", "Microsoft.Devices/IotHubs/hub");
    let target =
        format!("{scope}/providers/Microsoft.EventGrid/eventSubscriptions/updates?api-version={}", api::EVENT_GRID);
    let put = |destination: Value| {
        let body = json!({"properties": {"destination": destination, "eventDeliverySchema": "EventGridSchema"}});
        wrong(exchange("PUT", &target, &body, 201, &json!({"properties": {}})))
    };
    let function = |properties: Value| json!({"endpointType": "AzureFunction", "properties": properties});
    let Some(good) = put(function(json!({"resourceId": format!("{SITE}/functions/f"), "maxEventsPerBatch": 1}))) else {
        return;
    };
    assert_eq!(good, Vec::<String>::new());
    for (destination, expected) in [
        (function(json!({"endpointUrl": "https://h"})), "endpointUrl"),
        (function(json!({"resourceId": 1})), "resourceId"),
        (json!({"endpointType": "Pigeon"}), "endpointType"),
        (json!({"properties": {}}), "endpointType"),
    ] {
        let found = put(destination).expect("loaded");
        assert!(found.iter().any(|what| what.contains(expected)), "{expected}: {found:?}");
    }
}

#[test]
fn a_patch_may_set_only_what_can_be_changed() {
    let target = format!("{TWINS}?api-version={}", api::DIGITAL_TWINS);
    let patch = |body: &Value| wrong(exchange("PATCH", &target, body, 200, &stored()));
    let Some(good) = patch(&json!({"tags": {"a": "b"}})) else { return };
    assert_eq!(good, Vec::<String>::new());
    assert_ne!(patch(&json!({"location": "elsewhere"})), Some(vec![]));
}

#[test]
fn a_patch_of_a_twin_is_a_json_patch() {
    let target = format!("/digitaltwins/room?api-version={}", api::DIGITAL_TWINS_DATA);
    let mut patch = exchange("PATCH", &target, &json!([{"op": "add", "path": "/a", "value": 1}]), 204, &Value::Null);
    let Some(plain) = wrong(patch.clone()) else { return };
    assert_eq!(plain.len(), 1, "{plain:?}");
    patch.headers.insert("content-type".into(), "application/json-patch+json".into());
    assert_eq!(wrong(patch), Some(vec![]));
}

#[test]
fn polls_and_next_pages_are_followed() {
    let Some(contracts) = CONTRACTS.as_ref() else { return };
    let target = format!("{TWINS}?api-version={}", api::DIGITAL_TWINS);
    let mut put = exchange("PUT", &target, &instance(), 201, &stored());
    let answer = put.answer.as_mut().expect("answered");
    answer.headers.insert("azure-asyncoperation".into(), "https://host/status/1?api-version=x".into());
    answer.headers.insert("location".into(), "https://host/result/1".into());
    let get = |target: &str, status: u16, answer: &Value| exchange("GET", target, &Value::Null, status, answer);
    let page = json!({"value": [], "nextLink": "https://host/models?continuationToken=x&api-version=2023-10-31"});
    let good = [
        put.clone(),
        get("/status/1?api-version=x", 200, &json!({"status": "Running"})),
        get("/status/1?api-version=x", 500, &Value::Null),
        get("/result/1", 202, &Value::Null),
        get("/models?api-version=2023-10-31", 200, &page),
        get("/models?continuationToken=x&api-version=2023-10-31", 200, &json!({"value": []})),
    ];
    let report = contracts.check(&good);
    report.assert_kept();
    assert_eq!((report.handed_out, report.covered.len(), report.requests), (3, 2, 6));
    let bad =
        [put, get("/status/1?api-version=x", 200, &json!({"state": "Running"})), get("/status/2", 200, &json!({}))];
    assert_eq!(contracts.check(&bad).violations.len(), 2);
}

#[test]
fn no_value_is_printed() {
    let target = format!("{SITE}/config/appsettings?api-version={}", api::WEB);
    let Some(found) = wrong(exchange("PUT", &target, &json!({"properties": {"KEY": ["hunter2"]}}), 200, &json!({})))
    else {
        return;
    };
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(!found[0].contains("hunter2"), "{found:?}");
}

#[tokio::test]
async fn the_recorder_keeps_what_our_client_sends_without_its_token() {
    let Some(contracts) = CONTRACTS.as_ref() else { return };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let app = axum::Router::new().fallback(|| async { axum::Json(stored()) });
    tokio::spawn(async move { axum::serve(listener, app).await });
    let recorder = Recorder::new();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let transport = reqwest::Client::builder().no_proxy().build().expect("a client");
    let mut options = Options::new(Url::parse(&base).expect("a URL"), Arc::new(Anybody), transport);
    options.per_try_policies.push(recorder.clone());
    let azure = Azure::new(options);
    let arm = azure.arm();
    assert!(arm.get(TWINS, api::DIGITAL_TWINS).await.expect("an answer").is_some());
    arm.put(TWINS, api::DIGITAL_TWINS, &instance(), azure::arm::Write::default()).await.expect("an answer");
    let exchanges = recorder.take();
    assert_eq!(exchanges.len(), 2);
    assert!(exchanges.iter().all(|exchange| !exchange.headers.contains_key("authorization")));
    assert_eq!(exchanges[1].body, instance().to_string());
    let report = contracts.check(&exchanges);
    report.assert_kept();
    assert_eq!(report.covered.len(), 2);
    assert!(recorder.take().is_empty());
}

#[derive(Debug)]
struct Anybody;

#[async_trait::async_trait]
impl azure::azure_core::credentials::TokenCredential for Anybody {
    async fn get_token(
        &self,
        _: &[&str],
        _: Option<azure::azure_core::credentials::TokenRequestOptions<'_>>,
    ) -> azure::azure_core::Result<azure::azure_core::credentials::AccessToken> {
        use azure::azure_core::{credentials::AccessToken, time};
        Ok(AccessToken::new("token", time::OffsetDateTime::now_utc() + time::Duration::hours(1)))
    }
}
