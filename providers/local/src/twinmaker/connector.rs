//! Calls of connectors: Lambda's `Invoke` at the emulator, with TwinMaker's document.

use std::time::Duration;

use serde_json::{Map, Value};

use super::Call;
use super::refusal::Refusal;

/// How long a connector may take. Nominal: the service names no number.
const DEADLINE: Duration = Duration::from_secs(30);

/// The Lambda function behind the first of these functions that there is.
pub(super) fn find(functions: &super::definition::Definitions, names: &[&str]) -> Result<String, Refusal> {
    let by = names.iter().find_map(|name| functions.get(*name)?.get("implementedBy"));
    let none = || Refusal::invalid(format!("The component type has no function {}.", names.join(" or ")));
    let by = by.ok_or_else(none)?;
    match by["lambda"]["arn"].as_str() {
        Some(arn) => Ok(arn.to_owned()),
        None if by["isNative"] == true => Err(Refusal::not_implemented("a native connector")),
        None => Err(none()),
    }
}

/// Calls a function with a document and returns the document that it answers with.
pub(super) async fn invoke(call: &Call<'_>, function: &str, document: &Value) -> Result<Map<String, Value>, Refusal> {
    let failed = |why: &str| Refusal::connector_failed(format!("The connector {function} failed: {why}"));
    let none = "the local cloud knows no AWS emulator; `PUT {control}/aws` tells it one";
    let (endpoint, client) = call.cloud.neighbour.find().ok_or_else(|| failed(none))?;
    let client = client.map_err(failed)?;
    let mut url = endpoint;
    url.path_segments_mut().map_err(|()| failed("the endpoint is no HTTP URL"))?.pop_if_empty().extend([
        "2015-03-31",
        "functions",
        function,
        "invocations",
    ]);
    let now = call.cloud.clock.now().format("%Y%m%dT%H%M%SZ").to_string();
    let request = client
        .post(url)
        .header("authorization", authorization(function, &now))
        .header("x-amz-date", now)
        .header("x-amz-invocation-type", "RequestResponse")
        .header("content-type", "application/json")
        .timeout(DEADLINE)
        .body(document.to_string());
    let unreachable = |error: reqwest::Error| match error.is_timeout() {
        true => Refusal::connector_timed_out(format!("The connector {function} did not answer in time.")),
        false => failed(&error.to_string()),
    };
    let answer = request.send().await.map_err(unreachable)?;
    let (status, error) = (answer.status(), answer.headers().get("x-amz-function-error").cloned());
    let body = answer.bytes().await.map_err(unreachable)?;
    let said = || String::from_utf8_lossy(&body[..body.len().min(512)]).into_owned();
    if !status.is_success() || error.is_some() {
        return Err(failed(&format!("status {status}, {}", said())));
    }
    match serde_json::from_slice(&body) {
        Ok(Value::Object(answer)) => Ok(answer),
        _ => Err(failed(&format!("its answer is no JSON object: {}", said()))),
    }
}

/// Who calls: emulators find the account and the service in the scope, and check no signature.
fn authorization(function: &str, now: &str) -> String {
    let parts: Vec<&str> = function.split(':').collect();
    let part = |at: usize| parts.get(at).copied().unwrap_or_default();
    let (region, account, date) = (part(3), part(4), now.get(..8).unwrap_or_default());
    format!(
        "AWS4-HMAC-SHA256 Credential={account}/{date}/{region}/lambda/aws4_request, SignedHeaders=host;x-amz-date, Signature={}",
        "0".repeat(64)
    )
}

/// A reference to a property as a connector answers it, with what the request knows where it says nothing.
pub(super) fn reference(answer: &Value, known: &[(&str, Option<&str>)]) -> Option<Map<String, Value>> {
    let mut reference = answer.as_object()?.clone();
    reference.retain(|_, value| !value.is_null());
    for (name, value) in known {
        if let Some(value) = value {
            reference.entry(*name).or_insert((*value).into());
        }
    }
    reference.contains_key("propertyName").then_some(reference)
}
