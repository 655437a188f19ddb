//! L2: the app with the dispatcher, which gets the hub's telemetry, and the persister, which stores it.

use functions::{
    function::Function,
    settings::{self, CosmosContainer, Dispatcher, Persister, SecretRef},
};
use url::Url;

use super::{At, Site, app, l1_iot::Iot, l3_storage::HotStorage, setup::Setup};
use crate::{
    steps::{
        app_settings::AppSettings,
        outputs::{App, Cosmos, Identity},
    },
    topology::Layer,
};

const LAYER: &str = "L2";

pub(super) fn add(site: &mut Site<'_>, setup: &Setup, iot: &Iot, hot: &HotStorage) {
    let app = app::add(site, LAYER, Layer::L2, setup);
    let gate = site.gate(LAYER, &["Setup", "L0", "L1"]);

    let (database, container) = (site.names.cosmos_database(), site.names.cosmos_container());
    let storage_name = site.names.storage_account();
    let at = At::new(LAYER, "settings", format!("settings of {}", site.names.function_app(Layer::L2)), 3);
    let inputs = (app, setup.identity, hot.account);
    let settings =
        site.step(at, inputs, &[gate, hot.container], move |(app, identity, cosmos): (App, Identity, Cosmos)| {
            let storage = settings::Storage::Cosmos(CosmosContainer {
                endpoint: endpoint(&cosmos.endpoint),
                database: database.clone(),
                container: container.clone(),
            });
            let persister = Persister::<SecretRef> {
                storage,
                adt_pusher: None,
                inter_cloud_token: None,
                azure_client_id: Some(identity.client_id.clone()),
            };
            let dispatcher = Dispatcher::<SecretRef> { ingestion: None };
            let parts = [
                settings::azure_host(&storage_name, &identity.client_id),
                persister.to_app_settings(),
                dispatcher.to_app_settings(),
            ];
            AppSettings::new(app.id, settings::merge(parts).expect("functions that share an app agree on its settings"))
        });
    let package = app::package(site, LAYER, Layer::L2, app, settings);
    app::telemetry(site, LAYER, iot.topic, app, Function::Dispatcher, package);
}

fn endpoint(text: &str) -> Url {
    Url::parse(text).expect("Resource Manager returns endpoints as URLs")
}
