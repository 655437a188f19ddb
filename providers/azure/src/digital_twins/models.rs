//! Models: listing, uploading in batches, and telling what is missing from what has changed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Client, Pages, Rate};
use crate::{Error, http::Call};

/// The most models that one upload takes.
pub const MODELS_PER_CALL: usize = 250;

/// A model as the instance holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Its DTMI.
    pub id: String,
    /// Whether no new twins of it may be made.
    pub decommissioned: bool,
    /// The DTDL, when it was asked for.
    pub definition: Option<Value>,
}

/// What an upload has to do.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ModelPlan {
    /// Models that are not there, in dependency order.
    pub missing: Vec<Value>,
    /// Models that are there with the same content.
    pub same: Vec<String>,
    /// Models that are there with other content. The service cannot change a model: it needs a new version, or to be
    /// deleted first.
    pub changed: Vec<String>,
    /// Models that are there and decommissioned: no twin of them can be made.
    pub decommissioned: Vec<String>,
}

impl Client {
    /// Reads a model with its definition; `None` when there is none.
    ///
    /// # Errors
    /// Whatever the service refuses with.
    pub async fn model(&self, id: &str) -> Result<Option<Model>, Error> {
        let url = self.url(&["models", id], &[("includeModelDefinition", "true")]);
        let found = self.find(Rate::Models, None, Call::get(url)).await?;
        Ok(found.map(|entity| read(&entity.document)))
    }

    /// Lists all models, with their definitions when asked for.
    ///
    /// # Errors
    /// Whatever the service refuses with.
    pub async fn models(&self, with_definitions: bool) -> Result<Vec<Model>, Error> {
        let query: &[_] = if with_definitions { &[("includeModelDefinition", "true")] } else { &[] };
        let pages = Pages::list(self, Rate::Models, None, self.url(&["models"], query));
        Ok(pages.collect().await?.iter().map(read).collect())
    }

    /// Uploads one batch (at most [`MODELS_PER_CALL`]); all of it or nothing.
    ///
    /// # Errors
    /// Whatever the service refuses with; conflict (ModelIdAlreadyExists) when one is there, whatever its content.
    pub async fn create_models(&self, batch: &[Value]) -> Result<Vec<Model>, Error> {
        let call = Call::post(self.url(&["models"], &[])).json(&json!(batch));
        let name = call.name();
        let answer = self.send(Rate::Models, None, call).await?.document(&name)?;
        Ok(answer.as_array().into_iter().flatten().map(read).collect())
    }

    /// Takes a model out of use: no new twins of it.
    ///
    /// # Errors
    /// Whatever the service refuses with.
    pub async fn decommission_model(&self, id: &str) -> Result<(), Error> {
        let patch = json!([{"op": "replace", "path": "/decommissioned", "value": true}]);
        let call =
            Call::patch(self.url(&["models", id], &[])).body("application/json-patch+json", patch.to_string().into());
        self.send(Rate::Models, None, call).await.map(|_| ())
    }

    /// Deletes a model; succeeds when there is none.
    ///
    /// # Errors
    /// Whatever the service refuses with; conflict (ModelReferencesNotDeleted) while another model extends or contains
    /// it. Twins of it do not stop it.
    pub async fn delete_model(&self, id: &str) -> Result<(), Error> {
        self.remove(Rate::Models, None, Call::delete(self.url(&["models", id], &[]))).await
    }
}

fn read(document: &Value) -> Model {
    Model {
        id: id_of(document, "id").to_owned(),
        decommissioned: document.get("decommissioned").and_then(Value::as_bool).unwrap_or(false),
        definition: document.get("model").filter(|model| !model.is_null()).cloned(),
    }
}

fn id_of<'a>(document: &'a Value, field: &str) -> &'a str {
    document.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// Compares what is wanted with what is there (listed with definitions).
#[must_use]
pub fn plan(wanted: &[Value], there: &[Model]) -> ModelPlan {
    let there: BTreeMap<&str, &Model> = there.iter().map(|model| (model.id.as_str(), model)).collect();
    let mut plan = ModelPlan::default();
    for model in wanted {
        let id = id_of(model, "@id");
        match there.get(id) {
            None => plan.missing.push(model.clone()),
            Some(found) if found.decommissioned => plan.decommissioned.push(id.to_owned()),
            Some(found) if found.definition.as_ref().is_some_and(|found| same(model, found)) => {
                plan.same.push(id.to_owned());
            }
            Some(_) => plan.changed.push(id.to_owned()),
        }
    }
    plan.missing = in_dependency_order(&plan.missing);
    plan
}

/// Cuts models into uploads of at most [`MODELS_PER_CALL`], each model after those that it extends or contains.
///
/// A cycle (which the service rejects) is left in the given order, for the service to name it.
#[must_use]
pub fn batches(models: &[Value]) -> Vec<Vec<Value>> {
    in_dependency_order(models).chunks(MODELS_PER_CALL).map(<[Value]>::to_vec).collect()
}

fn in_dependency_order(models: &[Value]) -> Vec<Value> {
    let given: BTreeSet<&str> = models.iter().map(|model| id_of(model, "@id")).collect();
    let mut placed: BTreeSet<&str> = BTreeSet::new();
    let mut left: Vec<(&Value, BTreeSet<&str>)> = models.iter().map(|model| (model, needs(model))).collect();
    let mut ordered = Vec::with_capacity(models.len());
    while !left.is_empty() {
        let free = |needs: &BTreeSet<&str>| needs.iter().all(|id| placed.contains(id) || !given.contains(id));
        let (mut ready, mut rest): (Vec<_>, Vec<_>) = left.into_iter().partition(|(_, needs)| free(needs));
        if ready.is_empty() {
            std::mem::swap(&mut ready, &mut rest);
        }
        placed.extend(ready.iter().map(|(model, _)| id_of(model, "@id")));
        ordered.extend(ready.into_iter().map(|(model, _)| model.clone()));
        left = rest;
    }
    ordered
}

/// What must be there before a model: what it extends and the models of its components.
fn needs(model: &Value) -> BTreeSet<&str> {
    let extends = one_or_many(model.get("extends")).filter_map(Value::as_str);
    let contents = one_or_many(model.get("contents"));
    let components = contents.filter(|content| is_component(content));
    let components = components.filter_map(|content| content.get("schema").and_then(Value::as_str));
    let own = id_of(model, "@id");
    extends.chain(components).filter(|id| *id != own).collect()
}

fn is_component(content: &Value) -> bool {
    one_or_many(content.get("@type")).any(|kind| kind == "Component")
}

fn one_or_many(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.into_iter().flat_map(|value| value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice))
}

/// Whether two definitions say the same: the service stores the context as a list.
fn same(wanted: &Value, stored: &Value) -> bool {
    normal(wanted) == normal(stored)
}

fn normal(model: &Value) -> Value {
    let mut model = model.clone();
    if let Some(context) = model.get_mut("@context")
        && !context.is_array()
    {
        *context = json!([context.take()]);
    }
    model
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(id: &str, extends: &[&str], component: Option<&str>) -> Value {
        let contents: Vec<Value> = component
            .map(|schema| json!({"@type": "Component", "name": "part", "schema": schema}))
            .into_iter()
            .chain([json!({"@type": ["Property", "Temperature"], "name": "t", "schema": "double"})])
            .chain([json!({"@type": "Relationship", "name": "r", "target": "dtmi:later;1"})])
            .collect();
        json!({"@id": id, "@type": "Interface", "@context": "dtmi:dtdl:context;3", "extends": extends, "contents": contents})
    }

    fn ids(models: &[Value]) -> Vec<&str> {
        models.iter().map(|model| id_of(model, "@id")).collect()
    }

    #[test]
    fn models_come_after_what_they_extend_and_contain() {
        let models = [
            model("c", &["b"], Some("part")),
            model("b", &["a", "elsewhere"], None),
            model("part", &[], None),
            model("a", &[], None),
        ];
        assert_eq!(ids(&in_dependency_order(&models)), ["part", "a", "b", "c"]);
    }

    #[test]
    fn a_cycle_is_left_to_the_service() {
        let models = [model("a", &["b"], None), model("b", &["a"], None)];
        assert_eq!(ids(&in_dependency_order(&models)), ["a", "b"]);
    }

    #[test]
    fn uploads_hold_at_most_what_a_call_takes() {
        let models: Vec<Value> = (0..601).map(|n| model(&format!("m{n}"), &[], None)).collect();
        let sizes: Vec<usize> = batches(&models).iter().map(Vec::len).collect();
        assert_eq!(sizes, [250, 250, 101]);
    }

    #[test]
    fn a_changed_model_is_told_from_a_stored_one() {
        let there = |id: &str, definition: Value, decommissioned| Model {
            id: id.into(),
            decommissioned,
            definition: Some(definition),
        };
        let mut stored = model("same", &[], None);
        stored["@context"] = json!(["dtmi:dtdl:context;3"]);
        let there = [
            there("same", stored, false),
            there("changed", model("changed", &["a"], None), false),
            there("old", model("old", &[], None), true),
        ];
        let wanted: Vec<Value> = ["same", "changed", "old", "new"].map(|id| model(id, &[], None)).into();
        let plan = plan(&wanted, &there);
        assert_eq!((plan.same, plan.changed), (vec!["same".to_owned()], vec!["changed".to_owned()]));
        assert_eq!((plan.decommissioned, ids(&plan.missing)), (vec!["old".to_owned()], vec!["new"]));
    }
}
