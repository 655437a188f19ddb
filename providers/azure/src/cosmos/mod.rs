//! The data plane of a Cosmos DB account (NoSQL): the items of one container.
//!
//! One method is one request (queries: one per page) to the account's gateway. The account's own endpoint is enough: the
//! service leads it to the region that writes.

mod pages;
mod partition;
mod session;

use std::sync::Arc;

use azure_core::time::{OffsetDateTime, to_rfc7231};
use serde_json::Value;

pub use pages::Pages;
pub use partition::PartitionKey;

use crate::{
    Error, Kind, api,
    http::{Answer, Call, Service},
};
use session::Session;

/// What a write left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The item's version, in quotes as the service sends it.
    pub etag: Option<String>,
    /// Whether the item is a new one.
    pub created: bool,
}

/// The client of one container; cheap to clone, its clones share the session: what one wrote, the others read.
#[derive(Debug, Clone)]
pub struct Container {
    service: Service,
    database: String,
    container: String,
    session: Arc<Session>,
}

impl Container {
    pub(crate) fn new(service: Service, database: &str, container: &str) -> Self {
        let (database, container) = (database.to_owned(), container.to_owned());
        Self { service, database, container, session: Arc::default() }
    }

    /// Writes an item, whether or not there is one of its id. `item` needs an `id` and the partition key's value at the
    /// container's path.
    ///
    /// # Errors
    /// Whatever the service refuses with; not-yet while our data role has not propagated.
    pub async fn upsert(&self, item: &Value, partition: &PartitionKey) -> Result<Written, Error> {
        self.write(self.post(item, partition).header("x-ms-documentdb-is-upsert", "True")).await
    }

    /// Writes an item that must not be there yet; conflict when it is.
    ///
    /// # Errors
    /// Whatever the service refuses with.
    pub async fn create(&self, item: &Value, partition: &PartitionKey) -> Result<Written, Error> {
        self.write(self.post(item, partition)).await
    }

    /// Reads an item; `None` when there is none. A missing container is an error.
    ///
    /// # Errors
    /// Whatever the service refuses with; transient when a replica has not caught up with what we wrote.
    pub async fn read(&self, id: &str, partition: &PartitionKey) -> Result<Option<Value>, Error> {
        let call = Call::get(self.service.url(&self.path(&[id]), &[]));
        let call = self.session.put_on(common(call)).header("x-ms-documentdb-partitionkey", partition.header());
        let name = call.name();
        let answer = self.exchange(call).await?;
        if answer.status == 404 && sub_status(&answer) == 0 {
            return Ok(None);
        }
        self.checked(name.clone(), answer)?.document(&name).map(Some)
    }

    /// Runs a query over one partition, or over all of them when none is named; `@name`s in `sql` stand for `parameters`.
    ///
    /// Over all partitions the gateway serves filters and projections alone: sorting, limits and aggregates it leaves to
    /// clients that merge partitions themselves, which this one does not.
    #[must_use]
    pub fn query(&self, sql: &str, parameters: &[(&str, Value)], partition: Option<&PartitionKey>) -> Pages {
        Pages::new(self, sql, parameters, partition)
    }

    fn post(&self, item: &Value, partition: &PartitionKey) -> Call {
        common(Call::post(self.service.url(&self.path(&[]), &[])))
            .header("x-ms-documentdb-partitionkey", partition.header())
            // We know what we wrote.
            .header("prefer", "return=minimal")
            .json(item)
    }

    async fn write(&self, call: Call) -> Result<Written, Error> {
        let name = call.name();
        let answer = self.exchange(call).await?;
        let answer = self.checked(name, answer)?;
        Ok(Written { etag: answer.etag(), created: answer.status == 201 })
    }

    fn path<'a>(&'a self, below: &[&'a str]) -> Vec<&'a str> {
        let mut path = vec!["dbs", &self.database, "colls", &self.container, "docs"];
        path.extend(below);
        path
    }

    async fn exchange(&self, call: Call) -> Result<Answer, Error> {
        let answer = self.service.exchange(call).await?;
        self.session.note(&answer);
        Ok(answer)
    }

    fn checked(&self, name: String, answer: Answer) -> Result<Answer, Error> {
        if answer.is_success() {
            return Ok(answer);
        }
        let refusal = self.service.refusal(name, &answer);
        Err(match kind(answer.status, sub_status(&answer)) {
            Some(kind) => refusal.with_kind(kind),
            None => refusal,
        })
    }
}

/// The headers that every request needs.
fn common(call: Call) -> Call {
    call.header("x-ms-version", api::COSMOS_DATA).header("x-ms-date", to_rfc7231(&OffsetDateTime::now_utc()))
}

fn sub_status(answer: &Answer) -> u32 {
    answer.header("x-ms-substatus").and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

/// What a refusal means where the status alone says something else, or too little.
fn kind(status: u16, sub_status: u32) -> Option<Kind> {
    Some(match (status, sub_status) {
        // A write met another one (retry with), a partition moves, a region hands over, a replica lags.
        (449 | 410, _) | (403, 3) | (404, 1002) => Kind::Transient,
        // Data roles never cover this; a logical partition is full.
        (403, 5300 | 1014) => Kind::Permanent,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
