//! The members of an element: which they are, and what values they hold.

use std::collections::BTreeSet;

use super::{Parent, Reader, terms};
use crate::context::Context;
use crate::document::{Kind as Json, Member as JsonMember, Node};
use crate::element::{Link, Target};
use crate::literal;
use crate::metamodel::{Class, Kind, Member, Slot};
use crate::quantity;
use crate::types::{self, Types, Word};
use crate::{Primitive, Version};

/// What a member is that is no keyword.
enum Meaning {
    Member(&'static Member),
    Unit,
    /// Belongs to a type of an extension, or may.
    Foreign,
}

impl Reader {
    pub(super) fn members(&mut self, node: &Node, members: &[JsonMember], index: usize, types: &Types) {
        let context = self.arena.elements[index].context;
        let class = self.arena.elements[index].class;
        let mut present: Vec<&'static Member> = Vec::new();
        let mut unit = None;
        for member in members {
            self.report.enter_key(&member.key);
            match self.meaning(member, class, context, types) {
                Some(Meaning::Member(known)) if present.contains(&known) => {
                    let message = format!("{} is given both as a term and as an identifier", known.name);
                    self.report.add(member.key_span.as_ref(), "repeated-property", message, "keep one of them");
                }
                Some(Meaning::Member(known)) => {
                    present.push(known);
                    self.member(known, &member.value, index);
                }
                Some(Meaning::Unit) if unit.is_some() => {
                    let message = "unit is given both as a term and as an identifier".to_owned();
                    self.report.add(member.key_span.as_ref(), "repeated-property", message, "keep one of them");
                }
                Some(Meaning::Unit) => unit = Some(&member.value),
                Some(Meaning::Foreign) => self.foreign(member, context.version, index),
                None => {}
            }
            self.report.leave();
        }
        self.missing(node, class, context.version, &present);
        self.unit(node, unit, index);
        for name in types.extensions.iter().flat_map(|extension| extension.required) {
            let gives =
                |member: &JsonMember| member.key.rsplit(':').next() == Some(name) && !member.value.values().is_empty();
            if !members.iter().any(gives) {
                let message = format!("{class:?} has no {name}");
                self.report.add(
                    node.span.as_ref(),
                    "missing-supplemental-property",
                    message,
                    format!("add \"{name}\""),
                );
            }
        }
    }

    /// A member that a type of an extension brings.
    fn foreign(&mut self, member: &JsonMember, version: Version, index: usize) {
        let name = member.key.rsplit(':').next().unwrap_or(&member.key);
        match name {
            "annotates" => {
                let text = literal::text(name, &member.value, 512, version, &mut self.report);
                self.arena.elements[index].annotates = text;
            }
            "overrides" => self.overrides(&member.value, index),
            _ => {}
        }
    }

    /// The name of a member, which is an identifier: unlike text it cannot be a value object.
    fn overrides(&mut self, node: &Node, index: usize) {
        let Some(value) = literal::single("overrides", node, &mut self.report) else { return };
        let context = self.arena.elements[index].context;
        match &value.kind {
            Json::String(text) if types::is_name(text, context) => {
                self.arena.elements[index].overrides = Some(text.clone());
            }
            _ => {
                let message = "overrides is not the name of a member that @context knows".to_owned();
                let remedy = "write \"unit\", and add the extension quantitativeTypes to @context";
                self.report.add(value.span.as_ref(), "identifier-not-dtmi", message, remedy);
            }
        }
    }

    /// What a member means; nothing for keywords and for what is wrong, which is reported.
    fn meaning(&mut self, member: &JsonMember, class: Class, context: Context, types: &Types) -> Option<Meaning> {
        let key = member.key.as_str();
        if key.starts_with('@') {
            self.keyword(member, context.version);
            return None;
        }
        if let Some(known) = class.member(terms::term(key, context.version)) {
            return Some(Meaning::Member(known));
        }
        if types.quantity.is_some() && quantity::is_unit_key(key, context.version) {
            return Some(Meaning::Unit);
        }
        let name = key.rsplit(':').next().unwrap_or(key);
        if types.extensions.iter().any(|extension| extension.members.contains(&name)) {
            return Some(Meaning::Foreign);
        }
        self.unknown_member(member, class, context, types)
    }

    fn keyword(&mut self, member: &JsonMember, version: Version) {
        let fine = matches!(member.key.as_str(), "@id" | "@type" | "@context");
        if !fine && (version == Version::V3 || member.key == "@graph") {
            let message = format!("the keyword \"{}\" cannot stand here", member.key);
            self.report.add(member.key_span.as_ref(), "keyword-disallowed", message, "remove it");
        }
    }

    fn unknown_member(
        &mut self,
        member: &JsonMember,
        class: Class,
        context: Context,
        types: &Types,
    ) -> Option<Meaning> {
        let word = types::word(&member.key, context);
        let may_be = match (context.version, word) {
            (Version::V2, _) => true,
            (Version::V3, Word::InvalidDtmi | Word::NotDtmiNorTerm) => false,
            (Version::V3, Word::Irrelevant | Word::Undefined) => context.unknown,
        };
        if types.unknown && may_be {
            return Some(Meaning::Foreign);
        }
        let rule = match word {
            Word::InvalidDtmi => "property-invalid-dtmi",
            Word::NotDtmiNorTerm => "property-not-dtmi-nor-term",
            Word::Irrelevant => "property-irrelevant-dtmi-or-term",
            Word::Undefined => "property-undefined-term",
        };
        let message = format!("{class:?} has no \"{}\"", member.key);
        let names: Vec<_> = class.members().map(|member| member.name).collect();
        let remedy = format!("remove it; {class:?} takes {}", names.join(", "));
        self.report.add(member.key_span.as_ref(), rule, message, remedy);
        None
    }

    fn missing(&mut self, node: &Node, class: Class, version: Version, present: &[&'static Member]) {
        for member in class.members() {
            if member.bounds(version).0 > 0 && !present.contains(&member) {
                let message = format!("{class:?} has no {}", member.name);
                let remedy = format!("add \"{}\"", member.name);
                self.report.add(node.span.as_ref(), "missing-property", message, remedy);
            }
        }
    }

    fn unit(&mut self, node: &Node, unit: Option<&Node>, index: usize) {
        let element = &self.arena.elements[index];
        let version = element.context.version;
        let Some(quantity) = element.quantity else { return };
        let known = || quantity.unit_names(version).collect::<Vec<_>>().join(", ");
        let Some(value) = unit.filter(|node| !node.values().is_empty()) else {
            let message = format!("a {} needs a unit", quantity.name);
            self.report.add(
                node.span.as_ref(),
                "missing-supplemental-property",
                message,
                format!("add \"unit\": {}", known()),
            );
            return;
        };
        let Some(value) = literal::single("unit", value, &mut self.report) else { return };
        let found = match &value.kind {
            Json::String(text) => quantity.unit(text, version),
            _ => None,
        };
        if found.is_none() {
            let message = format!("this is no unit of {}", quantity.name);
            self.report.add(value.span.as_ref(), "not-required-value", message, format!("use one of {}", known()));
        }
        self.arena.elements[index].unit = found;
    }

    fn member(&mut self, member: &'static Member, node: &Node, index: usize) {
        let version = self.arena.elements[index].context.version;
        let (least, _) = member.bounds(version);
        if least > 0 && node.values().is_empty() {
            let message = format!("{} has no value", member.name);
            self.report.add(node.span.as_ref(), "count-below-minimum", message, "give it a value");
            return;
        }
        let (name, report) = (member.name, &mut self.report);
        let of_version = |v2, v3| if version == Version::V2 { v2 } else { v3 };
        match member.kind {
            Kind::Localized(v2, v3) => {
                let texts = literal::localized(name, node, of_version(v2, v3), version, report);
                let element = &mut self.arena.elements[index];
                if name == "displayName" { element.display_name = texts } else { element.description = texts }
            }
            Kind::Text(most) => _ = literal::text(name, node, most, version, report),
            Kind::Name(v2, v3) => self.name(node, of_version(v2, v3), index),
            Kind::Boolean => {
                self.arena.elements[index].writable = literal::boolean(name, node, version, report).unwrap_or(false)
            }
            Kind::Integer(least, v2, v3) => {
                self.integer(member, node, least, if version == Version::V2 { v2 } else { v3 }, index);
            }
            Kind::Identifier => self.target(node, index),
            Kind::EnumValue => self.arena.elements[index].enum_value = enum_value(node, version, report),
            Kind::Choice(class, terms) => self.choice(member, node, class, terms, index),
            Kind::Elements(slot) => self.elements(member, node, slot, index),
        }
    }

    fn name(&mut self, node: &Node, most: usize, index: usize) {
        let version = self.arena.elements[index].context.version;
        let Some(name) = literal::text("name", node, most, version, &mut self.report) else { return };
        let bytes = name.as_bytes();
        let fine = bytes.first().is_some_and(u8::is_ascii_alphabetic)
            && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
            && bytes.iter().all(|&byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !fine {
            let message = format!("the name \"{name}\" is not allowed");
            let remedy = "use letters, digits and underscores, starting with a letter, not ending in an underscore";
            self.report.add(node.span.as_ref(), "string-invalid", message, remedy);
        }
        self.arena.elements[index].name = Some(name);
    }

    fn integer(&mut self, member: &'static Member, node: &Node, least: i64, most: i64, index: usize) {
        let version = self.arena.elements[index].context.version;
        let Some(number) = literal::integer(member.name, node, version, &mut self.report) else { return };
        if !(least..=most).contains(&number) {
            let message = format!("{} is {number}", member.name);
            let remedy = if least == most { format!("use {least}") } else { format!("use {least} to {most}") };
            self.report.add(node.span.as_ref(), "value-out-of-range", message, remedy);
        }
        let element = &mut self.arena.elements[index];
        if member.name == "minMultiplicity" {
            element.min_multiplicity = Some(number);
        } else {
            element.max_multiplicity = Some(number);
        }
    }

    fn target(&mut self, node: &Node, index: usize) {
        let context = self.arena.elements[index].context;
        let Some(value) = literal::single("target", node, &mut self.report) else { return };
        let Json::String(text) = &value.kind else {
            let message = "target is not the identifier of an interface".to_owned();
            self.report.add(value.span.as_ref(), "identifier-not-dtmi", message, "write a DTMI as a string");
            return;
        };
        self.arena.elements[index].target = self.identifier("target", text, value, context, 2048);
    }

    fn choice(
        &mut self,
        member: &'static Member,
        node: &Node,
        class: &str,
        terms: &'static [&'static str],
        index: usize,
    ) {
        let Some(value) = literal::single(member.name, node, &mut self.report) else { return };
        let chosen = match &value.kind {
            Json::String(text) => terms.iter().find(|term| **term == terms::instance(text, class)),
            _ => None,
        };
        if chosen.is_none() {
            let message = format!("{} has a value that is not allowed", member.name);
            self.report.add(value.span.as_ref(), "value-not-exact", message, format!("use {}", terms.join(" or ")));
        }
        self.arena.elements[index].choice = chosen.copied();
    }

    fn elements(&mut self, member: &'static Member, node: &Node, slot: Slot, index: usize) {
        let (least, most) = member.bounds(self.arena.elements[index].context.version);
        let values = node.values();
        let count = if most > 1 { distinct(&values) } else { values.len() };
        if count < least || count > most {
            let message = format!("{} has {count} values", member.name);
            let remedy = if count > most { format!("keep at most {most}") } else { format!("give at least {least}") };
            self.report.add(node.span.as_ref(), "object-count", message, remedy);
        }
        self.links(member, node, slot, index);
    }

    /// Links to what stands here: one value, or those of an array and of arrays in it.
    fn links(&mut self, member: &'static Member, node: &Node, slot: Slot, index: usize) {
        let Json::Array(values) = &node.kind else {
            return self.link(member, node, slot, index);
        };
        for (number, value) in values.iter().enumerate() {
            self.report.enter_index(number);
            self.links(member, value, slot, index);
            self.report.leave();
        }
    }

    fn link(&mut self, member: &'static Member, node: &Node, slot: Slot, index: usize) {
        let (context, partition) = (self.arena.elements[index].context, self.arena.elements[index].partition);
        let target = match &node.kind {
            Json::String(text) => self.reference(text, node, slot, context),
            Json::Object(members) => {
                let parent = Parent { context, slot, partition };
                self.element(node, members, Some(parent)).map(Target::Element)
            }
            _ => {
                let message = format!("{} holds something that is neither an element nor a reference", member.name);
                let remedy = format!("write {} as an object, or its identifier as a string", slot.words());
                self.report.add(node.span.as_ref(), "ref-not-string-or-object", message, remedy);
                None
            }
        };
        if let Some(target) = target {
            let place = self.report.place(node.span.as_ref());
            self.arena.elements[index].links.push(Link { member: member.name, slot, target, place });
        }
    }

    fn reference(&mut self, text: &str, node: &Node, slot: Slot, context: Context) -> Option<Target> {
        let primitive = terms::primitive(text, context.version);
        let units = || quantity::unit_type(text, context).map(Target::Units);
        if let Some(standard) = primitive.map(Target::Primitive).or_else(units) {
            let is_complex = primitive.is_some_and(Primitive::is_geospatial);
            if slot == Slot::Schema || (slot == Slot::ComplexSchema && is_complex) {
                return Some(standard);
            }
            let message = format!("\"{text}\" is a schema of the language's own, which cannot stand here");
            self.report.add(node.span.as_ref(), "incompatible-type", message, format!("write {}", slot.words()));
            return None;
        }
        if !text.starts_with("dtmi:") {
            let message = format!("\"{text}\" is neither a DTMI nor a term of the language");
            let remedy = match slot {
                Slot::Schema => format!("use {}, or define a schema", Primitive::names().join(", ")),
                _ => format!("write {}, or the identifier of one", slot.words()),
            };
            self.report.add(node.span.as_ref(), "bad-dtmi-or-term", message, remedy);
            return None;
        }
        let id = self.identifier("the reference", text, node, context, 2048)?;
        self.unreserved("the reference", text, node, context);
        Some(Target::Reference(id))
    }
}

/// How many values there are, references to the same element taken as one.
fn distinct(values: &[&Node]) -> usize {
    let references = values.iter().filter_map(|value| match &value.kind {
        Json::String(text) => Some(text),
        _ => None,
    });
    let all = references.clone().count();
    values.len() - all + references.collect::<BTreeSet<_>>().len()
}

/// An integer or text, plain or as a value object.
fn enum_value(node: &Node, version: Version, report: &mut crate::report::Report) -> Option<serde_json::Value> {
    let value = literal::single("enumValue", node, report)?;
    let datatype = match &value.kind {
        Json::Object(members) if members.iter().any(|member| matches!(member.value.kind, Json::Number(_))) => "integer",
        _ => "string",
    };
    match literal::unwrap("enumValue", value, datatype, version, report) {
        Some(Json::String(text)) => return Some(text.as_str().into()),
        Some(Json::Number(number)) => {
            if let Some(number) = literal::whole(number) {
                return Some(number.into());
            }
        }
        _ => {}
    }
    let message = "enumValue is neither an integer nor a string".to_owned();
    report.add(value.span.as_ref(), "non-conformant-datatype", message, "write a value of the enum's valueSchema");
    None
}
