//! Azure Digital Twins as a store of twins.
//!
//! The client's own pace should be off ([`azure::digital_twins::Limits::none`]): the writer keeps each twin's, and the
//! instance's is shared with other processes, so that only its 429 can tell.

use async_trait::async_trait;
use azure::{
    Error,
    digital_twins::{Client, Condition},
};
use bytes::Bytes;

use super::store::{Snapshot, Store, StoreError};

#[async_trait]
impl Store for Client {
    async fn get(&self, twin: &str) -> Result<Option<Snapshot>, StoreError> {
        match self.twin(twin).await.map_err(|error| meaning(&error))? {
            None => Ok(None),
            Some(entity) => match entity.etag {
                Some(etag) => Ok(Some(Snapshot { etag, document: entity.document })),
                None => Err(StoreError::Failed("the instance gives no version of the twin".into())),
            },
        }
    }

    async fn patch(&self, twin: &str, patch: Bytes, etag: &str) -> Result<Option<String>, StoreError> {
        self.patch_twin_text(twin, patch, Condition::IfMatch(etag)).await.map_err(|error| meaning(&error))
    }
}

fn meaning(error: &Error) -> StoreError {
    match error.status() {
        Some(412) => StoreError::Stale,
        Some(404) => StoreError::NotFound,
        Some(429) => StoreError::Throttled { retry_after: error.retry_after() },
        Some(400) => StoreError::Rejected,
        Some(401 | 403) => StoreError::Denied,
        _ => StoreError::Failed(error.to_string()),
    }
}

#[cfg(test)]
mod tests;
