//! The relationships of a hierarchy, checked against twins and models.

use std::collections::{BTreeMap, BTreeSet};

use dtdl::check_value;

use super::{
    fields::{Fields, Located, object},
    hierarchy::Item,
    models::Known,
    nearest::did_you_mean,
    source::Place,
    twins::Twin,
};
use crate::{
    definition::Relationship,
    naming,
    problem::{Code, Problem},
};

type Twins<'a> = BTreeMap<String, Twin<'a>>;

/// Reads and checks the relationships; sorted by source and id.
pub(super) fn read(
    items: &[Item<'_>],
    twins: &Twins<'_>,
    known: &Known,
    problems: &mut Vec<Problem>,
) -> Vec<Relationship> {
    let mut seen = BTreeSet::new();
    let mut relationships: Vec<Relationship> = Vec::new();
    for item in items {
        let Some((id, relationship)) = relationship(item, twins, known, problems) else { continue };
        if !seen.insert((relationship.source.clone(), relationship.id.clone())) {
            let message = format!("\"{}\" has two relationships \"{}\"", relationship.source, relationship.id);
            let problem = item.place.problem_at(id.span, Code::DuplicateRelationship, message);
            problems.push(problem.why("the later one would replace the earlier one").fix("rename one of them"));
        }
        relationships.push(relationship);
    }
    relationships.sort_by(|a, b| (&a.source, &a.id).cmp(&(&b.source, &b.id)));
    relationships
}

fn relationship(
    item: &Item<'_>,
    twins: &Twins<'_>,
    known: &Known,
    problems: &mut Vec<Problem>,
) -> Option<(Located<String>, Relationship)> {
    let place = item.place;
    let mut fields = object(place, &item.node, "a relationship", problems)?;
    let id = fields.text("$relationshipId", problems);
    let source = source(&mut fields, problems);
    let target = fields.text("$targetId", problems);
    let name = fields.text("$relationshipName", problems);
    let _ = fields.optional("$etag");
    let (id, source, target, name) = (id?, source?, target?, name?);
    if let Some(misfit) = naming::twin_id(&id.value) {
        let problem = place.problem_at(id.span, Code::NameNotCarried, misfit.to_string());
        problems.push(problem.why("it could not be created").fix("use letters, digits and hyphens"));
    }
    for end in [&source, &target] {
        check_end(place, end, twins, problems);
    }
    let properties: serde_json::Map<_, _> =
        fields.rest().map(|p| (p.name.as_str().to_owned(), place.to_value(&p.value))).collect();
    if let Some(from) = twins.get(&source.value) {
        let checker = Checker { place, known, from, name: &name };
        checker.check(&fields, twins.get(&target.value), &target, problems);
    }
    let mut body = properties;
    body.insert("$targetId".into(), target.value.clone().into());
    body.insert("$relationshipName".into(), name.value.clone().into());
    let relationship = Relationship {
        id: id.value.clone(),
        source: source.value,
        target: target.value,
        name: name.value,
        body: body.into(),
    };
    Some((id, relationship))
}

/// The source: `$sourceId`, or `$dtId` as Import Jobs have it.
fn source(fields: &mut Fields<'_, '_>, problems: &mut Vec<Problem>) -> Option<Located<String>> {
    match fields.optional_text("$dtId", problems) {
        Some(source) => {
            let _ = fields.optional("$sourceId");
            Some(source)
        }
        None => fields.text("$sourceId", problems),
    }
}

fn check_end(place: Place<'_>, end: &Located<String>, twins: &Twins<'_>, problems: &mut Vec<Problem>) {
    if !twins.contains_key(&end.value) {
        let names = twins.keys().map(String::as_str);
        problems.push(
            place
                .problem_at(end.span, Code::RelationshipTwinUnknown, format!("there is no twin \"{}\"", end.value))
                .why("a relationship needs a twin at both ends")
                .fix(did_you_mean(&end.value, names, "add the twin, or remove the relationship")),
        );
    }
}

/// Checks a relationship whose source is known.
struct Checker<'c, 'a> {
    place: Place<'a>,
    known: &'c Known,
    from: &'c Twin<'c>,
    name: &'c Located<String>,
}

impl Checker<'_, '_> {
    fn check(
        &self,
        fields: &Fields<'_, '_>,
        to: Option<&Twin<'_>>,
        target: &Located<String>,
        problems: &mut Vec<Problem>,
    ) {
        let models = &self.known.models;
        if models.get(&self.from.model).is_none() {
            return;
        }
        let Some(declared) = models.relationships(&self.from.model).find(|r| r.name == self.name.value) else {
            problems.push(self.unknown_name());
            return;
        };
        if let (Some(to), Some(wanted)) = (to, &declared.target)
            && models.get(&to.model).is_some()
            && !models.is_a(&to.model, wanted.as_str())
        {
            problems.push(self.wrong_target(to, wanted.as_str(), target));
        }
        for property in fields.rest() {
            let name = property.name.as_str();
            let checked = match declared.properties.get(name) {
                Some(declared) => check_value(&declared.schema, &self.place.to_value(&property.value))
                    .map_err(|wrong| format!("\"{name}\": {wrong}")),
                None => Err(format!("the relationship \"{}\" has no property \"{name}\"", self.name.value)),
            };
            if let Err(message) = checked {
                let problem = self.place.problem(&property.value, Code::RelationshipPropertyInvalid, message);
                let why = "Azure Digital Twins checks the properties of a relationship against the source's model";
                problems.push(problem.why(why).fix("declare it in the model as it is meant, or remove it"));
            }
        }
    }

    fn unknown_name(&self) -> Problem {
        let names = self.known.models.relationships(&self.from.model).map(|declared| declared.name.as_str());
        let message = format!("{} has no relationship \"{}\"", self.from.model, self.name.value);
        self.place
            .problem_at(self.name.span, Code::RelationshipNameUnknown, message)
            .why(format!(
                "\"{}\" is of that model, and only what the model declares can start there",
                self.from.id.value
            ))
            .fix(did_you_mean(&self.name.value, names, "declare it in the model"))
    }

    fn wrong_target(&self, to: &Twin<'_>, wanted: &str, target: &Located<String>) -> Problem {
        let message = format!("\"{}\" is a {}, not a {wanted}", to.id.value, to.model);
        self.place
            .problem_at(target.span, Code::RelationshipTargetModel, message)
            .why(format!("\"{}\" of {} ends at twins of {wanted} alone", self.name.value, self.from.model))
            .fix("choose another target, or widen the relationship's target in the model")
    }
}
