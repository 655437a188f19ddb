//! Who may send: a device is let in by its signature, and stays in while its identity allows it.

use chrono::{DateTime, Utc};

use super::hub::{self, Hub, Missing};
use super::registry;
use super::sas::Signature;
use crate::arm;
use crate::arm::types::iot_hub::POLICIES;
use crate::cloud::Cloud;
use crate::state::{Device, Resource, State};

/// A device that has proved who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sender {
    pub(super) hub: Hub,
    pub(super) device: String,
    /// Which of the identities that had this id in turn.
    pub(super) generation: String,
    /// `device` for a device's own key, `hub` for a policy's.
    pub(super) scope: &'static str,
    /// When its signature ends.
    pub(super) until: DateTime<Utc>,
}

/// Why it is not let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error(transparent)]
    Hub(#[from] Missing),
    /// Nobody is told whether the device is unknown, disabled, or its signature wrong.
    #[error("Unauthorized")]
    Unauthorized,
    /// The state could not be written.
    #[error("The local cloud could not write its state.")]
    State,
}

/// Lets a device in by its token, if that is worth it at this moment.
pub(super) fn admit(cloud: &Cloud, hub: &str, device: &str, token: &str) -> Result<Sender, Refusal> {
    let mut state = cloud.state();
    let active = hub::active(cloud, &mut state, hub);
    if arm::persist(cloud, &mut state, Vec::new()).is_some() {
        return Err(Refusal::State);
    }
    let hub = active?;
    let signature = Signature::parse(token).ok_or(Refusal::Unauthorized)?;
    let identity = identity(&state, &hub, device).ok_or(Refusal::Unauthorized)?;
    let fits = signature.end() > cloud.clock.now() && signature.covers(&hub.name, device);
    if !fits || !keys(&state, &hub, identity, &signature).iter().any(|key| signature.is_by(key)) {
        return Err(Refusal::Unauthorized);
    }
    let (generation, until) = (identity.generation.clone(), signature.end());
    let scope = if signature.policy().is_some() { "hub" } else { "device" };
    Ok(Sender { hub, device: device.to_owned(), generation, scope, until })
}

/// Whether a device that was let in still may send.
pub(super) fn is_still_admitted(cloud: &Cloud, sender: &Sender) -> bool {
    let mut state = cloud.state();
    let active = hub::active(cloud, &mut state, &sender.hub.name);
    let here = active.is_ok_and(|hub| hub == sender.hub);
    let identity = identity(&state, &sender.hub, &sender.device);
    here && identity.is_some_and(|identity| identity.generation == sender.generation)
        && sender.until > cloud.clock.now()
}

/// The identity of a device that may connect.
fn identity<'a>(state: &'a State, hub: &Hub, device: &str) -> Option<&'a Device> {
    state.get::<Device>(&registry::key(&hub.name, device)).filter(|identity| identity.enabled)
}

/// The keys that may have made the signature.
fn keys<'a>(state: &'a State, hub: &Hub, identity: &'a Device, signature: &Signature) -> Vec<&'a str> {
    let Some(policy) = signature.policy() else {
        let keys = &identity.authentication["symmetricKey"];
        return ["primaryKey", "secondaryKey"].iter().filter_map(|name| keys[name].as_str()).collect();
    };
    let connects = |(name, rights): &&(&str, &str)| *name == policy && rights.contains("DeviceConnect");
    let resource = state.get::<Resource>(&hub.id.to_lowercase());
    let (Some((name, _)), Some(resource)) = (POLICIES.iter().find(connects), resource) else { return Vec::new() };
    ["primary", "secondary"].iter().map(|which| resource.minted(&format!("{name}/{which}"))).collect()
}
