//! Objects of cold storage and of the archive, wherever they are.

mod blob;
mod s3;

use std::time::Instant;

use async_trait::async_trait;
use bytes::Bytes;

pub use blob::Blobs;
pub use s3::Bucket;

use crate::answer::Answer;

/// What an object is.
const CONTENT_TYPE: &str = "application/x-ndjson";

/// Takes objects; one that comes twice is stored once.
#[async_trait]
pub trait Objects: Send + Sync {
    /// Stores an object before the deadline, unless there is one of its name: a name stands for its content. Its segments
    /// are parted by `/`.
    ///
    /// # Errors
    /// The answer to give to whoever asked.
    async fn put(&self, name: &str, content: &Bytes, deadline: Instant) -> Result<(), Answer>;
}
