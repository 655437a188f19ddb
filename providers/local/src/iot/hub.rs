//! Which hub is meant, and whether it takes anything.

use axum::http::Request;
use bytes::Bytes;

use super::error;
use crate::answer::Answer;
use crate::arm;
use crate::cloud::Cloud;
use crate::query;
use crate::state::{Resource, State};

/// The resource type.
pub(super) const KIND: &str = "Microsoft.Devices/IotHubs";
/// The zone of hubs' host names.
pub(super) const ZONE: &str = "hub";

/// A hub that is there and active.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hub {
    /// Its resource id.
    pub(super) id: String,
    /// Its name in lower case, as devices' keys in the state begin.
    pub(super) name: String,
}

/// Why a hub takes nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Missing {
    #[error("The host name names no hub, and there is not exactly one.")]
    Unnamed,
    #[error("IoT Hub not found. IoT Hub Name:{0}.")]
    NotFound(String),
    #[error("Iot Hub {0} is not currently in Active state.")]
    NotActive(String),
}

impl Missing {
    pub(super) fn answer(&self) -> Answer {
        let (status, code) = match self {
            Self::Unnamed | Self::NotFound(_) => (404, "IotHubNotFound"),
            Self::NotActive(_) => (409, "IotHubNotActive"),
        };
        error(status, code, &self.to_string())
    }
}

/// The name of the hub that a request is for.
pub(super) fn of_request(cloud: &Cloud, request: &Request<Bytes>) -> Result<String, Missing> {
    query::subject(request, ZONE).or_else(|| only(&cloud.state())).ok_or(Missing::Unnamed)
}

/// The only hub's name in lower case; `None` when there is none, or more than one.
pub(super) fn only(state: &State) -> Option<String> {
    let mut hubs = state.all::<Resource>().values().filter(|resource| resource.kind == KIND);
    let only = hubs.next()?.name().to_lowercase();
    hubs.next().is_none().then_some(only)
}

/// The hub of that name, if it is active.
pub(super) fn active(cloud: &Cloud, state: &mut State, name: &str) -> Result<Hub, Missing> {
    if let Some((key, _, true)) = find(state, name) {
        arm::lifecycle::observe(cloud, state, &key);
    }
    match find(state, name) {
        None => Err(Missing::NotFound(name.to_owned())),
        Some((_, _, true)) => Err(Missing::NotActive(name.to_owned())),
        Some((_, id, false)) => Ok(Hub { id, name: name.to_lowercase() }),
    }
}

/// Its key, its id, and whether an operation runs on it.
fn find(state: &State, name: &str) -> Option<(String, String, bool)> {
    let mut resources = state.all::<Resource>().iter();
    let (key, hub) = resources.find(|(_, found)| found.kind == KIND && found.name().eq_ignore_ascii_case(name))?;
    Some((key.clone(), hub.id.clone(), hub.operation.is_some()))
}
