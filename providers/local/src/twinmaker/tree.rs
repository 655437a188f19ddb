//! The tree of a workspace's entities.

use std::collections::BTreeMap;

use super::record::Entity;
use super::refusal::Refusal;
use super::{life, quota};
use crate::state::State;

/// The parent of entities that have none.
pub(super) const ROOT: &str = "$ROOT";

/// The ARN of an entity in a workspace, given by its ARN.
pub(super) fn arn(workspace: &str, id: &str) -> String {
    format!("{workspace}/entity/{id}")
}

/// Refuses an entity below a parent that is not there, is below it itself, or has room for no more.
pub(super) fn check(state: &State, workspace: &str, entity: &Entity) -> Result<(), Refusal> {
    if entity.parent == ROOT {
        return Ok(());
    }
    let found = state.get::<Entity>(&arn(workspace, &entity.parent));
    let parent = found.ok_or_else(|| Refusal::invalid(format!("The parent {} does not exist.", entity.parent)))?;
    if !parent.life.is_active() {
        return Err(Refusal::invalid(format!("The parent {} is not ACTIVE.", parent.id)));
    }
    let above = above(state, workspace, parent);
    if above.contains(&entity.id) {
        return Err(Refusal::invalid(format!("The entity {} would be below itself.", entity.id)));
    }
    quota::check(
        above.len() + height(state, workspace, &entity.id),
        quota::ENTITY_DEPTH,
        "entities one below the other",
    )?;
    let siblings = children(state, workspace, &entity.parent).filter(|sibling| sibling.id != entity.id);
    quota::check(siblings.count() + 1, quota::CHILDREN, "entities right below one")
}

/// The ids of an entity and all above it.
fn above(state: &State, workspace: &str, entity: &Entity) -> Vec<String> {
    let mut ids = vec![entity.id.clone()];
    let mut next = entity.parent.clone();
    while let Some(found) = state.get::<Entity>(&arn(workspace, &next)).filter(|found| !ids.contains(&found.id)) {
        ids.push(found.id.clone());
        next.clone_from(&found.parent);
    }
    ids
}

/// Levels of an entity and all below it; 1 for one that is not there yet.
fn height(state: &State, workspace: &str, id: &str) -> usize {
    let mut by_parent: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (_, entity) in life::entities(state, workspace) {
        by_parent.entry(&entity.parent).or_default().push(&entity.id);
    }
    let (mut level, mut height) = (vec![id], 0);
    while !level.is_empty() && height <= quota::ENTITY_DEPTH {
        height += 1;
        level = level.iter().flat_map(|id| by_parent.get(id).cloned().unwrap_or_default()).collect();
    }
    height
}

/// The entities right below one.
pub(super) fn children<'s>(state: &'s State, workspace: &str, id: &str) -> impl Iterator<Item = &'s Entity> {
    let id = id.to_owned();
    life::entities(state, workspace).map(|(_, entity)| entity).filter(move |entity| entity.parent == id)
}

/// The ids of an entity and all below it.
pub(super) fn below(state: &State, workspace: &str, id: &str) -> Vec<String> {
    let mut ids = vec![id.to_owned()];
    let mut at = 0;
    while let Some(next) = ids.get(at).cloned() {
        ids.extend(children(state, workspace, &next).map(|child| child.id.clone()));
        at += 1;
    }
    ids
}

/// Takes away entities whose parent is gone: they were deleted with it.
pub(super) fn prune(state: &mut State, workspace: &str) {
    loop {
        let orphans: Vec<String> = life::entities(state, workspace)
            .filter(|(_, found)| found.parent != ROOT && state.get::<Entity>(&arn(workspace, &found.parent)).is_none())
            .map(|(arn, _)| arn.clone())
            .collect();
        if orphans.is_empty() {
            return;
        }
        for orphan in orphans {
            state.remove::<Entity>(&orphan);
        }
    }
}
