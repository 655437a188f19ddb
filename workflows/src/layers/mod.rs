//! The layers of a twin on Azure: readable lists of steps, from Setup to L4.
//!
//! Slow resources (a hub, a Cosmos account, a twin instance) depend on nothing but what they truly need and so are made
//! side by side. A layer's wiring (settings, packages, subscriptions, devices, the twin graph) starts after its gate:
//! every step of the layers below is looked at again, and the answer is yes or no.

mod app;
mod l1_iot;
mod l2_compute;
mod l3_storage;
mod l4_twin;
mod setup;

use std::time::Duration;

use engine::{
    graph::{After, Builder, Graph, Handle, Inputs, Label},
    step::Step,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    clouds::Clouds,
    definition::{AzureAccount, Definition},
    naming::Names,
    steps::{arm::ArmResource, kind::Kind, outputs::FromArm},
    topology::{Cloud, Topology},
};

/// The layers, in order, by the names that they are shown under.
pub const LAYERS: [&str; 6] = ["Setup", "L0", "L1", "L2", "L3", "L4"];

/// The step that makes the Azure Digital Twins instance: what others need to know of it is in this step's output.
pub(crate) const ADT_INSTANCE: &str = "l4/adt";

/// A definition that this version cannot deploy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsupported {
    /// Layers on clouds that are planned for, but not deployed yet.
    #[error("deploy {}: this version deploys to azure only", .layers.join(", "))]
    Cloud {
        /// The layers with their clouds, "layer 1 on aws".
        layers: Vec<String>,
    },
    /// No account to deploy to.
    #[error("deploy to azure: the definition names no account")]
    NoAccount,
}

/// Builds the graph of a definition. Pure: the same definition makes the same graph.
///
/// # Errors
/// [`Unsupported`] when a layer is on a cloud that this version does not deploy to.
pub fn graph(definition: &Definition) -> Result<Graph<Clouds>, Unsupported> {
    only_azure(definition)?;
    let account = definition.target.azure.as_ref().ok_or(Unsupported::NoAccount)?;
    let mut site = Site::new(definition, account);
    let setup = setup::add(&mut site);
    let hub = l1_iot::add(&mut site, &setup);
    let storage = l3_storage::add(&mut site, &setup);
    l2_compute::add(&mut site, &setup, &hub, &storage);
    l4_twin::add(&mut site, &setup, &hub);
    Ok(site.builder.finish())
}

fn only_azure(definition: &Definition) -> Result<(), Unsupported> {
    let providers = definition.providers;
    let layers = [
        ("layer 1", providers.l1),
        ("layer 2", providers.l2),
        ("layer 3 (hot)", providers.l3_hot),
        ("layer 3 (cold)", providers.l3_cold),
        ("layer 3 (archive)", providers.l3_archive),
        ("layer 4", providers.l4),
    ];
    let elsewhere: Vec<String> = layers
        .iter()
        .filter(|(_, cloud)| *cloud != Cloud::Azure)
        .map(|(layer, cloud)| format!("{layer} on {cloud}"))
        .collect();
    if elsewhere.is_empty() { Ok(()) } else { Err(Unsupported::Cloud { layers: elsewhere }) }
}

/// A graph in the making, with what every layer needs to know.
struct Site<'d> {
    definition: &'d Definition,
    topology: Topology,
    account: &'d AzureAccount,
    names: Names,
    builder: Builder<Clouds>,
    /// Every step so far with its layer: what a gate asks for.
    added: Vec<(&'static str, After)>,
}

impl<'d> Site<'d> {
    fn new(definition: &'d Definition, account: &'d AzureAccount) -> Self {
        let names = Names::new(&definition.twin_name, &account.subscription);
        let topology = definition.topology();
        Self { definition, topology, account, names, builder: Builder::default(), added: Vec::new() }
    }

    /// The id of the resource group.
    fn group(&self) -> String {
        format!("/subscriptions/{}/resourceGroups/{}", self.account.subscription, self.names.resource_group())
    }

    /// The id of a resource in the group: `Microsoft.Web/sites`, its name.
    fn id(&self, kind: &str, name: &str) -> String {
        format!("{}/providers/{kind}/{name}", self.group())
    }

    /// Adds a step to a layer.
    fn step<I, S>(
        &mut self,
        at: At,
        inputs: I,
        after: &[After],
        build: impl Fn(I::Values) -> S + Send + Sync + 'static,
    ) -> Handle<S::Output>
    where
        I: Inputs,
        S: Step<Clouds> + 'static,
    {
        let handle = self.builder.step(at.label(), inputs, after, build);
        self.added.push((at.layer, handle.into()));
        handle
    }

    /// Adds a resource whose document needs nothing that another step produces.
    fn resource<O>(
        &mut self,
        layer: &'static str,
        what: &str,
        kind: Kind,
        id: String,
        body: Value,
        after: &[After],
    ) -> Handle<O>
    where
        O: FromArm + Serialize + DeserializeOwned + Send + Sync + 'static,
    {
        let name = id.rsplit('/').next().unwrap_or_default().to_owned();
        let at = At::resource(layer, what, kind, &name);
        self.step(at, (), after, move |()| ArmResource::<O>::new(kind, id.clone(), body.clone()))
    }

    /// Adds the gate of a layer: every step of the layers below.
    fn gate(&mut self, layer: &'static str, below: &[&str]) -> After {
        let asks: Vec<After> =
            self.added.iter().filter(|(layer, _)| below.contains(layer)).map(|(_, after)| *after).collect();
        let at =
            At { layer, what: "preflight".into(), title: format!("everything below {layer} is deployed"), seconds: 2 };
        self.builder.gate(at.label(), &asks).into()
    }
}

/// Where a step stands and what it is called.
struct At {
    layer: &'static str,
    what: String,
    title: String,
    seconds: u64,
}

impl At {
    fn new(layer: &'static str, what: &str, title: impl Into<String>, seconds: u64) -> Self {
        Self { layer, what: what.into(), title: title.into(), seconds }
    }

    fn resource(layer: &'static str, what: &str, kind: Kind, name: &str) -> Self {
        Self::new(layer, what, format!("{} {name}", kind.title), kind.seconds)
    }

    fn label(&self) -> Label {
        Label {
            id: format!("{}/{}", self.layer.to_ascii_lowercase(), self.what),
            layer: self.layer,
            title: self.title.clone(),
            expected: Duration::from_secs(self.seconds),
        }
    }
}

#[cfg(test)]
mod tests;
