//! The layers of a twin: readable lists of steps, from Setup to L4, on the cloud that each layer is on.
//!
//! What stands by itself comes first: slow resources (a hub, a Cosmos account, a twin instance, a table) depend on nothing
//! but what they truly need and so are made side by side, on all clouds at once. A layer's wiring (settings, packages,
//! subscriptions, rules, devices, the twin graph) starts after its gate: every step of the layers below is looked at again,
//! and the answer is yes or no.
//!
//! Receivers are wired before those who send to them: L0 before L2. The pusher is the one link that goes back: it is
//! wired before the instance that it writes to is known, and is told of it when L4 has produced it; only then do
//! persisters learn of the pusher (`links`).

mod aws;
mod azure;
mod compute;
mod links;
mod needs;
mod site;

use engine::graph::{After, Graph};

use crate::{clouds::Clouds, definition::Definition, topology::Cloud};
use compute::Compute;
use site::Site;

/// The layers, in order, by the names that they are shown under.
pub const LAYERS: [&str; 6] = ["Setup", "L0", "L1", "L2", "L3", "L4"];

/// The step that makes the Azure Digital Twins instance: what others need to know of it is in this step's output.
pub(crate) const ADT_INSTANCE: &str = "l4/adt";

/// The step that makes the TwinMaker workspace.
pub(crate) const WORKSPACE: &str = "l4/aws-workspace";

/// The step that makes the function app of a layer on Azure.
pub(crate) fn azure_app(layer: crate::topology::Layer) -> String {
    format!("{}/app", layer.name())
}

/// The step that gives a Lambda function its URL.
pub(crate) fn function_url(layer: crate::topology::Layer, function: functions::function::Function) -> String {
    format!("{}/aws-{}-url", layer.name(), function.name())
}

/// A definition that this version cannot deploy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsupported {
    /// Layers on clouds that are planned for, but not deployed yet.
    #[error("deploy {}: this version deploys to azure and aws only", .layers.join(", "))]
    Cloud {
        /// The layers with their clouds, "layer 1 on google".
        layers: Vec<String>,
    },
    /// No account to deploy to.
    #[error("deploy to {cloud}: the definition names no account")]
    NoAccount {
        /// The cloud.
        cloud: Cloud,
    },
    /// A call without a token: the definition was made without the key.
    #[error("deploy {connection}: the definition holds no token for it")]
    NoToken {
        /// The call's connection.
        connection: String,
    },
}

/// Builds the graph of a definition. Pure: the same definition makes the same graph.
///
/// # Errors
/// [`Unsupported`] when a layer is on a cloud that this version does not deploy to, or the definition is not whole.
pub fn graph(definition: &Definition) -> Result<Graph<Clouds>, Unsupported> {
    supported(definition)?;
    let mut site = Site::new(definition)?;
    let on = On::set_up(&mut site, definition)?;
    let hot = stand_hot(&mut site, &on);
    let cold = stand_cold(&mut site, &on);
    let archive = stand_archive(&mut site, &on);
    let hub = stand_hub(&mut site, &on);
    let compute = Compute::stand(&mut site, &on, hot);
    let twin = stand_twin(&mut site, &on);

    compute.wire_l0(&mut site, &on);
    wire_l1(&mut site, &hub);
    wire_l3(&mut site, &on, &hot, cold, archive);
    compute.wire_l2(&mut site, &on, &hub);
    let filled = wire_l4(&mut site, &on, &compute, &hub, &twin);
    links::add(&mut site, &on, &compute, &twin, filled);
    Ok(site.finish())
}

/// Checks that every layer is on a cloud that this version deploys to.
///
/// # Errors
/// [`Unsupported::Cloud`] names all that are not.
pub fn supported(definition: &Definition) -> Result<(), Unsupported> {
    let providers = definition.providers;
    let layers = [
        ("layer 1", providers.l1),
        ("layer 2", providers.l2),
        ("layer 3 (hot)", providers.l3_hot),
        ("layer 3 (cold)", providers.l3_cold),
        ("layer 3 (archive)", providers.l3_archive),
        ("layer 4", providers.l4),
    ];
    let elsewhere = layers.iter().filter(|(_, cloud)| *cloud == Cloud::Google);
    let elsewhere: Vec<String> = elsewhere.map(|(layer, cloud)| format!("{layer} on {cloud}")).collect();
    if elsewhere.is_empty() { Ok(()) } else { Err(Unsupported::Cloud { layers: elsewhere }) }
}

/// The clouds that a deployment uses, each with what all its layers build on there.
struct On<'d> {
    azure: Option<azure::Azure<'d>>,
    aws: Option<aws::Aws<'d>>,
}

impl<'d> On<'d> {
    fn set_up(site: &mut Site<'_>, definition: &'d Definition) -> Result<Self, Unsupported> {
        let no_account = |cloud| Unsupported::NoAccount { cloud };
        let target = &definition.target;
        let azure = match site.uses(Cloud::Azure) {
            true => {
                let account = target.azure.as_ref().ok_or_else(|| no_account(Cloud::Azure))?;
                Some(azure::Azure::set_up(site, definition, account))
            }
            false => None,
        };
        let aws = match site.uses(Cloud::Aws) {
            true => {
                let account = target.aws.as_ref().ok_or_else(|| no_account(Cloud::Aws))?;
                Some(aws::Aws::set_up(site, definition, account))
            }
            false => None,
        };
        Ok(Self { azure, aws })
    }

    fn azure(&self) -> &azure::Azure<'d> {
        self.azure.as_ref().expect("a layer is on Azure, so Azure is set up")
    }

    fn aws(&self) -> &aws::Aws<'d> {
        self.aws.as_ref().expect("a layer is on AWS, so AWS is set up")
    }
}

/// Hot storage, wherever it is.
#[derive(Clone, Copy)]
enum Hot {
    Azure(azure::l3_storage::HotStorage),
    Aws(aws::l3_storage::Table),
}

/// Cold storage or the archive, wherever it is.
#[derive(Clone, Copy)]
enum Objects {
    Azure(After),
    Aws(aws::l3_storage::Objects),
}

/// What devices send to, wherever it is.
enum Hub {
    Azure(azure::l1_iot::Iot),
    Aws(aws::l1_iot::Iot),
}

/// The twin, wherever it is.
enum Twin {
    Azure(azure::l4_twin::Twin),
    Aws(aws::l4_twin::Twin),
}

fn stand_hot(site: &mut Site<'_>, on: &On<'_>) -> Hot {
    match site.definition.providers.l3_hot {
        Cloud::Aws => Hot::Aws(aws::l3_storage::hot(site, on.aws())),
        _ => Hot::Azure(azure::l3_storage::hot(site, on.azure())),
    }
}

fn stand_cold(site: &mut Site<'_>, on: &On<'_>) -> Objects {
    match site.definition.providers.l3_cold {
        Cloud::Aws => Objects::Aws(aws::l3_storage::cold(site, on.aws())),
        _ => Objects::Azure(azure::l3_storage::cold(site, on.azure())),
    }
}

fn stand_archive(site: &mut Site<'_>, on: &On<'_>) -> Objects {
    match site.definition.providers.l3_archive {
        Cloud::Aws => Objects::Aws(aws::l3_storage::archive(site, on.aws())),
        _ => Objects::Azure(azure::l3_storage::archive(site, on.azure())),
    }
}

fn stand_hub(site: &mut Site<'_>, on: &On<'_>) -> Hub {
    match site.definition.providers.l1 {
        Cloud::Aws => Hub::Aws(aws::l1_iot::stand(site, on.aws())),
        _ => Hub::Azure(azure::l1_iot::stand(site, on.azure())),
    }
}

fn stand_twin(site: &mut Site<'_>, on: &On<'_>) -> Twin {
    match site.definition.providers.l4 {
        Cloud::Aws => Twin::Aws(aws::l4_twin::stand(site, on.aws())),
        _ => Twin::Azure(azure::l4_twin::stand(site, on.azure())),
    }
}

fn wire_l1(site: &mut Site<'_>, hub: &Hub) {
    match hub {
        Hub::Azure(iot) => azure::l1_iot::wire(site, iot),
        Hub::Aws(iot) => aws::l1_iot::wire(site, iot),
    }
}

fn wire_l3(site: &mut Site<'_>, on: &On<'_>, hot: &Hot, cold: Objects, archive: Objects) {
    let gate = site.gate("L3", &["Setup", "L0", "L1"]);
    if let Hot::Azure(hot) = hot {
        azure::l3_storage::data_role(site, on.azure(), hot, gate);
    }
    let on_azure = |objects| match objects {
        Objects::Azure(container) => Some(container),
        Objects::Aws(_) => None,
    };
    let (cold, archive) = (on_azure(cold), on_azure(archive));
    if cold.is_some() || archive.is_some() {
        azure::l3_storage::lifecycle(site, on.azure(), cold, archive, gate);
    }
}

/// Returns what comes last of the twin: that it is filled.
fn wire_l4(site: &mut Site<'_>, on: &On<'_>, compute: &Compute, hub: &Hub, twin: &Twin) -> After {
    let gate = site.gate("L4", &["Setup", "L0", "L1", "L2", "L3"]);
    let filled = match twin {
        Twin::Azure(adt) => azure::l4_twin::wire(site, adt, gate),
        Twin::Aws(twin_maker) => aws::l4_twin::wire(site, compute, twin_maker, gate),
    };
    compute.wire_l4(site, on, hub, twin, gate);
    filled
}

#[cfg(test)]
mod tests;
