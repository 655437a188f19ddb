//! Twins: put, get, patch, delete.

use std::sync::{PoisonError, RwLock};

use serde_json::Value;
use uuid::Uuid;

use super::answer::{Refusal, Reply};
use super::call::Call;
use super::change::Change;
use super::condition::{self, Match};
use super::draft::Draft;
use super::instance::{Done, Instance};
use super::name::Name;
use super::state::State;
use super::{limits, patch};

/// `GET /digitaltwins/{id}`
pub(super) fn get(state: &State, call: &Call<'_>, id: &str) -> Result<Reply, Refusal> {
    let twin = state.twins.get(id).ok_or_else(|| Refusal::no_twin(id))?;
    Ok(Reply::document(twin.document(id, call.version)).tagged(twin.etag))
}

/// `PUT /digitaltwins/{id}`: writes the whole twin, new or not.
pub(super) fn put(instance: &mut Instance, call: &Call<'_>, id: &str) -> Result<Reply, Refusal> {
    let must_be_new = condition::must_be_new(call)?;
    check_id(id)?;
    let Some(Value::Object(body)) = call.json()? else { return Err(Refusal::argument("Payload is invalid.")) };
    let state = &instance.state;
    let draft = Draft::of_body(body, &state.models, call.version)?;
    draft.check(&state.models)?;
    let before = state.twins.get(id);
    if must_be_new && before.is_some() {
        return Err(condition::exists("twin", id));
    }
    if before.is_none_or(|before| *before.model != *draft.model()) {
        refuse_decommissioned(state, draft.model())?;
    }
    if before.is_none() && state.twins.len() >= limits::TWINS {
        return Err(Refusal::bad("TwinLimitReached", "The maximum number of digital twins has been reached."));
    }
    let twin = draft.into_twin(None, instance.now(), Uuid::new_v4());
    let unchanged = before.is_some_and(|before| before.same_content(&twin));
    let reply = Reply::document(twin.document(id, call.version)).tagged(twin.etag);
    let done = Done { unchanged, ..Done::new("PutTwin", resource(id)) };
    instance.commit_and_tell(call, Change::PutTwin(Name::from(id), twin), &[done], None)?;
    Ok(reply)
}

/// `PATCH /digitaltwins/{id}`, and of a component, which is the same with longer paths.
///
/// The patch is read before the instance is locked: live data patches all the time.
pub(super) fn update(
    instance: &RwLock<Instance>,
    call: &Call<'_>,
    id: &str,
    component: Option<&str>,
) -> Result<Reply, Refusal> {
    let wanted = Match::of(call)?;
    let mut operations = patch::read(call)?;
    let mut instance = instance.write().unwrap_or_else(PoisonError::into_inner);
    let state = &instance.state;
    let before = state.twins.get(id).ok_or_else(|| Refusal::no_twin(id))?;
    wanted.check(before.etag)?;
    let mut draft = Draft::of_twin(before);
    for operation in &mut operations {
        operation.path.splice(0..0, component.map(str::to_owned));
        draft.patch(operation, &state.models, call.version)?;
    }
    draft.check(&state.models)?;
    if *before.model != *draft.model() {
        refuse_decommissioned(state, draft.model())?;
    }
    let twin = draft.into_twin(Some(before), instance.now(), Uuid::new_v4());
    let reply = Reply::nothing().tagged(twin.etag);
    let unchanged = before.same_content(&twin);
    let done = match component {
        None => Done::new("PatchTwin", resource(id)),
        Some(name) => Done::new("PatchComponent", format!("{}/components/{name}", resource(id))),
    };
    let done = Done { unchanged, ..done };
    instance.commit_and_tell(call, Change::PutTwin(Name::from(id), twin), &[done], Some(&operations))?;
    Ok(reply)
}

/// `DELETE /digitaltwins/{id}`: refused while relationships lead to it or away from it.
pub(super) fn delete(instance: &mut Instance, call: &Call<'_>, id: &str) -> Result<Reply, Refusal> {
    let wanted = Match::of(call)?;
    let twin = instance.state.twins.get(id).ok_or_else(|| Refusal::no_twin(id))?;
    wanted.check(twin.etag)?;
    if instance.state.outgoing(id, "").next().is_some() || instance.state.incoming(id, ("", "")).next().is_some() {
        let message = format!(
            "Twin {id} has active relationships. Cannot delete a twin unless all the relationships are deleted. Please \
             ensure that the active relationships on the twin are deleted. See section on retrieving relationships \
             https://aka.ms/adtv2twins."
        );
        return Err(Refusal::bad("RelationshipsNotDeleted", message));
    }
    let done = Done::new("DeleteTwin", resource(id));
    instance.commit_and_tell(call, Change::DeleteTwin(Name::from(id)), &[done], None)?;
    Ok(Reply::nothing())
}

/// Refuses what cannot be the id of a twin, relationship or route.
pub(super) fn check_id(id: &str) -> Result<(), Refusal> {
    let allowed = |char: char| char.is_ascii_alphanumeric() || "-.+%_#*?!(),=@$':;".contains(char);
    if (1..=limits::ID_CHARS).contains(&id.len()) && id.chars().all(allowed) {
        return Ok(());
    }
    Err(Refusal::argument(format!(
        "The id {id} is not valid: up to {} of A-Z a-z 0-9 - . + % _ # * ? ! ( ) , = @ $ ' are \
         allowed.",
        limits::ID_CHARS
    )))
}

/// Refuses a model that is for no new twins.
pub(super) fn refuse_decommissioned(state: &State, model: &str) -> Result<(), Refusal> {
    match state.upload(model) {
        Some(upload) if upload.decommissioned => {
            let message = format!("The model {model} is decommissioned and cannot be used for new digital twins.");
            Err(Refusal::bad("ModelDecommissioned", message))
        }
        _ => Ok(()),
    }
}

fn resource(id: &str) -> String {
    format!("digitaltwins/{id}")
}
