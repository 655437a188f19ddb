//! Setup: the resource group, the identity that the apps act as, the storage account.

use azure::{
    credentials::{Principal, PrincipalKind},
    roles::{self, PrincipalType},
};
use engine::graph::{After, Handle};
use serde_json::json;
use uuid::Uuid;

use super::{At, Site, group, id, resource, resource_at};
use crate::{
    definition::AzureAccount,
    naming::Names,
    steps::{
        access::Deployer,
        arm::ArmResource,
        kind::{IDENTITY, RESOURCE_GROUP, ROLE_ASSIGNMENT, STORAGE_ACCOUNT},
        outputs::{Identity, Resource, Storage},
    },
};

const LAYER: &str = "Setup";

/// What every layer builds on.
pub(crate) struct Setup {
    pub(crate) group: After,
    pub(crate) deployer: Handle<Principal>,
    pub(crate) identity: Handle<Identity>,
    pub(crate) storage: Handle<Storage>,
    /// The identity may read packages and write blobs.
    pub(crate) identity_on_storage: After,
}

pub(super) fn add(site: &mut Site<'_>, account: &AzureAccount, names: &Names) -> Setup {
    let location = account.regions.default.clone();
    let deployer = site.step(At::new(LAYER, "deployer", "who deploys", 1), (), &[], |()| Deployer);
    let body = json!({ "location": location });
    let made: Handle<Resource> =
        resource(site, LAYER, "resource-group", RESOURCE_GROUP, group(account, names), body, &[]);
    let group = After::from(made);

    let identity_id = id(account, names, "Microsoft.ManagedIdentity/userAssignedIdentities", &names.identity());
    let identity: Handle<Identity> =
        resource(site, LAYER, "identity", IDENTITY, identity_id, json!({ "location": location }), &[group]);

    let storage_id = id(account, names, "Microsoft.Storage/storageAccounts", &names.storage_account());
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
    let storage: Handle<Storage> = resource(site, LAYER, "storage", STORAGE_ACCOUNT, storage_id, body, &[group]);

    let subscription = account.subscription.clone();
    let at = resource_at(LAYER, "identity-storage-role", ROLE_ASSIGNMENT, "of the identity on the storage account");
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
