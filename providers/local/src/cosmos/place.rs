//! What a request is about: the account that its host names, the database and container that its path names.

use crate::arm::lifecycle;
use crate::arm::types::cosmos::rid as rid_of;
use crate::cloud::Cloud;
use crate::state::{Act, Operation, Resource, State};

pub(super) const ACCOUNT: &str = "Microsoft.DocumentDB/databaseAccounts";
pub(super) const DATABASE: &str = "Microsoft.DocumentDB/databaseAccounts/sqlDatabases";
pub(super) const CONTAINER: &str = "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers";

/// The key of the account under a host name: its own or that of one of its regions.
pub(super) fn account(cloud: &Cloud, state: &mut State, label: &str) -> Option<String> {
    let names = |name: &str| {
        let rest = label.strip_prefix(&name.to_lowercase());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    let accounts = state.all::<Resource>().iter().filter(|(_, found)| found.kind == ACCOUNT && names(found.name()));
    // Of `a` and `a-b` the longer one is meant by `a-b`.
    let key = accounts.max_by_key(|(_, found)| found.name().len()).map(|(key, _)| key.clone())?;
    settled(cloud, state, &key).then_some(key)
}

/// The key of a database of an account, by its name or its resource id.
pub(super) fn database(cloud: &Cloud, state: &mut State, account: &str, name: &str) -> Option<String> {
    let key = format!("{account}/sqldatabases/{}", name.to_lowercase());
    let named = state.get::<Resource>(&key).is_some_and(|found| found.name() == name).then_some(key);
    let by_rid = || children(state, account, DATABASE).find(|(_, found)| rid_of(state, found) == name);
    let key = named.or_else(|| by_rid().map(|(key, _)| key.clone()))?;
    settled(cloud, state, &key).then_some(key)
}

/// The key of a container of a database, by its name or its resource id.
pub(super) fn container(cloud: &Cloud, state: &mut State, database: &str, name: &str) -> Option<String> {
    let key = format!("{database}/containers/{}", name.to_lowercase());
    let named = state.get::<Resource>(&key).is_some_and(|found| found.name() == name).then_some(key);
    let by_rid = || children(state, database, CONTAINER).find(|(_, found)| rid_of(state, found) == name);
    let key = named.or_else(|| by_rid().map(|(key, _)| key.clone()))?;
    settled(cloud, state, &key).then_some(key)
}

/// The resources of a kind that lie in another one.
pub(super) fn children<'a>(
    state: &'a State,
    parent: &str,
    kind: &'a str,
) -> impl Iterator<Item = (&'a String, &'a Resource)> {
    let below = format!("{parent}/");
    let from = state.all::<Resource>().range(below.clone()..);
    from.take_while(move |(key, _)| key.starts_with(&below)).filter(move |(_, found)| found.kind == kind)
}

/// Whether a resource is ready to be used; looks at its operation, which may end it.
fn settled(cloud: &Cloud, state: &mut State, key: &str) -> bool {
    if state.get::<Resource>(key).is_some_and(|found| found.operation.is_some()) {
        lifecycle::observe(cloud, state, key);
        if let Err(error) = state.commit() {
            tracing::error!(%error, "the state could not be written");
        }
    }
    let Some(found) = state.get::<Resource>(key) else { return false };
    match found.operation.as_ref().and_then(|id| state.get::<Operation>(id)) {
        Some(running) => running.act == Act::Update,
        None => found.state == "Succeeded",
    }
}
