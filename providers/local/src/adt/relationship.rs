//! Relationships: kept at their source, found from their target.

use axum::http::StatusCode;
use dtdl::Content;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::answer::{Refusal, Reply};
use super::call::Call;
use super::change::{Change, Relationship};
use super::condition::{self, Match};
use super::instance::{Done, Instance};
use super::name::Name;
use super::part::etag;
use super::state::State;
use super::twin::check_id;
use super::{draft, limits, page, patch};

/// The relationship as the service shows it.
pub(super) fn document(source: &str, id: &str, relationship: &Relationship) -> Value {
    let mut document = relationship.properties.clone();
    let mut insert = |name: &str, value: &str| document.insert(name.to_owned(), value.into());
    insert("$relationshipId", id);
    insert("$etag", &etag(relationship.etag));
    insert("$sourceId", source);
    insert("$relationshipName", &relationship.name);
    insert("$targetId", &relationship.target);
    document.into()
}

/// `GET /digitaltwins/{source}/relationships`
pub(super) fn list(state: &State, call: &Call<'_>, source: &str) -> Result<Reply, Refusal> {
    if !state.twins.contains_key(source) {
        return Err(Refusal::no_twin(source));
    }
    let wanted = call.parameter("relationshipName");
    let found = state.outgoing(source, page::start(call));
    let found = found.filter(|(_, one)| wanted.is_none_or(|wanted| *one.name == *wanted));
    let entries = found.map(|(id, one)| (id.to_string(), document(source, id, one)));
    Ok(Reply::document(page::page(call, limits::LIST_PAGE, entries)?))
}

/// `GET /digitaltwins/{target}/incomingrelationships`
pub(super) fn incoming(state: &State, call: &Call<'_>, target: &str) -> Result<Reply, Refusal> {
    if !state.twins.contains_key(target) {
        return Err(Refusal::no_twin(target));
    }
    let after = page::start(call).split_once('/').unwrap_or_default();
    let entries = state.incoming(target, after).filter_map(|(source, id)| {
        let one = state.relationships.get(&(source.clone(), id.clone()))?;
        let shown = json!({
            "$relationshipId": **id,
            "$sourceId": **source,
            "$relationshipName": *one.name,
            "$relationshipLink": format!("/digitaltwins/{source}/relationships/{id}"),
        });
        Some((format!("{source}/{id}"), shown))
    });
    Ok(Reply::document(page::page(call, limits::LIST_PAGE, entries)?))
}

/// `GET /digitaltwins/{source}/relationships/{id}`
pub(super) fn get(state: &State, source: &str, id: &str) -> Result<Reply, Refusal> {
    let found = find(state, source, id)?;
    Ok(Reply::document(document(source, id, found)).tagged(found.etag))
}

/// `PUT /digitaltwins/{source}/relationships/{id}`: the path's ids win over the body's.
pub(super) fn put(instance: &mut Instance, call: &Call<'_>, source: &str, id: &str) -> Result<Reply, Refusal> {
    let must_be_new = condition::must_be_new(call)?;
    check_id(id)?;
    let relationship = body(call)?;
    let state = &instance.state;
    if !state.twins.contains_key(source) {
        return Err(Refusal::no_twin(source));
    }
    check(state, source, &relationship)?;
    let before = state.relationships.get(&(source.into(), id.into()));
    match before {
        Some(_) if must_be_new => return Err(condition::exists("relationship", id)),
        None => check_room(state, source, &relationship.target, (0, 0))?,
        Some(_) => {}
    }
    let unchanged =
        before.is_some_and(|before| Relationship { etag: relationship.etag, ..before.clone() } == relationship);
    let reply = Reply::document(document(source, id, &relationship)).tagged(relationship.etag);
    let done = Done { unchanged, ..Done::new("PutRelationship", resource(source, id)) };
    instance.commit_and_tell(call, Change::PutRelationship(source.into(), id.into(), relationship), &[done], None)?;
    Ok(reply)
}

/// `PATCH /digitaltwins/{source}/relationships/{id}`: properties only.
pub(super) fn update(instance: &mut Instance, call: &Call<'_>, source: &str, id: &str) -> Result<Reply, Refusal> {
    let wanted = Match::of(call)?;
    let before = find(&instance.state, source, id);
    let operations = patch::read(call)?;
    let before = before?;
    wanted.check(before.etag)?;
    let mut after = Relationship { etag: Uuid::new_v4(), ..before.clone() };
    for operation in &operations {
        if operation.path[0].starts_with('$') {
            let message = format_args!("The path /{} cannot be patched.", operation.path.join("/"));
            return Err(Refusal::patch(message));
        }
        patch::edit(&mut after.properties, &operation.path, &operation.value)?;
    }
    check(&instance.state, source, &after)?;
    let unchanged = before.properties == after.properties;
    let reply = Reply::nothing().tagged(after.etag);
    let done = Done { unchanged, ..Done::new("PatchRelationship", resource(source, id)) };
    let change = Change::PutRelationship(source.into(), id.into(), after);
    instance.commit_and_tell(call, change, &[done], Some(&operations))?;
    Ok(reply)
}

/// `DELETE /digitaltwins/{source}/relationships/{id}`
pub(super) fn delete(instance: &mut Instance, call: &Call<'_>, source: &str, id: &str) -> Result<Reply, Refusal> {
    let wanted = Match::of(call)?;
    wanted.check(find(&instance.state, source, id)?.etag)?;
    let done = Done::new("DeleteRelationship", resource(source, id));
    instance.commit_and_tell(call, Change::DeleteRelationship(source.into(), id.into()), &[done], None)?;
    Ok(Reply::nothing())
}

fn find<'a>(state: &'a State, source: &str, id: &str) -> Result<&'a Relationship, Refusal> {
    if !state.twins.contains_key(source) {
        return Err(Refusal::no_twin(source));
    }
    state.relationships.get(&(source.into(), id.into())).ok_or_else(|| {
        let message = format!(
            "Relationship {id} not found on twin {source}. Please verify that the relationship id is valid and ensure \
             that the relationship is not deleted. See section on listing relationships in the documentation \
             https://aka.ms/adtv2twins."
        );
        Refusal::new(StatusCode::NOT_FOUND, "RelationshipNotFound", message)
    })
}

fn body(call: &Call<'_>) -> Result<Relationship, Refusal> {
    let refused = || Refusal::argument("Could not deserialize relationship create body.");
    let Some(Value::Object(body)) = call.json()? else { return Err(refused()) };
    of_body(body)
}

/// Takes the members of a relationship's document; those that name it do not count.
pub(super) fn of_body(mut body: Map<String, Value>) -> Result<Relationship, Refusal> {
    let refused = || Refusal::argument("Could not deserialize relationship create body.");
    for ignored in ["$relationshipId", "$sourceId", "$etag"] {
        body.remove(ignored);
    }
    let mut take = |name: &str| match body.remove(name) {
        Some(Value::String(text)) => Ok(Name::from(text.as_str())),
        _ => Err(refused()),
    };
    let (name, target) = (take("$relationshipName")?, take("$targetId")?);
    // A map keeps the memory of what was taken out of it.
    let properties = if body.is_empty() { Map::new() } else { body };
    Ok(Relationship { name, target, etag: Uuid::new_v4(), properties })
}

/// Checks a relationship against its ends and the source's model.
pub(super) fn check(state: &State, source: &str, relationship: &Relationship) -> Result<(), Refusal> {
    let Some(target) = state.twins.get(&relationship.target) else {
        let message = "The target digital twin is invalid or does not exist. Please validate that the target twin is \
                       valid and ensure that the target twin is not deleted. See section on querying the twins \
                       https://aka.ms/adtv2query .";
        return Err(Refusal::new(StatusCode::NOT_FOUND, "TargetDigitalTwinNotFound", message));
    };
    if *relationship.target == *source {
        return Err(Refusal::bad("OperationNotAllowed", "A relationship cannot connect a digital twin to itself."));
    }
    let definition = definition(state, source, &relationship.name)?;
    if let Some(wanted) = definition.target.as_ref().filter(|wanted| !state.models.is_a(&target.model, wanted.as_str()))
    {
        let message = format!(
            "The target {} of the relationship {} has the model {}, which is not {wanted}.",
            relationship.target, relationship.name, target.model
        );
        return Err(Refusal::bad("InvalidRelationship", message));
    }
    check_properties(definition, &relationship.properties)
}

fn definition<'a>(state: &'a State, source: &str, name: &str) -> Result<&'a dtdl::Relationship, Refusal> {
    let model = state.twins.get(source).map(|twin| &*twin.model).unwrap_or_default();
    if state.models.get(model).is_none() {
        let details = vec![format!("{model} or one of its dependencies does not exist.")];
        return Err(Refusal::invalid("Invalid relationship specified", details));
    }
    match state.models.content(model, name) {
        Some(Content::Relationship(definition)) => Ok(definition),
        _ => {
            let message = format!("The relationship {name} does not appear on the DTDL for {model}.");
            Err(Refusal::bad("InvalidRelationship", message))
        }
    }
}

fn check_properties(definition: &dtdl::Relationship, properties: &Map<String, Value>) -> Result<(), Refusal> {
    let wrong = |(name, value): (&String, &Value)| match definition.properties.get(name) {
        None => Some(format!("{name} does not appear on the DTDL for Relationship {}.", definition.name)),
        Some(property) => {
            let problem = draft::misfit(&property.schema, value)?;
            Some(format!("The value of {name} is not valid for Relationship {}: {problem}.", definition.name))
        }
    };
    let mut wrong: Vec<_> = properties.iter().filter_map(wrong).collect();
    if draft::size_of(properties) > limits::BODY_BYTES {
        wrong.push(format!("The Relationship is larger than {} bytes.", limits::BODY_BYTES));
    }
    if wrong.is_empty() { Ok(()) } else { Err(Refusal::invalid("Invalid relationship specified", wrong)) }
}

/// Refuses one more relationship where there are as many as can be, with so many more out of the source and into the
/// target that are not stored yet.
pub(super) fn check_room(state: &State, source: &str, target: &str, more: (usize, usize)) -> Result<(), Refusal> {
    let last = |more| (limits::RELATIONSHIPS_PER_TWIN - 1_usize).saturating_sub(more);
    let (out, into) = (last(more.0), last(more.1));
    if state.outgoing(source, "").nth(out).is_none() && state.incoming(target, ("", "")).nth(into).is_none() {
        return Ok(());
    }
    let message = format!("A digital twin can have at most {} relationships.", limits::RELATIONSHIPS_PER_TWIN);
    Err(Refusal::bad("LimitExceeded", message))
}

fn resource(source: &str, id: &str) -> String {
    format!("digitaltwins/{source}/relationships/{id}")
}
