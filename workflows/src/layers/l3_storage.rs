//! L3: Cosmos DB for what is hot, blob containers for what is cold and for the archive.

use azure::roles;
use engine::graph::{After, Handle};
use serde_json::json;

use super::{At, Site, app, setup::Setup};
use crate::{
    naming::BlobContainer,
    steps::{
        arm::ArmResource,
        kind::{COSMOS_ACCOUNT, COSMOS_CONTAINER, COSMOS_DATABASE, COSMOS_ROLE, LIFECYCLE},
        outputs::{Cosmos, Identity, Resource},
    },
};

const LAYER: &str = "L3";
const SECONDS_PER_DAY: u64 = 24 * 60 * 60;
/// Cosmos DB's built-in data contributor: read and write items, nothing of the account.
const DATA_CONTRIBUTOR: &str = "00000000-0000-0000-0000-000000000002";

/// What L2 takes from L3.
pub(super) struct HotStorage {
    pub(super) account: Handle<Cosmos>,
    pub(super) container: After,
}

pub(super) fn add(site: &mut Site<'_>, setup: &Setup) -> HotStorage {
    let hot = hot(site, setup);
    let cold = app::container(site, LAYER, "cold", BlobContainer::Cold, setup);
    let archive = app::container(site, LAYER, "archive", BlobContainer::Archive, setup);
    let gate = site.gate(LAYER, &["Setup", "L0", "L1"]);
    data_role(site, setup, &hot, gate);
    lifecycle(site, &[cold, archive, gate]);
    hot
}

fn hot(site: &mut Site<'_>, setup: &Setup) -> HotStorage {
    let location = site.account.regions.default.clone();
    let account_id = site.id("Microsoft.DocumentDB/databaseAccounts", &site.names.cosmos_account());
    let body = json!({
        "location": location,
        "kind": "GlobalDocumentDB",
        "properties": {
            "databaseAccountOfferType": "Standard",
            "locations": [{ "locationName": location, "failoverPriority": 0 }],
            "capabilities": [{ "name": "EnableServerless" }],
            "disableLocalAuth": true
        }
    });
    let account: Handle<Cosmos> =
        site.resource(LAYER, "cosmos", COSMOS_ACCOUNT, account_id.clone(), body, &[setup.group]);

    let database = site.names.cosmos_database();
    let database_id = format!("{account_id}/sqlDatabases/{database}");
    let body = json!({ "properties": { "resource": { "id": database } } });
    let database: Handle<Resource> =
        site.resource(LAYER, "hot-database", COSMOS_DATABASE, database_id.clone(), body, &[account.into()]);

    let container = site.names.cosmos_container();
    let body = json!({ "properties": { "resource": {
        "id": container,
        "partitionKey": { "paths": ["/iotDeviceId"], "kind": "Hash" },
        "defaultTtl": u64::from(site.definition.hot_days) * SECONDS_PER_DAY
    } } });
    let id = format!("{database_id}/containers/{container}");
    let container: Handle<Resource> =
        site.resource(LAYER, "hot-container", COSMOS_CONTAINER, id, body, &[database.into()]);
    HotStorage { account, container: container.into() }
}

/// The apps' identity may read and write items.
fn data_role(site: &mut Site<'_>, setup: &Setup, hot: &HotStorage, gate: After) {
    let at = At::resource(LAYER, "identity-cosmos-role", COSMOS_ROLE, "of the identity");
    let inputs = (setup.identity, hot.account);
    site.step(at, inputs, &[gate], |(identity, account): (Identity, Cosmos)| {
        let name = roles::guid(&[&account.id, &identity.principal_id, DATA_CONTRIBUTOR]);
        let body = json!({ "properties": {
            "roleDefinitionId": format!("{}/sqlRoleDefinitions/{DATA_CONTRIBUTOR}", account.id),
            "principalId": identity.principal_id,
            "scope": account.id
        } });
        ArmResource::<Resource>::new(COSMOS_ROLE, format!("{}/sqlRoleAssignments/{name}", account.id), body)
    });
}

/// What lies in cold storage moves to the cool tier, what lies in the archive to the archive tier.
fn lifecycle(site: &mut Site<'_>, after: &[After]) {
    let account = site.id("Microsoft.Storage/storageAccounts", &site.names.storage_account());
    let rule = |name: &str, container: BlobContainer, action: serde_json::Value| {
        json!({ "name": name, "enabled": true, "type": "Lifecycle", "definition": {
            "actions": { "baseBlob": action },
            "filters": { "blobTypes": ["blockBlob"], "prefixMatch": [site.names.blob_container(container)] }
        } })
    };
    let rules = [
        rule("cold", BlobContainer::Cold, json!({ "tierToCool": { "daysAfterModificationGreaterThan": 0 } })),
        rule("archive", BlobContainer::Archive, json!({ "tierToArchive": { "daysAfterModificationGreaterThan": 0 } })),
    ];
    let body = json!({ "properties": { "policy": { "rules": rules } } });
    let _: Handle<Resource> =
        site.resource(LAYER, "lifecycle", LIFECYCLE, format!("{account}/managementPolicies/default"), body, after);
}
