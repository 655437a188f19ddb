//! Hot storage, wherever it is.

use std::time::Instant;

use async_trait::async_trait;
use azure::{
    Kind,
    cosmos::{Container, PartitionKey},
};

use crate::{
    answer::{Answer, Code},
    inbound::envelope::Layer,
    item::Item,
    remote::Receiver,
    retry::{self, Setback},
};

/// Takes items; one that comes twice is stored once.
#[async_trait]
pub trait Store: Send + Sync {
    /// Stores an item before the deadline.
    ///
    /// # Errors
    /// The answer to give to whoever asked.
    async fn store(&self, item: &Item, deadline: Instant) -> Result<(), Answer>;
}

#[async_trait]
impl Store for Container {
    async fn store(&self, item: &Item, deadline: Instant) -> Result<(), Answer> {
        let (document, device) = (item.document(), PartitionKey::from(item.telemetry.device.as_str()));
        retry::until(deadline, || async {
            self.upsert(&document, &device).await.map(|_| ()).map_err(|error| setback(&error))
        })
        .await
    }
}

/// The hot-writer on another cloud.
#[async_trait]
impl Store for Receiver {
    async fn store(&self, item: &Item, deadline: Instant) -> Result<(), Answer> {
        self.hand_on(item, Layer::L3, deadline).await.map(|_| ())
    }
}

/// What a failure of Cosmos DB means for whoever asked us. The service's own words stay in the log.
pub(crate) fn setback(error: &azure::Error) -> Setback {
    let (code, message, passes) = match error.kind() {
        Kind::Transient => (Code::Upstream, "the storage failed", true),
        Kind::Conflict => (Code::Upstream, "the storage met another write", true),
        Kind::Throttled => (Code::Throttled, "the storage is at its limit", true),
        // A role that has not propagated yet takes minutes: longer than a call may take.
        Kind::NotYet => (Code::NotReady, "the storage does not admit the function yet", false),
        Kind::NotFound => (Code::NotReady, "the storage is not there", false),
        Kind::Permanent => (Code::Upstream, "the storage refuses the item", false),
    };
    tracing::warn!(error = %error, passes, "storage failed");
    Setback { answer: Answer::new(code, message).retry_after(error.retry_after()), passes }
}
