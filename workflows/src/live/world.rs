//! What devices send into and twins are read from.

use std::time::Duration;

use async_trait::async_trait;
use azure::{digital_twins, iot_hub, iot_hub::device::Sender};
use journal::StreamState;
use serde_json::Value;

use super::{Message, Refused};
use crate::{
    clouds::Clouds,
    definition::{Definition, TargetKind},
    inter_cloud::output,
    layers,
    steps::outputs::{DigitalTwins, Hub},
    topology::Cloud,
};

/// The step whose output names the hub.
const HUB: &str = "l1/hub";

/// A device's way into its hub.
#[async_trait]
pub trait Line: Send + Sync {
    /// Sends one message; the hub has it when this returns. After a refusal it may have it all the same.
    async fn send(&self, message: &Message) -> Result<(), Refused>;
}

/// What devices send into and twins are read from.
#[async_trait]
pub trait World: Send + Sync {
    /// Opens a device's line, with the device's own key.
    async fn line(&self, device: &str) -> Result<Box<dyn Line>, Refused>;

    /// Reads a twin; `None` when there is none.
    async fn twin(&self, id: &str) -> Result<Option<Value>, Refused>;
}

/// Why a deployment has no live data to work with.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The journal does not know the resource, so it was not deployed (yet).
    #[error("the journal knows no {0} of this deployment")]
    NotDeployed(&'static str),
    /// Devices or twins are on a cloud that is not reached from here.
    #[error("{what} of this deployment is on {}, and only Azure is reached", .cloud.name())]
    Elsewhere {
        /// What is there.
        what: &'static str,
        /// Where.
        cloud: Cloud,
    },
    /// A host name that is none.
    #[error(transparent)]
    Azure(#[from] azure::Error),
}

/// How often and how long to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Between two looks at one twin. Looks count against the ten requests per second that a twin takes.
    pub look: Duration,
    /// How long values may take that were not told otherwise: functions that have not run for long start slowly.
    pub patience: Duration,
}

impl Pace {
    /// What suits a target.
    #[must_use]
    pub fn of(target: TargetKind) -> Self {
        match target {
            TargetKind::Local => Self { look: Duration::from_millis(50), patience: Duration::from_secs(60) },
            TargetKind::Cloud => Self { look: Duration::from_secs(1), patience: Duration::from_secs(600) },
        }
    }
}

/// The live side of a deployment: its hub and its twins, where the journal says that they are.
pub struct Live {
    clouds: Clouds,
    hub: Option<Hub>,
    twins: DigitalTwins,
}

impl Live {
    /// Finds hub and twins of a deployment in the journal; asks no cloud yet.
    ///
    /// # Errors
    /// When the twins were not deployed, or are on a cloud that is not reached.
    pub fn open(state: &StreamState, definition: &Definition, clouds: Clouds) -> Result<Self, Error> {
        if definition.providers.l4 != Cloud::Azure {
            return Err(Error::Elsewhere { what: "the twin", cloud: definition.providers.l4 });
        }
        let twins = output(state, layers::ADT_INSTANCE).ok_or(Error::NotDeployed("twin instance"))?;
        Ok(Self { clouds, hub: output(state, HUB), twins })
    }

    /// Makes sure that devices can send.
    ///
    /// # Errors
    /// When the hub was not deployed, or is on a cloud that is not reached.
    pub fn demand_hub(&self, definition: &Definition) -> Result<(), Error> {
        match (&self.hub, definition.providers.l1) {
            (Some(_), _) => Ok(()),
            (None, Cloud::Azure) => Err(Error::NotDeployed("IoT hub")),
            (None, cloud) => Err(Error::Elsewhere { what: "the devices' hub", cloud }),
        }
    }

    /// The client of the twin instance.
    pub(super) fn digital_twins(&self) -> Result<digital_twins::Client, Refused> {
        Ok(self.clouds.azure.digital_twins(&self.twins.host_name)?)
    }

    fn hub(&self) -> Result<&Hub, Refused> {
        self.hub.as_ref().ok_or_else(|| Refused::permanent("the journal knows no IoT hub of this deployment"))
    }
}

#[async_trait]
impl World for Live {
    async fn line(&self, device: &str) -> Result<Box<dyn Line>, Refused> {
        let hub = self.hub()?;
        let registry: iot_hub::Client = self.clouds.azure.iot_hub(&hub.host_name)?;
        let unknown = || Refused::permanent("the hub does not know the device");
        let found = registry.device(device).await?.ok_or_else(unknown)?;
        if !found.enabled {
            return Err(Refused::permanent("the device is disabled in the hub"));
        }
        let keyless = || Refused::permanent("the device has no key to sign with: it does not log in by key");
        let key = found.primary_key.ok_or_else(keyless)?;
        Ok(Box::new(self.clouds.azure.device(&hub.host_name, device, &key)?))
    }

    async fn twin(&self, id: &str) -> Result<Option<Value>, Refused> {
        Ok(self.digital_twins()?.twin(id).await?.map(|twin| twin.document))
    }
}

#[async_trait]
impl Line for Sender {
    async fn send(&self, message: &Message) -> Result<(), Refused> {
        let wire = iot_hub::device::Message {
            id: Some(message.id.clone()),
            created: Some(message.time()),
            ..iot_hub::device::Message::json(&message.body)
        };
        Ok(Self::send(self, &wire).await?)
    }
}
