//! A scripted service for tests: it gives its answers in order and remembers what it was asked.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::Response,
};
use azure_core::{
    credentials::{AccessToken, TokenCredential, TokenRequestOptions},
    time::OffsetDateTime,
};
use serde_json::Value;
use tokio::net::TcpListener;
use url::Url;

use crate::{Azure, Options};

/// One answer to be given; `{base}` in headers and body stands for the script's own URL.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
    delay: Duration,
}

impl Reply {
    pub(crate) fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: String::new(), delay: Duration::ZERO }
    }

    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self { body: body.to_string(), ..Self::new(status) }.header("content-type", "application/json")
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn text(mut self, body: &str) -> Self {
        self.body = body.to_owned();
        self
    }

    pub(crate) fn late(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

/// One request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// Path and query, as on the wire.
    pub(crate) target: String,
    pub(crate) headers: axum::http::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.target)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("ASCII"))
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }
}

#[derive(Debug, Default)]
struct Stage {
    base: String,
    replies: Mutex<VecDeque<Reply>>,
    seen: Mutex<Vec<Seen>>,
}

/// The running script; it stops with the test's runtime.
#[derive(Debug)]
pub(crate) struct Script {
    stage: Arc<Stage>,
    pub(crate) base: Url,
    transport: reqwest::Client,
}

impl Script {
    pub(crate) async fn serve(replies: impl IntoIterator<Item = Reply>) -> Self {
        Self::serve_to(transport(), replies).await
    }

    /// For many scripts in one test: reading the system's certificates for each client takes its time.
    pub(crate) async fn serve_to(transport: reqwest::Client, replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let replies = Mutex::new(replies.into_iter().collect());
        let stage = Arc::new(Stage { base: base.clone(), replies, seen: Mutex::default() });
        let app = Router::new().fallback(answer).with_state(Arc::clone(&stage));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { stage, base: Url::parse(&base).expect("a URL"), transport }
    }

    pub(crate) fn options(&self) -> Options {
        let mut options = Options::new(self.base.clone(), Arc::new(Token), self.transport.clone());
        options.timeout = Duration::from_secs(2);
        options
    }

    pub(crate) fn azure(&self) -> Azure {
        Azure::new(self.options())
    }

    /// What was asked so far, as `METHOD target`.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.stage.seen.lock().expect("not poisoned").iter().map(Seen::line).collect()
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.stage.seen.lock().expect("not poisoned").clone()
    }

    pub(crate) fn left(&self) -> usize {
        self.stage.replies.lock().expect("not poisoned").len()
    }
}

async fn answer(State(stage): State<Arc<Stage>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 24).await.expect("a readable body").to_vec();
    let target = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let seen = Seen { method: parts.method.to_string(), target, headers: parts.headers, body };
    stage.seen.lock().expect("not poisoned").push(seen);
    let reply = stage.replies.lock().expect("not poisoned").pop_front();
    let reply = reply.unwrap_or_else(|| Reply::new(400).text("the script has ended"));
    tokio::time::sleep(reply.delay).await;
    let mut response = Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        response = response.header(name, value.replace("{base}", &stage.base));
    }
    response.body(Body::from(reply.body.replace("{base}", &stage.base))).expect("a valid answer")
}

/// A client that reaches this machine whatever proxy the environment names.
pub(crate) fn transport() -> reqwest::Client {
    // As in the real one: that another test has installed it is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().expect("a client")
}

/// A credential that always gives the same token.
#[derive(Debug)]
struct Token;

#[async_trait]
impl TokenCredential for Token {
    async fn get_token(&self, scopes: &[&str], _: Option<TokenRequestOptions<'_>>) -> azure_core::Result<AccessToken> {
        let ends = OffsetDateTime::now_utc() + azure_core::time::Duration::hours(1);
        Ok(AccessToken::new(format!("token-for-{}", scopes[0]), ends))
    }
}
