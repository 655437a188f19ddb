//! `persister`: storage first, then the twin.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use chrono::Utc;

use crate::{
    answer::{Answer, Code},
    call::{Call, Handler, What},
    counters::Counters,
    events::each_message,
    inbound::{Malformed, envelope::Layer, post},
    item::Item,
    remote::Receiver,
    settings::Secret,
    storage::Store,
    telemetry::Telemetry,
};

/// What is kept of a call's time to answer in, whatever storage and twin take.
const RESERVE: Duration = Duration::from_secs(1);

/// Stores telemetry; then, in addition, hands it to the twin's pusher where there is one.
///
/// The push gets what storage has left of the call's time. Its failure is logged and counted, and never fails the call:
/// whoever called would repeat it, and what is stored would be no more in the twin for it.
pub struct Persister {
    token: Option<Secret>,
    store: Arc<dyn Store>,
    pusher: Option<Receiver>,
    counters: Arc<Counters>,
}

impl Persister {
    /// A persister; without a `token` nobody is served from outside the process.
    #[must_use]
    pub fn new(
        token: Option<Secret>,
        store: Arc<dyn Store>,
        pusher: Option<Receiver>,
        counters: Arc<Counters>,
    ) -> Self {
        Self { token, store, pusher, counters }
    }

    /// Stores, then pushes.
    pub async fn persist(&self, telemetry: Telemetry, deadline: Instant) -> Answer {
        let item = Item::of(telemetry);
        let due = deadline.checked_sub(RESERVE).unwrap_or(deadline);
        let answer = match self.store.store(&item, due).await {
            Ok(()) => self.push(&item, due).await,
            Err(answer) => answer,
        };
        answer.about(item.telemetry.device)
    }

    async fn push(&self, item: &Item, due: Instant) -> Answer {
        let stored = Answer::new(Code::Stored, "the item is in storage").detail("id", item.id.as_str());
        let Some(pusher) = &self.pusher else { return stored };
        match pusher.hand_on(item, Layer::L4, due).await {
            Ok(code) => stored.detail("twin", code.unwrap_or(Code::Updated).name()),
            Err(failure) => {
                self.counters.failed_push();
                let device = item.telemetry.device.as_str();
                tracing::error!(device, code = failure.code.name(), why = failure.message, "push failed");
                stored.detail("twin", failure.code.name())
            }
        }
    }
}

#[async_trait]
impl Handler for Persister {
    async fn call(&self, call: Call) -> Answer {
        let what = match call.what {
            What::Rule(events) => {
                return each_message(&events, |telemetry| self.persist(telemetry, call.deadline)).await;
            }
            what => what,
        };
        match self.token.as_ref().map(|token| admitted(token, what)) {
            Some(Ok(telemetry)) => self.persist(telemetry, call.deadline).await,
            Some(Err(answer)) => answer,
            None => Answer::new(Code::Unauthorized, "nobody is served from outside the app"),
        }
    }
}

/// The telemetry of a POST that shows the token.
///
/// # Errors
/// The answer to give when the token or the body is not what it should be.
pub(crate) fn admitted(token: &Secret, what: What) -> Result<Telemetry, Answer> {
    post::parse(&admitted_body(token, what)?, Utc::now()).map_err(malformed)
}

/// The body of a POST that shows the token.
///
/// # Errors
/// The answer to give when it does not, or when it is no POST.
pub(crate) fn admitted_body(token: &Secret, what: What) -> Result<Vec<u8>, Answer> {
    let What::Post { token: shown, body } = what else {
        return Err(Answer::new(Code::Malformed, "the function takes a POST, no events"));
    };
    if !token.admits(shown.as_ref()) {
        return Err(Answer::new(Code::Unauthorized, "the token is wrong or missing"));
    }
    Ok(body)
}

/// The answer to a body that is not what it should be.
pub(crate) fn malformed(problem: Malformed) -> Answer {
    Answer::new(Code::Malformed, problem.to_string()).detail("at", problem.at)
}
