//! `twin_hierarchy/azure_hierarchy.json` or `.ndjson`: the same items in two forms.

use jsonc_parser::ast::Value;

use super::{
    fields::{array, object, type_of},
    nearest::did_you_mean,
    source::{Place, Source, lines, parse},
};
use crate::problem::{Code, Problem};

/// An item and the part of the file that it was read from.
#[derive(Clone)]
pub(super) struct Item<'a> {
    pub(super) place: Place<'a>,
    pub(super) node: Value<'a>,
}

/// The items of a hierarchy, in the order of the file.
#[derive(Default)]
pub(super) struct Hierarchy<'a> {
    pub(super) models: Vec<Item<'a>>,
    pub(super) twins: Vec<Item<'a>>,
    pub(super) relationships: Vec<Item<'a>>,
}

/// Reads the form in one document.
pub(super) fn read_json<'a>(source: &'a Source<'a>, problems: &mut Vec<Problem>) -> Option<Hierarchy<'a>> {
    let place = Place::whole(source);
    let value = parse(place, problems)?;
    let mut fields = object(place, &value, "the hierarchy", problems)?;
    if let Some(header) = fields.optional("header") {
        check_header(place, header, problems);
    }
    let models = fields.required("models", problems);
    let twins = fields.required("twins", problems);
    let relationships = fields.optional("relationships");
    fields.finish(problems);
    let mut items = |node: Option<&Value<'a>>, what| {
        let nodes = node.map_or(&[][..], |node| array(place, node, what, problems));
        nodes.iter().map(|node| Item { place, node: node.clone() }).collect()
    };
    Some(Hierarchy {
        models: items(models, "\"models\""),
        twins: items(twins, "\"twins\""),
        relationships: items(relationships, "\"relationships\""),
    })
}

fn check_header(place: Place<'_>, node: &Value<'_>, problems: &mut Vec<Problem>) {
    let Some(mut fields) = object(place, node, "the header", problems) else { return };
    if let Some(version) = fields.text("fileVersion", problems)
        && version.value != "1.0.0"
    {
        let message = format!("the file's version is \"{}\"", version.value);
        let problem = place.problem_at(version.span, Code::BadValue, message);
        problems.push(problem.why("Import Jobs know version 1.0.0 alone").fix("write \"1.0.0\""));
    }
    fields.optional_text("author", problems);
    fields.optional_text("organization", problems);
    fields.finish(problems);
}

/// The sections of the format of Import Jobs, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Section {
    Header,
    Models,
    Twins,
    Relationships,
}

const SECTIONS: [(&str, Section); 4] = [
    ("Header", Section::Header),
    ("Models", Section::Models),
    ("Twins", Section::Twins),
    ("Relationships", Section::Relationships),
];

/// Reads the format of Import Jobs: a line names a section, the lines after it are its items.
pub(super) fn read_ndjson<'a>(source: &'a Source<'a>, problems: &mut Vec<Problem>) -> Option<Hierarchy<'a>> {
    let mut hierarchy = Hierarchy::default();
    let mut current = None;
    for place in lines(source) {
        let Some(node) = parse(place, problems) else { continue };
        if let Some(section) = section(place, &node, current, problems) {
            current = section.or(current);
            continue;
        }
        match current {
            None => problems.push(
                place
                    .problem(&node, Code::BadValue, "this line stands before the first section")
                    .why("the section says what a line is")
                    .fix("put {\"Section\": \"Header\"} (or Models, Twins, Relationships) before it"),
            ),
            Some(Section::Header) => check_header(place, &node, problems),
            Some(Section::Models) => hierarchy.models.push(Item { place, node }),
            Some(Section::Twins) => hierarchy.twins.push(Item { place, node }),
            Some(Section::Relationships) => hierarchy.relationships.push(Item { place, node }),
        }
    }
    Some(hierarchy)
}

/// Whether a line names a section, and which; one that is unknown or out of order is reported and skipped.
fn section(
    place: Place<'_>,
    node: &Value<'_>,
    current: Option<Section>,
    problems: &mut Vec<Problem>,
) -> Option<Option<Section>> {
    let value = &node.as_object()?.get("Section")?.value;
    let Value::StringLit(name) = value else {
        let message = format!("\"Section\" is {}, not a string", type_of(value));
        let problem = place.problem(value, Code::WrongType, message);
        problems.push(problem.why("it names a section").fix("write a string"));
        return Some(None);
    };
    let found = SECTIONS.iter().find(|(known, _)| *known == name.value).map(|(_, section)| *section);
    match found {
        None => {
            let names = SECTIONS.map(|(name, _)| name);
            problems.push(
                place
                    .problem(name, Code::BadValue, format!("there is no section \"{}\"", name.value))
                    .why("the lines after it belong to no section")
                    .fix(did_you_mean(&name.value, names, &format!("write one of {}", names.join(", ")))),
            );
        }
        Some(section) if current.is_some_and(|current| section <= current) => problems.push(
            place
                .problem(name, Code::BadValue, format!("the section \"{}\" comes too late", name.value))
                .why("sections stand in the order Header, Models, Twins, Relationships, each at most once")
                .fix("move the section to its place"),
        ),
        Some(_) => {}
    }
    Some(found)
}
