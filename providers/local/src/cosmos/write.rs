//! Writing items: create, upsert, replace, delete.

use std::sync::PoisonError;

use serde_json::{Value, json};

use super::container::{Container, Partition};
use super::items::{Target, check_etag};
use super::refusal::Refusal;
use super::{Call, partition, rid};
use crate::answer::Answer;
use crate::effects::Effect;
use crate::query;

/// Largest item, in bytes.
const LARGEST: usize = 2 * 1024 * 1024;
/// Nominal charges.
const WRITE_CHARGE: &str = "6.29";
/// What the service alone decides.
const SYSTEM: [&str; 6] = ["_rid", "_self", "_etag", "_attachments", "_ts", "_lsn"];

/// `POST docs`: an item that must not be there, or with the upsert header one that may.
pub(super) fn create(call: &Call<'_>, target: &Target) -> Result<Answer, Refusal> {
    let item = body(call)?;
    let id = check(&item)?.to_owned();
    let partition = partition_of(call, target, &item)?;
    let container = target.container(call)?;
    let mut container = container.write().unwrap_or_else(PoisonError::into_inner);
    let upserts = call.says("x-ms-documentdb-is-upsert");
    let here = container.find(&partition, &id, target.age(call));
    match here {
        Some(_) if !upserts => Err(Refusal::conflict()),
        Some((number, found)) => {
            check_etag(call, found)?;
            store(call, target, &mut container, (partition, number), item, (200, "UpsertItem"))
        }
        None => {
            let (number, _) = container.next();
            let operation = if upserts { "UpsertItem" } else { "CreateItem" };
            store(call, target, &mut container, (partition, number), item, (201, operation))
        }
    }
}

/// `PUT docs/{id}`: an item that must be there.
pub(super) fn replace(call: &Call<'_>, target: &Target, id: &str) -> Result<Answer, Refusal> {
    let item = body(call)?;
    if check(&item)? != id {
        return Err(Refusal::bad_request("The id in the body does not match the one in the URL."));
    }
    let partition = partition_of(call, target, &item)?;
    let container = target.container(call)?;
    let mut container = container.write().unwrap_or_else(PoisonError::into_inner);
    let (number, found) = container.find(&partition, id, target.age(call)).ok_or_else(Refusal::not_found)?;
    check_etag(call, found)?;
    store(call, target, &mut container, (partition, number), item, (200, "ReplaceItem"))
}

/// `DELETE docs/{id}`.
pub(super) fn delete(call: &Call<'_>, target: &Target, id: &str) -> Result<Answer, Refusal> {
    let partition = target.partition(call)?;
    let container = target.container(call)?;
    let mut container = container.write().unwrap_or_else(PoisonError::into_inner);
    let (number, found) = container.find(&partition, id, target.age(call)).ok_or_else(Refusal::not_found)?;
    check_etag(call, found)?;
    let removed = container.remove(&partition, number, target.age(call));
    removed.map_err(|error| Refusal::internal(&error))?;
    record(call, target, "DeleteItem", id)?;
    Ok(target.sign(Answer::empty(204), container.sequence(), WRITE_CHARGE))
}

/// Writes an item under its number and shows it, unless the caller wants to hear no more than the status.
pub(super) fn store(
    call: &Call<'_>,
    target: &Target,
    container: &mut Container,
    (partition, number): (Partition, u64),
    mut item: Value,
    (status, operation): (u16, &str),
) -> Result<Answer, Refusal> {
    let age = target.age(call);
    let (_, sequence) = container.next();
    stamp(&mut item, target, number, sequence, age.now);
    let id = item["id"].as_str().unwrap_or_default().to_owned();
    container.put(&partition, number, item, age).map_err(|error| Refusal::internal(&error))?;
    record(call, target, operation, &id)?;
    // What was written with a time to live of the past would be gone already; none is accepted.
    let (_, written) = container.find(&partition, &id, age).ok_or_else(Refusal::not_found)?;
    let minimal = call.header("prefer").is_some_and(|prefer| prefer.eq_ignore_ascii_case("return=minimal"));
    let answer = if minimal { Answer::empty(status) } else { Answer::json_text(status, written.text.to_string()) };
    Ok(target.sign(answer.header("etag", &written.etag), sequence, WRITE_CHARGE))
}

/// Puts the system properties on an item, behind its own.
fn stamp(item: &mut Value, target: &Target, number: u64, sequence: u64, now: i64) {
    let Some(members) = item.as_object_mut() else { return };
    for name in SYSTEM {
        members.remove(name);
    }
    let own = rid::item(&target.rid, number);
    let link = format!("dbs/{}/colls/{}/docs/{own}/", target.database_rid, target.rid);
    // An ETag of the service's looks like this: a version and a time.
    let etag = format!("\"{sequence:08x}-0000-0d00-0000-{now:08x}0000\"");
    for (name, value) in [
        ("_rid", json!(own)),
        ("_self", json!(link)),
        ("_etag", json!(etag)),
        ("_attachments", json!("attachments/")),
        ("_ts", json!(now)),
    ] {
        members.insert(name.to_owned(), value);
    }
}

fn record(call: &Call<'_>, target: &Target, operation: &str, id: &str) -> Result<(), Refusal> {
    let resource = format!("{}/{}/docs/{id}", target.account, target.link);
    let effect = Effect::new("cosmos", operation, resource);
    call.cloud.effects.record(effect).map(|_| ()).map_err(|error| Refusal::internal(&error))
}

fn body(call: &Call<'_>) -> Result<Value, Refusal> {
    if call.request.body().len() > LARGEST {
        return Err(Refusal::too_large());
    }
    let item = query::json(call.request).filter(Value::is_object);
    item.ok_or_else(|| Refusal::bad_request("The document body must be a JSON object."))
}

/// What an item must have: an id that can stand in a URL, and a time to live that is one.
pub(super) fn check(item: &Value) -> Result<&str, Refusal> {
    let missing = "The input content is invalid because the required properties - 'id; ' - are missing";
    let id = item["id"].as_str().filter(|id| !id.is_empty()).ok_or_else(|| Refusal::bad_request(missing))?;
    if id.len() > 1023 || id.contains(['/', '\\', '?', '#']) {
        return Err(Refusal::bad_request(
            "Id cannot be longer than 1023 bytes and cannot contain the characters '/', '\\', '?', '#'.",
        ));
    }
    match item.get("ttl") {
        None => Ok(id),
        Some(ttl) if ttl.as_i64().is_some_and(|ttl| ttl == -1 || (1..=i64::from(i32::MAX)).contains(&ttl)) => Ok(id),
        Some(ttl) => Err(Refusal::bad_request(format!(
            "The input ttl '{ttl}' is invalid. Ensure to provide a nonzero positive integer less than or equal to '2147483647', or -1."
        ))),
    }
}

/// The partition that the request names, which must be the item's own.
fn partition_of(call: &Call<'_>, target: &Target, item: &Value) -> Result<Partition, Refusal> {
    let named = target.partition(call)?;
    if named == partition::of_item(item, &target.paths) {
        return Ok(named);
    }
    let message = "PartitionKey extracted from document doesn't match the one specified in the header. Learn more: https://aka.ms/CosmosDB/sql/errors/wrong-pk-value";
    Err(Refusal::bad_request(message).sub(1001))
}
