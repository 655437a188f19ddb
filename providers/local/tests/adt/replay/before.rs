//! What the recorded instance held before a recording began.
//!
//! The recordings were made one after another on instances that nobody emptied in between. What one of them found there shows
//! in its answers: a model that is listed, a twin that is deleted, though the recording has not made it. So it can be made here
//! first, with what the recordings tell elsewhere about its content.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Value, json};

use crate::cloud::Cloud;

/// What all recordings tell about the content of models and twins, by their ids.
#[derive(Default)]
pub(super) struct Known {
    models: BTreeMap<String, Value>,
    twins: BTreeMap<String, Value>,
}

impl Known {
    pub(super) fn from(recordings: &[Value]) -> Self {
        let mut known = Self::default();
        for step in recordings.iter().flat_map(|recording| recording["steps"].as_array().unwrap()) {
            known.learn(step);
        }
        known
    }

    fn learn(&mut self, step: &Value) {
        let path = segments(step);
        let path: Vec<_> = path.iter().map(String::as_str).collect();
        let (sent, answer) = (&step["body"], &step["expect"]["body"]);
        match (step["method"].as_str().unwrap(), path.as_slice(), status(step)) {
            ("POST", ["models"], 201) => {
                for model in sent.as_array().unwrap() {
                    self.models.entry(text(&model["@id"])).or_insert_with(|| model.clone());
                }
            }
            ("GET", ["models"], 200) => {
                for model in answer["value"].as_array().unwrap().iter().filter(|model| model["model"].is_object()) {
                    self.models.entry(text(&model["id"])).or_insert_with(|| model["model"].clone());
                }
            }
            ("PUT", ["digitaltwins", id], 200) => {
                self.twins.insert((*id).to_owned(), sent.clone());
            }
            _ => {}
        }
    }

    /// The content of a twin as it was shown, or else as it was written in another recording.
    fn twin(&self, id: &str, shown: &Value) -> Value {
        let twin = if shown.is_null() { self.twins.get(id) } else { Some(shown) };
        content(twin.unwrap_or_else(|| panic!("no recording tells what {id} was")))
    }

    /// Appends the definitions of models and of those that they refer to, each with what was shown that tells about it.
    fn define<'a>(&self, models: impl Iterator<Item = (String, &'a Value)>, definitions: &mut Vec<(String, Value)>) {
        let mut wanted: VecDeque<_> = models.collect();
        while let Some((id, shown)) = wanted.pop_front() {
            if definitions.iter().all(|(there, _)| *there != id) {
                let defined = shown["model"].as_object().map(|_| &shown["model"]).or_else(|| self.models.get(&id));
                let definition = defined.cloned().unwrap_or_else(|| stand_in(&id, shown));
                wanted.extend(references(&definition).into_iter().map(|id| (id, &Value::Null)));
                definitions.push((id, definition));
            }
        }
    }
}

/// What was there, as far as one recording shows it.
#[derive(Default)]
pub(super) struct Before {
    /// Models as they are listed, in the order in which they were first seen.
    models: Vec<(String, Value)>,
    twins: BTreeMap<String, Value>,
    relationships: BTreeMap<(String, String), Value>,
    /// What the recording itself made or deleted: whatever shows of it later was not there before.
    touched: BTreeSet<String>,
}

impl Before {
    pub(super) fn of(recording: &Value) -> Self {
        let mut before = Self::default();
        for step in recording["steps"].as_array().unwrap() {
            before.look(step);
        }
        before
    }

    /// Whether nothing was there that shows.
    pub(super) fn is_empty(&self) -> bool {
        self.models.is_empty() && self.twins.is_empty()
    }

    fn look(&mut self, step: &Value) {
        let path = segments(step);
        let path: Vec<_> = path.iter().map(String::as_str).collect();
        let (method, body) = (step["method"].as_str().unwrap(), &step["expect"]["body"]);
        let list = || body["value"].as_array().into_iter().flatten();
        match path.as_slice() {
            ["query"] => list().for_each(|row| self.twin(&text(&row["$dtId"]), row)),
            ["models"] if method == "GET" => list().for_each(|model| self.model(&text(&model["id"]), model)),
            ["models"] if status(step) == 201 => {
                body.as_array().unwrap().iter().for_each(|model| self.touch(&["models", &text(&model["id"])]));
            }
            ["models", id] if ![400, 404].contains(&status(step)) => self.model(id, body),
            ["digitaltwins", id, below @ ..] if code(step) != "DigitalTwinNotFound" => {
                self.look_at_twin(step, id, below);
            }
            _ => {}
        }
        if method == "DELETE" && status(step) == 204 {
            self.touch(&path);
        }
    }

    /// A step that shows that a twin was there, or that makes it.
    fn look_at_twin(&mut self, step: &Value, id: &str, below: &[&str]) {
        let body = &step["expect"]["body"];
        let list = || body["value"].as_array().into_iter().flatten();
        match (step["method"].as_str().unwrap(), below, status(step)) {
            ("PUT", [], 200) => {
                self.model(&text(&body["$metadata"]["$model"]), &Value::Null);
                self.touch(&["digitaltwins", id]);
            }
            ("PUT", [], 400) => {}
            ("PUT", ["relationships", name], 200) => self.touch(&["digitaltwins", id, "relationships", name]),
            ("GET", ["relationships"], 200) => list().for_each(|relationship| self.relationship(relationship)),
            ("GET", [], 200) => self.twin(id, body),
            _ => self.twin(id, &Value::Null),
        }
    }

    fn model(&mut self, id: &str, shown: &Value) {
        let is_news = self.models.iter().all(|(known, _)| known != id);
        if is_news && !self.touched.contains(&format!("models/{id}")) {
            self.models.push((id.to_owned(), shown.clone()));
        }
    }

    fn twin(&mut self, id: &str, shown: &Value) {
        if self.touched.contains(&format!("digitaltwins/{id}")) {
            return;
        }
        let known = self.twins.entry(id.to_owned()).or_default();
        if known.is_null() {
            *known = shown.clone();
        }
    }

    fn relationship(&mut self, shown: &Value) {
        let (source, name) = (text(&shown["$sourceId"]), text(&shown["$relationshipId"]));
        if !self.touched.contains(&format!("digitaltwins/{source}/relationships/{name}")) {
            self.twin(&text(&shown["$targetId"]), &Value::Null);
            self.relationships.entry((source, name)).or_insert_with(|| shown.clone());
        }
    }

    fn touch(&mut self, path: &[&str]) {
        self.touched.insert(path.join("/"));
    }

    /// Makes it.
    pub(super) fn make(&self, cloud: &Cloud, known: &Known) {
        let twins: BTreeMap<_, _> = self.twins.iter().map(|(id, shown)| (id, known.twin(id, shown))).collect();
        let mut models = Vec::new();
        known.define(self.models.iter().map(|(id, shown)| (id.clone(), shown)), &mut models);
        let there = models.len();
        let of_twins = merged(twins.values());
        known.define(of_twins.iter().map(|(id, twins)| (id.clone(), twins)), &mut models);
        if !models.is_empty() {
            let answer = cloud.post("/models", models.iter().map(|(_, model)| model.clone()).collect());
            assert_eq!(answer.status, 201, "{}", answer.body);
        }
        for (id, twin) in twins {
            let answer = cloud.put(&format!("/digitaltwins/{id}"), twin);
            assert_eq!(answer.status, 200, "{id}: {}", answer.body);
        }
        for ((source, name), relationship) in &self.relationships {
            let answer = cloud.put(&format!("/digitaltwins/{source}/relationships/{name}"), content(relationship));
            assert_eq!(answer.status, 200, "{source} {name}: {}", answer.body);
        }
        // Twins outlive their models, and of these only the twins show. Each comes before those that it refers to.
        for (id, _) in &models[there..] {
            let answer = cloud.delete(&format!("/models/{id}"));
            assert_eq!(answer.status, 204, "{id}: {}", answer.body);
        }
    }
}

/// Everything that twins of a model say, by the model's id.
fn merged<'a>(twins: impl Iterator<Item = &'a Value>) -> BTreeMap<String, Value> {
    let mut merged = BTreeMap::new();
    for twin in twins {
        let model = merged.entry(text(&twin["$metadata"]["$model"])).or_insert_with(|| json!({}));
        model.as_object_mut().unwrap().extend(twin.as_object().unwrap().clone());
    }
    merged
}

/// A model that no recording defines: named as it was listed, or with the properties that its twins have.
fn stand_in(id: &str, shown: &Value) -> Value {
    let property = |(name, value): (&String, &Value)| {
        let schema = match value {
            Value::Bool(_) => "boolean",
            Value::Number(_) => "double",
            _ => "string",
        };
        (!name.starts_with('$')).then(|| json!({"@type": "Property", "name": name, "schema": schema}))
    };
    let mut model = json!({"@id": id, "@type": "Interface", "@context": "dtmi:dtdl:context;2"});
    let is_twin = shown["$metadata"].is_object();
    if is_twin {
        model["contents"] = shown.as_object().unwrap().iter().filter_map(property).collect();
    }
    for named in ["displayName", "description"] {
        if shown[named].as_object().is_some_and(|names| !names.is_empty()) {
            model[named] = shown[named].clone();
        }
    }
    model
}

/// The models that a model cannot be without.
fn references(model: &Value) -> Vec<String> {
    let contents = model["contents"].as_array().into_iter().flatten();
    let components = contents.filter(|content| content["@type"] == "Component").map(|content| &content["schema"]);
    let extended = match &model["extends"] {
        Value::Array(extended) => extended.iter().collect(),
        one => vec![one],
    };
    components.chain(extended).filter_map(Value::as_str).map(str::to_owned).collect()
}

/// What of a shown twin, component or relationship may be written: not what the service keeps about it.
fn content(shown: &Value) -> Value {
    let Some(members) = shown.as_object() else { return shown.clone() };
    let kept = members.iter().filter(|(name, _)| !["$dtId", "$etag"].contains(&name.as_str()));
    let written = kept.map(|(name, value)| match name.as_str() {
        "$metadata" if value["$model"].is_null() => (name.clone(), json!({})),
        "$metadata" => (name.clone(), json!({"$model": value["$model"]})),
        _ => (name.clone(), content(value)),
    });
    written.collect()
}

/// The segments of a step's path, decoded. Only the ids of models hold what is encoded.
fn segments(step: &Value) -> Vec<String> {
    let path = step["path"].as_str().unwrap().split('?').next().unwrap_or_default();
    path.split('/').skip(1).map(|segment| segment.replace("%3A", ":").replace("%3B", ";")).collect()
}

fn status(step: &Value) -> u64 {
    step["expect"]["status"].as_u64().unwrap()
}

fn code(step: &Value) -> &str {
    step["expect"]["body"]["error"]["code"].as_str().unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
