//! L4: the Azure Digital Twins instance, its graph, and the updater that telemetry reaches it by.

use azure::roles::{self, PrincipalType};
use engine::graph::{After, Handle};
use functions::{
    function::Function,
    settings::{self, AdtUpdater},
};
use serde_json::json;
use url::Url;

use super::{
    At, Site, app,
    l1_iot::Iot,
    setup::{Setup, assignment, principal_type},
};
use crate::{
    steps::{
        access::{Admitted, DataPlane},
        app_settings::AppSettings,
        kind::{DIGITAL_TWINS, ROLE_ASSIGNMENT},
        outputs::{App, DigitalTwins, Identity},
        twin_graph::{GraphDocument, Relationship, TwinGraph},
    },
    topology::{Feed, Layer},
};

const LAYER: &str = "L4";

pub(super) fn add(site: &mut Site<'_>, setup: &Setup, iot: &Iot) {
    let location = site.account.regions.digital_twin.clone();
    let id = site.id("Microsoft.DigitalTwins/digitalTwinsInstances", &site.names.adt_instance());
    let body = json!({ "location": location });
    let adt: Handle<DigitalTwins> = site.resource(LAYER, "adt", DIGITAL_TWINS, id, body, &[setup.group]);
    let app = (site.topology.feed == Feed::EventGrid).then(|| app::add(site, LAYER, Layer::L4, setup));

    let admitted = roles(site, setup, adt);
    let gate = site.gate(LAYER, &["Setup", "L0", "L1", "L2", "L3"]);
    let document = document(site);
    let title = format!(
        "{} models, {} twins, {} relationships",
        document.models.len(),
        document.twins.len(),
        document.relationships.len()
    );
    let at = At::new(LAYER, "twin-graph", title, 5 + document.twins.len() as u64 / 100);
    site.step(at, adt, &[admitted, gate], move |adt| TwinGraph::new(adt.id, adt.host_name, document.clone()));
    if let Some(app) = app {
        updater(site, setup, iot, adt, app, gate);
    }
}

/// The deployer and the apps' identity may write twins; done when the data plane admits the deployer.
fn roles(site: &mut Site<'_>, setup: &Setup, adt: Handle<DigitalTwins>) -> After {
    let subscription = site.account.subscription.clone();
    let at = At::resource(LAYER, "deployer-adt-role", ROLE_ASSIGNMENT, "of the deployer on the twin instance");
    let deployer = site.step(at, (setup.deployer, adt), &[], move |(deployer, adt)| {
        let kind = principal_type(&deployer);
        assignment(&subscription, &adt.id, roles::DIGITAL_TWINS_DATA_OWNER, &deployer.object_id, kind)
    });
    let subscription = site.account.subscription.clone();
    let at = At::resource(LAYER, "identity-adt-role", ROLE_ASSIGNMENT, "of the identity on the twin instance");
    site.step(at, (setup.identity, adt), &[], move |(identity, adt)| {
        let role = roles::DIGITAL_TWINS_DATA_OWNER;
        assignment(&subscription, &adt.id, role, &identity.principal_id, PrincipalType::ServicePrincipal)
    });
    let at = At::new(LAYER, "access", "access to the twin instance", 120);
    let admitted = site.step(at, adt, &[deployer.into()], |adt| Admitted::to(DataPlane::DigitalTwins, adt.host_name));
    admitted.into()
}

fn document(site: &Site<'_>) -> GraphDocument {
    let definition = site.definition;
    let relationship = |one: &crate::definition::Relationship| Relationship {
        source: one.source.clone(),
        id: one.id.clone(),
        body: one.body.clone(),
    };
    let live = definition.twins.iter().map(|twin| (twin.id.clone(), definition.live_paths(&twin.id)));
    GraphDocument {
        models: definition.models.clone(),
        twins: definition.twins.iter().map(|twin| (twin.id.clone(), twin.body.clone())).collect(),
        relationships: definition.relationships.iter().map(relationship).collect(),
        live: live.filter(|(_, paths)| !paths.is_empty()).collect(),
    }
}

/// The link that gave the whole chain its name: the updater's setting holds the URL that the instance produced.
fn updater(site: &mut Site<'_>, setup: &Setup, iot: &Iot, adt: Handle<DigitalTwins>, app: Handle<App>, gate: After) {
    let storage_name = site.names.storage_account();
    let twin_info = site.definition.twin_info();
    let at = At::new(LAYER, "settings", format!("settings of {}", site.names.function_app(Layer::L4)), 3);
    let inputs = (app, setup.identity, adt);
    let settings = site.step(at, inputs, &[gate], move |(app, identity, adt): (App, Identity, DigitalTwins)| {
        let updater = AdtUpdater {
            adt_instance_url: url(&adt.host_name),
            azure_client_id: identity.client_id.clone(),
            twin_info: twin_info.clone(),
        };
        let parts = [settings::azure_host(&storage_name, &identity.client_id), updater.to_app_settings()];
        AppSettings::new(app.id, settings::merge(parts).expect("functions that share an app agree on its settings"))
    });
    let package = app::package(site, LAYER, Layer::L4, app, settings);
    app::telemetry(site, LAYER, iot.topic, app, Function::AdtUpdater, package);
}

fn url(host_name: &str) -> Url {
    Url::parse(&format!("https://{host_name}")).expect("Resource Manager returns host names")
}
