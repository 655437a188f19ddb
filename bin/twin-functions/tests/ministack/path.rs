//! Telemetry on its way to hot storage.

use functions::{
    function::Function,
    settings::{Dispatcher, DynamoTable, HotStorage, HotWriter, Ingestion, Persister, Remote, Storage},
};
use serde_json::{Value, json};

use crate::cloud::{Cloud, revealed, token};

const TABLE: &str = "factory-hot";

fn table() -> DynamoTable {
    DynamoTable { table: TABLE.into(), days: 7 }
}

fn persister(called: bool) -> Persister<functions::settings::SecretRef> {
    let inter_cloud_token = called.then(|| token("persister"));
    Persister { storage: Storage::Dynamo(table()), adt_pusher: None, inter_cloud_token, azure_client_id: None }
}

fn message(device: &str, time: &str) -> Value {
    json!({"iotDeviceId": device, "time": time, "temperature": 21.5, "count": 9_007_199_254_740_993_i64, "on": true})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_with_its_token_is_stored_with_numbers_as_numbers() {
    let Some(cloud) = Cloud::start().await else { return };
    cloud.table(TABLE).await;
    let url = cloud.function(Function::Persister, persister(true).to_app_settings()).await;
    let body = message("press-1", "2026-01-01T12:00:00Z");

    for shown in [None, Some("another")] {
        let (status, answer) = cloud.post(&url, shown, &body).await;
        assert_eq!((status, &answer["code"]), (401, &json!("unauthorized")));
    }
    let shown = revealed("persister");
    for _ in 0..2 {
        let (status, answer) = cloud.post(&url, Some(&shown), &body).await;
        assert_eq!((status, &answer["code"]), (200, &json!("stored")), "{answer}\n{}", cloud.log());
    }
    let items = cloud.items(TABLE, "press-1", 1).await;
    assert_eq!(items.len(), 1, "equal telemetry is one item");
    let wanted = json!({"M": {"temperature": {"N": "21.5"}, "count": {"N": "9007199254740993"}, "on": {"BOOL": true}}});
    assert_eq!(items[0]["telemetry"], wanted);
    assert!(items[0]["expires"]["N"].is_string(), "{}", items[0]);
    let (status, answer) = cloud.post(&url, Some(&shown), &json!({"iotDeviceId": "press-1"})).await;
    assert_eq!((status, &answer["at"]), (400, &json!("/time")));
    let (status, _) = cloud.post(&url.join("hot-writer").unwrap(), Some(&shown), &body).await;
    assert_eq!(status, 404);
    assert!(!cloud.log().contains(&shown), "no token in a log");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_device_publishes_is_stored() {
    let Some(cloud) = Cloud::start().await else { return };
    cloud.table(TABLE).await;
    cloud.function(Function::Persister, persister(false).to_app_settings()).await;
    cloud.rule("factory", Function::Persister).await;

    let sent =
        r#"{"deviceId": "other", "time": "2026-01-01T12:00:00Z", "temperature": 21.50, "count": 18446744073709551615}"#;
    cloud.publish("factory", "press-1", sent).await;
    let items = cloud.items(TABLE, "press-1", 1).await;
    let wanted = json!({"M": {"temperature": {"N": "21.5"}, "count": {"N": "18446744073709551615"}}});
    assert_eq!((&items[0]["telemetry"], &items[0]["time"]), (&wanted, &json!({"S": "2026-01-01T12:00:00Z"})));

    // What is no message keeps nothing else from its place, in a list or on its own.
    cloud.publish("factory", "press-2", "not json").await;
    cloud.publish("factory", "press-2", r#"[{"temperature": 1}, "not a message", {"temperature": 2}]"#).await;
    assert_eq!(cloud.items(TABLE, "press-2", 2).await.len(), 2);
    assert!(cloud.items(TABLE, "other", 0).await.is_empty(), "the topic says which device it is");
}

#[tokio::test(flavor = "multi_thread")]
async fn telemetry_crosses_all_borders() {
    let Some(cloud) = Cloud::start().await else { return };
    cloud.table(TABLE).await;
    let writer = HotWriter {
        inter_cloud_token: token("hot-writer"),
        storage: HotStorage::Dynamo(table()),
        azure_client_id: None,
    };
    let writer = cloud.function(Function::HotWriter, writer.to_app_settings()).await;
    let storage = Storage::Remote(Remote { url: writer, token: token("hot-writer") });
    let persister = Persister { storage, ..persister(true) };
    let persister = cloud.function(Function::Persister, persister.to_app_settings()).await;
    let persister = Remote { url: persister, token: token("persister") };
    let ingestion = Ingestion { inter_cloud_token: token("ingestion"), persister };
    let ingestion = cloud.function(Function::Ingestion, ingestion.to_app_settings()).await;
    let dispatcher = Dispatcher { ingestion: Some(Remote { url: ingestion, token: token("ingestion") }) };
    cloud.function(Function::Dispatcher, dispatcher.to_app_settings()).await;
    cloud.rule("factory", Function::Dispatcher).await;

    cloud.publish("factory", "press-1", r#"{"time": "2026-01-01T12:00:00Z", "temperature": 21.5}"#).await;
    let items = cloud.items(TABLE, "press-1", 1).await;
    assert_eq!(items[0]["telemetry"], json!({"M": {"temperature": {"N": "21.5"}}}));
}
