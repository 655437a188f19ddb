//! Cosmos DB's data plane (NoSQL API): databases, containers, items.

use std::path::Path;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, Response};
use bytes::Bytes;

use crate::answer::Answer;
use crate::clock::Clock;
use crate::cloud::Cloud;
use crate::lines;

/// The items of every account.
#[derive(Debug)]
pub(crate) struct Store;

impl Store {
    /// Opens what lies in the folder.
    pub(crate) fn open(dir: &Path, clock: Clock) -> Result<Self, lines::Error> {
        let _ = (dir, clock);
        Ok(Self)
    }
}

/// Serves a request to `https://{account}.documents.localhost/`.
pub(crate) fn handle(cloud: &Arc<Cloud>, account: &str, request: &Request<Bytes>) -> Response<Body> {
    let _ = (cloud, account);
    Answer::not_implemented("Cosmos DB", request).into_response()
}
