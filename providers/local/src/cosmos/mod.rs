//! Cosmos DB's data plane (NoSQL API): databases, containers, items.
//!
//! # Terms
//!
//! | term | meaning |
//! |---|---|
//! | rid | the id that the service gives by itself ([`rid`]); clients may use it in the place of a name |
//! | partition | all items with one value of the partition key; items are found by partition and id |
//! | range | a span of partitions that one server holds; every container here has just one, `0` |
//! | place | where a list goes on: behind an item of a partition |
//! | sub-status | tells refusals of one HTTP status apart |
//!
//! # Invariants
//!
//! 1. Databases and containers are resources of Resource Manager, whoever made them; only items live here.
//! 2. An answer leaves after its change is written (`write(2)`), one line per change in the container's own file.
//! 3. An item that has outlived its time is not there for anybody, though its line may be.
//!
//! # What is not here
//!
//! Transactional batches, stored procedures, users and their tokens, throughput offers, the change feed, and the parts of
//! the query language named in [`sql`] answer 501. Reads never lag, charges are nominal.

mod authorization;
mod container;
mod databases;
mod feed;
mod items;
mod partition;
mod patch;
mod place;
mod refusal;
pub(crate) mod rid;
mod roles;
mod sql;
mod store;
mod write;

pub(crate) use refusal::{failed, throttled};
pub(crate) use store::{FOLDER, Store};

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, Response};
use bytes::Bytes;

use crate::answer::Answer;
use crate::arm::types::cosmos::{RID, rid as rid_of};
use crate::cloud::Cloud;
use crate::query;
use crate::state::{Resource, State};
use authorization::Caller;
use items::Target;
use refusal::Refusal;

/// One request, its account found and its caller known.
struct Call<'a> {
    cloud: &'a Cloud,
    request: &'a Request<Bytes>,
    /// The account's key in the state.
    account: String,
    /// The path's segments, decoded.
    segments: Vec<String>,
    caller: Caller,
}

impl Call<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        query::header(self.request, name)
    }

    /// Whether a header says `True`, in any case.
    fn says(&self, name: &str) -> bool {
        self.header(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }
}

/// Serves a request to `https://{account}.documents.localhost/`, or to that of one of the account's regions.
pub(crate) fn handle(cloud: &Arc<Cloud>, account: &str, request: &Request<Bytes>) -> Response<Body> {
    let answer = serve(cloud, account, request).unwrap_or_else(Refusal::answer);
    answer.header("x-ms-gatewayversion", "2.0.0").header("x-ms-serviceversion", "version=2.14.0.0").into_response()
}

fn serve(cloud: &Cloud, label: &str, request: &Request<Bytes>) -> Result<Answer, Refusal> {
    let segments = query::segments(request.uri().path());
    let mut state = cloud.state();
    let unknown = || Refusal::new(404, "NotFound", format!("There is no account '{label}'.")).sub(1008);
    let account = place::account(cloud, &mut state, label).ok_or_else(unknown)?;
    let resource = state.get::<Resource>(&account).ok_or_else(unknown)?;
    let caller = authorization::caller(resource, request, &segments)?;
    let call = Call { cloud, request, account, segments, caller };
    let names: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    match names.as_slice() {
        ["dbs", database, "colls", container, "docs", id @ ..] if id.len() < 2 => {
            let target = target(&call, &mut state, database, container)?;
            roles::check(&call, &state, &target.link)?;
            drop(state);
            items::serve(&call, &target, id.first().copied())
        }
        names => databases::serve(&call, &mut state, names),
    }
}

/// The container that a path names.
fn target(call: &Call<'_>, state: &mut State, database: &str, container: &str) -> Result<Target, Refusal> {
    let database = place::database(call.cloud, state, &call.account, database).ok_or_else(Refusal::no_owner)?;
    let key = place::container(call.cloud, state, &database, container).ok_or_else(Refusal::no_owner)?;
    let (Some(outer), Some(found)) = (state.get::<Resource>(&database), state.get::<Resource>(&key)) else {
        return Err(Refusal::no_owner());
    };
    let rid = rid_of(state, found);
    if call.header("x-ms-cosmos-intended-collection-rid").is_some_and(|intended| intended != rid) {
        let message = "The collection was created anew under the same name.";
        return Err(Refusal::bad_request(message).sub(1024));
    }
    let definition = &found.body["properties"]["resource"];
    let account = call.account.rsplit('/').next().unwrap_or_default();
    Ok(Target {
        link: format!("dbs/{}/colls/{}", outer.name(), found.name()),
        account: account.to_owned(),
        database_rid: rid_of(state, outer),
        rid,
        file: rid::file(found.minted(RID)),
        paths: partition::paths(definition),
        ttl: definition["defaultTtl"].as_i64(),
    })
}

/// Deletes the items of containers that there are no resources for any more.
pub(crate) fn reconcile(cloud: &Cloud, state: &State) {
    let containers = state.all::<Resource>().values().filter(|found| found.kind == place::CONTAINER);
    let known: BTreeSet<String> = containers.map(|found| rid::file(found.minted(RID))).collect();
    if let Err(error) = cloud.documents.retain(&known) {
        tracing::error!(%error, "items of containers that are gone could not be deleted");
    }
}

/// Deletes the items of a container that is gone.
pub(crate) fn forget(cloud: &Cloud, gone: &Resource) {
    if gone.kind == place::CONTAINER
        && let Err(error) = cloud.documents.remove(&rid::file(gone.minted(RID)))
    {
        tracing::error!(container = gone.id, %error, "the container's items could not be deleted");
    }
}
