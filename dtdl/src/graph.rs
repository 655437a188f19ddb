//! What shows only when references are followed: missing targets, clashes of names, cycles, depths.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::element::{Arena, Element, Link, Target};
use crate::metamodel::{Class, Slot};
use crate::{Content, Dtmi, Interface, Models, Primitive, Problem, Version};

/// The most steps from an interface to the farthest one that it extends.
const EXTENDS_DEPTH: usize = 10;
/// The most schemas inside one another.
const SCHEMA_DEPTH: usize = 5;
/// How many levels are followed at all, so that hostile documents cannot exhaust the stack.
const FOLLOWED: usize = 100;
/// The most interfaces that one of version 3 may extend, near and far.
const ANCESTORS: usize = 1024;
/// The most contents of a version 2 interface, inherited ones included.
const CONTENTS_V2: usize = 300;

/// Where a content of an interface comes from.
#[derive(Debug, Clone)]
pub(crate) enum Origin {
    /// An element of the documents.
    New(usize),
    /// A content of a model that was there before.
    Old(Arc<Content>),
}

/// An interface with what it inherits.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flat {
    pub(crate) ancestors: BTreeSet<Dtmi>,
    pub(crate) contents: BTreeMap<String, Origin>,
    pub(crate) depth: usize,
}

/// The checks, and what they find.
pub(crate) struct Graph<'a> {
    arena: &'a Arena,
    models: &'a Models,
    flat: BTreeMap<usize, Arc<Flat>>,
    underway: Vec<usize>,
    depths: BTreeMap<usize, usize>,
    pub(crate) problems: Vec<Problem>,
}

impl<'a> Graph<'a> {
    pub(crate) fn new(arena: &'a Arena, models: &'a Models) -> Self {
        Self {
            arena,
            models,
            flat: BTreeMap::new(),
            underway: Vec::new(),
            depths: BTreeMap::new(),
            problems: Vec::new(),
        }
    }

    /// Runs every check and returns the interfaces with what they inherit.
    pub(crate) fn check(mut self) -> (BTreeMap<usize, Arc<Flat>>, Vec<Problem>) {
        let arena = self.arena;
        for element in &arena.elements {
            if let Some(id) = element.id.as_ref().filter(|id| self.models.get(id.as_str()).is_some()) {
                let message = format!("{id} is there already");
                self.add(element, "duplicate-definition", message, "give it a new version, or leave it out");
            }
            for link in &element.links {
                self.link(element, link);
            }
            self.unique(element);
            self.quantity(element);
            self.enum_values(element);
        }
        for (index, element) in arena.elements.iter().enumerate() {
            match element.class {
                Class::Interface => _ = self.flatten(index),
                Class::Property if element.context.version == Version::V2 => self.no_arrays(element),
                class if class.is_complex_schema() => _ = self.schema_depth(index),
                _ => {}
            }
        }
        for element in &arena.elements {
            if element.class == Class::Component {
                self.no_nested_components(element);
            }
        }
        (self.flat, self.problems)
    }

    fn add(&mut self, element: &Element, rule: &'static str, message: String, remedy: impl Into<String>) {
        self.problems.push(element.place.problem(rule, message, remedy));
    }

    fn link(&mut self, element: &Element, link: &Link) {
        let Target::Reference(id) = &link.target else { return };
        let found = match (self.arena.by_id.get(id), self.models.get(id.as_str())) {
            (Some(&index), _) => {
                let target = &self.arena.elements[index];
                self.crossing(element, link, target);
                Some((target.class, target.context.version))
            }
            (None, Some(model)) => Some((Class::Interface, model.version)),
            (None, None) => None,
        };
        let (rule, message, remedy) = match found {
            None => (
                "undefined-reference",
                format!("{id} is not defined"),
                format!("define it, or refer to {} that is", link.slot.words()),
            ),
            Some((class, _)) if !link.slot.accepts(class) => {
                ("incompatible-type", format!("{id} is of class {class:?}"), format!("refer to {}", link.slot.words()))
            }
            Some((_, Version::V3)) if element.context.version == Version::V2 => (
                "disallowed-version-reference",
                format!("a version 2 element refers to {id} of version 3"),
                "write this element in version 3 of the language".to_owned(),
            ),
            Some(_) => return,
        };
        self.problems.push(link.place.problem(rule, message, remedy));
    }

    fn crossing(&mut self, element: &Element, link: &Link, target: &Element) {
        if target.class != Class::Interface && target.partition != element.partition {
            let message = format!("{} belongs to another interface", target.title());
            let remedy = "copy its definition into this interface under an @id of its own";
            self.problems.push(link.place.problem("cross-partition-reference", message, remedy));
        }
    }

    /// Names, and enum values, within one element.
    fn unique(&mut self, element: &Element) {
        for member in ["contents", "properties", "fields", "enumValues"] {
            let mut names = BTreeSet::new();
            let mut values = BTreeSet::new();
            let mut targets = BTreeSet::new();
            for link in element.links(member) {
                let Some(index) = self.arena.find(&link.target) else { continue };
                let child = &self.arena.elements[index];
                let is_first = targets.insert(index);
                // A content of its own that an interface lists twice is one content.
                if !is_first && member == "contents" {
                    continue;
                }
                let value = child.enum_value.as_ref().map(ToString::to_string);
                if !is_first || child.name.as_ref().is_some_and(|name| !names.insert(name)) {
                    let message = format!("the name \"{}\" is taken", child.name.as_deref().unwrap_or_default());
                    self.problems.push(link.place.problem("non-unique-property-value", message, "choose another name"));
                } else if value.is_some_and(|value| !values.insert(value)) {
                    let message = "the enumValue is taken".to_owned();
                    let remedy = "choose another value";
                    self.problems.push(link.place.problem("non-unique-property-value", message, remedy));
                }
            }
        }
    }

    fn quantity(&mut self, element: &Element) {
        let Some(quantity) = element.quantity else { return };
        for link in element.links("schema") {
            if !matches!(link.target, Target::Primitive(primitive) if primitive.is_numeric()) {
                let message = format!("a {} needs a numeric schema", quantity.name);
                let remedy = "use double, float, integer or long";
                self.problems.push(link.place.problem("not-required-type", message, remedy));
            }
        }
    }

    fn enum_values(&mut self, element: &Element) {
        let Some(wanted) = element.choice.filter(|_| element.class == Class::Enum) else { return };
        for link in element.links("enumValues") {
            let Some(index) = self.arena.find(&link.target) else { continue };
            let fits = match &self.arena.elements[index].enum_value {
                Some(value) if wanted == "integer" => value.as_i64().is_some_and(|value| i32::try_from(value).is_ok()),
                Some(value) => value.is_string(),
                None => true,
            };
            if !fits {
                let message = format!("the enumValue does not fit the valueSchema {wanted}");
                let remedy = format!("make it {wanted}, or change the valueSchema");
                self.problems.push(link.place.problem("non-conformant-datatype", message, remedy));
            }
        }
    }

    /// The interface with what it inherits; empty where it extends itself, which is reported once.
    fn flatten(&mut self, index: usize) -> Arc<Flat> {
        if let Some(flat) = self.flat.get(&index) {
            return flat.clone();
        }
        let element = &self.arena.elements[index];
        if self.underway.contains(&index) {
            let message = format!("{} extends itself", element.title());
            self.add(element, "recursive-structure", message, "break the cycle of extends");
            return Arc::default();
        }
        if self.underway.len() > FOLLOWED {
            let message = format!("interfaces extend one another more than {FOLLOWED} levels deep");
            self.add(element, "excessive-depth", message, format!("keep within {EXTENDS_DEPTH} levels"));
            return Arc::default();
        }
        self.underway.push(index);
        let mut flat = self.own_contents(element);
        for link in element.links("extends") {
            if let Some((id, parent)) = self.parent(&link.target) {
                self.inherit(&mut flat, id, &parent, link);
            }
        }
        self.underway.pop();
        self.limits(element, &flat);
        let flat = Arc::new(flat);
        self.flat.insert(index, flat.clone());
        flat
    }

    fn own_contents(&self, element: &Element) -> Flat {
        let mut flat = Flat::default();
        for index in element.links("contents").filter_map(|link| self.arena.find(&link.target)) {
            if let Some(name) = &self.arena.elements[index].name {
                flat.contents.insert(name.clone(), Origin::New(index));
            }
        }
        flat
    }

    fn parent(&mut self, target: &Target) -> Option<(Dtmi, Arc<Flat>)> {
        if let Some(index) = self.arena.find(target) {
            let id = self.arena.elements[index].id.clone()?;
            return (self.arena.elements[index].class == Class::Interface).then(|| (id, self.flatten(index)));
        }
        let Target::Reference(id) = target else { return None };
        let model = self.models.get(id.as_str())?;
        Some((id.clone(), Arc::new(flat_of(model))))
    }

    fn inherit(&mut self, flat: &mut Flat, id: Dtmi, parent: &Flat, link: &Link) {
        flat.depth = flat.depth.max(parent.depth + 1);
        for (name, origin) in &parent.contents {
            match flat.contents.get(name) {
                Some(own) if !own.is(origin) => {
                    let message =
                        format!("the name \"{name}\" is taken by another content, here or in what it extends");
                    let remedy = "rename one of them";
                    self.problems.push(link.place.problem("non-unique-imported-property-value", message, remedy));
                }
                Some(_) => {}
                None => _ = flat.contents.insert(name.clone(), origin.clone()),
            }
        }
        flat.ancestors.extend(parent.ancestors.iter().cloned());
        flat.ancestors.insert(id);
    }

    fn limits(&mut self, element: &Element, flat: &Flat) {
        let version = element.context.version;
        if flat.depth > EXTENDS_DEPTH {
            let message = format!("it extends interfaces {} levels deep", flat.depth);
            self.add(element, "excessive-depth", message, format!("keep within {EXTENDS_DEPTH} levels"));
        }
        if version == Version::V3 && flat.ancestors.len() > ANCESTORS {
            let message = format!("it extends {} interfaces, near and far", flat.ancestors.len());
            self.add(element, "excessive-count", message, format!("keep within {ANCESTORS}"));
        }
        if version == Version::V2 && flat.contents.len() > CONTENTS_V2 {
            let message = format!("it has {} contents, inherited ones included", flat.contents.len());
            self.add(element, "excessive-count", message, format!("keep within {CONTENTS_V2}"));
        }
    }

    /// How deep schemas stand inside this one.
    fn schema_depth(&mut self, index: usize) -> usize {
        if let Some(&depth) = self.depths.get(&index) {
            return depth;
        }
        let element = &self.arena.elements[index];
        if self.underway.contains(&index) {
            let message = format!("{} contains itself", element.title());
            self.add(element, "recursive-structure", message, "break the cycle of schemas");
            return 0;
        }
        if self.underway.len() > FOLLOWED {
            let message = format!("schemas stand more than {FOLLOWED} levels deep inside one another");
            self.add(element, "excessive-depth", message, format!("keep within {SCHEMA_DEPTH} levels"));
            return 0;
        }
        self.underway.push(index);
        let mut depth = 0;
        for link in &element.links {
            let below = match &link.target {
                // The language defines these as objects with arrays, which count.
                Target::Primitive(primitive) => primitive.depth(),
                target => self.arena.find(target).map_or(0, |index| self.schema_depth(index)),
            };
            depth = depth.max(below + usize::from(link.slot == Slot::Schema));
        }
        self.underway.pop();
        if depth == SCHEMA_DEPTH + 1 && element.class.is_complex_schema() {
            let message = format!("schemas stand {depth} levels deep inside one another");
            self.add(element, "excessive-depth", message, format!("keep within {SCHEMA_DEPTH} levels"));
        }
        self.depths.insert(index, depth);
        depth
    }

    fn no_arrays(&mut self, element: &Element) {
        let mut seen = BTreeSet::new();
        let mut open: Vec<&Link> = element.links.iter().collect();
        while let Some(link) = open.pop() {
            let array = match &link.target {
                Target::Primitive(primitive) => Primitive::is_geospatial(*primitive),
                target => match self.arena.find(target).filter(|index| seen.insert(*index)) {
                    Some(index) => {
                        open.extend(&self.arena.elements[index].links);
                        self.arena.elements[index].class == Class::Array
                    }
                    None => false,
                },
            };
            if array {
                let message = "a property of version 2 cannot hold arrays".to_owned();
                self.add(element, "excluded-type", message, "write the model in version 3, or use a Map or Object");
            }
        }
    }

    fn no_nested_components(&mut self, element: &Element) {
        for link in element.links("schema") {
            let nested = match (self.arena.find(&link.target), &link.target) {
                (Some(index), _) => self.flat.get(&index).and_then(|flat| self.component_of(flat)),
                (None, Target::Reference(id)) => {
                    self.models.components(id.as_str()).next().map(|component| component.name.clone())
                }
                _ => None,
            };
            if let Some(name) = nested {
                let message = format!("the component's interface has a component itself, \"{name}\"");
                let remedy = "components go one level deep; use a relationship below";
                self.problems.push(link.place.problem("excluded-type", message, remedy));
            }
        }
    }

    fn component_of(&self, flat: &Flat) -> Option<String> {
        let is_component = |origin: &Origin| match origin {
            Origin::New(index) => self.arena.elements[*index].class == Class::Component,
            Origin::Old(content) => matches!(**content, Content::Component(_)),
        };
        flat.contents.iter().find(|(_, origin)| is_component(origin)).map(|(name, _)| name.clone())
    }
}

impl Origin {
    /// Whether both are the same definition.
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::New(left), Self::New(right)) => left == right,
            (Self::Old(left), Self::Old(right)) => Arc::ptr_eq(left, right),
            _ => false,
        }
    }
}

/// A model that was there before, with what it inherits.
fn flat_of(model: &Interface) -> Flat {
    let contents = model.flattened.iter().map(|(name, content)| (name.clone(), Origin::Old(content.clone())));
    Flat { ancestors: model.ancestors.iter().cloned().collect(), contents: contents.collect(), depth: model.depth }
}
