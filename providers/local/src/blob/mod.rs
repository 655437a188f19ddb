//! Blob storage, as far as dead letters need it: they are written by Event Grid and read by people and tests.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, Response};
use bytes::Bytes;

use crate::answer::Answer;
use crate::cloud::Cloud;

/// Serves a request to `https://{account}.blob.localhost/`.
pub(crate) fn handle(cloud: &Arc<Cloud>, account: &str, request: &Request<Bytes>) -> Response<Body> {
    let _ = (cloud, account);
    Answer::not_implemented("blob storage", request).into_response()
}
