//! The device identities of a hub, all of them as one step.

use std::collections::BTreeSet;

use async_trait::async_trait;
use azure::{api, iot_hub::Client};
use engine::step::{Change, Context, Error, Fit, Observation, Ownership, Step};
use serde_json::{Value, json};

use super::{failed, gone};
use crate::clouds::Clouds;

/// The devices that a hub is to know.
pub(crate) struct Devices {
    hub: String,
    host: String,
    ids: BTreeSet<String>,
}

impl Devices {
    /// The devices `ids` in the hub with the id `hub`, whose registry is at `host`.
    pub(crate) fn new(hub: String, host: String, ids: BTreeSet<String>) -> Self {
        Self { hub, host, ids }
    }

    fn client(&self, cx: &Context<'_, Clouds>) -> Result<Client, Error> {
        cx.env.azure.iot_hub(&self.host).map_err(failed)
    }
}

#[async_trait]
impl Step<Clouds> for Devices {
    type Output = ();

    fn document(&self) -> Value {
        json!({ "devices": self.ids })
    }

    async fn observe(&self, cx: &Context<'_, Clouds>) -> Result<Observation<()>, Error> {
        if gone(cx, &self.hub, api::DEVICES).await? {
            return Ok(Observation::Absent);
        }
        let client = self.client(cx)?;
        let (mut missing, mut wrong) = (Vec::new(), Vec::new());
        for id in &self.ids {
            match client.device(id).await.map_err(failed)? {
                None => missing.push(id.clone()),
                Some(device) if !device.enabled => wrong.push(id.clone()),
                Some(_) => {}
            }
        }
        for id in earlier(cx.previous).difference(&self.ids) {
            if client.device(id).await.map_err(failed)?.is_some() {
                wrong.push(id.clone());
            }
        }
        let fit = match (&missing[..], &wrong[..]) {
            ([], []) => Fit::Exact,
            (missing, _) if missing.len() == self.ids.len() => return Ok(Observation::Absent),
            ([], wrong) => Fit::Differs(wrong.to_vec()),
            (missing, _) => Fit::Partial(format!("{} devices missing, first {}", missing.len(), missing[0])),
        };
        Ok(Observation::Present { ownership: Ownership::Unmarkable, fit, output: Some(()) })
    }

    async fn apply(&self, cx: &Context<'_, Clouds>, change: Change<'_>) -> Result<(), Error> {
        let client = self.client(cx)?;
        for id in &self.ids {
            match client.device(id).await.map_err(failed)? {
                None => drop(client.create_device(id, true).await.map_err(failed)?),
                Some(found) if !found.enabled => {
                    client.update_device(id, true, Some(&found.etag)).await.map_err(failed)?;
                }
                Some(_) => {}
            }
        }
        for id in earlier(change.previous).difference(&self.ids) {
            client.delete_device(id, None).await.map_err(failed)?;
        }
        Ok(())
    }

    async fn compensate(&self, cx: &Context<'_, Clouds>) -> Result<(), Error> {
        if gone(cx, &self.hub, api::DEVICES).await? {
            return Ok(());
        }
        let client = self.client(cx)?;
        for id in &self.ids {
            client.delete_device(id, None).await.map_err(failed)?;
        }
        Ok(())
    }
}

fn earlier(document: Option<&Value>) -> BTreeSet<String> {
    let ids = document.and_then(|document| document["devices"].as_array());
    ids.into_iter().flatten().filter_map(Value::as_str).map(String::from).collect()
}
