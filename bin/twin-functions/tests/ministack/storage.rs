//! What is in storage, read back; and what goes into cold storage.

use functions::{
    function::Function,
    settings::{
        ColdWriter, DynamoTable, HotReader, HotStorage, HotWriter, ObjectStore, ObjectWriter, Remote, S3Bucket, Storage,
    },
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::cloud::{Cloud, revealed, token};

const TABLE: &str = "factory-hot";

fn query(changes: &Value) -> Value {
    let mut query = json!({
        "workspaceId": "factory", "entityId": "press-1", "componentName": "sensor",
        "selectedProperties": ["temperature"],
        "properties": {"temperature": {"definition": {"dataType": {"type": "DOUBLE"}, "isTimeSeries": true}}},
        "startTime": "2026-01-01T12:01:00Z", "endTime": "2026-01-01T12:04:00Z", "maxResults": 2
    });
    query.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    query
}

/// The values of an answer, and where to go on.
fn values(answer: &Value) -> (Vec<f64>, Value) {
    let values = answer["propertyValues"][0]["values"].as_array().unwrap_or_else(|| panic!("{answer}"));
    let values = values.iter().map(|value| value["value"]["doubleValue"].as_f64().unwrap()).collect();
    (values, answer["nextToken"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn twin_maker_reads_what_was_stored() {
    let Some(cloud) = Cloud::start().await else { return };
    cloud.table(TABLE).await;
    let table = DynamoTable { table: TABLE.into(), days: 7 };
    let writer = HotWriter {
        inter_cloud_token: token("hot-writer"),
        storage: HotStorage::Dynamo(table.clone()),
        azure_client_id: None,
    };
    let writer = cloud.function(Function::HotWriter, writer.to_app_settings()).await;
    for minute in 0..6 {
        let item = json!({
            "iotDeviceId": "press-1", "time": format!("2026-01-01T12:0{minute}:00Z"), "temperature": 20 + minute
        });
        let (status, answer) = cloud.post(&writer, Some(&revealed("hot-writer")), &item).await;
        assert_eq!(status, 200, "{answer}");
    }
    let reader = HotReader {
        inter_cloud_token: Some(token("hot-reader")),
        storage: Storage::Dynamo(table),
        azure_client_id: None,
    };
    let url = cloud.function(Function::HotReader, reader.to_app_settings()).await;

    let first = cloud.invoke("hot-reader", &query(&json!({}))).await;
    let (read, next) = values(&first);
    assert_eq!(read, [21.0, 22.0], "{}", cloud.log());
    let second = cloud.invoke("hot-reader", &query(&json!({"nextToken": next}))).await;
    assert_eq!(values(&second), (vec![23.0, 24.0], Value::Null));
    let newest = query(&json!({"orderByTime": "DESCENDING", "maxResults": 1}));
    assert_eq!(values(&cloud.invoke("hot-reader", &newest).await).0, [24.0]);

    // The reader beside the twin has no storage of its own, and asks the one that has it.
    let remote = HotReader {
        inter_cloud_token: None,
        storage: Storage::Remote(Remote { url: url.clone(), token: token("hot-reader") }),
        azure_client_id: None,
    };
    let closed = cloud.named("twin-reader", Function::HotReader, remote.to_app_settings()).await;
    assert_eq!(cloud.invoke("twin-reader", &query(&json!({}))).await, first);
    assert_eq!(cloud.post(&closed, Some(&revealed("hot-reader")), &query(&json!({}))).await.0, 401);

    let (status, over_http) = cloud.post(&url, Some(&revealed("hot-reader")), &query(&json!({}))).await;
    assert_eq!((status, over_http), (200, first));
    assert_eq!(cloud.post(&url, None, &query(&json!({}))).await.0, 401);
    let refused = cloud.invoke("hot-reader", &query(&json!({"startTime": "noon"}))).await;
    assert_eq!(refused["errorType"], "malformed", "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn items_become_objects_of_their_storage_class() {
    let Some(cloud) = Cloud::start().await else { return };
    cloud.bucket("factory-cold").await;
    let store = ObjectStore::S3(S3Bucket { bucket: "factory-cold".into(), storage_class: "STANDARD_IA".into() });
    let writer = ColdWriter(ObjectWriter { inter_cloud_token: token("cold-writer"), store, azure_client_id: None });
    let url = cloud.function(Function::ColdWriter, writer.to_app_settings()).await;
    let item = |minute| json!({"iotDeviceId": "press 1", "time": format!("2026-01-01T12:0{minute}:00Z"), "t": minute});
    let batch = json!([item(2), item(1)]);

    assert_eq!(cloud.post(&url, None, &batch).await.0, 401);
    for _ in 0..2 {
        let (status, answer) = cloud.post(&url, Some(&revealed("cold-writer")), &batch).await;
        assert_eq!(
            (status, &answer["items"], &answer["objects"]),
            (200, &json!(2), &json!(1)),
            "{answer}\n{}",
            cloud.log()
        );
    }
    let listed =
        cloud.send("s3", Method::GET, "/factory-cold?list-type=2", None, Vec::new()).await.text().await.unwrap();
    assert_eq!(listed.matches("<Key>").count(), 1, "{listed}");
    assert!(listed.contains("<StorageClass>STANDARD_IA</StorageClass>"), "{listed}");
    let key = listed.split_once("<Key>").unwrap().1.split_once("</Key>").unwrap().0.to_owned();
    assert!(key.starts_with("press%201/2026/01/01/20260101T120100.000000Z-"), "{key}");
    let path = format!("/factory-cold/{}", key.replace('%', "%25"));
    let object = cloud.send("s3", Method::GET, &path, None, Vec::new()).await.text().await.unwrap();
    let lines: Vec<Value> = object.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.iter().map(|line| &line["telemetry"]["t"]).collect::<Vec<_>>(), [1, 2]);
}
