//! Cosmos DB accounts, SQL databases and containers.

use chrono::DateTime;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::super::failure::{Failure, Shape};
use super::super::id::Id;
use super::super::kind::{Begin, End, Headers, Kind, Reply, Runs, Urls, View, mint_nothing};
use super::super::names::{Ends, Letters, Rule};
use super::{PLAIN, identity, key, mint_identity, overlay, region};
use crate::cosmos::rid;
use crate::listen::Service;
use crate::state::{Resource, State};

const VERSIONS: &[&str] = &["2023-11-15", "2024-05-15", "2024-08-15", "2024-11-15"];
const URLS: Urls = Urls::Location("operationsStatus", "operationResults");

/// Databases and containers: 202 with `{"status": "Enqueued"}` and both headers, also for a DELETE.
const ENQUEUED: Runs =
    Runs { status: 202, state: "Enqueued", body: Reply::Enqueued, headers: Headers::Both, retry_after: None };

/// Under which name a part's resource id is drawn.
pub(crate) const RID: &str = "_rid";

const PART: Kind = Kind {
    versions: VERSIONS,
    names: Rule::new(1, 255, Letters::Any, "-_. ", Ends::Free),
    needs: &["/properties/resource/id"],
    create: Begin::Runs(ENQUEUED),
    update: Begin::Runs(ENQUEUED),
    patch: None,
    delete: End::Runs { runs: ENQUEUED, gone: 204 },
    creating: 10,
    deleting: 10,
    shape: Shape::Bare,
    urls: URLS,
    parent: 2,
    mint: mint_part,
    check: check_part,
    ..PLAIN
};

pub(super) const KINDS: [Kind; 4] = [
    Kind {
        name: "Microsoft.DocumentDB/databaseAccounts",
        versions: VERSIONS,
        names: Rule::new(3, 50, Letters::Lower, "-", Ends::Alphanumeric),
        global: true,
        needs: &["/location", "/properties/locations", "/properties/databaseAccountOfferType"],
        // Recorded: 200, not 201, with the account as Creating.
        create: Begin::Runs(Runs { status: 200, state: "Creating", body: Reply::Resource, ..ENQUEUED }),
        update: Begin::Runs(Runs { status: 200, state: "Updating", body: Reply::Resource, ..ENQUEUED }),
        delete: End::Runs { runs: Runs { state: "Deleting", ..ENQUEUED }, gone: 204 },
        creating: 303,
        deleting: 1228,
        shape: Shape::Bare,
        urls: URLS,
        mint: mint_account,
        show: account,
        ..PLAIN
    },
    Kind { name: "Microsoft.DocumentDB/databaseAccounts/sqlDatabases", show: database, ..PART },
    Kind {
        name: "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers",
        needs: &["/properties/resource/id", "/properties/resource/partitionKey/paths"],
        show: container,
        ..PART
    },
    Kind {
        name: "Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments",
        names: Rule::new(36, 36, Letters::Any, "-", Ends::Alphanumeric),
        needs: &["/properties/roleDefinitionId", "/properties/principalId", "/properties/scope"],
        mint: mint_nothing,
        check: check_role,
        show: role,
        ..PART
    },
];

fn mint_account() -> Map<String, Value> {
    let mut minted = mint_identity();
    minted.insert("instanceId".to_owned(), Uuid::new_v4().to_string().into());
    for name in ["primaryMasterKey", "secondaryMasterKey", "primaryReadonlyMasterKey", "secondaryReadonlyMasterKey"] {
        minted.insert(name.to_owned(), key(64).into());
    }
    minted
}

fn mint_part() -> Map<String, Value> {
    let mut minted = Map::new();
    minted.insert(RID.to_owned(), rid::mint().into());
    minted
}

/// The resource id of a database or a container, as both planes show it.
pub(crate) fn rid(state: &State, part: &Resource) -> String {
    let Some((database, _)) = part.id.rsplit_once("/containers/") else { return rid::database(part.minted(RID)) };
    let database = state.get::<Resource>(&database.to_lowercase());
    rid::container(database.map_or("", |database| database.minted(RID)), part.minted(RID))
}

fn check_part(_: View<'_>, id: &Id, body: &Value) -> Result<(), Failure> {
    if body["properties"]["resource"]["id"].as_str() == Some(id.name()) {
        return Ok(());
    }
    Err(Failure::bad_request("BadRequest", "The id in the body does not match the name in the URL."))
}

/// A data role is one of the account's own definitions, for a scope within the account.
fn check_role(_: View<'_>, id: &Id, body: &Value) -> Result<(), Failure> {
    let account = id.text.split("/sqlRoleAssignments/").next().unwrap_or_default().to_ascii_lowercase();
    let within = |member: &str| {
        let value = body["properties"][member].as_str().unwrap_or_default().to_ascii_lowercase();
        value.starts_with(&account)
    };
    match within("roleDefinitionId") && within("scope") {
        true => Ok(()),
        false => Err(Failure::bad_request("BadRequest", "The role definition and the scope must lie in the account.")),
    }
}

fn role(_: View<'_>, _: &Resource) -> Value {
    json!({})
}

fn account(view: View<'_>, account: &Resource) -> Value {
    let name = account.name();
    let endpoint = |name: &str| format!("https://{}/", view.cloud.hosts.of(Service::Data, "documents", name));
    let locations: Vec<Value> = account.body["properties"]["locations"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|location| place(name, location, account, &endpoint))
        .collect();
    let mut shown = identity(view, account);
    overlay(
        &mut shown,
        json!({
            "kind": account.body["kind"].as_str().unwrap_or("GlobalDocumentDB"),
            "properties": {
                "provisioningState": account.state,
                "documentEndpoint": endpoint(name),
                "instanceId": account.minted("instanceId"),
                "writeLocations": locations.iter().take(1).collect::<Vec<_>>(),
                "readLocations": locations,
                "locations": locations,
                "privateEndpointConnections": [],
            },
        }),
    );
    let asked = &account.body["properties"];
    let mut defaults = json!({
        "publicNetworkAccess": "Enabled",
        "enableAutomaticFailover": false,
        "enableMultipleWriteLocations": false,
        "isVirtualNetworkFilterEnabled": false,
        "disableLocalAuth": false,
        "enableFreeTier": false,
        "minimalTlsVersion": "Tls12",
        "consistencyPolicy": {
            "defaultConsistencyLevel": "Session", "maxIntervalInSeconds": 5, "maxStalenessPrefix": 100,
        },
        "capabilities": [],
    });
    overlay(&mut defaults, asked.clone());
    overlay(&mut defaults, shown["properties"].take());
    shown["properties"] = defaults;
    shown
}

fn place(name: &str, location: &Value, account: &Resource, endpoint: &dyn Fn(&str) -> String) -> Value {
    let region = region(location["locationName"].as_str().unwrap_or_default());
    json!({
        "id": format!("{name}-{region}"),
        "locationName": region,
        "documentEndpoint": endpoint(&format!("{name}-{region}")),
        "provisioningState": account.state,
        "failoverPriority": location["failoverPriority"].as_i64().unwrap_or(0),
        "isZoneRedundant": location["isZoneRedundant"].as_bool().unwrap_or(false),
    })
}

/// What Cosmos DB adds to every document of its own.
fn system(view: View<'_>, part: &Resource) -> Value {
    let seconds = DateTime::parse_from_rfc3339(&part.changed).map_or(0, |changed| changed.timestamp());
    json!({ "_rid": rid(view.state, part), "_ts": seconds, "_etag": format!("\"{}\"", part.etag) })
}

fn database(view: View<'_>, database: &Resource) -> Value {
    let mut resource = system(view, database);
    overlay(&mut resource, json!({ "_colls": "colls/", "_users": "users/" }));
    json!({ "properties": { "resource": resource } })
}

fn container(view: View<'_>, container: &Resource) -> Value {
    let asked = &container.body["properties"]["resource"];
    let mut resource = json!({
        "indexingPolicy": {
            "indexingMode": "consistent",
            "automatic": true,
            "includedPaths": [{ "path": "/*" }],
            "excludedPaths": [{ "path": "/\"_etag\"/?" }],
        },
        "conflictResolutionPolicy": { "mode": "LastWriterWins", "conflictResolutionPath": "/_ts" },
    });
    overlay(&mut resource, asked.clone());
    overlay(
        &mut resource,
        json!({ "partitionKey": { "kind": asked["partitionKey"]["kind"].as_str().unwrap_or("Hash") } }),
    );
    overlay(&mut resource, system(view, container));
    json!({ "properties": { "resource": resource } })
}
