//! `ingestion`: from a remote L1 to the persister.

use async_trait::async_trait;

use crate::{
    answer::{Answer, Code},
    call::{Call, Handler},
    inbound::envelope::Layer,
    item::Item,
    persister::admitted,
    remote::Receiver,
    settings::Secret,
};

/// Checks telemetry at the border and hands it to the persister of the same cloud.
pub struct Ingestion {
    token: Secret,
    persister: Receiver,
}

impl Ingestion {
    /// An ingestion whose callers show `token`.
    #[must_use]
    pub fn new(token: Secret, persister: Receiver) -> Self {
        Self { token, persister }
    }
}

#[async_trait]
impl Handler for Ingestion {
    async fn call(&self, call: Call) -> Answer {
        let item = match admitted(&self.token, call.what) {
            Ok(telemetry) => Item::of(telemetry),
            Err(answer) => return answer,
        };
        let taken = self.persister.hand_on(&item, Layer::L2, call.deadline).await;
        let answer = taken.map(|_| Answer::new(Code::Forwarded, "the persister has the telemetry"));
        answer.unwrap_or_else(|refusal| refusal).about(item.telemetry.device)
    }
}
