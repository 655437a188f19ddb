//! Objects on Azure: blobs of one container.

use std::time::Instant;

use async_trait::async_trait;
use azure::blob::Container;
use bytes::Bytes;

use super::{CONTENT_TYPE, Objects};
use crate::{answer::Answer, retry, storage::setback};

/// A container, and the access tier of what is written to it.
#[derive(Debug, Clone)]
pub struct Blobs {
    container: Container,
    tier: String,
}

impl Blobs {
    /// The blobs of a container.
    #[must_use]
    pub fn new(container: Container, tier: String) -> Self {
        Self { container, tier }
    }
}

#[async_trait]
impl Objects for Blobs {
    async fn put(&self, name: &str, content: &Bytes, deadline: Instant) -> Result<(), Answer> {
        retry::until(deadline, || async {
            let created = self.container.create(name, content.clone(), CONTENT_TYPE, &self.tier).await;
            created.map(|_| ()).map_err(|error| setback(&error))
        })
        .await
    }
}
