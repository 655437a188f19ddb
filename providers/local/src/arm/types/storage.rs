//! Storage accounts, blob containers, lifecycle policies.

use serde_json::{Map, Value, json};

use super::super::failure::Failure;
use super::super::id::Id;
use super::super::kind::{Begin, End, Headers, Kind, Reply, Runs, Urls, View};
use super::super::names::{Ends, Letters, Rule};
use super::{PLAIN, identity, key, mint_identity, overlay};
use crate::listen::Service;
use crate::state::Resource;

const VERSIONS: &[&str] = &["2022-09-01", "2023-01-01", "2023-05-01", "2024-01-01"];

pub(super) const KINDS: [Kind; 4] = [
    Kind {
        name: "Microsoft.Storage/storageAccounts",
        versions: VERSIONS,
        names: Rule::new(3, 24, Letters::Lower, "", Ends::Free),
        global: true,
        needs: &["/location", "/kind", "/sku/name"],
        // Recorded: 202, no body, text/plain, only a Location; an account that is there answers 200 at once.
        create: Begin::Runs(Runs {
            status: 202,
            state: "Creating",
            body: Reply::Nothing,
            headers: Headers::Location,
            retry_after: Some(17),
        }),
        creating: 18,
        urls: Urls::Location("asyncoperations", "operationResults"),
        mint: mint_account,
        show: account,
        ..PLAIN
    },
    Kind {
        name: "Microsoft.Storage/storageAccounts/blobServices",
        versions: VERSIONS,
        create: Begin::Done(200),
        delete: End::Never,
        parent: 2,
        check: only_default,
        ..PLAIN
    },
    Kind {
        name: "Microsoft.Storage/storageAccounts/blobServices/containers",
        versions: VERSIONS,
        names: Rule::new(3, 63, Letters::Lower, "-$", Ends::Alphanumeric),
        parent: 4,
        show: container,
        ..PLAIN
    },
    Kind {
        name: "Microsoft.Storage/storageAccounts/managementPolicies",
        versions: VERSIONS,
        create: Begin::Done(200),
        needs: &["/properties/policy/rules"],
        patch: None,
        parent: 2,
        check: only_default,
        show: |_, policy| json!({ "name": "DefaultManagementPolicy", "properties": { "lastModifiedTime": policy.changed } }),
        ..PLAIN
    },
];

fn only_default(_: View<'_>, id: &Id, _: &Value) -> Result<(), Failure> {
    if id.name().eq_ignore_ascii_case("default") {
        return Ok(());
    }
    Err(Failure::bad_request("InvalidResourceName", format!("{} must be named default.", id.kind)))
}

fn mint_account() -> Map<String, Value> {
    let mut minted = mint_identity();
    minted.insert("key1".to_owned(), key(64).into());
    minted.insert("key2".to_owned(), key(64).into());
    minted
}

fn account(view: View<'_>, account: &Resource) -> Value {
    let name = account.name();
    let endpoint = |zone: &str| format!("https://{}/", view.cloud.hosts.of(Service::Data, zone, name));
    let tier = account.body["sku"]["name"].as_str().and_then(|sku| sku.split('_').next()).unwrap_or("Standard");
    let mut shown = identity(view, account);
    overlay(
        &mut shown,
        json!({
            "sku": { "tier": tier },
            "properties": {
                "provisioningState": account.state,
                "creationTime": account.created,
                "primaryLocation": account.location(),
                "statusOfPrimary": "available",
                "primaryEndpoints": { "blob": endpoint("blob") },
                "supportsHttpsTrafficOnly": account.body["properties"]["supportsHttpsTrafficOnly"] != false,
                "accessTier": account.body["properties"]["accessTier"].as_str().unwrap_or("Hot"),
                "keyCreationTime": { "key1": account.created, "key2": account.created },
                "privateEndpointConnections": [],
            },
        }),
    );
    shown
}

fn container(_: View<'_>, container: &Resource) -> Value {
    let access = container.body["properties"]["publicAccess"].as_str().unwrap_or("None");
    json!({
        "etag": format!("\"{}\"", container.etag),
        "properties": {
            "publicAccess": access,
            "deleted": false,
            "remainingRetentionDays": 0,
            "defaultEncryptionScope": "$account-encryption-key",
            "denyEncryptionScopeOverride": false,
            "leaseStatus": "Unlocked",
            "leaseState": "Available",
            "hasImmutabilityPolicy": false,
            "hasLegalHold": false,
            "lastModifiedTime": container.changed,
        },
    })
}
