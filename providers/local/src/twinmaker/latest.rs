//! `GetPropertyValue`: values that a component holds, or that its type's connector knows.

use serde_json::{Map, Value, json};

use super::ask::Ask;
use super::definition::{Definitions, put};
use super::record::{Component, ComponentType};
use super::refusal::Refusal;
use super::traits::{self, ATTRIBUTE_READER, Traits, is};
use super::{Call, connector, history, pattern, show, value, workspace};
use crate::state::State;

/// Whose values are wanted, as far as the state knows.
struct Subject {
    /// What references to its properties hold besides their names.
    named: Vec<(&'static str, String)>,
    functions: Definitions,
    /// The properties, each with its definition and the value that it holds.
    properties: Map<String, Value>,
}

pub(super) async fn get(call: &Call<'_>) -> Result<Value, Refusal> {
    call.without(&["componentPath", "propertyGroupName", "tabularConditions"])?;
    let ask = call.ask();
    let selected = ask.texts("selectedProperties", &pattern::STRING, 1..=10)?;
    let selected = selected.ok_or_else(|| ask.absent("selectedProperties"))?;
    let subject = {
        let state = call.cloud.state();
        subject(call, &state)?
    };
    let (mut values, mut elsewhere) = (Map::new(), Vec::new());
    for name in selected {
        let property = subject.properties.get(&name).and_then(Value::as_object);
        let property = property.ok_or_else(|| Refusal::invalid(format!("There is no property {name}.")))?;
        let definition = property.get("definition").and_then(Value::as_object);
        if !subject.named.is_empty() && definition.is_some_and(|definition| is(definition, "isStoredExternally")) {
            elsewhere.push(name);
            continue;
        }
        values.insert(name.clone(), latest(reference(&subject, &name), property.get("value").cloned()));
    }
    if !elsewhere.is_empty() {
        values.extend(asked(call, &subject, elsewhere).await?);
    }
    Ok(json!({ "propertyValues": values }))
}

fn reference(subject: &Subject, name: &str) -> Map<String, Value> {
    let named = subject.named.iter().map(|(key, value)| ((*key).to_owned(), value.clone().into()));
    named.chain([("propertyName".to_owned(), name.into())]).collect()
}

fn latest(reference: Map<String, Value>, held: Option<Value>) -> Value {
    let mut latest = Map::new();
    latest.insert("propertyReference".into(), reference.into());
    put(&mut latest, "propertyValue", held);
    latest.into()
}

fn subject(call: &Call<'_>, state: &State) -> Result<Subject, Refusal> {
    let ask = call.ask();
    let workspace = workspace::find(call, state)?;
    let entity = ask.text("entityId", &pattern::ENTITY_ID)?;
    let component = ask.text("componentName", &pattern::NAME)?;
    match (entity, component, ask.text("componentTypeId", &pattern::COMPONENT_TYPE_ID)?) {
        (Some(entity), Some(name), _) => {
            let (component, own) = history::of_entity(call, state, &workspace, &entity, &name)?;
            Ok(Subject {
                functions: Traits::of(state, &workspace, own).functions,
                properties: show::properties(state, &workspace, component),
                named: vec![("entityId", entity), ("componentName", name)],
            })
        }
        (None, None, Some(id)) => {
            let found = state.get::<ComponentType>(&traits::arn(&workspace, &id));
            found.ok_or_else(|| call.missing("component type", &id))?;
            let blank = Component { component_type: id, description: None, properties: Default::default() };
            let properties = show::properties(state, &workspace, &blank);
            Ok(Subject { named: Vec::new(), functions: Definitions::new(), properties })
        }
        (None, None, None) => Err(Refusal::not_implemented("the values of a whole workspace")),
        _ => Err(Refusal::not_implemented("the values of a whole entity")),
    }
}

/// The values that are kept elsewhere, asked of the connector.
async fn asked(call: &Call<'_>, subject: &Subject, names: Vec<String>) -> Result<Map<String, Value>, Refusal> {
    let function = connector::find(&subject.functions, &[ATTRIBUTE_READER])?;
    let mut document = Map::new();
    document.insert("workspaceId".into(), call.route.part("workspaceId").into());
    document.extend(subject.named.iter().map(|(key, value)| ((*key).to_owned(), value.clone().into())));
    document.insert("selectedProperties".into(), names.clone().into());
    document.insert("properties".into(), subject.properties.clone().into());
    let said = connector::invoke(call, &function, &document.into()).await?;
    let malformed = || {
        let why = "its answer is not {propertyValues: {NAME: {propertyReference, propertyValue}}}";
        Refusal::connector_failed(format!("The connector {function} failed: {why}"))
    };
    let said = said.get("propertyValues").and_then(Value::as_object).ok_or_else(malformed)?;
    let mut values = Map::new();
    for name in names {
        let held = said.get(&name).and_then(|found| found.get("propertyValue")).filter(|held| !held.is_null());
        if let Some(held) = held {
            value::check(&Ask::new(&Map::new()), "propertyValue", held).map_err(|_| malformed())?;
        }
        values.insert(name.clone(), latest(reference(subject, &name), held.cloned()));
    }
    Ok(values)
}
