//! What an app is at this moment, as Resource Manager and its package say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::arm::{self, lifecycle, settings};
use crate::cloud::Cloud;
use crate::state::{Operation, Outcome, Package, Resource, State};

use super::function::Function;
use super::host::{self, Host};
use super::keys::Keys;

/// The type of apps.
const SITE: &str = "Microsoft.Web/sites";

/// An app.
#[derive(Debug)]
pub(super) struct Definition {
    /// In lower case.
    pub(super) name: String,
    pub(super) code: Option<Code>,
    pub(super) settings: BTreeMap<String, String>,
    /// The ETag of the settings; empty when there are none.
    pub(super) etag: String,
    pub(super) keys: Keys,
    /// False while a deployment runs that ends with time: then this must be asked for again.
    pub(super) settled: bool,
}

/// What an app runs.
#[derive(Debug)]
pub(super) struct Code {
    pub(super) digest: String,
    /// Where the package is unpacked.
    pub(super) root: PathBuf,
    pub(super) host: Result<Host, host::Error>,
    pub(super) functions: Vec<Function>,
}

impl Definition {
    /// The app of that name; `None` when there is none.
    pub(super) fn find(cloud: &Cloud, name: &str) -> Option<Self> {
        let mut state = cloud.state();
        let site = site(&state, name)?;
        let name = name.to_lowercase();
        let settled = settle(cloud, &mut state, &name);
        let package = state.get::<Package>(&name).and_then(Package::served);
        let settings = settings::current(&state, &site.id);
        let text = |(name, value): (String, serde_json::Value)| Some((name, value.as_str()?.to_owned()));
        let key = format!("{}/config/appsettings", site.id).to_lowercase();
        let mut definition = Self {
            etag: state.get::<Resource>(&key).map(|settings| settings.etag.clone()).unwrap_or_default(),
            settings: settings.into_iter().filter_map(text).collect(),
            keys: Keys::of(&state, &site),
            code: None,
            name,
            settled,
        };
        drop(state);
        definition.code = package.map(|served| definition.read(cloud, served.digest, &served.functions));
        Some(definition)
    }

    /// Reads what the package says; `host.json` is read from where it is unpacked.
    fn read(&self, cloud: &Cloud, digest: String, documents: &BTreeMap<String, serde_json::Value>) -> Code {
        let root = cloud.apps.store.folder(&digest);
        let host = std::fs::read(root.join(host::FILE)).map_err(|error| host::Error::Form(error.to_string()));
        let functions = documents.iter().map(|(name, document)| {
            let mut function = Function::read(name, document);
            function.disabled |= self.disables(name);
            function
        });
        Code { functions: functions.collect(), host: host.and_then(|text| Host::read(&text)), root, digest }
    }

    /// Whether a setting takes the function out of service.
    fn disables(&self, function: &str) -> bool {
        let name = format!("AzureWebJobs.{function}.Disabled");
        let set = self.settings.iter().find(|(setting, _)| setting.eq_ignore_ascii_case(&name));
        set.is_some_and(|(_, value)| value.eq_ignore_ascii_case("true") || value == "1")
    }

    /// The function of that name that is in service; case does not count.
    pub(super) fn function(&self, name: &str) -> Option<&Function> {
        let mut functions = self.code.iter().flat_map(|code| &code.functions);
        functions.find(|function| function.name.eq_ignore_ascii_case(name)).filter(|function| !function.disabled)
    }
}

fn site(state: &State, name: &str) -> Option<Resource> {
    let mut resources = state.all::<Resource>().values();
    resources.find(|found| found.kind == SITE && found.name().eq_ignore_ascii_case(name)).cloned()
}

/// Looks at a deployment that runs and may be over by now; says whether what there is lasts until the next change.
///
/// When time is instant, a deployment ends by being looked at; that is for the deployer to do.
fn settle(cloud: &Cloud, state: &mut State, app: &str) -> bool {
    if !cloud.clock.is_realistic() {
        return true;
    }
    let Some(deployment) = state.get::<Package>(app).map(|package| package.deployment.clone()) else { return true };
    let runs = |operation: &Operation| operation.outcome == Outcome::Running;
    if !state.get::<Operation>(&deployment).is_some_and(runs) {
        return true;
    }
    let ended = lifecycle::look(cloud, state, &deployment).is_none_or(|operation| !runs(&operation));
    if ended && arm::persist(cloud, state, Vec::new()).is_some() {
        tracing::error!(app, "the end of a deployment could not be written");
    }
    ended
}

/// Every package that an app has, now or after its deployment.
pub(super) fn packages(state: &State) -> BTreeSet<String> {
    let digests = |package: &Package| {
        let before = package.before.as_ref().map(|before| before.digest.clone());
        [Some(package.digest.clone()), before]
    };
    state.all::<Package>().values().flat_map(digests).flatten().collect()
}
