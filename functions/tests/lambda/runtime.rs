//! A runtime on a free port: hands out the events that it is given, and remembers how each ended.

use std::{
    convert::Infallible,
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{
    net::TcpListener,
    sync::{Mutex, mpsc},
    task::JoinHandle,
    time::timeout,
};

const PATIENCE: Duration = Duration::from_secs(30);

/// How an invocation, or the start, ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Told {
    /// `invocation/1/response`
    pub(crate) path: String,
    pub(crate) kind: Option<String>,
    pub(crate) body: Value,
}

/// An event to hand out, and the time that its function has.
struct Event {
    body: String,
    time: Duration,
}

pub(crate) struct Runtime {
    pub(crate) address: String,
    events: mpsc::UnboundedSender<Event>,
    told: mpsc::UnboundedReceiver<Told>,
    serving: JoinHandle<()>,
}

struct Shared {
    events: Mutex<mpsc::UnboundedReceiver<Event>>,
    told: mpsc::UnboundedSender<Told>,
    invocations: AtomicU32,
    /// Whether a connection is closed after each answer.
    forgetful: bool,
}

impl Runtime {
    pub(crate) async fn start() -> Self {
        Self::start_with(false).await
    }

    /// One that closes its connections, as a frozen process finds them.
    pub(crate) async fn start_forgetful() -> Self {
        Self::start_with(true).await
    }

    async fn start_with(forgetful: bool) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (events, queue) = mpsc::unbounded_channel();
        let (outcomes, told) = mpsc::unbounded_channel();
        let shared = Shared { events: Mutex::new(queue), told: outcomes, invocations: AtomicU32::new(0), forgetful };
        Self { address, events, told, serving: tokio::spawn(serve(listener, Arc::new(shared))) }
    }

    pub(crate) fn send(&self, event: &Value) {
        self.send_with(event, Duration::from_secs(60));
    }

    pub(crate) fn send_with(&self, event: &Value, time: Duration) {
        self.send_text(event.to_string(), time);
    }

    pub(crate) fn send_text(&self, body: String, time: Duration) {
        self.events.send(Event { body, time }).unwrap();
    }

    pub(crate) async fn told(&mut self) -> Told {
        timeout(PATIENCE, self.told.recv()).await.unwrap().unwrap()
    }

    /// Nobody is there any more.
    pub(crate) fn die(&self) {
        self.serving.abort();
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            let service = service_fn(move |request| {
                let shared = Arc::clone(&shared);
                async move { Ok::<_, Infallible>(shared.respond(request).await) }
            });
            // The other side goes away when its test is over.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

impl Shared {
    async fn respond(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let path = head.uri.path().strip_prefix("/2018-06-01/runtime/").unwrap().to_owned();
        let mut response = Response::builder();
        if self.forgetful {
            response = response.header("connection", "close");
        }
        if path == "invocation/next" {
            // Whoever waits here may go away before there is one.
            let Some(event) = self.events.lock().await.recv().await else { std::future::pending().await };
            let id = self.invocations.fetch_add(1, Ordering::Relaxed) + 1;
            let deadline = (SystemTime::now() + event.time).duration_since(UNIX_EPOCH).unwrap().as_millis();
            response = response.header("Lambda-Runtime-Aws-Request-Id", id.to_string());
            response = response.header("Lambda-Runtime-Deadline-Ms", deadline.to_string());
            return response.body(Full::from(event.body)).unwrap();
        }
        let kind = head.headers.get("lambda-runtime-function-error-type").map(|kind| kind.to_str().unwrap().to_owned());
        let body = serde_json::from_slice(&body.collect().await.unwrap().to_bytes()).unwrap();
        self.told.send(Told { path, kind, body }).unwrap();
        response.status(202).body(Full::default()).unwrap()
    }
}
