//! A custom handler that does as it is told by the body of the call, to be run by the apps of these tests.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// Arguments of this test program that make it be the handler and nothing else.
pub(crate) const ARGUMENTS: [&str; 4] = ["handler::handler_process", "--exact", "--nocapture", "--test-threads=1"];

/// No test: serves when the host has said where, and is over at once otherwise.
#[test]
fn handler_process() {
    let Ok(port) = std::env::var("FUNCTIONS_CUSTOMHANDLER_PORT") else { return };
    if std::env::var("CRASH_AT_START").is_ok() {
        std::process::exit(4);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await.unwrap();
        println!("the handler serves");
        axum::serve(listener, Router::new().fallback(answer)).await.unwrap();
    });
}

async fn answer(method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    if method == Method::GET && uri.path() == "/" {
        return StatusCode::NO_CONTENT.into_response();
    }
    if uri.path().starts_with("/api/") {
        let seen = format!("{method} {uri} {} {}", headers["x-shown"].to_str().unwrap(), body.len());
        return (StatusCode::IM_A_TEAPOT, [("x-back", "yes")], seen).into_response();
    }
    let call: Value = serde_json::from_slice(&body).unwrap();
    let event = &call["Data"]["event"];
    if let (Ok(path), true) = (std::env::var("EVENTS"), event.is_object()) {
        keep(Path::new(&path), event);
    }
    let text = call["Data"]["req"]["Body"].as_str().unwrap_or("{}");
    let order = if event.is_null() { serde_json::from_str(text).unwrap_or_default() } else { event["data"].clone() };
    obey(&order, &uri, &headers, &call).await
}

async fn obey(order: &Value, uri: &Uri, headers: &HeaderMap, call: &Value) -> Response {
    match order["do"].as_str().unwrap_or("echo") {
        "exit" => std::process::exit(3),
        "fail" => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        "text" => "no JSON".into_response(),
        "wait" => {
            std::fs::write(order["begun"].as_str().unwrap(), "").unwrap();
            wait_for(Path::new(order["until"].as_str().unwrap())).await;
            done(json!({ "pid": std::process::id() }))
        }
        "environment" => {
            let folder = std::env::current_dir().unwrap();
            let variables: BTreeMap<String, String> = std::env::vars().collect();
            done(json!({ "variables": variables, "folder": folder, "arguments": std::env::args().collect::<Vec<_>>() }))
        }
        _ => {
            let invocation = headers["x-azure-functions-invocationid"].to_str().unwrap();
            let release = std::env::var("RELEASE").ok();
            let body = json!({ "pid": std::process::id(), "path": uri.path(), "call": call, "release": release });
            assert!(!invocation.is_empty());
            done(body)
        }
    }
}

/// Writes an event down, a line each.
fn keep(path: &Path, event: &Value) {
    let mut file = std::fs::File::options().create(true).append(true).open(path).unwrap();
    file.write_all(format!("{event}\n").as_bytes()).unwrap();
}

fn done(body: Value) -> Response {
    let res = json!({ "statusCode": 200, "headers": { "X-From": "handler" }, "body": body });
    let outcome = json!({ "Outputs": { "res": res }, "Logs": ["a line of the function"], "ReturnValue": null });
    ([(header::CONTENT_TYPE, "application/json")], outcome.to_string()).into_response()
}

async fn wait_for(path: &Path) {
    let start = Instant::now();
    while !path.exists() {
        assert!(start.elapsed() < Duration::from_secs(60), "nobody writes {}", path.display());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
