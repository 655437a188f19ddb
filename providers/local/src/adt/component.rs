//! Components read on their own. They share their twin's ETag; patching one is patching the twin.

use axum::http::StatusCode;

use super::answer::{Refusal, Reply};
use super::call::Call;
use super::part::{Part, Twin};
use super::state::State;

/// `GET /digitaltwins/{id}/components/{name}`
pub(super) fn get(state: &State, call: &Call<'_>, id: &str, name: &str) -> Result<Reply, Refusal> {
    let (twin, part) = find(state, id, name)?;
    Ok(Reply::document(part.document(call.version)).tagged(twin.etag))
}

/// A twin and one component of it.
pub(super) fn find<'a>(state: &'a State, id: &str, name: &str) -> Result<(&'a Twin, &'a Part), Refusal> {
    let twin = state.twins.get(id).ok_or_else(|| Refusal::no_twin(id))?;
    let part = twin.component(name).ok_or_else(|| {
        let message = format!(
            "{id} does not have component {name} Please verify that the component path is correct. You can get \
             components by getting the twin, See example https://aka.ms/TwinGetSwSmpl."
        );
        Refusal::new(StatusCode::NOT_FOUND, "ComponentNotFound", message)
    })?;
    Ok((twin, part))
}
