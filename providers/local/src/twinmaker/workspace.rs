//! Workspaces.

use serde_json::json;

use super::definition::said;
use super::pattern::{self, Pattern};
use super::record::{ComponentType, Entity, Workspace};
use super::refusal::Refusal;
use super::{Call, Done, life, page, quota, show, tags};
use crate::faults::Kind;
use crate::state::{Held, State};

/// What a workspace says of itself.
const TEXTS: [(&str, &Pattern); 3] =
    [("description", &pattern::DESCRIPTION), ("role", &pattern::ROLE_ARN), ("s3Location", &pattern::S3_LOCATION)];

/// The ARN of the workspace that a request's path names; refused when there is none.
pub(super) fn find(call: &Call<'_>, state: &State) -> Result<String, Refusal> {
    let id = call.part("workspaceId", &pattern::ID)?;
    let arn = call.caller.workspace(&id);
    if state.get::<Workspace>(&arn).is_none() {
        return Err(call.missing("workspace", &id));
    }
    Ok(arn)
}

pub(super) fn create(call: &Call<'_>, state: &mut State) -> Done {
    let (ask, id) = (call.ask(), call.part("workspaceId", &pattern::ID)?);
    let (said, tags) = (said(&ask, &TEXTS)?, tags::read(&ask)?);
    let arn = call.caller.workspace(&id);
    if state.get::<Workspace>(&arn).is_some() {
        return Err(Refusal::conflict(format!("The workspace {id} exists already.")));
    }
    freed(state, &arn)?;
    quota::check(all(call, state).count() + 1, quota::WORKSPACES, "workspaces")?;
    let now = call.cloud.clock.now();
    state.set(&arn, Workspace { id, said, tags, created: now, updated: now });
    Ok((json!({ "arn": arn, "creationDateTime": show::time(now) }), vec![call.effect(&arn)]))
}

pub(super) fn get(call: &Call<'_>, state: &mut State) -> Done {
    let named = call.route.part("workspaceId");
    let arn = match named.starts_with("arn:") {
        true => named.to_owned(),
        false => find(call, state)?,
    };
    let own = arn.starts_with(&call.caller.arns());
    let found = state.get::<Workspace>(&arn).filter(|_| own).ok_or_else(|| call.missing("workspace", named))?;
    Ok((show::workspace(&arn, found), Vec::new()))
}

pub(super) fn update(call: &Call<'_>, state: &mut State) -> Done {
    let arn = find(call, state)?;
    let said = said(&call.ask(), &TEXTS)?;
    let found = state.get::<Workspace>(&arn).cloned();
    let mut row = found.ok_or_else(|| call.missing("workspace", &arn))?;
    let before = row.said.clone();
    row.said.extend(said);
    row.updated = call.cloud.clock.now();
    let effect = call.effect(&arn).unchanged(row.said == before);
    let answer = json!({ "updateDateTime": show::time(row.updated) });
    state.set(&arn, row);
    Ok((answer, vec![effect]))
}

/// Deletes a workspace that holds nothing.
pub(super) fn delete(call: &Call<'_>, state: &mut State) -> Done {
    let arn = find(call, state)?;
    let within = format!("{arn}/");
    let (types, entities) =
        (life::below::<ComponentType>(state, &within).len(), life::below::<Entity>(state, &within).len());
    if types + entities > 0 {
        let message = format!("The workspace is not empty: {types} component types, {entities} entities.");
        return Err(Refusal::invalid(message));
    }
    state.remove::<Workspace>(&arn);
    hold(call, state, &arn);
    Ok((json!({ "message": "The workspace was deleted." }), vec![call.effect(&arn)]))
}

pub(super) fn list(call: &Call<'_>, state: &mut State) -> Done {
    let items = all(call, state).map(|(arn, found)| (arn, show::workspace_summary(arn, found)));
    let (found, next) = page::page(&call.ask(), items)?;
    Ok((show::page("workspaceSummaries", found, next), Vec::new()))
}

/// The caller's workspaces.
fn all<'s>(call: &Call<'_>, state: &'s State) -> impl Iterator<Item = (&'s String, &'s Workspace)> {
    let prefix = call.caller.workspace("");
    state.all::<Workspace>().iter().filter(move |(arn, _)| arn.starts_with(&prefix))
}

/// Keeps a deleted name taken, on demand.
pub(super) fn hold(call: &Call<'_>, state: &mut State, arn: &str) {
    let refusals = call.hits.iter().find_map(|hit| match hit {
        Kind::SoftDelete { refusals } => Some(*refusals),
        _ => None,
    });
    if let Some(refusals) = refusals {
        state.set(arn, Held { refusals });
    }
}

/// Refuses a name that is still taken by something deleted; each refusal brings its end nearer.
pub(super) fn freed(state: &mut State, arn: &str) -> Result<(), Refusal> {
    let Some(held) = state.remove::<Held>(arn).filter(|held| held.refusals > 0) else { return Ok(()) };
    state.set(arn, Held { refusals: held.refusals - 1 });
    Err(Refusal::conflict("The name is still taken by something that was deleted."))
}
