//! Telemetry sent on behalf of a twin: kept nowhere, not checked against the model, sent along the event routes.

use super::answer::{Refusal, Reply};
use super::call::Call;
use super::component;
use super::instance::Instance;
use super::notification::Notification;

/// `POST /digitaltwins/{id}[/components/{name}]/telemetry`
///
/// The answer leaves once the message is where it is kept; that cannot be written: 500, and it was not sent.
pub(super) fn send(instance: &Instance, call: &Call<'_>, id: &str, name: Option<&str>) -> Result<Reply, Refusal> {
    if call.header("message-id").is_none_or(str::is_empty) {
        return Err(Refusal::argument("The Message-Id header is required."));
    }
    let Some(data) = call.json()? else { return Err(Refusal::argument("Payload is invalid.")) };
    let state = &instance.state;
    let twin = state.twins.get(id).ok_or_else(|| Refusal::no_twin(id))?;
    if let Some(name) = name {
        component::find(state, id, name)?;
    }
    if !state.routes.is_empty() && instance.egress.is_open() {
        let component = name.and_then(|name| state.models.components(&twin.model).find(|one| one.name == name));
        let model = component.map_or(&*twin.model, |component| component.schema.as_str());
        instance.tell(Notification::of_telemetry(id, name, model, data, call))?;
    }
    Ok(Reply::nothing())
}
