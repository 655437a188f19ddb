//! The whole state in canonical form: two equal deployments dump equally, whoever made them and when.
//!
//! Keys are sorted. What is drawn or measured is replaced: times by `<time>`, ETags by `<etag>`, secrets by
//! `<secret-N>`, random UUIDs by `<uuid-N>`, numbered by first appearance; ports of `.localhost` are cut off.
//! UUIDs of version 5 (the subscription and the tenant are such) and the built-in roles mean something and stay. A role
//! assignment is named after what it says, since its name depends on the principal's random id. Running operations
//! are left out.

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;
use serde_json::{Map, Value, json};

use crate::arm::lifecycle::STAND_ALONE;
use crate::arm::resource;
use crate::arm::types::{self, ROLES};
use crate::cloud::Cloud;
use crate::iot::registry;
use crate::state::{Device, Held, Package, Resource, State};
use crate::twinmaker;

/// Types whose names are made of the principal's id.
const ASSIGNMENTS: [&str; 2] =
    ["Microsoft.Authorization/roleAssignments", "Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments"];

/// Dumps everything.
pub(crate) fn whole(cloud: &Cloud) -> Value {
    let state = cloud.state();
    let mut twins = cloud.twins.dump();
    if let Some(instances) = twins.as_object_mut() {
        // The stand-alone instance comes into being when it is asked; only what is in it is state.
        instances.retain(|name, held| name != STAND_ALONE || !is_blank(held));
    }
    let mut canonical = Canonical::new(&state);
    let mut raw = json!({
        "resources": resources(cloud, &state, &mut canonical),
        "devices": devices(&state),
        "packages": packages(&state),
        "held": state.all::<Held>().keys().collect::<Vec<_>>(),
        "adt": twins,
    });
    if let Some(held) = twinmaker::dump(&state) {
        raw["twinmaker"] = held;
    }
    canonical.value(None, &raw)
}

fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().all(is_blank),
        Value::Object(members) => members.values().all(is_blank),
        _ => false,
    }
}

/// By id in lower case; role assignments by scope, role and the resource whose principal they are for.
fn resources(cloud: &Cloud, state: &State, canonical: &mut Canonical) -> Value {
    let mut shown = BTreeMap::new();
    for (key, resource) in state.all::<Resource>() {
        let Some(kind) = types::find(&resource.kind) else { continue };
        let value = resource::show(cloud, state, kind, resource);
        if !ASSIGNMENTS.contains(&resource.kind.as_str()) {
            shown.insert(key.clone(), value);
            continue;
        }
        let label = label(state, resource);
        canonical.renamed.insert(resource.name().to_lowercase(), label.clone());
        let scope = key.rsplit_once('/').map_or("", |(scope, _)| scope);
        shown.insert(format!("{scope}/{label}"), value);
    }
    Value::Object(shown.into_iter().collect())
}

fn label(state: &State, assignment: &Resource) -> String {
    let properties = &assignment.body["properties"];
    let role = properties["roleDefinitionId"].as_str().and_then(|id| id.rsplit('/').next()).unwrap_or_default();
    let role = ROLES.iter().find(|(id, _)| *id == role).map_or(role, |(_, name)| name);
    let principal = properties["principalId"].as_str().unwrap_or_default();
    let owner = state.all::<Resource>().iter().find(|(_, found)| found.minted("principalId") == principal);
    let owner = owner.map_or(principal, |(key, _)| key.rsplit('/').next().unwrap_or_default());
    format!("<{role} for {owner}>")
}

fn devices(state: &State) -> Value {
    state
        .all::<Device>()
        .iter()
        .map(|(key, device)| (key.clone(), registry::show(device)))
        .collect::<Map<_, _>>()
        .into()
}

fn packages(state: &State) -> Value {
    let show =
        |package: &Package| json!({ "digest": package.digest, "functions": package.functions, "live": package.live });
    state.all::<Package>().iter().map(|(app, package)| (app.clone(), show(package))).collect::<Map<_, _>>().into()
}

/// Replaces what differs between equal deployments, consistently over one dump.
struct Canonical {
    /// Secrets that the cloud has drawn, and those that settings hold, to be replaced wherever they appear.
    secrets: BTreeSet<String>,
    /// UUIDs that stay.
    known: BTreeSet<String>,
    /// UUIDs with a name of their own.
    renamed: BTreeMap<String, String>,
    uuids: BTreeMap<String, usize>,
    numbered: BTreeMap<String, usize>,
}

impl Canonical {
    fn new(state: &State) -> Self {
        let mut secrets = BTreeSet::new();
        for resource in state.all::<Resource>().values() {
            let minted =
                resource.minted.iter().filter(|(name, _)| name.to_lowercase().contains("key") || name.contains('/'));
            secrets.extend(minted.filter_map(|(_, value)| value.as_str()).map(str::to_owned));
        }
        for device in state.all::<Device>().values() {
            let keys = device.authentication["symmetricKey"].as_object().into_iter().flat_map(Map::values);
            secrets.extend(keys.filter_map(Value::as_str).map(str::to_owned));
        }
        let known = ROLES.iter().map(|(id, _)| (*id).to_owned()).collect();
        Self { secrets, known, renamed: BTreeMap::new(), uuids: BTreeMap::new(), numbered: BTreeMap::new() }
    }

    fn value(&mut self, name: Option<&str>, value: &Value) -> Value {
        match value {
            Value::Object(members) => {
                let sorted: BTreeMap<&String, &Value> = members.iter().collect();
                let members = sorted.into_iter().map(|(key, value)| (self.text(key), self.value(Some(key), value)));
                Value::Object(members.collect::<Vec<_>>().into_iter().collect())
            }
            Value::Array(items) => items.iter().map(|item| self.value(name, item)).collect(),
            Value::String(text) => self.leaf(name, text).into(),
            Value::Number(_) if name == Some("_ts") => "<time>".into(),
            other => other.clone(),
        }
    }

    fn leaf(&mut self, name: Option<&str>, text: &str) -> String {
        let name = name.unwrap_or_default();
        if is_etag(name) {
            return "<etag>".to_owned();
        }
        if is_secret(name) && !text.is_empty() {
            return self.secret(text);
        }
        if matches!(name, "_rid" | "generationId" | "customDomainVerificationId") {
            return "<random>".to_owned();
        }
        if DateTime::parse_from_rfc3339(text).is_ok() {
            return "<time>".to_owned();
        }
        self.text(text)
    }

    fn secret(&mut self, text: &str) -> String {
        let next = self.numbered.len() + 1;
        format!("<secret-{}>", self.numbered.entry(text.to_owned()).or_insert(next))
    }

    /// Replaces secrets, UUIDs and ports inside a text.
    fn text(&mut self, text: &str) -> String {
        let mut text = text.to_owned();
        let inside: Vec<String> =
            self.secrets.iter().filter(|secret| text.contains(secret.as_str())).cloned().collect();
        for secret in inside {
            let placeholder = self.secret(&secret);
            text = text.replace(&secret, &placeholder);
        }
        cut_ports(&self.replace_uuids(&text))
    }

    fn replace_uuids(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let whole = rest.get(..36).filter(|candidate| uuid::Uuid::try_parse(candidate).is_ok());
            match whole {
                Some(uuid) => {
                    out.push_str(&self.uuid(uuid));
                    rest = &rest[36..];
                }
                None => {
                    out.push(first);
                    rest = &rest[first.len_utf8()..];
                }
            }
        }
        out
    }

    fn uuid(&mut self, text: &str) -> String {
        let lower = text.to_lowercase();
        if let Some(name) = self.renamed.get(&lower) {
            return name.clone();
        }
        let random = uuid::Uuid::try_parse(&lower).is_ok_and(|uuid| matches!(uuid.get_version_num(), 1 | 4 | 6 | 7));
        if !random || self.known.contains(&lower) {
            return text.to_owned();
        }
        let next = self.uuids.len() + 1;
        format!("<uuid-{}>", self.uuids.entry(lower).or_insert(next))
    }
}

fn is_etag(name: &str) -> bool {
    matches!(name, "etag" | "$etag" | "_etag" | "Etag")
}

/// Names of settings and members whose values are secrets.
fn is_secret(name: &str) -> bool {
    let upper = name.to_uppercase();
    upper == name
        && ["TOKEN", "SECRET", "PASSWORD", "_KEY", "CONNECTION_STRING"].iter().any(|part| upper.contains(part))
        || matches!(name, "primaryKey" | "secondaryKey")
}

/// Cuts the port off every `localhost` and `127.0.0.1`.
fn cut_ports(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(colon) = rest.find(':') {
        let (before, after) = rest.split_at(colon);
        out.push_str(before);
        let digits = after[1..].bytes().take_while(u8::is_ascii_digit).count();
        if digits > 0 && (before.ends_with("localhost") || before.ends_with("127.0.0.1")) {
            rest = &after[1 + digits..];
        } else {
            out.push(':');
            rest = &after[1..];
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(secrets: &[&str]) -> Canonical {
        Canonical {
            secrets: secrets.iter().map(|secret| (*secret).to_owned()).collect(),
            known: BTreeSet::new(),
            renamed: BTreeMap::new(),
            uuids: BTreeMap::new(),
            numbered: BTreeMap::new(),
        }
    }

    #[test]
    fn equal_states_with_other_times_ids_and_ports_dump_equally() {
        let state = |uuid: &str, time: &str, port: &str, key: &str| {
            json!({
                "b": { "id": format!("x/{uuid}/y"), "$etag": format!("W/\"{uuid}\""), "at": time },
                "a": [uuid, format!("https://f.adt.localhost:{port}/x")],
                "c": { "MY_TOKEN": key, "conn": format!("Key={key};") },
            })
        };
        let one = state("7c9e6679-7425-40de-944b-e07fc1f90ae7", "2026-01-01T00:00:00Z", "4711", "s3cret");
        let two = state("1b4e28ba-2fa1-41d2-883f-0016d3cca427", "2026-02-02T00:00:00.5Z", "9", "other1");
        let dump = canonical(&["s3cret"]).value(None, &one);
        assert_eq!(dump, canonical(&["other1"]).value(None, &two));
        assert_eq!(
            dump.to_string(),
            r#"{"a":["<uuid-1>","https://f.adt.localhost/x"],"b":{"$etag":"<etag>","at":"<time>","id":"x/<uuid-1>/y"},"c":{"MY_TOKEN":"<secret-1>","conn":"Key=<secret-1>;"}}"#
        );
    }

    #[test]
    fn uuids_that_mean_something_stay() {
        let five = "11fb06fb-712d-5ddd-98c7-e71bbd588830";
        assert_eq!(canonical(&[]).text(five), five);
        assert_eq!(canonical(&[]).text("a:b 127.0.0.1:80 x"), "a:b 127.0.0.1 x");
    }
}
