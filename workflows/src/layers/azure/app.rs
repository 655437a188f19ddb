//! A function app on Flex Consumption: its plan (one app per plan), its packages' container, the site, the package.

use engine::graph::{After, Handle};
use functions::function::Function;
use serde_json::{Value, json};

use super::{
    super::site::{At, Site},
    Azure, resource, resource_at,
};
use crate::{
    naming::BlobContainer,
    steps::{
        arm::ArmResource,
        kind::{BLOB_CONTAINER, EVENT_SUBSCRIPTION, FUNCTION_APP, PLAN},
        outputs::{App, Resource},
        package::Package,
    },
    topology::{Cloud, Layer},
};

/// Adds the app of a layer, without settings and package.
pub(crate) fn add(site: &mut Site<'_>, at: &'static str, layer: Layer, azure: &Azure<'_>) -> Handle<App> {
    let location = azure.account.regions.default.clone();
    let id = azure.id("Microsoft.Web/serverfarms", &azure.names.plan(layer));
    let body = json!({
        "location": location,
        "kind": "functionapp",
        "sku": { "name": "FC1", "tier": "FlexConsumption" },
        "properties": { "reserved": true }
    });
    let plan: Handle<Resource> = resource(site, at, "plan", PLAN, id, body, &[azure.setup.group]);

    let packages = container(site, at, "packages", BlobContainer::Packages(layer), azure);

    let name = azure.names.function_app(layer);
    let id = azure.id("Microsoft.Web/sites", &name);
    let packages_name = azure.names.blob_container(BlobContainer::Packages(layer));
    let label = resource_at(at, "app", FUNCTION_APP, &name);
    let inputs = (plan, azure.setup.identity, azure.setup.storage);
    site.step(label, inputs, &[packages, azure.setup.identity_on_storage], move |(plan, identity, storage)| {
        let packages = format!("{}{packages_name}", storage.blob_endpoint);
        ArmResource::new(FUNCTION_APP, id.clone(), body_of(&location, &plan.id, &identity.id, &packages))
    })
}

/// The site's document: identity instead of keys, HTTPS only, a custom handler (Rust has no language worker).
fn body_of(location: &str, plan: &str, identity: &str, packages: &str) -> Value {
    json!({
        "location": location,
        "kind": "functionapp,linux",
        "identity": { "type": "UserAssigned", "userAssignedIdentities": { (identity): {} } },
        "properties": {
            "serverFarmId": plan,
            "httpsOnly": true,
            "functionAppConfig": {
                "deployment": { "storage": {
                    "type": "blobContainer",
                    "value": packages,
                    "authentication": {
                        "type": "UserAssignedIdentity",
                        "userAssignedIdentityResourceId": identity
                    }
                } },
                "runtime": { "name": "custom", "version": "1.0" },
                "scaleAndConcurrency": { "maximumInstanceCount": 100, "instanceMemoryMB": 2048 }
            }
        }
    })
}

/// Adds a blob container.
pub(crate) fn container(
    site: &mut Site<'_>,
    at: &'static str,
    what: &str,
    container: BlobContainer,
    azure: &Azure<'_>,
) -> After {
    let account = azure.id("Microsoft.Storage/storageAccounts", &azure.names.storage_account());
    let id = format!("{account}/blobServices/default/containers/{}", azure.names.blob_container(container));
    let body = json!({ "properties": { "publicAccess": "None" } });
    let handle: Handle<Resource> = resource(site, at, what, BLOB_CONTAINER, id, body, &[azure.setup.storage.into()]);
    handle.into()
}

/// Adds the package of an app, after its settings: both change what the app's settings hold.
pub(crate) fn package(
    site: &mut Site<'_>,
    at: &'static str,
    layer: Layer,
    azure: &Azure<'_>,
    app: Handle<App>,
    settings: After,
) -> After {
    let functions: Vec<Function> = site.topology.functions(Cloud::Azure, layer).to_vec();
    let title = format!("functions of {}", azure.names.function_app(layer));
    let twin_info = functions.iter().any(|function| function.needs_twin_info()).then(|| site.definition.twin_info());
    let handle = site.step(At::new(at, "package", title, 60), app, &[settings], move |app| {
        Package::new(app, functions.clone(), twin_info.clone())
    });
    handle.into()
}

/// Adds the subscription by which a function gets the hub's telemetry; the function must be known before.
pub(crate) fn telemetry(
    site: &mut Site<'_>,
    azure: &Azure<'_>,
    at: &'static str,
    topic: Handle<Resource>,
    app: Handle<App>,
    function: Function,
    package: After,
) {
    let name = azure.names.event_subscription(function);
    let label = resource_at(at, "telemetry", EVENT_SUBSCRIPTION, &name);
    site.step(label, (topic, app), &[package], move |(topic, app)| {
        let body = json!({ "properties": {
            "destination": { "endpointType": "AzureFunction", "properties": {
                "resourceId": format!("{}/functions/{}", app.id, function.name()),
                "maxEventsPerBatch": 1,
                "preferredBatchSizeInKilobytes": 64
            } },
            "eventDeliverySchema": "EventGridSchema",
            "filter": {
                "includedEventTypes": ["Microsoft.Devices.DeviceTelemetry"],
                // Said, so that a filter that somebody adds, and that keeps values from the twins, shows as a difference.
                "subjectBeginsWith": "",
                "subjectEndsWith": "",
                "advancedFilters": []
            },
            "retryPolicy": { "maxDeliveryAttempts": 30, "eventTimeToLiveInMinutes": 1440 }
        } });
        ArmResource::<Resource>::new(EVENT_SUBSCRIPTION, format!("{}/eventSubscriptions/{name}", topic.id), body)
    });
}
