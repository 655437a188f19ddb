//! IoT Hub: the registry of devices, and the messages that they send over HTTPS and MQTT.
//!
//! | term | meaning |
//! |---|---|
//! | hub | the resource, found by its name; only an active one takes anything |
//! | signature | the token of a device or of a shared access policy: resource, end, HMAC-SHA256 |
//! | sender | a device that has proved who it is |
//! | session | the one MQTT connection that a device has; a new one ends it |
//!
//! A message is acknowledged only after Event Grid has written it down. The hub keeps none: what nobody subscribes to is
//! gone. Its own endpoint for readers (Event Hubs, AMQP) is not served.

mod admission;
mod https;
mod hub;
mod message;
mod mqtt;
pub(crate) mod registry;
mod sas;
mod session;

use std::sync::Arc;

use axum::http::{Method, Request};
use bytes::Bytes;

use crate::answer::Answer;
use crate::cloud::Cloud;
use crate::query;

pub(crate) use mqtt::serve as mqtt;
pub(crate) use registry::error;
pub(crate) use session::Sessions;

/// Serves a request to a hub's HTTPS interface.
pub(crate) fn handle(cloud: &Arc<Cloud>, request: &Request<Bytes>) -> Answer {
    let parts = query::segments(request.uri().path());
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match (request.method(), parts.as_slice()) {
        (&Method::POST, ["devices", device, "messages", "events"]) => https::accept(cloud, device, request),
        _ => registry::handle(cloud, request),
    }
}
