//! The twins of a hierarchy, checked against their models.

use std::collections::BTreeMap;

use dtdl::{Content, check_value};
use jsonc_parser::{
    ast::{Object, ObjectProp, Value},
    common::Ranged,
};

use super::{
    fields::{Located, object, wrong_type},
    hierarchy::Item,
    models::Known,
    nearest::did_you_mean,
    source::Place,
};
use crate::{
    naming,
    problem::{Code, Problem},
};

/// A twin whose id and model could be read.
pub(super) struct Twin<'a> {
    pub(super) id: Located<String>,
    pub(super) model: String,
    pub(super) place: Place<'a>,
    /// What is put to the service.
    pub(super) body: serde_json::Map<String, serde_json::Value>,
}

/// Reads and checks the twins, by id.
pub(super) fn read<'a>(
    items: &'a [Item<'a>],
    known: &Known,
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, Twin<'a>> {
    let mut twins: BTreeMap<String, Twin<'a>> = BTreeMap::new();
    for item in items {
        let Some(twin) = twin(item, known, problems) else { continue };
        let id = &twin.id;
        if let Some(misfit) = naming::twin_id(&id.value) {
            let problem = twin.place.problem_at(id.span, Code::NameNotCarried, misfit.to_string());
            problems.push(problem.why("the twin could not be created").fix("use letters, digits and hyphens"));
        }
        if twins.contains_key(&id.value) {
            let message = format!("there are two twins \"{}\"", id.value);
            let problem = twin.place.problem_at(id.span, Code::DuplicateTwin, message);
            problems.push(problem.why("the later one would replace the earlier one").fix("rename one of them"));
            continue;
        }
        twins.insert(id.value.clone(), twin);
    }
    twins
}

fn twin<'a>(item: &'a Item<'a>, known: &Known, problems: &mut Vec<Problem>) -> Option<Twin<'a>> {
    let place = item.place;
    let mut fields = object(place, &item.node, "a twin", problems)?;
    let id = fields.text("$dtId", problems);
    let metadata = fields.required("$metadata", problems);
    let model = metadata.and_then(|metadata| {
        let mut fields = object(place, metadata, "\"$metadata\"", problems)?;
        fields.text("$model", problems)
    });
    // What the service writes by itself; an exported file has it.
    let _ = (fields.optional("$etag"), fields.optional("$lastUpdateTime"));
    let (id, model) = (id?, model?);
    let object = item.node.as_object()?;
    if known.models.get(&model.value).is_some() {
        let checker = Checker { place, known, model: &model.value, what: &format!("the twin \"{}\"", id.value) };
        fields.rest().for_each(|property| checker.property(property, problems));
        checker.components(object, problems);
    } else if !known.broken.contains(&model.value) {
        problems.push(unknown_model(place, &model, known));
    }
    let mut body = serde_json::Map::new();
    let kept = |key: &str| !matches!(key, "$dtId" | "$etag" | "$lastUpdateTime");
    for property in object.properties.iter().filter(|property| kept(property.name.as_str())) {
        body.insert(property.name.as_str().to_owned(), place.to_value(&property.value));
    }
    Some(Twin { id, model: model.value, place, body })
}

fn unknown_model(place: Place<'_>, model: &Located<String>, known: &Known) -> Problem {
    let names = known.models.iter().map(|model| model.id.as_str());
    place
        .problem_at(model.span, Code::TwinModelUnknown, format!("there is no model \"{}\"", model.value))
        .why("a twin can only be made of a model that is uploaded before it")
        .fix(did_you_mean(&model.value, names, "add the model to the hierarchy"))
}

/// Checks what a twin, or a component of one, says against a model.
struct Checker<'c, 'a> {
    place: Place<'a>,
    known: &'c Known,
    model: &'c str,
    what: &'c str,
}

impl Checker<'_, '_> {
    fn property(&self, property: &ObjectProp<'_>, problems: &mut Vec<Problem>) {
        let name = property.name.as_str();
        match self.known.models.content(self.model, name) {
            Some(Content::Property(declared)) => {
                let value = self.place.to_value(&property.value);
                if let Err(wrong) = check_value(&declared.schema, &value) {
                    problems.push(value_problem(self.place, &property.value, name, &wrong));
                }
            }
            Some(Content::Component(component)) => {
                self.component(name, component.schema.as_str(), &property.value, problems);
            }
            other => problems.push(self.unknown(property, other)),
        }
    }

    fn component(&self, name: &str, model: &str, value: &Value<'_>, problems: &mut Vec<Problem>) {
        let Value::Object(object) = value else {
            problems.push(wrong_type(self.place, value, &format!("the component \"{name}\""), "an object"));
            return;
        };
        if !matches!(object.get("$metadata").map(|property| &property.value), Some(Value::Object(_))) {
            let start = self.place.span(object).start;
            let span = crate::problem::Span { start, end: start + 1 };
            let message = format!("the component \"{name}\" has no \"$metadata\"");
            let problem = self.place.problem_at(span, Code::KeyMissing, message);
            problems.push(problem.why("it tells a component from a value").fix("add \"$metadata\": {}"));
        }
        let what = format!("the component \"{name}\"");
        let checker = Checker { place: self.place, known: self.known, model, what: &what };
        for property in object.properties.iter().filter(|property| !property.name.as_str().starts_with('$')) {
            checker.property(property, problems);
        }
    }

    fn components(&self, object: &Object<'_>, problems: &mut Vec<Problem>) {
        for component in self.known.models.components(self.model) {
            let name = &component.name;
            if object.get(name).is_none() {
                let start = self.place.span(object).start;
                let span = crate::problem::Span { start, end: start + 1 };
                let message = format!("{} has no component \"{name}\"", self.what);
                let why = "every component of the model must be there when a twin is created";
                let remedy = format!("add \"{name}\": {{\"$metadata\": {{}}}}");
                problems.push(self.place.problem_at(span, Code::TwinComponentMissing, message).why(why).fix(remedy));
            }
        }
    }

    fn unknown(&self, property: &ObjectProp<'_>, found: Option<&Content>) -> Problem {
        let name = property.name.as_str();
        let why = match found {
            Some(Content::Telemetry(_)) => "it is telemetry, which Azure Digital Twins passes on and does not store",
            Some(Content::Relationship(_)) => "it is a relationship, which stands under \"relationships\"",
            _ => "Azure Digital Twins rejects a twin with a property that its model does not have",
        };
        let names = self.known.models.properties(self.model).map(|declared| declared.name.as_str());
        let message = format!("{} has \"{name}\", which is no property of {}", self.what, self.model);
        self.place.problem(&property.name, Code::TwinPropertyUnknown, message).why(why).fix(did_you_mean(
            name,
            names,
            "declare it as a Property in the model, or remove it",
        ))
    }
}

/// The problem of a value that a schema does not take.
fn value_problem(place: Place<'_>, node: &impl Ranged, name: &str, wrong: &dtdl::ValueProblem) -> Problem {
    place
        .problem(node, Code::TwinValueType, format!("\"{name}\": {wrong}"))
        .why("Azure Digital Twins checks every value against the model")
        .fix(format!("write a value of schema {}", wrong.expected))
}
