//! What lies above resources: tenants, the subscription, provider registrations, built-in roles.

use axum::http::{Method, Request};
use bytes::Bytes;
use serde_json::{Value, json};

use super::id::{Collection, GROUP, Id, Path};
use super::types::{self, ROLES};
use super::{lifecycle, resource, subscription};
use crate::answer::Answer;
use crate::cloud::Cloud;
use crate::endpoints::{SUBSCRIPTION, TENANT};
use crate::state::{Resource, State};

const ROLE_DEFINITIONS: &str = "Microsoft.Authorization/roleDefinitions";

/// Serves what is no single resource; `None` when it is not known.
pub(crate) fn serve(cloud: &Cloud, state: &mut State, request: &Request<Bytes>, path: &Path) -> Option<Answer> {
    let get = request.method() == Method::GET;
    let list = |value: Vec<Value>| Some(Answer::json(200, json!({ "value": value })));
    match path {
        Path::Tenants if get => list(vec![json!({ "id": format!("/tenants/{TENANT}"), "tenantId": TENANT })]),
        Path::Subscriptions if get => list(vec![subscription()]),
        Path::Subscription { .. } if get => Some(Answer::json(200, subscription())),
        Path::Groups { .. } if get => list(shown(cloud, state, |_, resource| resource.kind == GROUP)),
        Path::Everything { scope } if get => {
            let below = format!("{}/", scope.to_lowercase());
            list(shown(cloud, state, |key, resource| {
                let tracked = types::find(&resource.kind).is_some_and(types::is_listed);
                tracked && resource.kind != GROUP && key.starts_with(&below)
            }))
        }
        Path::Provider { namespace, register } if get || (*register && request.method() == Method::POST) => {
            provider(namespace)
        }
        _ => None,
    }
}

fn shown(cloud: &Cloud, state: &mut State, wanted: impl Fn(&str, &Resource) -> bool) -> Vec<Value> {
    let rows = state.all::<Resource>().iter();
    let keys: Vec<String> = rows.filter(|(key, resource)| wanted(key, resource)).map(|(key, _)| key.clone()).collect();
    for key in &keys {
        lifecycle::observe(cloud, state, key);
    }
    keys.iter()
        .filter_map(|key| state.get::<Resource>(key))
        .filter_map(|found| Some(resource::show(cloud, state, types::find(&found.kind)?, found)))
        .collect()
}

fn provider(namespace: &str) -> Option<Answer> {
    let kinds: Vec<&super::kind::Kind> =
        types::all().filter(|kind| kind.namespace().eq_ignore_ascii_case(namespace)).collect();
    let name = kinds.first()?.namespace();
    let types: Vec<Value> = kinds
        .iter()
        .map(|kind| {
            let name = kind.name.split_once('/').map_or("", |(_, name)| name);
            json!({ "resourceType": name, "apiVersions": kind.versions, "locations": [] })
        })
        .collect();
    Some(Answer::json(
        200,
        json!({
            "id": format!("/subscriptions/{SUBSCRIPTION}/providers/{name}"),
            "namespace": name,
            "registrationState": "Registered",
            "registrationPolicy": "RegistrationRequired",
            "resourceTypes": types,
        }),
    ))
}

/// Answers a GET of a built-in role.
pub(crate) fn role_definition(request: &Request<Bytes>, id: &Id) -> Option<Answer> {
    if request.method() != Method::GET || !id.kind.eq_ignore_ascii_case(ROLE_DEFINITIONS) {
        return None;
    }
    Some(match ROLES.iter().find(|(role, _)| role.eq_ignore_ascii_case(id.name())) {
        Some((role, name)) => Answer::json(200, role_shown(role, name)),
        None => {
            let message = format!("The specified role definition with ID '{}' does not exist.", id.name());
            Answer::error(404, "RoleDefinitionDoesNotExist", &message)
        }
    })
}

/// Answers a list of the built-in roles; the one filter is `roleName eq '{name}'`.
pub(crate) fn role_definitions(collection: &Collection, filter: Option<&str>) -> Option<Answer> {
    if !collection.kind.eq_ignore_ascii_case(ROLE_DEFINITIONS) {
        return None;
    }
    let wanted = filter.and_then(|filter| filter.split_once("roleName eq '"));
    let wanted = wanted.and_then(|(_, rest)| rest.split('\'').next());
    let roles = ROLES.iter().filter(|(_, name)| wanted.is_none_or(|wanted| *name == wanted));
    let value: Vec<Value> = roles.map(|(role, name)| role_shown(role, name)).collect();
    Some(Answer::json(200, json!({ "value": value })))
}

fn role_shown(role: &str, name: &str) -> Value {
    json!({
        "id": format!("/subscriptions/{SUBSCRIPTION}/providers/{ROLE_DEFINITIONS}/{role}"),
        "name": role,
        "type": ROLE_DEFINITIONS,
        "properties": {
            "roleName": name, "type": "BuiltInRole", "description": name,
            "assignableScopes": ["/"], "permissions": [],
        },
    })
}
