//! The client of the runtime's own API (version 2018-06-01): one request at a time over one connection.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    HeaderMap, Method, Request,
    client::conn::http1::{self, SendRequest},
    header::{CONTENT_TYPE, HOST, HeaderValue},
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};

const VERSION: &str = "2018-06-01";
const ID: &str = "lambda-runtime-aws-request-id";
const DEADLINE: &str = "lambda-runtime-deadline-ms";
const ERROR_TYPE: &str = "lambda-runtime-function-error-type";

/// The largest event, in bytes: Lambda takes 6 MB, which its own envelope of a URL's request makes larger.
const EVENT_LIMIT: usize = 16 * 1024 * 1024;

/// How long the runtime may take for what it does not have to wait for; it is on this machine.
const PATIENCE: Duration = Duration::from_secs(5);

/// The runtime cannot be talked to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody listens there.
    #[error("reach the runtime at {0}")]
    Unreachable(String, #[source] std::io::Error),
    /// The connection broke.
    #[error("talk to the runtime")]
    Broken(#[source] hyper::Error),
    /// It took too long.
    #[error("talk to the runtime in time")]
    Late,
    /// The event ended early, or is larger than Lambda's own limit.
    #[error("read the event")]
    Event(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It answers with a status that its API does not give.
    #[error("get an invocation from the runtime: it says {0}")]
    Refused(u16),
    /// An invocation has no id.
    #[error("read the invocation: it has no id")]
    NoId,
    /// The address, or an id, holds characters that no request takes.
    #[error("ask the runtime")]
    Request(#[source] hyper::http::Error),
}

/// One invocation.
#[derive(Debug)]
pub(super) struct Invocation {
    /// Its id.
    pub(super) id: String,
    /// When Lambda ends it; unknown when the runtime does not say.
    pub(super) deadline: Option<SystemTime>,
    /// The event.
    pub(super) event: Bytes,
}

/// The runtime, at `host:port`.
pub(super) struct Runtime {
    address: String,
    connection: Option<SendRequest<Full<Bytes>>>,
}

impl Runtime {
    pub(super) fn new(address: String) -> Self {
        Self { address, connection: None }
    }

    /// Waits for the next invocation, for as long as there is none.
    pub(super) async fn next(&mut self) -> Result<Invocation, Error> {
        let (status, headers, event) = self.exchange(Method::GET, "invocation/next", None, Bytes::new()).await?;
        if status != 200 {
            return Err(Error::Refused(status));
        }
        let id = text(&headers, ID).ok_or(Error::NoId)?.to_owned();
        Ok(Invocation { id, deadline: deadline(&headers), event })
    }

    /// Ends an invocation with a document.
    pub(super) async fn respond(&mut self, id: &str, document: &Value) -> Result<u16, Error> {
        self.tell(&format!("invocation/{id}/response"), None, document).await
    }

    /// Ends an invocation as an error.
    pub(super) async fn fail(&mut self, id: &str, kind: &str, message: &str) -> Result<u16, Error> {
        self.tell(&format!("invocation/{id}/error"), Some(kind), &error(kind, message)).await
    }

    /// Says that no invocation can be served at all.
    pub(super) async fn fail_start(&mut self, kind: &str, message: &str) -> Result<u16, Error> {
        self.tell("init/error", Some(kind), &error(kind, message)).await
    }

    /// Posts a document. A connection that has gone stale while the process was frozen is replaced once; telling the
    /// runtime twice is safe, it refuses the second.
    async fn tell(&mut self, path: &str, kind: Option<&str>, document: &Value) -> Result<u16, Error> {
        let body = Bytes::from(document.to_string());
        let kind = kind.map(|kind| format!("Function.{kind}"));
        match timeout(PATIENCE, self.exchange(Method::POST, path, kind.as_deref(), body.clone())).await {
            Ok(Ok((status, ..))) => return Ok(status),
            Ok(Err(error)) => tracing::debug!(%error, "runtime told again"),
            Err(_) => return Err(Error::Late),
        }
        let told = timeout(PATIENCE, self.exchange(Method::POST, path, kind.as_deref(), body)).await;
        told.map_err(|_| Error::Late)?.map(|(status, ..)| status)
    }

    async fn exchange(
        &mut self,
        method: Method,
        path: &str,
        kind: Option<&str>,
        body: Bytes,
    ) -> Result<(u16, HeaderMap, Bytes), Error> {
        let mut request = Request::builder().method(method).uri(format!("/{VERSION}/runtime/{path}"));
        request = request.header(HOST, &self.address).header(CONTENT_TYPE, "application/json");
        if let Some(kind) = kind {
            request = request.header(ERROR_TYPE, kind);
        }
        let request = request.body(Full::new(body)).map_err(Error::Request)?;
        // Taken out for the time of the exchange: one that is given up half-way is not used again.
        let mut connection = match self.connection.take().filter(|connection| !connection.is_closed()) {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        connection.ready().await.map_err(Error::Broken)?;
        let (head, body) = connection.send_request(request).await.map_err(Error::Broken)?.into_parts();
        let body = Limited::new(body, EVENT_LIMIT).collect().await.map_err(Error::Event)?.to_bytes();
        self.connection = Some(connection);
        Ok((head.status.as_u16(), head.headers, body))
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Error> {
        let unreachable = |error| Error::Unreachable(self.address.clone(), error);
        let stream = timeout(PATIENCE, TcpStream::connect(&self.address)).await.map_err(|_| Error::Late)?;
        let stream = stream.map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(Error::Broken)?;
        // It ends with the sender; what broke it, the sender says.
        tokio::spawn(connection);
        Ok(sender)
    }
}

fn error(kind: &str, message: &str) -> Value {
    json!({"errorMessage": message, "errorType": kind, "stackTrace": []})
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(HeaderValue::to_str)?.ok().filter(|text| !text.is_empty())
}

fn deadline(headers: &HeaderMap) -> Option<SystemTime> {
    let millis = text(headers, DEADLINE)?.trim().parse().ok()?;
    UNIX_EPOCH.checked_add(Duration::from_millis(millis))
}
