//! `GetPropertyValueHistory`: time series, asked of the connector of a component's type.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::ask::Ask;
use super::definition::put;
use super::record::{Component, ComponentType, Entity};
use super::refusal::Refusal;
use super::traits::{self, Traits, is};
use super::{Call, connector, page, pattern, show, tree, value, workspace};
use crate::state::State;

/// What is asked of whom.
struct Question {
    function: String,
    document: Map<String, Value>,
}

/// Answers with what the connector says.
pub(super) async fn get(call: &Call<'_>) -> Result<Value, Refusal> {
    call.without(&["componentPath"])?;
    let question = {
        let state = call.cloud.state();
        question(call, &state)?
    };
    let said = connector::invoke(call, &question.function, &Value::Object(question.document.clone())).await?;
    let malformed = || {
        let why = "its answer is not {propertyValues: [{entityPropertyReference, values: [{time, value}]}]}";
        Refusal::connector_failed(format!("The connector {} failed: {why}", question.function))
    };
    let known = |name: &str| question.document.get(name).and_then(Value::as_str);
    let known = [("entityId", known("entityId")), ("componentName", known("componentName"))];
    let series = said.get("propertyValues").and_then(Value::as_array).ok_or_else(malformed)?;
    let series: Option<Vec<Value>> = series.iter().map(|one| history(one, &known)).collect();
    let next = said.get("nextToken").and_then(Value::as_str).map(str::to_owned);
    Ok(show::page("propertyValues", series.ok_or_else(malformed)?, next))
}

/// A series as the service answers it; `None` when the connector's is none.
fn history(said: &Value, known: &[(&str, Option<&str>)]) -> Option<Value> {
    let reference = connector::reference(&said["entityPropertyReference"], known)?;
    let values = said.get("values").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let values: Option<Vec<Value>> = values.iter().map(measured).collect();
    Some(json!({ "entityPropertyReference": reference, "values": values? }))
}

fn measured(said: &Value) -> Option<Value> {
    let held = said.get("value")?;
    value::check(&Ask::new(&Map::new()), "value", held).ok()?;
    let mut measured = Map::new();
    match (said.get("time").and_then(Value::as_str), said.get("timestamp").and_then(Value::as_f64)) {
        (Some(time), _) if instant(time).is_some() => drop(measured.insert("time".into(), time.into())),
        (None, Some(seconds)) => drop(measured.insert("timestamp".into(), seconds.into())),
        _ => return None,
    }
    measured.insert("value".into(), held.clone());
    Some(measured.into())
}

fn question(call: &Call<'_>, state: &State) -> Result<Question, Refusal> {
    let ask = call.ask();
    let workspace = workspace::find(call, state)?;
    let selected = ask.texts("selectedProperties", &pattern::STRING, 1..=10)?;
    let selected = selected.ok_or_else(|| ask.absent("selectedProperties"))?;
    let mut document = Map::new();
    document.insert("workspaceId".into(), call.route.part("workspaceId").into());
    let subject = subject(call, state, &workspace, &mut document)?;
    time_series(&selected, &subject.properties)?;
    document.insert("selectedProperties".into(), selected.into());
    document.insert("properties".into(), subject.properties.into());
    span(&ask, &mut document)?;
    document.insert("maxResults".into(), page::size(&ask)?.into());
    let order = ask.word("orderByTime", &["ASCENDING", "DESCENDING"])?.unwrap_or("ASCENDING");
    document.insert("orderByTime".into(), order.into());
    put(&mut document, "nextToken", ask.text("nextToken", &pattern::TOKEN)?);
    put(&mut document, "interpolation", ask.map("interpolation")?.cloned());
    put(&mut document, "propertyFilters", ask.list("propertyFilters")?.map(<[Value]>::to_vec));
    let functions = Traits::of(state, &workspace, subject.own).functions;
    Ok(Question { function: connector::find(&functions, subject.functions)?, document })
}

/// Whose series are wanted.
struct Subject<'s> {
    /// The functions that can tell, the first that there is.
    functions: &'static [&'static str],
    own: &'s ComponentType,
    /// The properties, each with its definition and the value that it holds.
    properties: Map<String, Value>,
}

/// Finds whose series are wanted, and writes it into the document.
fn subject<'s>(
    call: &Call<'_>,
    state: &'s State,
    workspace: &str,
    document: &mut Map<String, Value>,
) -> Result<Subject<'s>, Refusal> {
    let ask = call.ask();
    let entity = ask.text("entityId", &pattern::ENTITY_ID)?;
    let component = ask.text("componentName", &pattern::NAME)?;
    match (entity, component, ask.text("componentTypeId", &pattern::COMPONENT_TYPE_ID)?) {
        (Some(entity), Some(name), _) => {
            let (component, own) = of_entity(call, state, workspace, &entity, &name)?;
            document.insert("entityId".into(), entity.into());
            document.insert("componentName".into(), name.into());
            document.insert("componentTypeId".into(), own.id.clone().into());
            let properties = show::properties(state, workspace, component);
            Ok(Subject { functions: &["dataReaderByEntity", "dataReader"], own, properties })
        }
        (None, None, Some(id)) => {
            let found = state.get::<ComponentType>(&traits::arn(workspace, &id));
            let own = found.ok_or_else(|| call.missing("component type", &id))?;
            let blank = Component { component_type: id.clone(), description: None, properties: Default::default() };
            document.insert("componentTypeId".into(), id.into());
            let properties = show::properties(state, workspace, &blank);
            Ok(Subject { functions: &["dataReaderByComponentType", "dataReader"], own, properties })
        }
        _ => Err(Refusal::invalid("Either entityId and componentName or componentTypeId must be given.")),
    }
}

/// A component of an entity, and its type.
pub(super) fn of_entity<'s>(
    call: &Call<'_>,
    state: &'s State,
    workspace: &str,
    entity: &str,
    name: &str,
) -> Result<(&'s Component, &'s ComponentType), Refusal> {
    let row = state.get::<Entity>(&tree::arn(workspace, entity)).ok_or_else(|| call.missing("entity", entity))?;
    let component = row.components.get(name).ok_or_else(|| call.missing("component", name))?;
    let own = state.get::<ComponentType>(&traits::arn(workspace, &component.component_type));
    Ok((component, own.ok_or_else(|| call.missing("component type", &component.component_type))?))
}

/// Refuses what has no history.
fn time_series(selected: &[String], properties: &Map<String, Value>) -> Result<(), Refusal> {
    for name in selected {
        let definition = properties.get(name).and_then(|property| property["definition"].as_object());
        match definition {
            None => return Err(Refusal::invalid(format!("There is no property {name}."))),
            Some(definition) if !is(definition, "isTimeSeries") => {
                return Err(Refusal::invalid(format!("The property {name} is no time series.")));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// The span of time, in both forms that connectors are given.
fn span(ask: &Ask<'_>, document: &mut Map<String, Value>) -> Result<(), Refusal> {
    let start = moment(ask, "startTime", "startDateTime")?;
    let end = moment(ask, "endTime", "endDateTime")?;
    if start > end {
        return Err(Refusal::invalid("The start is later than the end."));
    }
    for (name, old, at) in [("startTime", "startDateTime", start), ("endTime", "endDateTime", end)] {
        let text = ask.text(name, &pattern::TIME)?;
        let written = || at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
        document.insert(name.into(), text.unwrap_or_else(written).into());
        document.insert(old.into(), at.timestamp().into());
    }
    Ok(())
}

fn moment(ask: &Ask<'_>, name: &str, old: &str) -> Result<DateTime<Utc>, Refusal> {
    let wrong = |text: &str| pattern::broken(name, text, "Member must be an ISO8601 DateTime");
    if let Some(text) = ask.text(name, &pattern::TIME)? {
        return instant(&text).ok_or_else(|| wrong(&text));
    }
    #[allow(clippy::cast_possible_truncation, reason = "what is out of range is no moment either")]
    let from = |seconds: f64| DateTime::from_timestamp_millis((seconds * 1000.0) as i64);
    match ask.number(old)? {
        Some(seconds) => from(seconds).ok_or_else(|| wrong(&seconds.to_string())),
        None => Err(ask.absent(name)),
    }
}

fn instant(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc())
}
