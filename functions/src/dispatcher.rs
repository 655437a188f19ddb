//! `dispatcher`: from Event Grid or IoT Core to whoever persists.

use std::{sync::Arc, time::Instant};

use async_trait::async_trait;
use futures::future::join_all;
use serde_json::Value;

use crate::{
    answer::{Answer, Code},
    call::{Call, Handler, What},
    events::{each_message, together},
    inbound::{Inbound, envelope::Layer, event_grid},
    item::Item,
    persister::Persister,
    remote::Receiver,
    telemetry::Telemetry,
};

/// Who takes the telemetry.
pub enum Next {
    /// The persister of the same app, in-process.
    Persister(Arc<Persister>),
    /// The ingestion on L2's cloud.
    Ingestion(Receiver),
}

/// Hands the telemetry of events on.
pub struct Dispatcher(Next);

impl Dispatcher {
    /// A dispatcher to `next`.
    #[must_use]
    pub fn new(next: Next) -> Self {
        Self(next)
    }

    async fn event(&self, event: &Value, deadline: Instant) -> Answer {
        match event_grid::parse(event) {
            Ok(Inbound::Telemetry(telemetry)) => self.hand_on(telemetry, deadline).await,
            Ok(Inbound::Validation { code }) => {
                Answer::new(Code::Validated, "the subscription is ours").detail("validationResponse", code)
            }
            Ok(Inbound::Other(_)) => Answer::new(Code::NothingToDo, "the event is no telemetry"),
            Err(problem) => {
                let answer = Answer::new(Code::Malformed, problem.to_string()).detail("at", problem.at);
                event_grid::device(event).map_or(answer.clone(), |device| answer.about(device))
            }
        }
    }

    async fn hand_on(&self, telemetry: Telemetry, deadline: Instant) -> Answer {
        match &self.0 {
            Next::Persister(persister) => persister.persist(telemetry, deadline).await,
            Next::Ingestion(receiver) => {
                let item = Item::of(telemetry);
                let taken = receiver.hand_on(&item, Layer::L2, deadline).await;
                let answer = taken.map(|_| Answer::new(Code::Forwarded, "the ingestion has the telemetry"));
                answer.unwrap_or_else(|refusal| refusal).about(item.telemetry.device)
            }
        }
    }
}

#[async_trait]
impl Handler for Dispatcher {
    async fn call(&self, call: Call) -> Answer {
        match call.what {
            What::Events(events) => {
                together(join_all(events.iter().map(|event| self.event(event, call.deadline))).await)
            }
            What::Rule(events) => each_message(&events, |telemetry| self.hand_on(telemetry, call.deadline)).await,
            What::Post { .. } | What::Query(_) => Answer::new(Code::Malformed, "the function takes events, no POST"),
        }
    }
}
