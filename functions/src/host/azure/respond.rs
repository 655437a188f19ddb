//! One request: which form it has, what the function says, and the answer in that form.

use std::{sync::Arc, time::Instant};

use http_body_util::{BodyExt, Full};
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::{Body, Bytes},
    header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER},
};
use serde_json::Value;

use super::{Options, invocation, log, retry_after};
use crate::{
    answer::{Answer, Code},
    app::App,
    call::{BODY_LIMIT, Call, What},
    function::{Function, Trigger},
    remote::TOKEN,
    settings::Secret,
};

/// The largest invocation, in bytes: an event of a megabyte or a body within [`BODY_LIMIT`], encoded as text twice.
const INVOCATION_LIMIT: usize = 4 * 1024 * 1024;

/// How much of a body that is too large is still read, so that the answer is: a caller that is cut off while it sends
/// never sees why.
const DISCARD_LIMIT: usize = 64 * 1024 * 1024;

/// The headers under which the Functions host names an invocation, new and old.
const INVOCATION_IDS: [&str; 2] = ["x-azure-functions-invocationid", "x-ms-invocation-id"];

type Reply = Response<Full<Bytes>>;

/// The app behind its HTTP face.
pub(super) struct Host {
    app: Arc<App>,
    options: Options,
}

/// What a request is.
#[derive(Debug, PartialEq)]
enum Route {
    Probe,
    Status,
    /// A request as the caller sent it.
    Forwarded(Function),
    /// The `Data`/`Metadata` form.
    Invoked(Function),
    Refused(Code),
}

impl Route {
    fn of(method: &Method, path: &str) -> Self {
        let looks = *method == Method::GET || *method == Method::HEAD;
        match path {
            "/" if looks => return Self::Probe,
            "/admin/status" if looks => return Self::Status,
            _ => {}
        }
        let (name, forwarded) = match path.strip_prefix("/api/") {
            Some(name) => (name, true),
            None => (path.trim_start_matches('/'), false),
        };
        let function = Function::ALL.into_iter().find(|function| function.name() == name);
        match function.filter(|function| !forwarded || function.trigger() == Trigger::Http) {
            None => Self::Refused(Code::NotFound),
            Some(_) if *method != Method::POST => Self::Refused(Code::MethodNotAllowed),
            Some(function) if forwarded => Self::Forwarded(function),
            Some(function) => Self::Invoked(function),
        }
    }
}

impl Host {
    pub(super) fn new(app: Arc<App>, options: Options) -> Self {
        Self { app, options }
    }

    /// Answers a request; whatever is wrong with it becomes an answer.
    pub(super) async fn respond<B>(&self, request: Request<B>) -> Reply
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let (head, body) = request.into_parts();
        match Route::of(&head.method, head.uri.path()) {
            Route::Probe => reply(StatusCode::OK, Bytes::from_static(b"{\"status\":\"up\"}")),
            Route::Status => json(StatusCode::OK, &self.app.counters().to_json()),
            Route::Forwarded(function) => self.forwarded(function, &head.headers, body).await,
            Route::Invoked(function) => self.invoked(function, &head.headers, body).await,
            Route::Refused(code) => plain(&refusal(code)),
        }
    }

    async fn forwarded<B>(&self, function: Function, headers: &HeaderMap, body: B) -> Reply
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let began = Instant::now();
        let deadline = began + self.options.post_time;
        let answer = match read(body, BODY_LIMIT, deadline).await {
            Ok(body) => {
                let token = headers.get(TOKEN).and_then(|value| value.to_str().ok()).map(Secret::new);
                self.app.call(function, Call { what: What::Post { token, body }, deadline }).await
            }
            Err(answer) => answer,
        };
        log::call(function, invocation_id(headers), &answer, began.elapsed());
        plain(&answer)
    }

    async fn invoked<B>(&self, function: Function, headers: &HeaderMap, body: B) -> Reply
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let began = Instant::now();
        let http = function.trigger() == Trigger::Http;
        let deadline = began + if http { self.options.post_time } else { self.options.event_time };
        let what = match read(body, INVOCATION_LIMIT, deadline).await {
            Ok(body) if http => posted(&body),
            Ok(body) => triggered(&body),
            Err(answer) => Err(answer),
        };
        let answer = match what {
            Ok(what) => self.app.call(function, Call { what, deadline }).await,
            Err(answer) => answer,
        };
        log::call(function, invocation_id(headers), &answer, began.elapsed());
        if http {
            json(StatusCode::OK, &invocation::response(&answer))
        } else {
            json(status(&answer), &invocation::completion(&answer))
        }
    }
}

/// The call in an invocation with an HTTP trigger.
fn posted(body: &[u8]) -> Result<What, Answer> {
    let post = invocation::post(body).map_err(malformed)?;
    match post.body.len() {
        _ if post.method != "POST" => Err(refusal(Code::MethodNotAllowed)),
        length if length > BODY_LIMIT => Err(refusal(Code::TooLarge)),
        _ => Ok(What::Post { token: post.token, body: post.body }),
    }
}

/// The call in an invocation with an event trigger.
fn triggered(body: &[u8]) -> Result<What, Answer> {
    invocation::events(body).map(What::Events).map_err(malformed)
}

fn malformed(error: invocation::Error) -> Answer {
    Answer::new(Code::Malformed, error.to_string())
}

fn refusal(code: Code) -> Answer {
    let why = match code {
        Code::MethodNotAllowed => "the function takes POST alone",
        Code::TooLarge => "the body is too large",
        _ => "there is no such function",
    };
    Answer::new(code, why)
}

/// Reads a body of at most `limit` bytes. Of a longer one the rest is read and dropped.
async fn read<B>(body: B, limit: usize, deadline: Instant) -> Result<Vec<u8>, Answer>
where
    B: Body<Data = Bytes> + Unpin,
{
    let late = || Answer::new(Code::TimedOut, "the body did not arrive in time");
    tokio::time::timeout_at(deadline.into(), collect(body, limit)).await.unwrap_or_else(|_| Err(late()))
}

async fn collect<B>(mut body: B, limit: usize) -> Result<Vec<u8>, Answer>
where
    B: Body<Data = Bytes> + Unpin,
{
    let (mut bytes, mut seen) = (Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Answer::new(Code::Malformed, "the body ended too early"))?;
        let Ok(data) = frame.into_data() else { continue };
        seen += data.len();
        if seen <= limit {
            bytes.extend_from_slice(&data);
        } else if seen > DISCARD_LIMIT {
            break;
        }
    }
    if seen <= limit { Ok(bytes) } else { Err(refusal(Code::TooLarge)) }
}

fn invocation_id(headers: &HeaderMap) -> Option<&str> {
    INVOCATION_IDS.iter().find_map(|name| headers.get(*name))?.to_str().ok()
}

fn status(answer: &Answer) -> StatusCode {
    StatusCode::from_u16(answer.code.status()).expect("every code's status is one of HTTP")
}

/// An answer as a caller of HTTP takes it.
fn plain(answer: &Answer) -> Reply {
    let mut reply = json(status(answer), &answer.body());
    if let Some(after) = retry_after(answer).and_then(|text| HeaderValue::from_str(&text).ok()) {
        reply.headers_mut().insert(RETRY_AFTER, after);
    }
    if answer.code == Code::MethodNotAllowed {
        reply.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
    }
    reply
}

fn json(status: StatusCode, body: &Value) -> Reply {
    reply(status, body.to_string().into())
}

fn reply(status: StatusCode, body: Bytes) -> Reply {
    let mut reply = Response::new(Full::new(body));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}
