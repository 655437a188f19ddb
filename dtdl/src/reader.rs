//! Reads documents into elements, noting every problem that shows without following references.

use crate::context::{self, Context};
use crate::document::{Kind as Json, Member as JsonMember, Node};
use crate::element::{Arena, Element, Link, Target};
use crate::literal;
use crate::metamodel::{Class, Kind, Member, Slot};
use crate::quantity;
use crate::report::Report;
use crate::types::{self, Types, Word};
use crate::{Document, Dtmi, Localized, Primitive, Rules, Version};

/// Reads all documents; the report holds what is wrong with them.
pub(crate) fn read(documents: &[Document], rules: Rules) -> (Arena, Report) {
    let mut reader = Reader { rules, arena: Arena::default(), report: Report::default() };
    for (number, document) in documents.iter().enumerate() {
        reader.report.document = number;
        reader.top(&document.root);
    }
    (reader.arena, reader.report)
}

struct Reader {
    rules: Rules,
    arena: Arena,
    report: Report,
}

/// Where an element stands: below which one, and as what.
#[derive(Clone, Copy)]
struct Parent {
    context: Context,
    slot: Slot,
    partition: usize,
}

/// The members of an element that are not keywords, each with its meaning.
enum Meaning {
    Member(&'static Member),
    Unit,
    /// Belongs to a type of an extension, or may.
    Foreign,
}

impl Reader {
    fn top(&mut self, node: &Node) {
        match &node.kind {
            Json::Array(nodes) => {
                for (index, node) in nodes.iter().enumerate() {
                    self.report.enter_index(index);
                    self.root(node);
                    self.report.leave();
                }
            }
            _ => self.root(node),
        }
    }

    fn root(&mut self, node: &Node) {
        self.report.model = None;
        match &node.kind {
            Json::Object(members) => {
                let root = self.element(node, members, None);
                self.arena.roots.extend(root);
            }
            _ => self.report.add(
                node.span.as_ref(),
                "not-an-object",
                "a model is a JSON object".to_owned(),
                "write an Interface as an object",
            ),
        }
        self.report.model = None;
    }

    /// Reads one element; nothing when it is too broken to be told what it is.
    fn element(&mut self, node: &Node, members: &[JsonMember], parent: Option<Parent>) -> Option<usize> {
        let find = |key: &str| members.iter().find(|member| member.key == key).map(|member| &member.value);
        let outer = self.report.model.clone();
        if let (Some(Json::String(id)), true) =
            (find("@id").map(|id| &id.kind), parent.is_none_or(Parent::is_interface))
        {
            self.report.model = Some(id.as_str().into());
        }
        let index = self.element_inside(node, members, parent, find("@context"), find("@type"), find("@id"));
        self.report.model = outer;
        index
    }

    fn element_inside(
        &mut self,
        node: &Node,
        members: &[JsonMember],
        parent: Option<Parent>,
        context: Option<&Node>,
        types: Option<&Node>,
        id: Option<&Node>,
    ) -> Option<usize> {
        self.repeated_keys(members);
        let span = node.span.as_ref();
        let inherited = parent.map(|parent| parent.context);
        let context = context::read(context, inherited, self.rules, &mut self.report, span)?;
        if let Some(parent) = parent {
            self.version_fits(node, parent, context);
        }
        let types = types::read(types, parent.map(|parent| parent.slot), context, &mut self.report, node)?;
        let class = types.class?;
        if !self.class_fits(node, class, parent) {
            return None;
        }
        let needs_id = parent.is_none_or(|parent| parent.slot.needs_id());
        let id = self.id(node, id, class, context.version, needs_id);
        let index = self.add(node, class, context, id, parent, &types);
        self.types_fit(node, index, &types);
        self.members(node, members, index, &types);
        Some(index)
    }

    fn add(
        &mut self,
        node: &Node,
        class: Class,
        context: Context,
        id: Option<Dtmi>,
        parent: Option<Parent>,
        types: &Types,
    ) -> usize {
        let index = self.arena.elements.len();
        let partition = match parent {
            Some(parent) if class != Class::Interface => parent.partition,
            _ => index,
        };
        let place = self.report.place(node.span.as_ref());
        if let Some(id) = &id {
            self.define(id, index, node);
        }
        self.arena.elements.push(Element {
            class,
            context,
            id,
            place,
            partition,
            name: None,
            display_name: Localized::new(),
            description: Localized::new(),
            writable: false,
            min_multiplicity: None,
            max_multiplicity: None,
            target: None,
            choice: None,
            enum_value: None,
            quantity: types.quantity,
            unit: None,
            links: Vec::new(),
        });
        index
    }

    fn define(&mut self, id: &Dtmi, index: usize, node: &Node) {
        if self.arena.by_id.contains_key(id.as_str()) {
            let message = format!("{id} is defined more than once");
            self.report.add(node.span.as_ref(), "duplicate-definition", message, "give each element its own @id");
        } else {
            self.arena.by_id.insert(id.clone(), index);
        }
    }

    fn repeated_keys(&mut self, members: &[JsonMember]) {
        for (index, member) in members.iter().enumerate() {
            if members[..index].iter().any(|earlier| earlier.key == member.key) {
                let message = format!("\"{}\" is given twice", member.key);
                self.report.add(member.key_span.as_ref(), "duplicate-property-name", message, "keep one of them");
            }
        }
    }

    fn version_fits(&mut self, node: &Node, parent: Parent, context: Context) {
        let fits = match (parent.context.version, context.version) {
            (Version::V2, Version::V3) => false,
            (Version::V3, Version::V2) => parent.slot.takes_older(),
            _ => true,
        };
        if !fits {
            let message = "its @context names a version of the language that cannot stand here".to_owned();
            let remedy = "use the version of the element around it";
            self.report.add(node.span.as_ref(), "disallowed-version-definition", message, remedy);
        }
    }

    fn class_fits(&mut self, node: &Node, class: Class, parent: Option<Parent>) -> bool {
        let (fits, rule, wanted) = match parent {
            None => (class == Class::Interface, "type-not-rootable", Slot::Interface.words()),
            Some(parent) => (parent.slot.accepts(class), "incompatible-type", parent.slot.words()),
        };
        if !fits {
            let message = format!("{class:?} does not fit here");
            self.report.add(node.span.as_ref(), rule, message, format!("write {wanted}"));
        }
        fits
    }

    fn types_fit(&mut self, node: &Node, index: usize, types: &Types) {
        let (class, version) = (self.arena.elements[index].class, self.arena.elements[index].context.version);
        let bad_quantity = types.quantity.filter(|_| !class.takes_semantic_type(version)).map(|quantity| quantity.name);
        let bad_extension = types.extensions.iter().find(|extension| !extension.classes.contains(&class));
        if let Some(name) = bad_quantity.or(bad_extension.map(|extension| extension.name)) {
            let message = format!("{class:?} cannot be {name}");
            self.report.add(node.span.as_ref(), "invalid-cotype", message, format!("remove {name} from @type"));
        }
    }

    fn id(&mut self, element: &Node, id: Option<&Node>, class: Class, version: Version, needed: bool) -> Option<Dtmi> {
        let Some(node) = id else {
            if needed {
                let message = format!("{class:?} has no @id here");
                self.report.add(
                    element.span.as_ref(),
                    "missing-required-id",
                    message,
                    "add an @id such as \"dtmi:example:Room;1\"",
                );
            }
            return None;
        };
        let Json::String(text) = &node.kind else {
            self.report.add(node.span.as_ref(), "id-not-string", "@id is not a string".to_owned(), "write a DTMI");
            return None;
        };
        let most = if class == Class::Interface { 128 } else { 2048 };
        self.identifier("@id", text, node, version, most)
    }

    /// Checks an identifier of a user's element.
    fn identifier(&mut self, name: &str, text: &str, node: &Node, version: Version, most: usize) -> Option<Dtmi> {
        let span = node.span.as_ref();
        let dtmi = match Dtmi::parse(text) {
            Ok(dtmi) => dtmi,
            Err(error) => {
                let message = format!("{name} \"{text}\" is not a valid DTMI: {error}");
                self.report.add(span, "invalid-id", message, "write it like \"dtmi:example:Room;1\"");
                return None;
            }
        };
        let plain = |version: &str| !version.contains('.');
        if version == Version::V2 && !dtmi.version().is_some_and(plain) {
            let message = format!("{name} \"{text}\" needs a version of one whole number in version 2 of the language");
            self.report.add(span, "invalid-id", message, format!("write \"{};1\"", dtmi.path()));
        }
        if text.len() > most {
            let message = format!("{name} has {} characters", text.len());
            self.report.add(span, "id-too-long", message, format!("keep it within {most}"));
        }
        if text.starts_with("dtmi:dtdl:") || text.starts_with("dtmi:standard:") || text.starts_with("dtmi:iotcentral:")
        {
            let message = format!("{name} \"{text}\" starts with a prefix that the language keeps for itself");
            self.report.add(span, "reserved-id", message, "start it with a prefix of your own");
        }
        Some(dtmi)
    }

    fn members(&mut self, node: &Node, members: &[JsonMember], index: usize, types: &Types) {
        let context = self.arena.elements[index].context;
        let class = self.arena.elements[index].class;
        let mut present: Vec<&'static Member> = Vec::new();
        let mut unit = None;
        for member in members {
            self.report.enter_key(&member.key);
            match self.meaning(member, class, context, types) {
                Some(Meaning::Member(known)) if present.contains(&known) => {
                    let message = format!("{} is given both as a term and as an identifier", known.name);
                    self.report.add(member.key_span.as_ref(), "duplicate-property-name", message, "keep one of them");
                }
                Some(Meaning::Member(known)) => {
                    present.push(known);
                    self.member(known, &member.value, index);
                }
                Some(Meaning::Unit) if unit.is_some() => {
                    let message = "unit is given both as a term and as an identifier".to_owned();
                    self.report.add(member.key_span.as_ref(), "duplicate-property-name", message, "keep one of them");
                }
                Some(Meaning::Unit) => unit = Some(&member.value),
                Some(Meaning::Foreign) | None => {}
            }
            self.report.leave();
        }
        self.missing(node, class, context.version, &present);
        self.unit(node, unit, index);
        for name in types.extensions.iter().flat_map(|extension| extension.required) {
            if !members.iter().any(|member| member.key.rsplit(':').next() == Some(name)) {
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

    /// What a member means; nothing for keywords and for what is wrong, which is reported.
    fn meaning(&mut self, member: &JsonMember, class: Class, context: Context, types: &Types) -> Option<Meaning> {
        let key = member.key.as_str();
        if key.starts_with('@') {
            self.keyword(member, context.version);
            return None;
        }
        if let Some(known) = class.member(term(key, context.version)) {
            return Some(Meaning::Member(known));
        }
        if types.quantity.is_some() && quantity::is_unit_key(key, context.version) {
            return Some(Meaning::Unit);
        }
        let extended = |name: &&str| *name == key.rsplit(':').next().unwrap_or(key);
        if types.extensions.iter().any(|extension| extension.members.iter().any(|name| extended(&name))) {
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
        let empty = |node: &&Node| matches!(&node.kind, Json::Array(values) if values.is_empty());
        let Some(value) = unit.filter(|node| !empty(node)) else {
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
        if least > 0 && matches!(&node.kind, Json::Array(values) if values.is_empty()) {
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
            Kind::Identifier => self.target(node, version, index),
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

    fn target(&mut self, node: &Node, version: Version, index: usize) {
        let Some(value) = literal::single("target", node, &mut self.report) else { return };
        let Json::String(text) = &value.kind else {
            let message = "target is not the identifier of an interface".to_owned();
            self.report.add(value.span.as_ref(), "identifier-not-dtmi", message, "write a DTMI as a string");
            return;
        };
        self.arena.elements[index].target = self.identifier("target", text, value, version, 2048);
    }

    fn choice(
        &mut self,
        member: &'static Member,
        node: &Node,
        class: &str,
        terms: &'static [&'static str],
        index: usize,
    ) {
        let version = self.arena.elements[index].context.version;
        let Some(value) = literal::single(member.name, node, &mut self.report) else { return };
        let chosen = match &value.kind {
            Json::String(text) => terms.iter().find(|term| **term == instance(text, class, version)),
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
        let Json::Array(values) = &node.kind else {
            return self.link(member, node, slot, index);
        };
        if values.len() < least || values.len() > most {
            let message = format!("{} has {} values", member.name, values.len());
            let remedy =
                if values.len() > most { format!("keep at most {most}") } else { format!("give at least {least}") };
            self.report.add(node.span.as_ref(), "object-count", message, remedy);
        }
        for (number, value) in values.iter().enumerate() {
            self.report.enter_index(number);
            self.link(member, value, slot, index);
            self.report.leave();
        }
    }

    fn link(&mut self, member: &'static Member, node: &Node, slot: Slot, index: usize) {
        let (context, partition) = (self.arena.elements[index].context, self.arena.elements[index].partition);
        let target = match &node.kind {
            Json::String(text) => self.reference(text, node, slot, context.version),
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

    fn reference(&mut self, text: &str, node: &Node, slot: Slot, version: Version) -> Option<Target> {
        if let Some(primitive) = primitive(text, version) {
            if slot == Slot::Schema {
                return Some(Target::Primitive(primitive));
            }
            let message = format!("\"{text}\" is a schema of the language's own, which cannot stand here");
            self.report.add(node.span.as_ref(), "incompatible-type", message, format!("write {}", slot.words()));
            return None;
        }
        if !text.starts_with("dtmi:") {
            let message = format!("\"{text}\" is neither a DTMI nor a term of the language");
            let remedy = format!("write {}, or the identifier of one", slot.words());
            self.report.add(node.span.as_ref(), "bad-dtmi-or-term", message, remedy);
            return None;
        }
        self.identifier("the reference", text, node, version, 2048).map(Target::Reference)
    }
}

impl Parent {
    fn is_interface(self) -> bool {
        self.slot == Slot::Interface
    }
}

/// The term of a member, whether it is written as one or as a full identifier.
fn term(key: &str, version: Version) -> &str {
    let suffix = if version == Version::V2 { ";2" } else { ";3" };
    key.strip_prefix("dtmi:dtdl:property:").and_then(|rest| rest.strip_suffix(suffix)).unwrap_or(key)
}

/// The term of one of the language's own instances; version 3 may use those of version 2.
fn instance<'a>(text: &'a str, class: &str, version: Version) -> &'a str {
    let rest = text.strip_prefix("dtmi:dtdl:instance:").and_then(|rest| rest.strip_prefix(class));
    rest.and_then(|rest| rest.strip_prefix(':')).and_then(|rest| unversioned(rest, version)).unwrap_or(text)
}

fn unversioned(text: &str, version: Version) -> Option<&str> {
    text.strip_suffix(";2").or_else(|| text.strip_suffix(";3").filter(|_| version == Version::V3))
}

fn primitive(text: &str, version: Version) -> Option<Primitive> {
    let geospatial = text.strip_prefix("dtmi:standard:schema:geospatial:").and_then(|rest| unversioned(rest, version));
    Primitive::named(geospatial.unwrap_or_else(|| instance(text, "Schema", version)))
}

fn enum_value(node: &Node, version: Version, report: &mut Report) -> Option<serde_json::Value> {
    let value = literal::single("enumValue", node, report)?;
    let datatype = match &value.kind {
        Json::Object(members) if members.iter().any(|member| matches!(member.value.kind, Json::Number(_))) => "integer",
        _ => "string",
    };
    match literal::unwrap("enumValue", value, datatype, version, report) {
        Some(Json::String(text)) => return Some(text.as_str().into()),
        Some(Json::Number(number)) => {
            if let Ok(number) = number.parse::<i64>() {
                return Some(number.into());
            }
        }
        _ => {}
    }
    let message = "enumValue is neither an integer nor a string".to_owned();
    report.add(value.span.as_ref(), "non-conformant-datatype", message, "write a value of the enum's valueSchema");
    None
}
