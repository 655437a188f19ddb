//! Entities.

use serde_json::{Value, json};
use uuid::Uuid;

use super::ask::Ask;
use super::life::{self, Life, Stage};
use super::record::{ComponentType, Entity};
use super::refusal::Refusal;
use super::traits::{self, Traits, is};
use super::{Call, Done, component, page, pattern, quota, show, tags, tree, workspace};
use crate::cloud::Cloud;
use crate::query;
use crate::state::State;

/// Parts of the API that are not here.
const ABSENT: [&str; 2] = ["compositeComponents", "compositeComponentUpdates"];

/// The workspace's ARN, the entity's id and its ARN.
fn named(call: &Call<'_>, state: &State) -> Result<(String, String, String), Refusal> {
    let id = call.part("entityId", &pattern::ENTITY_ID)?;
    let workspace = workspace::find(call, state)?;
    let arn = tree::arn(&workspace, &id);
    Ok((workspace, id, arn))
}

fn found(call: &Call<'_>, state: &State, arn: &str, id: &str) -> Result<Entity, Refusal> {
    state.get::<Entity>(arn).cloned().ok_or_else(|| call.missing("entity", id))
}

/// Looks at an entity; those that were deleted with it go with it.
fn look(cloud: &Cloud, state: &mut State, workspace: &str, arn: &str) {
    if !life::look::<Entity>(cloud, state, arn) {
        tree::prune(state, workspace);
    }
}

pub(super) fn create(call: &Call<'_>, state: &mut State) -> Done {
    call.without(&ABSENT)?;
    let (ask, workspace) = (call.ask(), workspace::find(call, state)?);
    let now = call.cloud.clock.now();
    let row = Entity {
        id: ask.text("entityId", &pattern::ENTITY_ID)?.unwrap_or_else(|| Uuid::new_v4().to_string()),
        name: ask.required_text("entityName", &pattern::ENTITY_NAME)?,
        description: ask.text("description", &pattern::DESCRIPTION)?,
        parent: ask.text("parentEntityId", &pattern::PARENT_ENTITY_ID)?.unwrap_or_else(|| tree::ROOT.into()),
        components: component::read(&ask)?,
        tags: tags::read(&ask)?,
        created: now,
        updated: now,
        life: Life::begin(call, Stage::Creating),
    };
    let arn = tree::arn(&workspace, &row.id);
    if state.get::<Entity>(&arn).is_some() {
        return Err(Refusal::conflict(format!("The entity {} exists already.", row.id)));
    }
    check(state, &workspace, &row)?;
    workspace::freed(state, &arn)?;
    let count = life::entities(state, &workspace).count();
    quota::check(count + 1, quota::ENTITIES, "entities in a workspace")?;
    let answer = json!({
        "entityId": row.id, "arn": arn, "creationDateTime": show::time(now), "state": row.life.word()
    });
    state.set(&arn, row);
    Ok((answer, vec![call.effect(&arn)]))
}

fn check(state: &State, workspace: &str, row: &Entity) -> Result<(), Refusal> {
    component::check(state, workspace, row)?;
    tree::check(state, workspace, row)
}

pub(super) fn get(call: &Call<'_>, state: &mut State) -> Done {
    let (workspace, id, arn) = named(call, state)?;
    look(call.cloud, state, &workspace, &arn);
    let row = found(call, state, &arn, &id)?;
    let mut answer = show::entity_summary(&arn, &row, tree::children(state, &workspace, &id).next().is_some());
    answer["workspaceId"] = call.route.part("workspaceId").into();
    answer["components"] = show::components(state, &workspace, &row);
    answer["areAllComponentsReturned"] = true.into();
    Ok((answer, Vec::new()))
}

pub(super) fn update(call: &Call<'_>, state: &mut State) -> Done {
    call.without(&ABSENT)?;
    let (workspace, id, arn) = named(call, state)?;
    let before = found(call, state, &arn, &id)?;
    before.life.at_rest("entity", Refusal::conflict)?;
    let mut row = before.clone();
    write(&call.ask(), &mut row)?;
    check(state, &workspace, &row)?;
    let unchanged = row == before;
    row.updated = call.cloud.clock.now();
    row.life = Life::begin(call, Stage::Updating);
    let answer = json!({ "updateDateTime": show::time(row.updated), "state": row.life.word() });
    state.set(&arn, row);
    Ok((answer, vec![call.effect(&arn).unchanged(unchanged)]))
}

fn write(ask: &Ask<'_>, row: &mut Entity) -> Result<(), Refusal> {
    if let Some(name) = ask.text("entityName", &pattern::ENTITY_NAME)? {
        row.name = name;
    }
    if let Some(description) = ask.text("description", &pattern::DESCRIPTION)? {
        row.description = Some(description);
    }
    component::update(ask, &mut row.components)?;
    let Some(parent) = ask.structure("parentEntityUpdate")? else { return Ok(()) };
    let kind = parent.word("updateType", &["UPDATE", "DELETE"])?.ok_or_else(|| parent.absent("updateType"))?;
    row.parent = match kind {
        "DELETE" => tree::ROOT.to_owned(),
        _ => parent.required_text("parentEntityId", &pattern::PARENT_ENTITY_ID)?,
    };
    Ok(())
}

/// Deletes an entity, with all below it only when asked to.
pub(super) fn delete(call: &Call<'_>, state: &mut State) -> Done {
    let (workspace, id, arn) = named(call, state)?;
    let is_recursive = query::value(call.request, "isRecursive").is_some_and(|is| is.eq_ignore_ascii_case("true"));
    found(call, state, &arn, &id)?.life.at_rest("entity", Refusal::invalid)?;
    let all = tree::below(state, &workspace, &id);
    if all.len() > 1 && !is_recursive {
        return Err(Refusal::invalid(format!("The entity {id} has entities below it.")));
    }
    let life = Life::begin(call, Stage::Deleting);
    let mut effects = Vec::new();
    for id in all {
        let arn = tree::arn(&workspace, &id);
        if let Some(row) = state.get::<Entity>(&arn).cloned() {
            state.set(&arn, Entity { life: life.clone(), ..row });
            workspace::hold(call, state, &arn);
            effects.push(call.effect(&arn));
        }
    }
    Ok((json!({ "state": life.word() }), effects))
}

pub(super) fn list(call: &Call<'_>, state: &mut State) -> Done {
    let workspace = workspace::find(call, state)?;
    life::look_at_all::<Entity>(call.cloud, state, &tree::arn(&workspace, ""));
    tree::prune(state, &workspace);
    let (ask, state) = (call.ask(), &*state);
    let filter = match ask.list("filters")?.unwrap_or_default() {
        [] => None,
        [filter] => Some(Filter::read(&ask, filter)?),
        _ => return Err(Refusal::invalid("Only one filter is accepted.")),
    };
    let takes = |row: &Entity| filter.as_ref().is_none_or(|filter| filter.takes(state, &workspace, row));
    let rows = life::entities(state, &workspace).filter(|(_, row)| takes(row));
    let shown = rows.map(|(arn, row)| {
        let has_children = tree::children(state, &workspace, &row.id).next().is_some();
        (arn, show::entity_summary(arn, row, has_children))
    });
    let (found, next) = page::page(&ask, shown)?;
    Ok((show::page("entitySummaries", found, next), Vec::new()))
}

/// What a list of entities is narrowed by.
enum Filter {
    Parent(String),
    Type(String),
    External(String),
}

impl Filter {
    fn read(ask: &Ask<'_>, filter: &Value) -> Result<Self, Refusal> {
        let filter = ask.inside("filters", filter)?;
        let parent = filter.text("parentEntityId", &pattern::PARENT_ENTITY_ID)?;
        let kind = filter.text("componentTypeId", &pattern::COMPONENT_TYPE_ID)?;
        match (parent, kind, filter.text("externalId", &pattern::STRING)?) {
            (Some(id), None, None) => Ok(Self::Parent(id)),
            (None, Some(id), None) => Ok(Self::Type(id)),
            (None, None, Some(id)) => Ok(Self::External(id)),
            _ => Err(Refusal::invalid("A filter must have one of parentEntityId, componentTypeId and externalId.")),
        }
    }

    fn takes(&self, state: &State, workspace: &str, row: &Entity) -> bool {
        match self {
            Self::Parent(id) => row.parent == *id,
            Self::Type(id) => row.components.values().any(|component| component.component_type == *id),
            Self::External(id) => row.components.values().any(|component| {
                let Some(own) = state.get::<ComponentType>(&traits::arn(workspace, &component.component_type)) else {
                    return false;
                };
                let properties = component::properties(component, &Traits::of(state, workspace, own));
                properties.iter().any(|(key, definition)| {
                    let held = component::held(component, key, definition);
                    is(definition, "isExternalId") && held.is_some_and(|held| held["stringValue"] == id.as_str())
                })
            }),
        }
    }
}
