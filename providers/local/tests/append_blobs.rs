//! Append blobs: created empty, written at their end, read like any other.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its own functions too")]

mod cloud;

use cloud::{Cloud, resource};
use reqwest::{Method, Response};
use serde_json::json;

const VERSION: &str = "2023-05-01";

async fn send(cloud: &Cloud, method: Method, target: &str, headers: &[(&str, &str)], body: &str) -> Response {
    let url = format!("https://store.blob.localhost:{}/logs/{target}", cloud.at().data.port().unwrap());
    let mut request = cloud.client.request(method, url).bearer_auth(&cloud.token).body(body.to_owned());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

fn header(answer: &Response, name: &str) -> String {
    answer.headers()[name].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn blocks_follow_one_another() {
    let cloud = Cloud::start().await;
    cloud.group().await;
    let account = resource("Microsoft.Storage/storageAccounts/store");
    let body = json!({"location": "westeurope", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}});
    cloud.create(&account, VERSION, body).await;
    cloud.create(&format!("{account}/blobServices/default/containers/logs"), VERSION, json!({})).await;
    assert_eq!(send(&cloud, Method::PUT, "b?comp=appendblock", &[], "x").await.status(), 404);
    let created = send(&cloud, Method::PUT, "b", &[("x-ms-blob-type", "AppendBlob")], "").await;
    assert_eq!(created.status(), 201);
    let mut etags = vec![header(&created, "etag")];
    for (at, block) in ["one\n", "two\n"].into_iter().enumerate() {
        let answer = send(&cloud, Method::PUT, "b?comp=appendblock", &[], block).await;
        assert_eq!((answer.status().as_u16(), header(&answer, "x-ms-blob-append-offset")), (201, (at * 4).to_string()));
        etags.push(header(&answer, "etag"));
    }
    etags.sort();
    etags.dedup();
    assert_eq!(etags.len(), 3, "every block changes the blob");
    let late = send(&cloud, Method::PUT, "b?comp=appendblock", &[("x-ms-blob-condition-appendpos", "4")], "x").await;
    assert_eq!(
        (late.status().as_u16(), header(&late, "x-ms-error-code")),
        (412, "AppendPositionConditionNotMet".into())
    );
    let read = send(&cloud, Method::GET, "b", &[], "").await;
    assert_eq!((header(&read, "x-ms-blob-type"), header(&read, "content-length")), ("AppendBlob".into(), "8".into()));
    assert_eq!(read.text().await.unwrap(), "one\ntwo\n");
    assert_eq!(send(&cloud, Method::PUT, "block", &[("x-ms-blob-type", "BlockBlob")], "x").await.status(), 201);
    let wrong = send(&cloud, Method::PUT, "block?comp=appendblock", &[], "x").await;
    assert_eq!((wrong.status().as_u16(), header(&wrong, "x-ms-error-code")), (409, "InvalidBlobType".into()));
    let full = send(&cloud, Method::PUT, "b", &[("x-ms-blob-type", "AppendBlob")], "x").await;
    assert_eq!(full.status(), 400, "it begins empty");
    let cloud = cloud.reopen().await;
    assert_eq!(send(&cloud, Method::GET, "b", &[], "").await.text().await.unwrap(), "one\ntwo\n");
}
