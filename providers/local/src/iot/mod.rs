//! IoT Hub: the registry of devices, and the messages that they send over HTTPS and MQTT.

pub(crate) mod registry;

use std::sync::Arc;

use axum::http::Request;
use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::answer::Answer;
use crate::cloud::Cloud;

pub(crate) use registry::error;

/// Serves a request to a hub's HTTPS interface.
pub(crate) fn handle(cloud: &Arc<Cloud>, request: &Request<Bytes>) -> Answer {
    registry::handle(cloud, request)
}

/// Serves one MQTT connection, its TLS handshake done, until either side ends it or the cloud stops.
pub(crate) async fn mqtt(cloud: Arc<Cloud>, stream: impl AsyncRead + AsyncWrite + Unpin + Send) {
    let _ = (cloud, stream);
}
