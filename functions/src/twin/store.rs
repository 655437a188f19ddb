//! Where twins live, as the writer sees it.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value;

/// A twin as it was at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The version: every write gives another one, and none comes twice.
    pub etag: String,
    /// The twin as Azure Digital Twins shows it, `$metadata` included.
    pub document: Value,
}

/// A twin instance: reads, and writes that take effect only while the twin is still the one that was read.
#[async_trait]
pub trait Store: Send + Sync {
    /// Reads a twin; `None` when there is none.
    ///
    /// # Errors
    /// [`StoreError`]; never [`StoreError::Stale`].
    async fn get(&self, twin: &str) -> Result<Option<Snapshot>, StoreError>;

    /// Applies a JSON Patch if the twin's version is still `etag`, all of it or nothing. Gives the new version where the
    /// instance tells it.
    ///
    /// # Errors
    /// [`StoreError`]. After [`StoreError::Failed`] the patch may have taken effect or may still do so.
    async fn patch(&self, twin: &str, patch: Bytes, etag: &str) -> Result<Option<String>, StoreError>;
}

/// Why a request did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The twin has another version by now (412).
    #[error("write the twin: it has changed since it was read")]
    Stale,
    /// There is no such twin (404).
    #[error("write the twin: it does not exist")]
    NotFound,
    /// The instance is at its limit (429).
    #[error("reach the twin: the instance is at its limit")]
    Throttled {
        /// When to come again, where the instance says so.
        retry_after: Option<Duration>,
    },
    /// The instance does not take this patch (400).
    #[error("write the twin: the instance refuses the values")]
    Rejected,
    /// The instance does not admit us, or not yet (401, 403).
    #[error("reach the twin: the instance does not admit us")]
    Denied,
    /// No answer, or a failure of the instance (5xx).
    #[error("reach the twin: {0}")]
    Failed(String),
}
