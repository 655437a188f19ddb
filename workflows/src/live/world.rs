//! What devices send into and twins are read from.

use std::time::Duration;

use async_trait::async_trait;
use aws::Aws;
use azure::{digital_twins, iot_hub, iot_hub::device::Sender};
use functions::inbound::iot;
use journal::StreamState;
use serde_json::Value;

use super::{Message, Refused, twin_maker::TwinMaker};
use crate::{
    clouds::Clouds,
    definition::{Definition, TargetKind},
    inter_cloud::output,
    layers,
    steps::{
        aws::outputs::Named,
        outputs::{DigitalTwins, Hub},
    },
    topology::Cloud,
};

/// The step whose output names the hub.
const HUB: &str = "l1/hub";

/// The step that makes the things of IoT Core.
const THINGS: &str = "l1/aws-devices";

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
    #[error("{what} of this deployment is on {}, which is not reached", .cloud.name())]
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
    /// The twin's name, which topics of IoT Core begin with.
    twin_name: String,
    hub: Option<Way>,
    twins: Twins,
}

/// The way on which devices send.
enum Way {
    /// An IoT hub.
    Hub(Hub),
    /// Things of IoT Core.
    Things,
}

/// Where twins are read.
enum Twins {
    Adt(DigitalTwins),
    TwinMaker(TwinMaker),
}

impl Live {
    /// Finds hub and twins of a deployment in the journal; asks no cloud yet.
    ///
    /// # Errors
    /// When the twins were not deployed, or are on a cloud that is not reached.
    pub fn open(state: &StreamState, definition: &Definition, clouds: Clouds) -> Result<Self, Error> {
        let twins = match definition.providers.l4 {
            Cloud::Azure => Twins::Adt(output(state, layers::ADT_INSTANCE).ok_or(Error::NotDeployed("twin instance"))?),
            Cloud::Aws => {
                let workspace: Named = output(state, layers::WORKSPACE).ok_or(Error::NotDeployed("workspace"))?;
                Twins::TwinMaker(TwinMaker::new(workspace.name, definition))
            }
            cloud @ Cloud::Google => return Err(Error::Elsewhere { what: "the twin", cloud }),
        };
        let hub = match definition.providers.l1 {
            Cloud::Azure => output(state, HUB).map(Way::Hub),
            Cloud::Aws => output::<()>(state, THINGS).map(|()| Way::Things),
            Cloud::Google => None,
        };
        Ok(Self { clouds, twin_name: definition.twin_name.clone(), hub, twins })
    }

    /// Makes sure that devices can send.
    ///
    /// # Errors
    /// When the hub was not deployed, or is on a cloud that is not reached.
    pub fn demand_hub(&self, definition: &Definition) -> Result<(), Error> {
        match (&self.hub, definition.providers.l1) {
            (Some(_), _) => Ok(()),
            (None, Cloud::Azure) => Err(Error::NotDeployed("IoT hub")),
            (None, Cloud::Aws) => Err(Error::NotDeployed("things")),
            (None, cloud) => Err(Error::Elsewhere { what: "the devices' hub", cloud }),
        }
    }

    /// The client of the twin instance.
    pub(super) fn digital_twins(&self) -> Result<digital_twins::Client, Refused> {
        match &self.twins {
            Twins::Adt(twins) => Ok(self.clouds.azure.digital_twins(&twins.host_name)?),
            Twins::TwinMaker(_) => Err(Refused::permanent("the twins of this deployment are not on Azure")),
        }
    }

    /// The workspace and how to reach it, where the twins are on AWS.
    pub(super) fn twin_maker(&self) -> Result<Option<(&TwinMaker, &Aws)>, Refused> {
        match &self.twins {
            Twins::TwinMaker(twin_maker) => Ok(Some((twin_maker, self.aws()?))),
            Twins::Adt(_) => Ok(None),
        }
    }

    fn aws(&self) -> Result<&Aws, Refused> {
        self.clouds.aws().map_err(|error| Refused::permanent(error.to_string()))
    }

    async fn hub_line(&self, hub: &Hub, device: &str) -> Result<Box<dyn Line>, Refused> {
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

    /// A device's own certificate opens its line: whoever lost the key cannot send for it.
    async fn thing_line(&self, device: &str) -> Result<Box<dyn Line>, Refused> {
        let keys = self.clouds.device_keys().map_err(|error| Refused::permanent(error.to_string()))?;
        let kept = keys.certificate(device).map_err(|error| Refused::permanent(error.to_string()))?;
        let lost = || Refused::permanent("the device's certificate and key are not in the state folder (any more)");
        let kept = kept.ok_or_else(lost)?;
        let aws = self.aws()?;
        let endpoint = aws.iot_endpoint().await?;
        let key = keys.key(&kept).map_err(|error| Refused::permanent(error.to_string()))?;
        let sender = aws.device(&endpoint, &kept.pem, &key)?;
        Ok(Box::new(Thing { sender, topic: iot::topic(&self.twin_name, device) }))
    }
}

/// A thing of IoT Core, and the topic that is its own.
struct Thing {
    sender: aws::device::Sender,
    topic: String,
}

#[async_trait]
impl World for Live {
    async fn line(&self, device: &str) -> Result<Box<dyn Line>, Refused> {
        match &self.hub {
            Some(Way::Hub(hub)) => self.hub_line(hub, device).await,
            Some(Way::Things) => self.thing_line(device).await,
            None => Err(Refused::permanent("the journal knows nothing that devices of this deployment could send to")),
        }
    }

    async fn twin(&self, id: &str) -> Result<Option<Value>, Refused> {
        match self.twin_maker()? {
            Some((twin_maker, aws)) => twin_maker.twin(aws, id).await,
            None => Ok(self.digital_twins()?.twin(id).await?.map(|twin| twin.document)),
        }
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

#[async_trait]
impl Line for Thing {
    async fn send(&self, message: &Message) -> Result<(), Refused> {
        Ok(self.sender.send(&self.topic, message.body.to_string().into()).await?)
    }
}
