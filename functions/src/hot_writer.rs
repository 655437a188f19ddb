//! `hot-writer`: from a remote L2 into hot storage.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    answer::{Answer, Code},
    call::{Call, Handler},
    item::Item,
    persister::admitted,
    settings::Secret,
    storage::Store,
};

/// Stores telemetry of another cloud's persister.
pub struct HotWriter {
    token: Secret,
    store: Arc<dyn Store>,
}

impl HotWriter {
    /// A hot-writer whose callers show `token`.
    #[must_use]
    pub fn new(token: Secret, store: Arc<dyn Store>) -> Self {
        Self { token, store }
    }
}

#[async_trait]
impl Handler for HotWriter {
    async fn call(&self, call: Call) -> Answer {
        let item = match admitted(&self.token, call.what) {
            Ok(telemetry) => Item::of(telemetry),
            Err(answer) => return answer,
        };
        let stored = Answer::new(Code::Stored, "the item is in storage").detail("id", item.id.as_str());
        let ended = self.store.store(&item, call.deadline).await;
        ended.map_or_else(|refusal| refusal, |()| stored).about(item.telemetry.device)
    }
}
