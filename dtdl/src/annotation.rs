//! Annotations and overrides: contents that say something of another content of the same interface.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::element::{Arena, Element, Target};
use crate::graph::{Flat, Origin};
use crate::metamodel::{self, Class};
use crate::quantity;
use crate::report::Place;
use crate::{Content, Problem, Schema, Version};

/// A content that says something of another one.
struct Annotation<'a> {
    title: String,
    /// The name of the content that it annotates.
    of: &'a str,
    overrides: Option<&'a str>,
    /// The unit type that is its schema, where it is one.
    units: Option<&'static str>,
    place: &'a Place,
}

/// What an annotation refers to.
struct Sibling {
    class: &'static str,
    is_annotation: bool,
    /// The type of its unit, where it has one.
    units: Option<&'static str>,
}

/// Checks every annotation that an interface of the documents has or inherits.
pub(crate) fn check(arena: &Arena, flats: &BTreeMap<usize, Arc<Flat>>) -> Vec<Problem> {
    let mut problems: Vec<_> = arena.elements.iter().filter_map(override_alone).collect();
    for (index, flat) in flats {
        let mut overridden = BTreeSet::new();
        let annotations = flat.contents.values().filter_map(|origin| annotation(arena, *index, origin));
        for annotation in annotations {
            check_one(arena, flat, &annotation, &mut problems);
            if annotation.overrides.is_some() && !overridden.insert((annotation.of, annotation.overrides)) {
                let message = format!("{} overrides what another content overrides", annotation.title);
                problems.push(annotation.place.problem("multiple-reference", message, "keep one of them"));
            }
        }
    }
    // An inherited annotation is seen once for each interface that inherits it.
    let mut seen = BTreeSet::new();
    problems.retain(|problem| seen.insert((problem.rule, problem.document, problem.path.clone())));
    problems
}

/// An override that is no annotation, or one of another version of the extension.
fn override_alone(element: &Element) -> Option<Problem> {
    let is = |name: &str| element.extensions.contains(&name);
    let context = element.context;
    if !is("Override") || (is("ValueAnnotation") && context.annotation == context.overriding) {
        return None;
    }
    let message = "an Override must be a ValueAnnotation of the same version too".to_owned();
    let remedy = "add ValueAnnotation to @type, and use one version of the extensions annotation and overriding";
    Some(element.place.problem("missing-cocotype", message, remedy))
}

fn annotation<'a>(arena: &'a Arena, interface: usize, origin: &'a Origin) -> Option<Annotation<'a>> {
    match origin {
        Origin::New(index) => {
            let element = &arena.elements[*index];
            Some(Annotation {
                title: element.title(),
                of: element.annotates.as_deref()?,
                overrides: element.overrides.as_deref(),
                units: schema_units(element),
                place: &element.place,
            })
        }
        // Of a model that was there before, so that the interface which inherits it is the place.
        Origin::Old(content) => {
            let (of, overrides, schema) = match &**content {
                Content::Property(property) => (&property.annotates, property.overrides.as_deref(), &property.schema),
                Content::Telemetry(telemetry) => (&telemetry.annotates, None, &telemetry.schema),
                _ => return None,
            };
            Some(Annotation {
                title: format!("{} \"{}\"", content.kind(), content.name()),
                of: of.as_deref()?,
                overrides,
                units: units_of(schema),
                place: &arena.elements[interface].place,
            })
        }
    }
}

fn check_one(arena: &Arena, flat: &Flat, annotation: &Annotation<'_>, problems: &mut Vec<Problem>) {
    let (title, name) = (&annotation.title, annotation.of);
    let mut add = |rule, message: String, remedy: &str| problems.push(annotation.place.problem(rule, message, remedy));
    // The language lets an annotation stand whose content is not there.
    let Some(sibling) = flat.contents.get(name).map(|origin| sibling(arena, origin)) else { return };
    if !matches!(sibling.class, "Property" | "Telemetry") {
        let message = format!("{title} annotates \"{name}\", which is a {}", sibling.class);
        add("not-sibling-required-type", message, "annotate a Property or Telemetry");
    }
    if sibling.is_annotation {
        let message = format!("{title} annotates \"{name}\", which is an annotation itself");
        add("disallowed-type", message, "annotate the content that it annotates");
    }
    let Some(member) = annotation.overrides else { return };
    if metamodel::is_member(member) {
        let message = format!("{title} overrides \"{member}\", which every such content has");
        add("matching-property-not-supplemental", message, "override \"unit\"");
    } else if member != "unit" || sibling.units.is_none() {
        let message = format!("{title} overrides \"{member}\", which \"{name}\" does not have");
        add("no-matching-supplemental-property", message, "override \"unit\" of a content that has one");
    } else if annotation.units != sibling.units {
        let message = format!("the schema of {title} is not the type of the unit of \"{name}\"");
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

/// The unit type that a schema was built of.
fn units_of(schema: &Schema) -> Option<&'static str> {
    match schema {
        Schema::Enum(values) => quantity::unit_type_with(&values.values.keys().map(String::as_str).collect()),
        _ => None,
    }
}

fn sibling(arena: &Arena, origin: &Origin) -> Sibling {
    match origin {
        Origin::New(index) => {
            let element = &arena.elements[*index];
            Sibling {
                class: name_of(element.class),
                is_annotation: element.extensions.contains(&"ValueAnnotation"),
                units: element.quantity.filter(|_| has_unit(element.context.version)).map(|quantity| quantity.units),
            }
        }
        Origin::Old(content) => {
            let (semantic_type, annotates, version) = match &**content {
                Content::Property(property) => (&property.semantic_type, &property.annotates, property.version),
                Content::Telemetry(telemetry) => (&telemetry.semantic_type, &telemetry.annotates, telemetry.version),
                _ => (&None, &None, Version::V3),
            };
            let units = semantic_type.as_deref().filter(|_| has_unit(version)).and_then(quantity::unit_type_of);
            Sibling { class: content.kind(), is_annotation: annotates.is_some(), units }
        }
    }
}

/// Whether a quantity's unit can be overridden: that of version 2 is no member of an extension.
fn has_unit(version: Version) -> bool {
    version == Version::V3
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
