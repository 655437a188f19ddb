//! Looks that change nothing: who we are, and whether a data plane admits us yet.
//!
//! A role takes up to ten minutes to reach a data plane, which answers 403 meanwhile. The probe asks for something cheap
//! until it is answered; the waiting is the engine's, visible and with a deadline.

use std::time::Duration;

use async_trait::async_trait;
use azure::credentials::Principal;
use engine::step::{Change, Context, Error, FailureKind, Fit, Observation, Ownership, Policy, Step};
use serde_json::{Value, json};

use super::failed;
use crate::clouds::Clouds;

/// Who deploys: the principal that roles are given to.
pub(crate) struct Deployer;

#[async_trait]
impl Step<Clouds> for Deployer {
    type Output = Principal;

    fn document(&self) -> Value {
        json!({ "principal": "the one that is logged in" })
    }

    async fn observe(&self, cx: &Context<'_, Clouds>) -> Result<Observation<Principal>, Error> {
        let principal = cx.env.azure.principal().await.map_err(failed)?;
        Ok(seen(principal))
    }

    async fn apply(&self, cx: &Context<'_, Clouds>, _change: Change<'_>) -> Result<Principal, Error> {
        cx.env.azure.principal().await.map_err(failed)
    }

    async fn compensate(&self, _cx: &Context<'_, Clouds>) -> Result<(), Error> {
        Ok(())
    }
}

/// A data plane that must admit us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DataPlane {
    /// An Azure Digital Twins instance.
    DigitalTwins,
    /// The device registry of an IoT hub.
    DeviceRegistry,
}

/// Waits until a data plane admits us.
pub(crate) struct Admitted {
    plane: DataPlane,
    host: String,
}

impl Admitted {
    /// The data plane at `host`.
    pub(crate) fn to(plane: DataPlane, host: String) -> Self {
        Self { plane, host }
    }

    async fn probe(&self, cx: &Context<'_, Clouds>) -> Result<(), Error> {
        let asked = match self.plane {
            DataPlane::DigitalTwins => cx.env.azure.digital_twins(&self.host).map_err(failed)?.probe().await,
            // Any device will do: that it is not there is an answer too.
            DataPlane::DeviceRegistry => {
                cx.env.azure.iot_hub(&self.host).map_err(failed)?.device("twinctl-probe").await.map(drop)
            }
        };
        asked.map_err(failed)
    }
}

#[async_trait]
impl Step<Clouds> for Admitted {
    type Output = ();

    fn document(&self) -> Value {
        json!({ "host": self.host })
    }

    async fn observe(&self, cx: &Context<'_, Clouds>) -> Result<Observation<()>, Error> {
        self.probe(cx).await.map(seen)
    }

    async fn apply(&self, _cx: &Context<'_, Clouds>, _change: Change<'_>) -> Result<(), Error> {
        Err(Error::failed(FailureKind::Permanent, "change a data plane's access: a probe changes nothing"))
    }

    async fn compensate(&self, _cx: &Context<'_, Clouds>) -> Result<(), Error> {
        Ok(())
    }

    fn policy(&self) -> Policy {
        // Ten minutes is what Microsoft documents for a role to take effect; twice that is patience enough.
        Policy { deadline: Duration::from_secs(20 * 60), expected: Duration::from_secs(120), ..Policy::default() }
    }
}

/// Nothing that a deployment made, and as wanted: found, and left at a rollback.
fn seen<T>(output: T) -> Observation<T> {
    Observation::Present { ownership: Ownership::Unmarkable, fit: Fit::Exact, output: Some(output) }
}
