//! Models: upload in batches, list, decommission, delete.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::answer::{Refusal, Reply};
use super::call::{Call, Version};
use super::change::{Change, Model};
use super::instance::{Done, Instance};
use super::name::Name;
use super::state::{self, State};
use super::{limits, page, patch};

const CONTEXTS: [&str; 2] = ["dtmi:dtdl:context;2", "dtmi:dtdl:context;3"];

/// `POST /models`: all or none.
pub(super) fn add(instance: &mut Instance, call: &Call<'_>) -> Result<Reply, Refusal> {
    let definitions = definitions(call)?;
    let ids: Vec<_> = definitions.iter().map(|definition| text(definition, "@id").unwrap_or_default()).collect();
    refuse_existing(&instance.state, &ids)?;
    if instance.state.uploads.len() + definitions.len() > limits::MODELS {
        return Err(Refusal::bad("LimitExceeded", "The maximum number of models has been reached."));
    }
    definitions.iter().try_for_each(|definition| check_context(definition.get("@context")))?;
    let now = instance.now();
    let model = |(at, definition): (usize, Value)| Model {
        id: Name::from(text(&definition, "@id").unwrap_or_default()),
        uploaded: now.later(at),
        decommissioned: false,
        definition,
    };
    let models: Vec<_> = definitions.into_iter().enumerate().map(model).collect();
    refuse_unresolved(&instance.state, &models)?;
    state::extended(&instance.state.models, &models).map_err(|problems| unparsable(&state::words(&problems)))?;
    let done: Vec<_> = models.iter().map(|model| Done::new("CreateModel", format!("models/{}", model.id))).collect();
    let shown = models.iter().map(|model| shown(model, None)).collect();
    instance.commit(Change::AddModels(models), &done)?;
    Ok(Reply::created(shown))
}

/// `GET /models`
pub(super) fn list(state: &State, call: &Call<'_>) -> Result<Reply, Refusal> {
    let wanted = dependencies(state, call)?;
    let definition = with_definition(call);
    let start = match page::start(call) {
        "" => 0,
        token => token.parse().map_err(|_| Refusal::bad("BadRequest", "The continuation token is invalid."))?,
    };
    let models = state.uploads.range(start..);
    let models = models.filter(|(_, model)| wanted.as_ref().is_none_or(|wanted| wanted.contains(&*model.id)));
    let entries = models.map(|(place, model)| ((place + 1).to_string(), shown(model, definition)));
    Ok(Reply::document(page::page(call, limits::LIST_PAGE, entries)?))
}

/// `GET /models/{id}`
pub(super) fn get(state: &State, call: &Call<'_>, id: &str) -> Result<Reply, Refusal> {
    Ok(Reply::document(shown(find(state, id)?, with_definition(call))))
}

/// `PATCH /models/{id}`: nothing but `decommissioned` can be replaced.
pub(super) fn update(instance: &mut Instance, call: &Call<'_>, id: &str) -> Result<Reply, Refusal> {
    let operations = patch::read(call)?;
    let before = find(&instance.state, id)?.decommissioned;
    let mut after = before;
    for operation in &operations {
        after = match (operation.path.as_slice(), &operation.value) {
            ([only], patch::Edit::Replace(Value::Bool(value))) if only == "decommissioned" => *value,
            _ => return Err(Refusal::patch("Only the decommissioned property of a model can be replaced.")),
        };
    }
    let unchanged = before == after;
    let done = Done { unchanged, ..Done::new("DecommissionModel", format!("models/{id}")) };
    instance.commit(Change::SetDecommissioned(id.into(), after), &[done])?;
    Ok(Reply::nothing())
}

/// `DELETE /models/{id}`: twins and relationship targets do not hold a model, other models do.
pub(super) fn delete(instance: &mut Instance, id: &str) -> Result<Reply, Refusal> {
    find(&instance.state, id)?;
    let referrers = instance.state.models.referrers(id);
    if !referrers.is_empty() {
        let referrers = referrers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let message = format!(
            "This model is currently being referenced by {referrers}. You must delete these references before deleting \
             the Model.. To delete references, do Delete Model on Ids provided above."
        );
        return Err(Refusal::new(StatusCode::CONFLICT, "ModelReferencesNotDeleted", message));
    }
    instance.commit(Change::DeleteModel(id.into()), &[Done::new("DeleteModel", format!("models/{id}"))])?;
    Ok(Reply::nothing())
}

fn definitions(call: &Call<'_>) -> Result<Vec<Value>, Refusal> {
    if call.is_empty() {
        return Err(Refusal::bad("BadRequest", "A non-empty request body is required."));
    }
    let definitions = match call.json_of(limits::MODELS_PER_CALL * limits::MODEL_BYTES)? {
        Some(Value::Array(definitions)) if !definitions.is_empty() => definitions,
        _ => {
            return Err(Refusal::argument(
                "Operation failed as models provided was empty or of a type that is not supported.. Check that your \
                 Model Array contains at least one item and it is of a supported type. See \
                 link(https://aka.ms/ADTv2Models) for details.",
            ));
        }
    };
    if definitions.len() > limits::MODELS_PER_CALL {
        let message = format!("At most {} models can be created in one call.", limits::MODELS_PER_CALL);
        return Err(Refusal::bad("LimitExceeded", message));
    }
    if definitions.iter().any(|definition| definition.to_string().len() > limits::MODEL_BYTES) {
        let message = format!("A model can have at most {} bytes.", limits::MODEL_BYTES);
        return Err(Refusal::bad("LimitExceeded", message));
    }
    Ok(definitions)
}

fn refuse_existing(state: &State, ids: &[&str]) -> Result<(), Refusal> {
    let existing: Vec<_> = ids.iter().copied().filter(|id| state.upload(id).is_some()).collect();
    if existing.is_empty() {
        return Ok(());
    }
    let message = format!(
        "Some of the model ids already exist: {}. Use Model_List API to view models that already exist. See the Swagger \
         example (https://aka.ms/ModelListSwSmpl).",
        existing.join(",")
    );
    Err(Refusal::new(StatusCode::CONFLICT, "ModelIdAlreadyExists", message))
}

/// The language's versions come first in the service's eyes: anything else says nothing about the rest.
pub(super) fn check_context(context: Option<&Value>) -> Result<(), Refusal> {
    let context = match context {
        None => {
            return Err(unparsable(
                "No @context specifier in top-level JSON object. Add a '@context' property whose value is the string \
                 'dtmi:dtdl:context;2'.",
            ));
        }
        Some(Value::Array(contexts)) => contexts.first().and_then(Value::as_str),
        Some(context) => context.as_str(),
    };
    match context {
        Some(context) if context.starts_with("dtmi:dtdl:context;") && !CONTEXTS.contains(&context) => {
            Err(Refusal::bad("ModelVersionNotSupported", format!("The DTDL version {context} is not supported.")))
        }
        _ => Ok(()),
    }
}

/// Refuses, in the service's own words, what extends a model or has one as a component that is not there.
fn refuse_unresolved(state: &State, models: &[Model]) -> Result<(), Refusal> {
    let is_there = |id: &str| state.models.get(id).is_some() || models.iter().any(|model| *model.id == *id);
    let wanted: BTreeSet<_> =
        models.iter().filter_map(|model| model.definition.as_object()).flat_map(references).collect();
    let missing: Vec<_> = wanted.into_iter().filter(|id| dtdl::Dtmi::parse(id).is_ok() && !is_there(id)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let what = format!("DtmiResolver failed to resolve requisite references to element(s): {}", missing.join(" "));
    Err(unparsable(&what))
}

/// The models that a definition names as what it extends and as its components.
pub(super) fn references(definition: &Map<String, Value>) -> impl Iterator<Item = &str> {
    let is_component = |content: &&Value| content.as_object().is_some_and(|content| is_a(content, "Component"));
    let components = all(definition, "contents").filter(is_component).filter_map(|content| content.get("schema"));
    all(definition, "extends").chain(components).filter_map(Value::as_str)
}

/// Whether `@type`, a text or a list of them, says so.
fn is_a(element: &Map<String, Value>, kind: &str) -> bool {
    all(element, "@type").any(|one| one == kind)
}

/// The values of a member that may hold one or a list of them.
fn all<'a>(value: &'a Map<String, Value>, member: &str) -> impl Iterator<Item = &'a Value> {
    match value.get(member) {
        Some(Value::Array(values)) => values.iter(),
        Some(value) => std::slice::from_ref(value).iter(),
        None => [].iter(),
    }
}

fn unparsable(what: &str) -> Refusal {
    Refusal::bad(
        "DTDLParserError",
        format!(
            "None of the models in this request could be created due to a problem with one or more models: {what}. See \
             model documentation(https://aka.ms/ADTv2Models) for supported format."
        ),
    )
}

/// The ids that `dependenciesFor` asks for, with all that they need; nothing when it is not there.
fn dependencies<'a>(state: &'a State, call: &'a Call<'_>) -> Result<Option<BTreeSet<&'a str>>, Refusal> {
    let mut left: Vec<&str> = call.parameters("dependenciesFor").collect();
    if left.is_empty() {
        return Ok(None);
    }
    for id in &left {
        find(state, id)?;
    }
    let mut found = BTreeSet::new();
    while let Some(id) = left.pop() {
        if found.insert(id) {
            let interface = state.models.get(id).into_iter();
            left.extend(interface.flat_map(|interface| interface.dependencies()).map(dtdl::Dtmi::as_str));
        }
    }
    Ok(Some(found))
}

fn find<'a>(state: &'a State, id: &str) -> Result<&'a Model, Refusal> {
    if dtdl::Dtmi::parse(id).is_err() {
        let message = format!("The format of the Model ID {id} is not supported.");
        return Err(Refusal::argument(message));
    }
    state.upload(id).ok_or_else(|| {
        let message = format!(
            "There is no Model(s) available that matches the provided id(s) {id}. Check that the Model ID provided is \
             valid by doing a Model_List API call."
        );
        Refusal::new(StatusCode::NOT_FOUND, "ModelNotFound", message)
    })
}

fn with_definition(call: &Call<'_>) -> Option<Version> {
    let asked = call.parameter("includeModelDefinition").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    asked.then_some(call.version)
}

/// The model as the service shows it, with its definition in the manner of a version.
fn shown(model: &Model, definition: Option<Version>) -> Value {
    let mut shown = json!({
        "id": *model.id,
        "displayName": localized(&model.definition, "displayName"),
        "description": localized(&model.definition, "description"),
        "decommissioned": model.decommissioned,
        "uploadTime": model.uploaded.of_model(),
    });
    if let Some(version) = definition {
        shown["model"] = model.definition.clone();
        let context = &mut shown["model"]["@context"];
        if version.lists_contexts() && !context.is_array() {
            *context = Value::Array(vec![context.take()]);
        }
    }
    shown
}

/// A text for people by language: plain text is English, no text is no language.
fn localized(definition: &Value, member: &str) -> Value {
    match definition.get(member) {
        Some(Value::String(text)) => json!({"en": text}),
        Some(Value::Object(texts)) => Value::Object(texts.clone()),
        _ => Value::Object(Map::new()),
    }
}

fn text<'a>(value: &'a Value, member: &str) -> Option<&'a str> {
    value.get(member).and_then(Value::as_str)
}
