//! Annotations and overrides: contents that say something of another content of the same interface.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::element::{Arena, Element, Target};
use crate::graph::{Flat, Origin};
use crate::metamodel::{self, Class};
use crate::quantity;
use crate::{Content, Problem};

/// What an annotation refers to.
struct Sibling {
    class: &'static str,
    is_annotation: bool,
    /// The type of its unit, where it has one.
    units: Option<&'static str>,
}

/// Checks every annotation of the documents against the interface that it belongs to.
pub(crate) fn check(arena: &Arena, flats: &BTreeMap<usize, Arc<Flat>>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for flat in flats.values() {
        let mut overridden = BTreeSet::new();
        for origin in flat.contents.values() {
            let Origin::New(index) = origin else { continue };
            let element = &arena.elements[*index];
            check_one(arena, flat, element, &mut problems);
            if element.overrides.is_some() && !overridden.insert((&element.annotates, &element.overrides)) {
                let message = format!("{} overrides what another content overrides", element.title());
                problems.push(element.place.problem("multiple-reference", message, "keep one of them"));
            }
        }
    }
    // An inherited annotation is seen once for each interface that inherits it.
    let mut seen = BTreeSet::new();
    problems.retain(|problem| seen.insert((problem.rule, problem.document, problem.path.clone())));
    problems
}

fn check_one(arena: &Arena, flat: &Flat, element: &Element, problems: &mut Vec<Problem>) {
    let mut add = |rule, message: String, remedy: &str| problems.push(element.place.problem(rule, message, remedy));
    if element.extensions.contains(&"Override") && !element.extensions.contains(&"ValueAnnotation") {
        let message = "an Override must be a ValueAnnotation too".to_owned();
        add("missing-cocotype", message, "add ValueAnnotation to @type, and \"annotates\"");
    }
    let Some(name) = &element.annotates else { return };
    // The language lets an annotation stand whose content is not there.
    let Some(sibling) = flat.contents.get(name).map(|origin| sibling(arena, origin)) else { return };
    if !matches!(sibling.class, "Property" | "Telemetry") {
        let message = format!("it annotates \"{name}\", which is a {}", sibling.class);
        add("not-sibling-required-type", message, "annotate a Property or Telemetry");
    }
    if sibling.is_annotation {
        let message = format!("it annotates \"{name}\", which is an annotation itself");
        add("disallowed-type", message, "annotate the content that it annotates");
    }
    let Some(member) = &element.overrides else { return };
    if metamodel::is_member(member) {
        let message = format!("it overrides \"{member}\", which every such content has");
        add("matching-property-not-supplemental", message, "override \"unit\"");
    } else if member != "unit" || sibling.units.is_none() {
        let message = format!("it overrides \"{member}\", which \"{name}\" does not have");
        add("no-matching-supplemental-property", message, "override \"unit\" of a content that has one");
    } else if schema_units(element) != sibling.units {
        let message = format!("its schema is not the type of the unit of \"{name}\"");
        let remedy = format!("use the schema \"{}\"", sibling.units.unwrap_or_default());
        add("sibling-property-mismatch", message, &remedy);
    }
}

fn schema_units(element: &Element) -> Option<&'static str> {
    element.links("schema").find_map(|link| match link.target {
        Target::Units(name) => Some(name),
        _ => None,
    })
}

fn sibling(arena: &Arena, origin: &Origin) -> Sibling {
    match origin {
        Origin::New(index) => {
            let element = &arena.elements[*index];
            Sibling {
                class: name_of(element.class),
                is_annotation: element.extensions.contains(&"ValueAnnotation"),
                units: element.quantity.map(|quantity| quantity.units),
            }
        }
        Origin::Old(content) => {
            let (semantic_type, annotates) = match &**content {
                Content::Property(property) => (property.semantic_type.as_deref(), property.annotates.is_some()),
                Content::Telemetry(telemetry) => (telemetry.semantic_type.as_deref(), telemetry.annotates.is_some()),
                _ => (None, false),
            };
            let units = semantic_type.and_then(quantity::unit_type_of);
            Sibling { class: content.kind(), is_annotation: annotates, units }
        }
    }
}

fn name_of(class: Class) -> &'static str {
    match class {
        Class::Property => "Property",
        Class::Telemetry => "Telemetry",
        Class::Relationship => "Relationship",
        Class::Component => "Component",
        _ => "Command",
    }
}
