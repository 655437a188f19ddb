//! Telemetry sent on behalf of a twin: accepted, kept nowhere, not checked against the model.

use super::answer::{Refusal, Reply};
use super::call::Call;
use super::component;
use super::state::State;

/// `POST /digitaltwins/{id}[/components/{name}]/telemetry`
pub(super) fn send(state: &State, call: &Call<'_>, id: &str, name: Option<&str>) -> Result<Reply, Refusal> {
    if call.header("message-id").is_none_or(str::is_empty) {
        return Err(Refusal::argument("The Message-Id header is required."));
    }
    if call.json()?.is_none() {
        return Err(Refusal::argument("Payload is invalid."));
    }
    match name {
        Some(name) => component::find(state, id, name).map(drop)?,
        None => state.twins.get(id).map(drop).ok_or_else(|| Refusal::no_twin(id))?,
    }
    Ok(Reply::nothing())
}
