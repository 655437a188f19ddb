//! L3 on Azure: Cosmos DB for what is hot, blob containers for what is cold and for the archive.

use azure::roles;
use engine::graph::{After, Handle};
use serde_json::json;

use super::{super::site::Site, Azure, app, resource, resource_at};
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

/// Hot storage.
#[derive(Clone, Copy)]
pub(crate) struct HotStorage {
    pub(crate) account: Handle<Cosmos>,
    pub(crate) container: After,
}

/// Adds hot storage.
pub(crate) fn hot(site: &mut Site<'_>, azure: &Azure<'_>) -> HotStorage {
    let location = azure.account.regions.default.clone();
    let account_id = azure.id("Microsoft.DocumentDB/databaseAccounts", &azure.names.cosmos_account());
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
        resource(site, LAYER, "cosmos", COSMOS_ACCOUNT, account_id.clone(), body, &[azure.setup.group]);

    let database = azure.names.cosmos_database();
    let database_id = format!("{account_id}/sqlDatabases/{database}");
    let body = json!({ "properties": { "resource": { "id": database } } });
    let database: Handle<Resource> =
        resource(site, LAYER, "hot-database", COSMOS_DATABASE, database_id.clone(), body, &[account.into()]);

    let container = azure.names.cosmos_container();
    let body = json!({ "properties": { "resource": {
        "id": container,
        "partitionKey": { "paths": ["/iotDeviceId"], "kind": "Hash" },
        "defaultTtl": u64::from(site.definition.hot_days) * SECONDS_PER_DAY
    } } });
    let id = format!("{database_id}/containers/{container}");
    let container: Handle<Resource> =
        resource(site, LAYER, "hot-container", COSMOS_CONTAINER, id, body, &[database.into()]);
    HotStorage { account, container: container.into() }
}

/// Adds the container of cold storage.
pub(crate) fn cold(site: &mut Site<'_>, azure: &Azure<'_>) -> After {
    app::container(site, LAYER, "cold", BlobContainer::Cold, azure)
}

/// Adds the container of the archive.
pub(crate) fn archive(site: &mut Site<'_>, azure: &Azure<'_>) -> After {
    app::container(site, LAYER, "archive", BlobContainer::Archive, azure)
}

/// Adds the identity's role in hot storage: it may read and write items.
pub(crate) fn data_role(site: &mut Site<'_>, azure: &Azure<'_>, hot: &HotStorage, gate: After) {
    let at = resource_at(LAYER, "identity-cosmos-role", COSMOS_ROLE, "of the identity");
    let inputs = (azure.setup.identity, hot.account);
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

/// Adds the rules by which blobs change their tier: what lies in cold storage moves to the cool one, what lies in the
/// archive to that of archives. An account has one set of rules, for whatever of the two is on Azure.
pub(crate) fn lifecycle(
    site: &mut Site<'_>,
    azure: &Azure<'_>,
    cold: Option<After>,
    archive: Option<After>,
    gate: After,
) {
    let rule = |name: &str, container: BlobContainer, action: serde_json::Value| {
        json!({ "name": name, "enabled": true, "type": "Lifecycle", "definition": {
            "actions": { "baseBlob": action },
            "filters": { "blobTypes": ["blockBlob"], "prefixMatch": [azure.names.blob_container(container)] }
        } })
    };
    let at_once = json!({ "daysAfterModificationGreaterThan": 0 });
    let rules = [
        cold.map(|_| rule("cold", BlobContainer::Cold, json!({ "tierToCool": at_once }))),
        archive.map(|_| rule("archive", BlobContainer::Archive, json!({ "tierToArchive": at_once }))),
    ];
    let rules: Vec<serde_json::Value> = rules.into_iter().flatten().collect();
    let body = json!({ "properties": { "policy": { "rules": rules } } });
    let account = azure.id("Microsoft.Storage/storageAccounts", &azure.names.storage_account());
    let id = format!("{account}/managementPolicies/default");
    let after: Vec<After> = cold.into_iter().chain(archive).chain([gate]).collect();
    let _: Handle<Resource> = resource(site, LAYER, "lifecycle", LIFECYCLE, id, body, &after);
}
