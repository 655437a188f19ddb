//! The resource types: one table per provider, read by the resource core.

mod authorization;
pub(crate) mod cosmos;
mod digital_twins;
pub(crate) mod event_grid;
mod groups;
mod identity;
pub(crate) mod iot_hub;
mod storage;
mod web;

pub(crate) use authorization::ROLES;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::failure::Shape;
use super::kind::{Begin, End, Kind, Reply, Urls, View, check_nothing, mint_nothing};
use super::names::{Ends, Letters, Rule};
use crate::endpoints::TENANT;
use crate::state::Resource;

/// Every type that is served.
pub(crate) fn all() -> impl Iterator<Item = &'static Kind> {
    [
        groups::KINDS.as_slice(),
        identity::KINDS.as_slice(),
        authorization::KINDS.as_slice(),
        storage::KINDS.as_slice(),
        digital_twins::KINDS.as_slice(),
        event_grid::KINDS.as_slice(),
        iot_hub::KINDS.as_slice(),
        cosmos::KINDS.as_slice(),
        web::KINDS.as_slice(),
    ]
    .into_iter()
    .flatten()
}

/// The type of that name; case does not count.
pub(crate) fn find(name: &str) -> Option<&'static Kind> {
    all().find(|kind| kind.name.eq_ignore_ascii_case(name))
}

/// Whether it is a resource of its own in a group, rather than a part of one: those are listed in it.
pub(crate) fn is_listed(kind: &Kind) -> bool {
    kind.parent == 0 && kind.needs.contains(&"/location")
}

/// What most types share: answered at once, 201 for a new one, 200 for one that was there.
const PLAIN: Kind = Kind {
    name: "",
    versions: &[],
    names: Rule::new(1, 260, Letters::Any, "-_.", Ends::Free),
    global: false,
    needs: &[],
    create: Begin::Done(201),
    update: Begin::Done(200),
    patch: Some(200),
    delete: End::Done { status: 200, body: Reply::Nothing, absent: 204 },
    creating: 0,
    deleting: 0,
    shape: Shape::Wrapped,
    urls: Urls::Location("operationStatuses", "operationResults"),
    parent: 0,
    mint: mint_nothing,
    check: check_nothing,
    show: |_, _| json!({}),
};

/// Draws a random key as Azure shows them: 64 bytes, base64.
pub(crate) fn key(bytes: usize) -> String {
    use base64::Engine as _;
    let mut random = Vec::with_capacity(bytes + 16);
    while random.len() < bytes {
        random.extend_from_slice(Uuid::new_v4().as_bytes());
    }
    base64::engine::general_purpose::STANDARD.encode(&random[..bytes])
}

/// Draws what a managed identity of the resource would be known by.
fn mint_identity() -> Map<String, Value> {
    let mut minted = Map::new();
    minted.insert("principalId".to_owned(), Uuid::new_v4().to_string().into());
    minted
}

/// Shows the `identity` block: principal of a system identity, ids of user-assigned ones.
fn identity(view: View<'_>, resource: &Resource) -> Value {
    let Some(kind) = resource.body["identity"]["type"].as_str() else { return json!({}) };
    let mut shown = json!({});
    if kind.contains("SystemAssigned") {
        shown = json!({ "principalId": resource.minted("principalId"), "tenantId": TENANT });
    }
    if let Some(assigned) = resource.body["identity"]["userAssignedIdentities"].as_object() {
        let ids = |id: &String| {
            let known = view.state.get::<Resource>(&id.to_lowercase());
            let ids = known.map_or(
                json!({}),
                |found| json!({ "principalId": found.minted("principalId"), "clientId": found.minted("clientId") }),
            );
            (id.clone(), ids)
        };
        shown["userAssignedIdentities"] = assigned.keys().map(ids).collect::<Map<_, _>>().into();
    }
    json!({ "identity": shown })
}

/// Lays the right document over the left one, objects member by member.
pub(crate) fn overlay(base: &mut Value, over: Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (name, value) in over {
                overlay(base.entry(name).or_insert(Value::Null), value);
            }
        }
        (base, over) => *base = over,
    }
}

/// A region's name as written in answers: `East US` for `eastus` stays `eastus`; only blanks and case go.
fn region(location: &str) -> String {
    location.to_lowercase().replace(' ', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_type_is_there_twice_and_each_names_its_versions() {
        let mut names: Vec<String> = all().map(|kind| kind.name.to_lowercase()).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(all().all(|kind| !kind.versions.is_empty()));
    }

    #[test]
    fn overlaying_replaces_leaves_and_keeps_the_rest() {
        let mut base = json!({ "a": { "b": 1, "c": 2 }, "d": 3 });
        overlay(&mut base, json!({ "a": { "b": 9 }, "e": [1] }));
        assert_eq!(base, json!({ "a": { "b": 9, "c": 2 }, "d": 3, "e": [1] }));
    }

    #[test]
    fn keys_are_as_long_as_asked() {
        assert_eq!(key(64).len(), 88);
        assert_ne!(key(32), key(32));
    }
}
