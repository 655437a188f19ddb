//! Calls of a process in the form that the real host gives to custom handlers, and what their answers mean.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::definition::Definition;
use super::function::Function;
use super::process::Process;
use super::supervisor::{App, Unavailable};
use crate::cloud::Cloud;
use crate::query;

/// To how many processes a call is given at most.
const TRIES: usize = 3;
/// How long it may take until the end of a process is noticed.
const NOTICE: Duration = Duration::from_secs(1);
/// What the host calls itself.
pub(super) const VERSION: &str = "4.1036.0";

/// A call that has come to nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    /// There is no process to give it to.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The process answered with an error.
    #[error("the handler answered {0}")]
    Status(u16),
    /// The process answered what no host understands.
    #[error("the handler's answer is not the expected JSON: {0}")]
    Form(String),
    /// The connection broke, since the process ended, most likely.
    #[error("the handler ended during the call: {0}")]
    Broken(String),
    /// The process did not answer in time.
    #[error("the handler did not answer within {} s", .0.as_secs())]
    TimedOut(Duration),
}

/// An app as a call finds it.
#[derive(Clone, Copy)]
pub(super) struct Callee<'a> {
    pub(super) cloud: &'a Arc<Cloud>,
    pub(super) app: &'a Arc<App>,
    pub(super) now: &'a Definition,
}

/// What a handler answers.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Outcome {
    outputs: Option<Map<String, Value>>,
    logs: Option<Vec<Value>>,
    return_value: Value,
}

/// Calls a function with the value of its trigger: `POST /{function}`.
pub(super) async fn call(
    callee: Callee<'_>,
    function: &Function,
    value: Value,
    limit: Duration,
) -> Result<Outcome, Failed> {
    let now = crate::clock::timestamp(chrono::Utc::now());
    let system = json!({ "MethodName": function.name, "UtcNow": now, "RandGuid": Uuid::new_v4() });
    let body = json!({ "Data": { function.input.as_str(): value }, "Metadata": { "sys": system } });
    let (path, body) = (format!("/{}", function.name), Bytes::from(body.to_string()));
    let request = |process: &Process| {
        let request = process.client.post(process.url(&path)).body(body.clone());
        request.header(header::CONTENT_TYPE, "application/json; charset=utf-8")
    };
    let (status, headers, body) = send(callee, request, limit).await?;
    // Only a success has outputs: the real host makes sure of that before it reads on.
    if !(200..300).contains(&status) {
        return Err(Failed::Status(status));
    }
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.to_lowercase().contains("json") {
        return Err(Failed::Form(format!("its content type is `{kind}`")));
    }
    let outcome: Outcome = serde_json::from_slice(&body).map_err(|error| Failed::Form(error.to_string()))?;
    callee.app.log(outcome.logs.as_deref().unwrap_or_default());
    Ok(outcome)
}

/// Hands a request on as it came.
pub(super) async fn forward(
    callee: Callee<'_>,
    request: &Request<Bytes>,
    limit: Duration,
) -> Result<Response<Body>, Failed> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let mut headers = request.headers().clone();
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
    let onward = |process: &Process| {
        let onward = process.client.request(request.method().clone(), process.url(path));
        onward.headers(headers.clone()).body(request.body().clone())
    };
    let (status, headers, body) = send(callee, onward, limit).await?;
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).map_err(|error| Failed::Form(error.to_string()))?;
    *response.headers_mut() = headers;
    for name in HOP_BY_HOP {
        response.headers_mut().remove(name);
    }
    Ok(response)
}

/// Headers that are of one connection alone; lengths are set anew.
const HOP_BY_HOP: [HeaderName; 6] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::TE,
    header::TRAILER,
    header::UPGRADE,
];

type Answered = (u16, axum::http::HeaderMap, Bytes);

/// Gives a call to a process: to another one when the first turns out not to be there any more.
async fn send(
    callee: Callee<'_>,
    request: impl Fn(&Process) -> reqwest::RequestBuilder,
    limit: Duration,
) -> Result<Answered, Failed> {
    let answered = async {
        for _ in 1..TRIES {
            let lease = callee.app.lease(callee.cloud, callee.now).await?;
            match exchange(request(&lease.process)).await {
                // Nothing has been sent: its process has just ended, which is about to be noticed.
                Err(error) if error.is_connect() => lease.process.ended_within(NOTICE).await,
                answered => return Ok(answered),
            }
        }
        let lease = callee.app.lease(callee.cloud, callee.now).await?;
        Ok::<_, Unavailable>(exchange(request(&lease.process)).await)
    };
    let answered = tokio::time::timeout(limit, answered).await.map_err(|_| Failed::TimedOut(limit))??;
    let answered = answered.map_err(|error| Failed::Broken(error.without_url().to_string()))?;
    callee.app.proven();
    Ok(answered)
}

async fn exchange(request: reqwest::RequestBuilder) -> Result<Answered, reqwest::Error> {
    let request = request
        .header("x-azure-functions-invocationid", Uuid::new_v4().to_string())
        .header("x-azure-functions-hostversion", VERSION)
        .header(header::USER_AGENT, format!("Azure-Functions-Host/{VERSION}"));
    let response = request.send().await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Ok((status, headers, response.bytes().await?))
}

/// A request as the value of an HTTP trigger; query and identities are JSON inside of text, as the real host has it.
pub(super) fn request_value(request: &Request<Bytes>, parameters: Map<String, Value>) -> Value {
    let host = query::header(request, "host").unwrap_or("localhost");
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let pairs = url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes());
    let pairs: Map<String, Value> = pairs.map(|(name, value)| (name.into_owned(), value.into_owned().into())).collect();
    let mut headers = Map::new();
    for (name, value) in request.headers() {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        match headers.entry(titled(name.as_str())).or_insert_with(|| json!([])) {
            Value::Array(values) => values.push(value.into()),
            _ => unreachable!("every entry is a list"),
        }
    }
    let mut value = json!({
        "Url": format!("https://{host}{path}"),
        "Method": request.method().as_str(),
        "Query": Value::Object(pairs).to_string(),
        "Headers": headers,
        "Params": parameters,
        "Identities": "[]",
    });
    if !request.body().is_empty() {
        value["Body"] = body_value(request).into();
    }
    value
}

/// Text as it is; what is declared as bytes, or is no text, in base64.
fn body_value(request: &Request<Bytes>) -> String {
    let kind = query::header(request, "content-type").unwrap_or_default().to_lowercase();
    let is_bytes = kind.starts_with("application/octet-stream") || kind.starts_with("multipart/");
    let text = std::str::from_utf8(request.body()).ok().filter(|_| !is_bytes);
    text.map_or_else(|| STANDARD.encode(request.body()), str::to_owned)
}

/// `content-type` as `Content-Type`: names of headers come that way from the real host.
fn titled(name: &str) -> String {
    let mut first = true;
    let letter = |letter: char| {
        let shown = if first { letter.to_ascii_uppercase() } else { letter };
        first = letter == '-';
        shown
    };
    name.chars().map(letter).collect()
}

impl Outcome {
    /// The answer to the request that called the function: its HTTP output, or its return value.
    pub(super) fn into_response(mut self, function: &Function) -> Response<Body> {
        let named = function.output.as_deref().filter(|name| *name != "$return");
        let output = named.and_then(|name| self.outputs.as_mut()?.remove(name));
        match output.unwrap_or(self.return_value) {
            Value::Null => status(204),
            Value::Object(output) if is_response(&output) => response(&output),
            other => with_body(200, &other),
        }
    }
}

/// Whether an output describes an answer, rather than being its body.
fn is_response(output: &Map<String, Value>) -> bool {
    let keys = ["statuscode", "status", "headers", "body"];
    output.keys().any(|key| keys.contains(&key.to_lowercase().as_str()))
}

fn response(output: &Map<String, Value>) -> Response<Body> {
    let member = |name: &str| output.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    let code = |value: &Value| match value {
        Value::String(text) => text.parse().ok(),
        value => value.as_u64().and_then(|code| u16::try_from(code).ok()),
    };
    let code = member("statusCode").or_else(|| member("status")).and_then(code).unwrap_or(200);
    let mut response =
        member("body").filter(|body| !body.is_null()).map_or_else(|| status(code), |body| with_body(code, body));
    for (name, value) in member("headers").and_then(Value::as_object).into_iter().flatten() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            // The length is that of the body that is sent.
            (Ok(header::CONTENT_LENGTH | header::TRANSFER_ENCODING), _) => {}
            (Ok(name), Ok(value)) => drop(response.headers_mut().insert(name, value)),
            _ => tracing::warn!(name, "a function's answer has a header that HTTP cannot carry; it is left out"),
        }
    }
    response
}

fn with_body(code: u16, body: &Value) -> Response<Body> {
    let (text, kind) = match body {
        Value::String(text) => (text.clone(), "text/plain; charset=utf-8"),
        other => (other.to_string(), "application/json; charset=utf-8"),
    };
    let mut response = status(code);
    *response.body_mut() = Body::from(text);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn status(code: u16) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}

#[cfg(test)]
mod tests;
