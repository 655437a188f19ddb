//! `@type`: the class of an element, and what else it claims to be.

use crate::context::Context;
use crate::document::{Kind, Node};
use crate::metamodel::{self, Class, Slot};
use crate::quantity::{self, Quantity};
use crate::report::Report;
use crate::{Dtmi, Primitive, Version};

/// What `@type` says.
#[derive(Debug, Default)]
pub(crate) struct Types {
    pub(crate) class: Option<Class>,
    pub(crate) quantity: Option<&'static Quantity>,
    /// Terms of extensions whose types add members.
    pub(crate) extensions: Vec<&'static Extension>,
    /// Whether there is a type that nobody knows here; it may bring members of its own.
    pub(crate) unknown: bool,
}

/// A type of an extension, which adds members to an element.
#[derive(Debug)]
pub(crate) struct Extension {
    pub(crate) name: &'static str,
    pub(crate) classes: &'static [Class],
    pub(crate) members: &'static [&'static str],
    /// The members that must be there.
    pub(crate) required: &'static [&'static str],
    uses: fn(Context) -> bool,
}

static EXTENSIONS: [Extension; 3] = [
    Extension {
        name: "ValueAnnotation",
        classes: &[Class::Property, Class::Telemetry],
        members: &["annotates"],
        required: &["annotates"],
        uses: |context| context.annotation.is_some(),
    },
    Extension {
        name: "Override",
        classes: &[Class::Property],
        members: &["overrides"],
        required: &["overrides"],
        uses: |context| context.overriding.is_some(),
    },
    Extension {
        name: "Historized",
        classes: &[Class::Property, Class::Telemetry],
        members: &[],
        required: &[],
        uses: |context| context.historization,
    },
];

/// Reads `@type` of an element that stands at the top of a document or in a slot.
pub(crate) fn read(
    node: Option<&Node>,
    slot: Option<Slot>,
    context: Context,
    report: &mut Report,
    element: &Node,
) -> Option<Types> {
    let before = report.problems.len();
    let mut types = Types::default();
    match node {
        None => types.class = slot.and_then(|slot| slot.inferred(context.version)),
        Some(node) => types.read_all(node, context, report),
    }
    if types.class.is_none() && report.problems.len() == before {
        let wanted = slot.map_or("an Interface", Slot::words);
        let message = "@type names no class of the language".to_owned();
        let span = node.unwrap_or(element).span.as_ref();
        report.add(span, "missing-material-type", message, format!("add the class: {wanted} belongs here"));
    }
    (report.problems.len() == before).then_some(types)
}

impl Types {
    fn read_all(&mut self, node: &Node, context: Context, report: &mut Report) {
        let names = match &node.kind {
            Kind::Array(names) => names.as_slice(),
            _ => std::slice::from_ref(node),
        };
        for name in names {
            match &name.kind {
                Kind::String(text) => self.read_one(text, name, context, report),
                _ => report.add(
                    name.span.as_ref(),
                    "type-not-string",
                    "@type holds something that is not a string".to_owned(),
                    "name the class as a string",
                ),
            }
        }
    }

    fn read_one(&mut self, text: &str, node: &Node, context: Context, report: &mut Report) {
        if let Some(class) = class_of(text, context.version) {
            self.add_class(class, node, report);
        } else if let Some(quantity) = quantity::find(text, context) {
            self.add_quantity(quantity, node, report);
        } else if let Some(extension) = extension_of(text, context) {
            self.extensions.push(extension);
        } else if let Some((rule, what)) = refusal(text, context) {
            let message = format!("\"{text}\" is {what}");
            report.add(node.span.as_ref(), rule, message, "remove it from @type, or name a concrete class");
        } else {
            self.unknown = true;
        }
    }

    fn add_class(&mut self, class: Class, node: &Node, report: &mut Report) {
        match self.class {
            Some(other) if other != class => {
                let message = format!("an element cannot be both {other:?} and {class:?}");
                report.add(node.span.as_ref(), "multiple-material-types", message, "keep one of them");
            }
            _ => self.class = Some(class),
        }
    }

    fn add_quantity(&mut self, quantity: &'static Quantity, node: &Node, report: &mut Report) {
        match self.quantity {
            Some(other) if other != quantity => {
                let message = format!("an element cannot measure both {} and {}", other.name, quantity.name);
                report.add(node.span.as_ref(), "conflicting-supplemental-types", message, "keep one of them");
            }
            _ => self.quantity = Some(quantity),
        }
    }
}

fn class_of(text: &str, version: Version) -> Option<Class> {
    let name = match text.strip_prefix("dtmi:dtdl:class:") {
        Some(rest) => rest.strip_suffix(suffix(version))?,
        None => text,
    };
    Class::named(name, version)
}

fn suffix(version: Version) -> &'static str {
    match version {
        Version::V2 => ";2",
        Version::V3 => ";3",
    }
}

fn extension_of(text: &str, context: Context) -> Option<&'static Extension> {
    let name = text.rsplit(':').next().filter(|_| text.starts_with("dtmi:dtdl:extension:")).unwrap_or(text);
    EXTENSIONS.iter().find(|extension| extension.name == name && (extension.uses)(context))
}

/// Why a type that is none of the known ones is refused; unknown extensions may define what is merely unknown.
fn refusal(text: &str, context: Context) -> Option<(&'static str, &'static str)> {
    if quantity::is_abstract(text, context) || metamodel::is_abstract_type(class_name(text), context.version) {
        return Some(("abstract-supplemental-type", "abstract"));
    }
    let is_class_of_another = class_name(text) != text && metamodel::is_class(class_name(text));
    if is_class_of_another || metamodel::is_unusable(class_name(text)) {
        return Some(("bad-type", "no class that an element of this version can have"));
    }
    if quantity::is_too_new(text, context) {
        return Some(("invalid-cotype-version", "of an extension that version 2 of the language cannot use"));
    }
    match word(text, context) {
        Word::InvalidDtmi => Some(("type-invalid-dtmi", "not a valid DTMI")),
        Word::NotDtmiNorTerm if context.version == Version::V3 => {
            Some(("type-not-dtmi-nor-term", "neither a DTMI nor a term"))
        }
        Word::Irrelevant if !context.unknown => Some(("type-irrelevant-dtmi-or-term", "no type")),
        Word::Undefined if context.version == Version::V3 && !context.unknown => {
            Some(("type-undefined-term", "not a term of the language"))
        }
        _ => None,
    }
}

/// The name of a class of any version, written as a term or as a full identifier.
fn class_name(text: &str) -> &str {
    let full = text.strip_prefix("dtmi:dtdl:class:").and_then(|rest| rest.split_once(';'));
    full.map_or(text, |(name, _)| name)
}

/// Whether a text names a member or another thing that the context knows, or is an identifier that it need not know.
pub(crate) fn is_name(text: &str, context: Context) -> bool {
    let of_extension = || EXTENSIONS.iter().any(|extension| extension.members.contains(&text));
    text.contains("://") || word(text, context) == Word::Irrelevant || of_extension()
}

/// What kind of word stands where the language knows none of this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    InvalidDtmi,
    NotDtmiNorTerm,
    /// A DTMI, or a term of the language that means something else.
    Irrelevant,
    Undefined,
}

/// Tells what kind of word a text is.
pub(crate) fn word(text: &str, context: Context) -> Word {
    if text.starts_with("dtmi:") {
        return if Dtmi::parse(text).is_ok() { Word::Irrelevant } else { Word::InvalidDtmi };
    }
    if text.contains(':') {
        return Word::NotDtmiNorTerm;
    }
    let known = metamodel::is_member(text)
        || metamodel::is_abstract_type(text, context.version)
        || metamodel::is_unusable(text)
        || Class::named(text, context.version).is_some()
        || Primitive::named(text).is_some()
        || quantity::is_term(text, context);
    if known { Word::Irrelevant } else { Word::Undefined }
}
