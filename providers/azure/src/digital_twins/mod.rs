//! The data plane of a Digital Twins instance.
//!
//! One method is one request (lists and queries: one per page), paced to the service's limits. Documents are the
//! service's own JSON; ids are escaped here.

mod jobs;
mod models;
mod pace;
mod pages;
mod relationships;
mod routes;
mod twins;

use std::sync::Arc;

use serde_json::Value;
use url::Url;

pub use jobs::{ImportJob, JobStatus};
pub use models::{MODELS_PER_CALL, Model, ModelPlan, batches, plan};
pub use pace::Limits;
pub(crate) use pace::Pace;
use pace::Rate;
pub use pages::Pages;
pub use routes::EventRoute;

use crate::{
    Error, api,
    http::{Answer, Call, Service},
};

/// A twin, a component or a relationship with its version.
#[derive(Debug, Clone, PartialEq)]
pub struct Entity {
    /// The document as the service sent it.
    pub document: Value,
    /// Its ETag: `W/"guid"`.
    pub etag: Option<String>,
}

/// Under which condition a write takes effect; a condition that does not hold is a conflict (412).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Condition<'a> {
    /// Whatever is there.
    #[default]
    Always,
    /// Nothing is there yet.
    IfAbsent,
    /// What is there still has this ETag.
    IfMatch(&'a str),
}

impl Condition<'_> {
    fn put_on(self, call: Call) -> Call {
        match self {
            Self::Always => call,
            Self::IfAbsent => call.header("if-none-match", "*"),
            Self::IfMatch(etag) => call.header("if-match", etag),
        }
    }
}

/// The client of one instance; cheap to clone, all clones share the pace.
#[derive(Debug, Clone)]
pub struct Client {
    service: Service,
    pace: Arc<Pace>,
}

impl Client {
    pub(crate) fn new(service: Service, pace: Arc<Pace>) -> Self {
        Self { service, pace }
    }

    /// Asks for next to nothing: whether the instance answers and admits us.
    ///
    /// # Errors
    /// Not-yet while our role has not propagated (403) or our token is not taken yet (401).
    pub async fn probe(&self) -> Result<(), Error> {
        self.pace.admit(Rate::Models, None).await;
        let call = Call::get(self.url(&["models"], &[])).header("max-items-per-page", "1");
        self.service.send(call).await.map(|_| ())
    }

    fn url(&self, segments: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.service.url(segments, &[("api-version", api::DIGITAL_TWINS_DATA)]);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// One paced request; an answer other than 2xx is an error.
    async fn send(&self, rate: Rate, twin: Option<&str>, call: Call) -> Result<Answer, Error> {
        self.pace.admit(rate, twin).await;
        self.service.send(call).await
    }

    /// One paced read; 404 is `None`.
    async fn find(&self, rate: Rate, twin: Option<&str>, call: Call) -> Result<Option<Entity>, Error> {
        self.pace.admit(rate, twin).await;
        let name = call.name();
        self.service.find(call).await?.map(|answer| entity(&name, &answer)).transpose()
    }

    /// One paced delete; succeeds when nothing is there.
    async fn remove(&self, rate: Rate, twin: Option<&str>, call: Call) -> Result<(), Error> {
        self.pace.admit(rate, twin).await;
        self.service.find(call).await.map(|_| ())
    }
}

fn entity(name: &str, answer: &Answer) -> Result<Entity, Error> {
    let document = answer.document(name)?;
    let in_body = || document.get("$etag").and_then(Value::as_str).map(str::to_owned);
    let etag = answer.etag().or_else(in_body);
    Ok(Entity { document, etag })
}

#[cfg(test)]
mod tests;
