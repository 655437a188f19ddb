//! Component types.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::ask::Ask;
use super::definition::{self, put, said};
use super::life::{self, Life, Stage};
use super::pattern::{self, Pattern};
use super::record::ComponentType;
use super::refusal::Refusal;
use super::traits::{self, Traits};
use super::{Call, Done, component, page, quota, show, tags, workspace};
use crate::state::State;

/// The texts that a type says of itself.
const TEXTS: [(&str, &Pattern); 2] =
    [("description", &pattern::DESCRIPTION), ("componentTypeName", &pattern::DISPLAY_NAME)];

/// Parts of the API that are not here.
const ABSENT: [&str; 2] = ["propertyGroups", "compositeComponentTypes"];

/// The workspace's ARN, the type's id and its ARN.
fn named(call: &Call<'_>, state: &State) -> Result<(String, String, String), Refusal> {
    let id = call.part("componentTypeId", &pattern::COMPONENT_TYPE_ID)?;
    let workspace = workspace::find(call, state)?;
    let arn = traits::arn(&workspace, &id);
    Ok((workspace, id, arn))
}

fn found(call: &Call<'_>, state: &State, arn: &str, id: &str) -> Result<ComponentType, Refusal> {
    state.get::<ComponentType>(arn).cloned().ok_or_else(|| call.missing("component type", id))
}

pub(super) fn create(call: &Call<'_>, state: &mut State) -> Done {
    call.without(&ABSENT)?;
    let (workspace, id, arn) = named(call, state)?;
    let tags = tags::read(&call.ask())?;
    if state.get::<ComponentType>(&arn).is_some() {
        return Err(Refusal::conflict(format!("The component type {id} exists already.")));
    }
    if id.starts_with("com.amazon.") {
        return Err(Refusal::invalid("The namespace com.amazon. is AWS's own."));
    }
    let now = call.cloud.clock.now();
    let mut row = ComponentType {
        id,
        said: serde_json::Map::new(),
        extends: Vec::new(),
        properties: BTreeMap::new(),
        functions: BTreeMap::new(),
        tags,
        created: now,
        updated: now,
        life: Life::begin(call, Stage::Creating),
    };
    write(&call.ask(), &mut row)?;
    check(state, &workspace, &row)?;
    workspace::freed(state, &arn)?;
    let count = life::below::<ComponentType>(state, &traits::arn(&workspace, "")).len();
    quota::check(count + 1, quota::COMPONENT_TYPES, "component types in a workspace")?;
    let answer = json!({ "arn": arn, "creationDateTime": show::time(now), "state": row.life.word() });
    state.set(&arn, row);
    Ok((answer, vec![call.effect(&arn)]))
}

/// Writes what a request says; a member that it has replaces the whole of what was said before.
fn write(ask: &Ask<'_>, row: &mut ComponentType) -> Result<(), Refusal> {
    row.said.extend(said(ask, &TEXTS)?);
    put(&mut row.said, "isSingleton", ask.flag("isSingleton")?);
    if let Some(extends) = ask.texts("extendsFrom", &pattern::COMPONENT_TYPE_ID, 0..=usize::MAX)? {
        row.extends = extends;
    }
    if let Some(properties) = definition::properties(ask, "propertyDefinitions")? {
        row.properties = properties;
    }
    if let Some(functions) = definition::functions(ask)? {
        row.functions = functions;
    }
    Ok(())
}

fn check(state: &State, workspace: &str, row: &ComponentType) -> Result<(), Refusal> {
    row.extends.iter().try_for_each(|id| traits::usable(state, workspace, id).map(drop))?;
    Traits::of(state, workspace, row).check(row)
}

pub(super) fn get(call: &Call<'_>, state: &mut State) -> Done {
    let (workspace, id, arn) = named(call, state)?;
    life::look::<ComponentType>(call.cloud, state, &arn);
    let row = found(call, state, &arn, &id)?;
    let traits = Traits::of(state, &workspace, &row);
    Ok((show::component_type(call.route.part("workspaceId"), &arn, &row, &traits), Vec::new()))
}

pub(super) fn update(call: &Call<'_>, state: &mut State) -> Done {
    call.without(&ABSENT)?;
    let (workspace, id, arn) = named(call, state)?;
    let before = found(call, state, &arn, &id)?;
    before.life.at_rest("component type", Refusal::invalid)?;
    let mut row = before.clone();
    write(&call.ask(), &mut row)?;
    check(state, &workspace, &row)?;
    let traits = Traits::of(state, &workspace, &row);
    for (_, entity) in life::entities(state, &workspace) {
        for (name, of_it) in entity.components.iter().filter(|(_, found)| found.component_type == id) {
            component::fits(name, of_it, &row, &traits)?;
        }
    }
    let unchanged = row == before;
    row.updated = call.cloud.clock.now();
    row.life = Life::begin(call, Stage::Updating);
    let answer = json!({
        "workspaceId": call.route.part("workspaceId"), "arn": arn, "componentTypeId": id, "state": row.life.word()
    });
    state.set(&arn, row);
    Ok((answer, vec![call.effect(&arn).unchanged(unchanged)]))
}

/// Deletes a type that nothing uses.
pub(super) fn delete(call: &Call<'_>, state: &mut State) -> Done {
    let (workspace, id, arn) = named(call, state)?;
    let mut row = found(call, state, &arn, &id)?;
    row.life.at_rest("component type", Refusal::invalid)?;
    let users: Vec<&str> = life::entities(state, &workspace)
        .filter(|(_, entity)| entity.components.values().any(|found| found.component_type == id))
        .map(|(_, entity)| entity.id.as_str())
        .collect();
    if let Some(user) = users.first() {
        let message = format!("The component type {id} is in use by {} entities, {user} among them.", users.len());
        return Err(Refusal::invalid(message));
    }
    if let Some(heir) = traits::heirs(state, &workspace, &id).first() {
        return Err(Refusal::invalid(format!("The component type {id} is extended by {heir}.")));
    }
    row.life = Life::begin(call, Stage::Deleting);
    let answer = json!({ "state": row.life.word() });
    state.set(&arn, row);
    workspace::hold(call, state, &arn);
    Ok((answer, vec![call.effect(&arn)]))
}

pub(super) fn list(call: &Call<'_>, state: &mut State) -> Done {
    let workspace = workspace::find(call, state)?;
    let prefix = traits::arn(&workspace, "");
    life::look_at_all::<ComponentType>(call.cloud, state, &prefix);
    let (ask, state) = (call.ask(), &*state);
    let filters = ask.list("filters")?.unwrap_or_default();
    let filters = filters.iter().map(|filter| Filter::read(&ask, filter)).collect::<Result<Vec<_>, _>>()?;
    let all = life::below::<ComponentType>(state, &prefix);
    let rows = all.iter().filter_map(|arn| Some((arn, state.get::<ComponentType>(arn)?)));
    let rows = rows.filter(|(_, row)| filters.iter().all(|filter| filter.takes(state, &workspace, row)));
    let (found, next) = page::page(&ask, rows.map(|(arn, row)| (arn, show::component_type_summary(arn, row))))?;
    let mut answer = show::page("componentTypeSummaries", found, next);
    answer["workspaceId"] = call.route.part("workspaceId").into();
    answer["maxResults"] = page::size(&ask)?.into();
    Ok((answer, Vec::new()))
}

/// What a list of types is narrowed by.
enum Filter {
    Extends(String),
    Namespace(String),
    Abstract(bool),
}

impl Filter {
    fn read(ask: &Ask<'_>, filter: &Value) -> Result<Self, Refusal> {
        let filter = ask.inside("filters", filter)?;
        let extends = filter.text("extendsFrom", &pattern::COMPONENT_TYPE_ID)?;
        let namespace = filter.text("namespace", &pattern::STRING)?;
        match (extends, namespace, filter.flag("isAbstract")?) {
            (Some(id), None, None) => Ok(Self::Extends(id)),
            (None, Some(namespace), None) => Ok(Self::Namespace(namespace)),
            (None, None, Some(is)) => Ok(Self::Abstract(is)),
            _ => Err(Refusal::invalid("A filter must have one of extendsFrom, namespace and isAbstract.")),
        }
    }

    fn takes(&self, state: &State, workspace: &str, row: &ComponentType) -> bool {
        match self {
            Self::Extends(id) => row.extends.contains(id),
            Self::Namespace(namespace) => row.id.starts_with(namespace.as_str()),
            Self::Abstract(is) => Traits::of(state, workspace, row).is_abstract() == *is,
        }
    }
}
