//! Requests on what holds items: the account, its databases, their containers. All of them are resources of Resource
//! Manager, so what is made here is seen there and the other way round.

use axum::http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::refusal::Refusal;
use super::{Call, feed, place, rid_of, roles};
use crate::answer::Answer;
use crate::arm::{self, lifecycle, resource, types};
use crate::effects::Effect;
use crate::query;
use crate::state::{Resource, State};

/// Serves a request on anything but items.
pub(super) fn serve(call: &Call<'_>, state: &mut State, names: &[&str]) -> Result<Answer, Refusal> {
    roles::check(call, state, &names.join("/"))?;
    match (call.request.method(), names) {
        (&Method::GET, []) => Ok(account(call, state)),
        (&Method::GET, ["dbs"]) => databases(call, state),
        (&Method::POST, ["dbs"]) if feed::is_query(call) => databases(call, state),
        (&Method::POST, ["dbs"]) => create_database(call, state),
        (&Method::GET, ["dbs", database]) => {
            let key = database_key(call, state, database, Refusal::not_found)?;
            shown(call, state, &key, 200)
        }
        (&Method::DELETE, ["dbs", database]) => {
            let key = database_key(call, state, database, Refusal::not_found)?;
            delete(call, state, &key, "DeleteDatabase")
        }
        (_, ["dbs", database, "colls", rest @ ..]) => {
            let database = database_key(call, state, database, Refusal::no_owner)?;
            containers(call, state, &database, rest)
        }
        _ => Err(unknown(call)),
    }
}

fn containers(call: &Call<'_>, state: &mut State, database: &str, names: &[&str]) -> Result<Answer, Refusal> {
    let mut find =
        |name: &str, missing: fn() -> Refusal| place::container(call.cloud, state, database, name).ok_or_else(missing);
    match (call.request.method(), names) {
        (&Method::GET, []) => list_containers(call, state, database),
        (&Method::POST, []) if feed::is_query(call) => list_containers(call, state, database),
        (&Method::POST, []) => create_container(call, state, database),
        (&Method::GET, [name]) => {
            let key = find(name, Refusal::not_found)?;
            shown(call, state, &key, 200)
        }
        (&Method::PUT, [name]) => {
            let key = find(name, Refusal::not_found)?;
            replace_container(call, state, &key)
        }
        (&Method::DELETE, [name]) => {
            let key = find(name, Refusal::not_found)?;
            delete(call, state, &key, "DeleteContainer")
        }
        (&Method::GET, [name, "pkranges"]) => {
            let key = find(name, Refusal::no_owner)?;
            ranges(call, state, &key)
        }
        _ => Err(unknown(call)),
    }
}

fn unknown(call: &Call<'_>) -> Refusal {
    Refusal::not_implemented(&format!("{} {}", call.request.method(), call.request.uri().path()))
}

fn database_key(call: &Call<'_>, state: &mut State, name: &str, missing: fn() -> Refusal) -> Result<String, Refusal> {
    place::database(call.cloud, state, &call.account, name).ok_or_else(missing)
}

/// The account, with where its regions are.
fn account(call: &Call<'_>, state: &State) -> Answer {
    let Some(found) = state.get::<Resource>(&call.account) else { return Answer::empty(404) };
    let properties = types::find(place::ACCOUNT).map(|kind| resource::show(call.cloud, state, kind, found));
    let properties = properties.map(|mut shown| shown["properties"].take()).unwrap_or_default();
    let places = |name: &str| -> Value {
        let places = properties[name].as_array().into_iter().flatten();
        places
            .map(|at| json!({ "name": at["locationName"], "databaseAccountEndpoint": at["documentEndpoint"] }))
            .collect()
    };
    let body = json!({
        "_self": "",
        "id": found.name(),
        "_rid": format!("{}.documents.azure.com", found.name()),
        "media": "//media/",
        "addresses": "//addresses/",
        "_dbs": "//dbs/",
        "writableLocations": places("writeLocations"),
        "readableLocations": places("readLocations"),
        "enableMultipleWriteLocations": properties["enableMultipleWriteLocations"],
        "continuousBackupEnabled": false,
        "enableNRegionSynchronousCommit": false,
        "enablePerPartitionFailoverBehavior": false,
        "userReplicationPolicy": { "asyncReplication": false, "minReplicaSetSize": 3, "maxReplicasetSize": 4 },
        "userConsistencyPolicy": {
            "defaultConsistencyLevel": properties["consistencyPolicy"]["defaultConsistencyLevel"],
        },
        "systemReplicationPolicy": { "minReplicaSetSize": 3, "maxReplicasetSize": 4 },
        "readPolicy": { "primaryReadCoefficient": 1, "secondaryReadCoefficient": 1 },
        "queryEngineConfiguration": json!({ "maxSqlQueryInputLength": 262_144 }).to_string(),
    });
    Answer::json(200, body)
}

fn databases(call: &Call<'_>, state: &State) -> Result<Answer, Refusal> {
    let found = place::children(state, &call.account, place::DATABASE);
    let rows = found.map(|(_, database)| document(call, state, database)).collect();
    feed::whole(call, "", "Databases", rows)
}

fn list_containers(call: &Call<'_>, state: &State, database: &str) -> Result<Answer, Refusal> {
    let found = place::children(state, database, place::CONTAINER);
    let rows = found.map(|(_, container)| document(call, state, container)).collect();
    let rid = state.get::<Resource>(database).map(|database| rid_of(state, database)).unwrap_or_default();
    feed::whole(call, &rid, "DocumentCollections", rows)
}

/// A database or a container as the data plane shows it.
fn document(call: &Call<'_>, state: &State, part: &Resource) -> Value {
    let shown = types::find(&part.kind).map(|kind| resource::show(call.cloud, state, kind, part));
    let mut document = shown.map(|mut shown| shown["properties"]["resource"].take()).unwrap_or_default();
    let rid = rid_of(state, part);
    if part.kind == place::DATABASE {
        document["_self"] = format!("dbs/{rid}/").into();
        return document;
    }
    let database = part.id.rsplit_once("/containers/").map_or("", |(database, _)| database).to_lowercase();
    let outer = state.get::<Resource>(&database).map(|database| rid_of(state, database)).unwrap_or_default();
    document["_self"] = format!("dbs/{outer}/colls/{rid}/").into();
    for name in ["docs", "sprocs", "triggers", "udfs", "conflicts"] {
        document[format!("_{name}")] = format!("{name}/").into();
    }
    document
}

fn shown(call: &Call<'_>, state: &State, key: &str, status: u16) -> Result<Answer, Refusal> {
    let part = state.get::<Resource>(key).ok_or_else(Refusal::not_found)?;
    let etag = format!("\"{}\"", part.etag);
    Ok(Answer::json(status, document(call, state, part))
        .header("etag", &etag)
        .header("x-ms-request-charge", "2")
        .header("x-ms-activity-id", &Uuid::new_v4().to_string())
        .header("x-ms-session-token", "0:-1#0"))
}

/// What a POST or PUT asks for, without what the service adds, and its name.
fn asked(call: &Call<'_>) -> Result<(Value, String), Refusal> {
    let mut body = query::json(call.request).filter(Value::is_object).unwrap_or_default();
    let name = body["id"].as_str().unwrap_or_default().to_owned();
    if name.is_empty() || name.len() > 255 || name.contains(['/', '\\', '?', '#']) {
        return Err(Refusal::bad_request("One of the specified inputs is invalid: id"));
    }
    if let Some(members) = body.as_object_mut() {
        members.retain(|name, _| !name.starts_with('_'));
    }
    Ok((body, name))
}

fn create_database(call: &Call<'_>, state: &mut State) -> Result<Answer, Refusal> {
    roles::check_management(call)?;
    let (body, name) = asked(call)?;
    let account = state.get::<Resource>(&call.account).ok_or_else(Refusal::no_owner)?;
    let id = format!("{}/sqlDatabases/{name}", account.id);
    create(call, state, place::DATABASE, (id, body), "CreateDatabase")
}

fn create_container(call: &Call<'_>, state: &mut State, database: &str) -> Result<Answer, Refusal> {
    roles::check_management(call)?;
    let (body, name) = asked(call)?;
    if body["partitionKey"]["paths"].as_array().is_none_or(Vec::is_empty) {
        return Err(Refusal::bad_request("The partition key definition is missing: partitionKey"));
    }
    let database = state.get::<Resource>(database).ok_or_else(Refusal::no_owner)?;
    let id = format!("{}/containers/{name}", database.id);
    create(call, state, place::CONTAINER, (id, body), "CreateContainer")
}

fn create(
    call: &Call<'_>,
    state: &mut State,
    kind: &str,
    (id, body): (String, Value),
    operation: &str,
) -> Result<Answer, Refusal> {
    let key = id.to_lowercase();
    let kind = types::find(kind).ok_or_else(|| unknown(call))?;
    if state.get::<Resource>(&key).is_some() {
        return Err(Refusal::conflict());
    }
    let now = call.cloud.clock.timestamp();
    let created = Resource {
        id: id.clone(),
        kind: kind.name.to_owned(),
        body: json!({ "properties": { "resource": body } }),
        minted: (kind.mint)(),
        state: "Succeeded".to_owned(),
        operation: None,
        created: now.clone(),
        changed: now,
        etag: Uuid::new_v4().to_string(),
    };
    state.set(&key, created);
    persist(call, state, operation, &id)?;
    shown(call, state, &key, 201)
}

/// Another definition for a container; what decides where items lie must stay.
fn replace_container(call: &Call<'_>, state: &mut State, key: &str) -> Result<Answer, Refusal> {
    roles::check_management(call)?;
    let (body, name) = asked(call)?;
    let mut container = state.get::<Resource>(key).cloned().ok_or_else(Refusal::not_found)?;
    let here = &container.body["properties"]["resource"];
    if name != container.name() || body["partitionKey"]["paths"] != here["partitionKey"]["paths"] {
        return Err(Refusal::bad_request("The id and the partition key of a container cannot be changed."));
    }
    container.body["properties"]["resource"] = body;
    container.etag = Uuid::new_v4().to_string();
    container.changed = call.cloud.clock.timestamp();
    let id = container.id.clone();
    state.set(key, container);
    persist(call, state, "ReplaceContainer", &id)?;
    shown(call, state, key, 200)
}

fn delete(call: &Call<'_>, state: &mut State, key: &str, operation: &str) -> Result<Answer, Refusal> {
    roles::check_management(call)?;
    let id = state.get::<Resource>(key).map(|found| found.id.clone()).ok_or_else(Refusal::not_found)?;
    lifecycle::remove(call.cloud, state, key);
    persist(call, state, operation, &id)?;
    Ok(Answer::empty(204).header("x-ms-request-charge", "4.95"))
}

fn persist(call: &Call<'_>, state: &mut State, operation: &str, id: &str) -> Result<(), Refusal> {
    let effect = Effect::new("cosmos", operation, id);
    match arm::persist(call.cloud, state, vec![effect]) {
        None => Ok(()),
        Some(_) => Err(Refusal::new(500, "InternalServerError", "The local cloud could not write its state.")),
    }
}

/// The one range of partitions. Clients come again with the ETag until nothing is new.
fn ranges(call: &Call<'_>, state: &State, key: &str) -> Result<Answer, Refusal> {
    let container = state.get::<Resource>(key).ok_or_else(Refusal::no_owner)?;
    let (rid, etag) = (rid_of(state, container), format!("\"{}\"", container.etag));
    if call.header("if-none-match").is_some_and(|known| known == etag) {
        return Ok(Answer::empty(304).header("etag", &etag));
    }
    let range = json!({
        "_rid": super::rid::item(&rid, 0),
        "id": "0",
        "_etag": etag,
        "minInclusive": "",
        "maxExclusive": "FF",
        "ridPrefix": 0,
        "_self": "",
        "throughputFraction": 1,
        "status": "online",
        "parents": [],
        "_ts": 0,
    });
    let body = json!({ "_rid": rid, "PartitionKeyRanges": [range], "_count": 1 });
    Ok(Answer::json(200, body).header("etag", &etag).header("x-ms-item-count", "1").header("x-ms-request-charge", "0"))
}
