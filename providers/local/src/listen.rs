//! Sockets: accepts connections, speaks TLS and HTTP/1.1, applies faults, hands requests to their service.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use bytes::Bytes;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

use crate::answer::Answer;
use crate::cloud::Cloud;
use crate::faults::{Kind, Target};
use crate::{apps, arm, blob, control, cosmos, data_plane, events, iot, query, scm, token, twinmaker};

/// Largest request body that is read, in bytes; function packages are the largest that are sent.
const BODY_LIMIT: usize = 256 * 1024 * 1024;
/// How long a TLS handshake may take before the connection is dropped.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);

/// What a listener serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Service {
    Arm,
    Adt,
    AdtHttp,
    Login,
    Imds,
    IotHub,
    Mqtt,
    Scm,
    Web,
    Data,
    TwinMaker,
    Control,
}

impl Service {
    pub(crate) const ALL: [Self; 12] = [
        Self::Arm,
        Self::Adt,
        Self::AdtHttp,
        Self::Login,
        Self::Imds,
        Self::IotHub,
        Self::Mqtt,
        Self::Scm,
        Self::Web,
        Self::Data,
        Self::TwinMaker,
        Self::Control,
    ];

    /// The name under which its port is remembered.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Arm => "arm",
            Self::Adt => "adt",
            Self::AdtHttp => "adt-http",
            Self::Login => "login",
            Self::Imds => "imds",
            Self::IotHub => "iot-hub",
            Self::Mqtt => "mqtt",
            Self::Scm => "scm",
            Self::Web => "web",
            Self::Data => "data",
            Self::TwinMaker => "twinmaker",
            Self::Control => "control",
        }
    }

    /// The name under which faults aim at it: both listeners of the twins are one service.
    fn fault_name(self) -> &'static str {
        if self == Self::AdtHttp { "adt" } else { self.name() }
    }

    /// Whether it speaks TLS; all but MQTT then speak HTTP.
    pub(crate) fn is_tls(self) -> bool {
        !matches!(self, Self::AdtHttp | Self::Imds | Self::TwinMaker | Self::Control)
    }
}

/// Accepts connections until the cloud stops.
pub(crate) async fn serve(
    cloud: Arc<Cloud>,
    service: Service,
    listener: TcpListener,
    tls: Option<Arc<rustls::ServerConfig>>,
    tasks: TaskTracker,
) {
    let acceptor = tls.map(TlsAcceptor::from);
    loop {
        let accepted = tokio::select! {
            () = cloud.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                tasks.spawn(connection(Arc::clone(&cloud), service, stream, acceptor.clone()));
            }
            Err(error) => {
                tracing::warn!(service = service.name(), %error, "accepting a connection failed");
                // Out of file descriptors, most likely: give connections time to end.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn connection(cloud: Arc<Cloud>, service: Service, stream: TcpStream, tls: Option<TlsAcceptor>) {
    // Small answers must not wait for the client's delayed acknowledgements.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "the socket keeps its delay");
    }
    match tls {
        None => speak(cloud, service, stream).await,
        Some(tls) => match tokio::time::timeout(HANDSHAKE_DEADLINE, tls.accept(stream)).await {
            Ok(Ok(stream)) if service == Service::Mqtt => iot::mqtt(cloud, stream).await,
            Ok(Ok(stream)) => speak(cloud, service, stream).await,
            Ok(Err(error)) => tracing::debug!(service = service.name(), %error, "the TLS handshake failed"),
            Err(_) => tracing::debug!(service = service.name(), "the TLS handshake took too long"),
        },
    }
}

/// The connection is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the reply was lost on demand")]
struct Lost;

async fn speak(cloud: Arc<Cloud>, service: Service, stream: impl AsyncRead + AsyncWrite + Unpin) {
    let stop = cloud.stop.clone();
    let handler = hyper::service::service_fn(move |request| answer(Arc::clone(&cloud), service, request));
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), handler);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(service = service.name(), %error, "a connection ended early");
    }
}

async fn answer(
    cloud: Arc<Cloud>,
    service: Service,
    request: Request<Incoming>,
) -> Result<axum::http::Response<Body>, Lost> {
    let (parts, body) = request.into_parts();
    let body = match axum::body::to_bytes(Body::new(body), BODY_LIMIT).await {
        Ok(body) => body,
        Err(error) => {
            tracing::debug!(%error, "a request's body could not be read");
            return Ok(Answer::error(413, "RequestEntityTooLarge", "The request body cannot be read.").into_response());
        }
    };
    let request = Request::from_parts(parts, body);
    if service == Service::Control {
        return Ok(control::handle(&cloud, &request).into_response());
    }
    let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
    let target = Target { service: service.fault_name(), method: &method, path: &path };
    let hits = cloud.faults.hit(target);
    let is_documents = service == Service::Data && query::subject(&request, "documents").is_some();
    let heard = cloud.recording.hear(service, &request);
    let refusal = before(service, is_documents, &hits).await;
    let is_lost = refusal.is_none() && hits.contains(&Kind::ReplyLost);
    let response = match refusal {
        Some(refusal) => refusal.into_response(),
        None => dispatch(&cloud, service, request, &hits).await,
    };
    match heard {
        Some(heard) if is_lost => cloud.recording.lose(&heard),
        Some(heard) => return Ok(cloud.recording.note(heard, response).await),
        None => {}
    }
    if is_lost { Err(Lost) } else { Ok(response) }
}

/// Faults that come before any effect: a delay, or an answer in the service's stead.
async fn before(service: Service, is_documents: bool, hits: &[Kind]) -> Option<Answer> {
    for hit in hits {
        match hit {
            Kind::Latency { milliseconds } => tokio::time::sleep(Duration::from_millis(*milliseconds)).await,
            Kind::Throttle { retry_after } if is_documents => return Some(cosmos::throttled(*retry_after)),
            Kind::Error { status, code } if is_documents => return Some(cosmos::failed(*status, code)),
            Kind::Throttle { retry_after } if service == Service::TwinMaker => {
                return Some(twinmaker::throttled(*retry_after));
            }
            Kind::Throttle { retry_after } => {
                return Some(throttled(service).header("retry-after", &retry_after.to_string()));
            }
            Kind::Error { status, code } => {
                return Some(failed(service, *status, code));
            }
            _ => {}
        }
    }
    None
}

/// The throttling answer in the service's own shape; the twins' has no `error.code`.
fn throttled(service: Service) -> Answer {
    const LIMIT: &str = "Maximum request rate limit reached. Please retry later.";
    match service {
        Service::Adt | Service::AdtHttp => {
            Answer::json(429, json!({ "error": { "statusCode": 429, "message": LIMIT } }))
        }
        Service::IotHub => iot::error(429, "ThrottlingException", LIMIT),
        _ => Answer::error(429, "TooManyRequests", "The request is being throttled."),
    }
}

fn failed(service: Service, status: u16, code: &str) -> Answer {
    const MESSAGE: &str = "The request failed on demand.";
    match service {
        Service::IotHub => iot::error(status, code, MESSAGE),
        Service::TwinMaker => twinmaker::failed(status, code),
        _ => Answer::error(status, code, MESSAGE),
    }
}

async fn dispatch(
    cloud: &Arc<Cloud>,
    service: Service,
    request: Request<Bytes>,
    hits: &[Kind],
) -> axum::http::Response<Body> {
    match service {
        Service::Arm => match events::handshake(cloud, &request).await {
            Some(refusal) => refusal.into_response(),
            None => arm::handle(cloud, &request, hits).into_response(),
        },
        Service::Adt | Service::AdtHttp => data_plane::digital_twins(cloud, service, request),
        Service::Login => token::login(cloud, &request).into_response(),
        Service::Imds => token::metadata(cloud, &request).into_response(),
        Service::IotHub => iot::handle(cloud, &request).into_response(),
        Service::Scm => scm::handle(cloud, request, hits).await.into_response(),
        Service::Web => apps::http(cloud, request).await,
        Service::Data => data(cloud, &request),
        Service::TwinMaker => twinmaker::handle(cloud, &request, hits).await,
        Service::Control => control::handle(cloud, &request).into_response(),
        // Its connections never get as far as an HTTP request.
        Service::Mqtt => Answer::empty(400).into_response(),
    }
}

/// The data planes that share a listener are told apart by host name.
fn data(cloud: &Arc<Cloud>, request: &Request<Bytes>) -> axum::http::Response<Body> {
    if let Some(account) = query::subject(request, "documents") {
        return cosmos::handle(cloud, &account, request);
    }
    match query::subject(request, "blob") {
        Some(account) => blob::handle(cloud, &account, request),
        None => Answer::not_implemented("this data plane", request).into_response(),
    }
}
