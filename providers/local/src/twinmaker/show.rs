//! What answers say of workspaces, component types and entities.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::definition::put;
use super::record::{Component, ComponentType, Entity, Workspace};
use super::traits::{self, Traits};
use super::{component, life};
use crate::state::State;

/// A time as the protocol writes it: seconds since 1970, with milliseconds.
#[allow(clippy::cast_precision_loss, reason = "milliseconds of this age are far below 2^53")]
pub(super) fn time(at: DateTime<Utc>) -> Value {
    (at.timestamp_millis() as f64 / 1000.0).into()
}

/// A page of a list, with the token of the next one if there is one.
pub(super) fn page(name: &str, items: impl serde::Serialize, next: Option<String>) -> Value {
    let mut page = Map::new();
    page.insert(name.to_owned(), serde_json::to_value(items).expect("what is shown has string keys"));
    put(&mut page, "nextToken", next);
    page.into()
}

pub(super) fn workspace(arn: &str, row: &Workspace) -> Value {
    let mut shown = row.said.clone();
    shown.extend(object(json!({
        "workspaceId": row.id, "arn": arn, "linkedServices": [],
        "creationDateTime": time(row.created), "updateDateTime": time(row.updated),
    })));
    shown.into()
}

pub(super) fn workspace_summary(arn: &str, row: &Workspace) -> Value {
    let mut shown = object(workspace(arn, row));
    shown.remove("role");
    shown.remove("s3Location");
    shown.into()
}

pub(super) fn component_type_summary(arn: &str, row: &ComponentType) -> Value {
    let mut shown = row.said.clone();
    shown.remove("isSingleton");
    shown.extend(object(json!({
        "arn": arn, "componentTypeId": row.id, "status": row.life.status(),
        "creationDateTime": time(row.created), "updateDateTime": time(row.updated),
    })));
    shown.into()
}

pub(super) fn component_type(workspace: &str, arn: &str, row: &ComponentType, traits: &Traits) -> Value {
    let mut shown = object(component_type_summary(arn, row));
    shown.extend(row.said.clone());
    shown.extend(object(json!({
        "workspaceId": workspace, "propertyDefinitions": traits.properties, "functions": traits.functions,
        "extendsFrom": row.extends, "isAbstract": traits.is_abstract(), "isSchemaInitialized": false,
    })));
    shown.entry("isSingleton").or_insert(false.into());
    shown.into()
}

pub(super) fn entity_summary(arn: &str, row: &Entity, has_children: bool) -> Value {
    let mut shown = object(json!({
        "entityId": row.id, "entityName": row.name, "arn": arn, "parentEntityId": row.parent,
        "status": row.life.status(), "hasChildEntities": has_children,
        "creationDateTime": time(row.created), "updateDateTime": time(row.updated),
    }));
    put(&mut shown, "description", row.description.clone());
    shown.into()
}

/// The components of an entity, with the properties of their types.
pub(super) fn components(state: &State, workspace: &str, row: &Entity) -> Value {
    let shown = row.components.iter().map(|(name, component)| {
        let mut shown = object(json!({
            "componentName": name, "componentTypeId": component.component_type, "status": row.life.status(),
            "properties": properties(state, workspace, component), "areAllPropertiesReturned": true,
        }));
        put(&mut shown, "description", component.description.clone());
        (name.clone(), shown.into())
    });
    Value::Object(shown.collect())
}

/// The properties of a component, each with its definition and its value, if it has one.
pub(super) fn properties(state: &State, workspace: &str, row: &Component) -> Map<String, Value> {
    let own = state.get::<ComponentType>(&traits::arn(workspace, &row.component_type));
    let traits = own.map(|own| Traits::of(state, workspace, own)).unwrap_or_default();
    let shown = component::properties(row, &traits).into_iter().map(|(key, definition)| {
        let held = component::held(row, &key, &definition).cloned();
        let mut shown = object(json!({ "definition": definition }));
        put(&mut shown, "value", held);
        (key, shown.into())
    });
    shown.collect()
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// Everything by ARN for the canonical dump, without times and what is under way; `None` when there is nothing.
pub(crate) fn dump(state: &State) -> Option<Value> {
    let mut shown = Map::new();
    for (arn, row) in state.all::<Workspace>() {
        shown.insert(arn.clone(), json!({ "said": row.said, "tags": row.tags }));
        for arn in life::below::<ComponentType>(state, &traits::arn(arn, "")) {
            let Some(row) = state.get::<ComponentType>(&arn).filter(|row| row.life.stage != life::Stage::Deleting)
            else {
                continue;
            };
            let body = json!({
                "said": row.said, "extendsFrom": row.extends, "propertyDefinitions": row.properties,
                "functions": row.functions, "tags": row.tags, "error": row.life.error,
            });
            shown.insert(arn, body);
        }
        let entities = life::entities(state, arn).filter(|(_, row)| row.life.stage != life::Stage::Deleting);
        shown.extend(entities.map(|(arn, row)| {
            let body = json!({
                "entityName": row.name, "description": row.description, "parentEntityId": row.parent,
                "components": row.components, "tags": row.tags, "error": row.life.error,
            });
            (arn.clone(), body)
        }));
    }
    (!shown.is_empty()).then(|| shown.into())
}
