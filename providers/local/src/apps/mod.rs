//! Function apps: their processes, and the front that calls them.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, Response};
use bytes::Bytes;
use serde_json::Value;

use crate::answer::Answer;
use crate::cloud::Cloud;

/// The apps that run.
#[derive(Debug, Default)]
pub(crate) struct Apps;

/// How a delivery of events to a function ended, as a status of HTTP: 200 to 204 are successes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delivered {
    pub(crate) status: u16,
    /// What to write into the dead letter when it failed.
    pub(crate) outcome: String,
}

/// Serves a request to `https://{app}.web.localhost/`.
pub(crate) async fn http(cloud: &Arc<Cloud>, request: Request<Bytes>) -> Response<Body> {
    let _ = cloud;
    Answer::not_implemented("function apps", &request).into_response()
}

/// Hands events of a subscription to a function of an app.
pub(crate) async fn deliver(cloud: &Arc<Cloud>, app: &str, function: &str, events: &[Value]) -> Delivered {
    let _ = (cloud, app, function, events);
    Delivered { status: 503, outcome: "NotImplemented".to_owned() }
}

/// Looks after the processes until the cloud stops, then ends them all.
pub(crate) async fn run(cloud: Arc<Cloud>) {
    cloud.stop.cancelled().await;
}
