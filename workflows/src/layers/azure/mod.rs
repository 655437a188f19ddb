//! The layers on Azure.

pub(super) mod app;
pub(super) mod l1_iot;
pub(super) mod l3_storage;
pub(super) mod l4_twin;
mod setup;

use engine::graph::{After, Handle};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::site::{At, Site};
use crate::{
    definition::{AzureAccount, Definition},
    naming::Names,
    steps::{arm::ArmResource, kind::Kind, outputs::FromArm},
};
use setup::Setup;

/// The part of a deployment that is on Azure: whose account, what things are called there, what all layers build on.
pub(super) struct Azure<'d> {
    pub(super) account: &'d AzureAccount,
    pub(super) names: Names,
    pub(super) setup: Setup,
}

impl<'d> Azure<'d> {
    /// Adds what all layers build on.
    pub(super) fn set_up(site: &mut Site<'_>, definition: &'d Definition, account: &'d AzureAccount) -> Self {
        let names = Names::new(&definition.twin_name, &account.subscription);
        let setup = setup::add(site, account, &names);
        Self { account, names, setup }
    }

    /// The id of a resource in the group: `Microsoft.Web/sites`, its name.
    pub(super) fn id(&self, kind: &str, name: &str) -> String {
        id(self.account, &self.names, kind, name)
    }
}

/// The id of the resource group.
fn group(account: &AzureAccount, names: &Names) -> String {
    format!("/subscriptions/{}/resourceGroups/{}", account.subscription, names.resource_group())
}

fn id(account: &AzureAccount, names: &Names, kind: &str, name: &str) -> String {
    format!("{}/providers/{kind}/{name}", group(account, names))
}

/// Adds a resource whose document needs nothing that another step produces.
pub(super) fn resource<O>(
    site: &mut Site<'_>,
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
    let at = resource_at(layer, what, kind, &name);
    site.step(at, (), after, move |()| ArmResource::<O>::new(kind, id.clone(), body.clone()))
}

fn resource_at(layer: &'static str, what: &str, kind: Kind, name: &str) -> At {
    At::new(layer, what, format!("{} {name}", kind.title), kind.seconds)
}
