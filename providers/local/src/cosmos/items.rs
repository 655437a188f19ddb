//! Requests on items.

use std::sync::{Arc, PoisonError, RwLock};

use axum::http::Method;

use super::container::{Age, Container, Item, Partition};
use super::partition::{self, Paths};
use super::refusal::Refusal;
use super::{Call, feed, patch, write};
use crate::answer::Answer;

/// The container that a request is for.
#[derive(Debug)]
pub(super) struct Target {
    /// `dbs/{database}/colls/{container}`, by their names.
    pub(super) link: String,
    /// The account's name.
    pub(super) account: String,
    pub(super) database_rid: String,
    pub(super) rid: String,
    /// The name of the container's file.
    pub(super) file: String,
    pub(super) paths: Paths,
    /// The container's default time to live.
    pub(super) ttl: Option<i64>,
}

impl Target {
    pub(super) fn container(&self, call: &Call<'_>) -> Result<Arc<RwLock<Container>>, Refusal> {
        call.cloud.documents.container(&self.file).map_err(|error| Refusal::internal(&error))
    }

    pub(super) fn age(&self, call: &Call<'_>) -> Age {
        Age { now: call.cloud.clock.now().timestamp(), ttl: self.ttl }
    }

    /// The partition that the request names; `None` when it names none.
    pub(super) fn named_partition(&self, call: &Call<'_>) -> Result<Option<Partition>, Refusal> {
        let header = call.header("x-ms-documentdb-partitionkey");
        header.map(|header| partition::of_header(header, &self.paths)).transpose()
    }

    /// The partition that the request names, where it has to.
    pub(super) fn partition(&self, call: &Call<'_>) -> Result<Partition, Refusal> {
        let missing = || Refusal::bad_request("PartitionKey value must be supplied for this operation.");
        self.named_partition(call)?.ok_or_else(missing)
    }

    /// What every answer about this container carries.
    pub(super) fn sign(&self, answer: Answer, sequence: u64, charge: &str) -> Answer {
        answer
            .header("x-ms-activity-id", &uuid::Uuid::new_v4().to_string())
            .header("x-ms-request-charge", charge)
            .header("x-ms-session-token", &format!("0:-1#{sequence}"))
            .header("lsn", &sequence.to_string())
            .header("x-ms-documentdb-partitionkeyrangeid", "0")
            .header("x-ms-alt-content-path", &self.link)
            .header("x-ms-content-path", &self.rid)
            .header("x-ms-schemaversion", "1.19")
    }
}

/// Serves a request on all items or on one.
pub(super) fn serve(call: &Call<'_>, target: &Target, id: Option<&str>) -> Result<Answer, Refusal> {
    match (call.request.method(), id) {
        (&Method::POST, None) if call.says("x-ms-cosmos-is-query-plan-request") => feed::plan(call, target),
        (&Method::POST, None) if call.says("x-ms-cosmos-is-batch-request") => {
            Err(Refusal::not_implemented("transactional batches"))
        }
        (&Method::POST, None) if feed::is_query(call) => feed::query(call, target),
        (&Method::POST, None) => write::create(call, target),
        (&Method::GET, None) => feed::list(call, target),
        (&Method::GET, Some(id)) => read(call, target, id),
        (&Method::PUT, Some(id)) => write::replace(call, target, id),
        (&Method::PATCH, Some(id)) => patch::serve(call, target, id),
        (&Method::DELETE, Some(id)) => write::delete(call, target, id),
        (method, _) => Err(Refusal::not_implemented(&format!("{method} {}", call.request.uri().path()))),
    }
}

fn read(call: &Call<'_>, target: &Target, id: &str) -> Result<Answer, Refusal> {
    let partition = target.partition(call)?;
    let container = target.container(call)?;
    let container = container.read().unwrap_or_else(PoisonError::into_inner);
    let (_, item) = container.find(&partition, id, target.age(call)).ok_or_else(Refusal::not_found)?;
    let same = call.header("if-none-match").is_some_and(|etag| etag == item.etag);
    let answer = if same { Answer::empty(304) } else { Answer::json_text(200, item.text.to_string()) };
    Ok(target.sign(answer.header("etag", &item.etag), container.sequence(), "1"))
}

/// Checks `If-Match` against what is there.
pub(super) fn check_etag(call: &Call<'_>, item: &Item) -> Result<(), Refusal> {
    match call.header("if-match") {
        Some(etag) if etag != "*" && etag != item.etag => Err(Refusal::precondition()),
        _ => Ok(()),
    }
}
