//! Setup: the resource group, the identity that the apps act as, the storage account.

use azure::{
    credentials::{Principal, PrincipalKind},
    roles::{self, PrincipalType},
};
use engine::graph::{After, Handle};
use serde_json::json;
use uuid::Uuid;

use super::{At, Site};
use crate::steps::{
    access::Deployer,
    arm::ArmResource,
    kind::{IDENTITY, RESOURCE_GROUP, ROLE_ASSIGNMENT, STORAGE_ACCOUNT},
    outputs::{Identity, Resource, Storage},
};

const LAYER: &str = "Setup";

/// What every layer builds on.
pub(super) struct Setup {
    pub(super) group: After,
    pub(super) deployer: Handle<Principal>,
    pub(super) identity: Handle<Identity>,
    pub(super) storage: Handle<Storage>,
    /// The identity may read packages and write blobs.
    pub(super) identity_on_storage: After,
}

pub(super) fn add(site: &mut Site<'_>) -> Setup {
    let location = site.account.regions.default.clone();
    let deployer = site.step(At::new(LAYER, "deployer", "who deploys", 1), (), &[], |()| Deployer);
    let group_id = site.group();
    let group: Handle<Resource> =
        site.resource(LAYER, "resource-group", RESOURCE_GROUP, group_id, json!({ "location": location }), &[]);
    let group = After::from(group);

    let id = site.id("Microsoft.ManagedIdentity/userAssignedIdentities", &site.names.identity());
    let identity: Handle<Identity> =
        site.resource(LAYER, "identity", IDENTITY, id, json!({ "location": location }), &[group]);

    let id = site.id("Microsoft.Storage/storageAccounts", &site.names.storage_account());
    let body = json!({
        "location": location,
        "kind": "StorageV2",
        "sku": { "name": "Standard_LRS" },
        "properties": {
            "accessTier": "Hot",
            "allowBlobPublicAccess": false,
            "allowSharedKeyAccess": false,
            "minimumTlsVersion": "TLS1_2",
            "supportsHttpsTrafficOnly": true
        }
    });
    let storage: Handle<Storage> = site.resource(LAYER, "storage", STORAGE_ACCOUNT, id, body, &[group]);

    let subscription = site.account.subscription.clone();
    let at = At::resource(LAYER, "identity-storage-role", ROLE_ASSIGNMENT, "of the identity on the storage account");
    let identity_on_storage = site.step(at, (identity, storage), &[], move |(identity, storage)| {
        let role = roles::STORAGE_BLOB_DATA_CONTRIBUTOR;
        assignment(&subscription, &storage.id, role, &identity.principal_id, PrincipalType::ServicePrincipal)
    });
    Setup { group, deployer, identity, storage, identity_on_storage: identity_on_storage.into() }
}

/// A role on a resource; its name is made of what it means, so that a repeat finds it again.
pub(super) fn assignment(
    subscription: &str,
    scope: &str,
    role: Uuid,
    principal: &str,
    kind: PrincipalType,
) -> ArmResource<Resource> {
    let definition = roles::definition_id(subscription, role);
    let id = roles::assignment_id(scope, roles::assignment_name(scope, principal, &definition));
    ArmResource::new(ROLE_ASSIGNMENT, id, roles::assignment(principal, kind, &definition))
}

/// The kind of the deployer's principal as role assignments call it.
pub(super) fn principal_type(principal: &Principal) -> PrincipalType {
    match principal.kind {
        PrincipalKind::ServicePrincipal => PrincipalType::ServicePrincipal,
        PrincipalKind::User => PrincipalType::User,
    }
}
