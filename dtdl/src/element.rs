//! Elements as read: what a document defines, before references are followed.

use std::collections::HashMap;

use crate::context::Context;
use crate::metamodel::{Class, Slot};
use crate::quantity::Quantity;
use crate::report::Place;
use crate::{Dtmi, Localized, Primitive};

/// One element of a document.
#[derive(Debug)]
pub(crate) struct Element {
    pub(crate) class: Class,
    pub(crate) context: Context,
    pub(crate) id: Option<Dtmi>,
    pub(crate) place: Place,
    /// The interface that it is defined in; itself for an interface.
    pub(crate) partition: usize,
    pub(crate) name: Option<String>,
    pub(crate) display_name: Localized,
    pub(crate) description: Localized,
    pub(crate) writable: bool,
    pub(crate) min_multiplicity: Option<i64>,
    pub(crate) max_multiplicity: Option<i64>,
    pub(crate) target: Option<Dtmi>,
    /// A term of the language: an enum's value schema.
    pub(crate) choice: Option<&'static str>,
    pub(crate) enum_value: Option<serde_json::Value>,
    pub(crate) quantity: Option<&'static Quantity>,
    pub(crate) unit: Option<&'static str>,
    /// The types of extensions that it has.
    pub(crate) extensions: Vec<&'static str>,
    /// The name of the content that it annotates.
    pub(crate) annotates: Option<String>,
    /// The member of the annotated content that it overrides.
    pub(crate) overrides: Option<String>,
    pub(crate) links: Vec<Link>,
}

/// One value of a member that holds elements.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) member: &'static str,
    pub(crate) slot: Slot,
    pub(crate) target: Target,
    pub(crate) place: Place,
}

/// What a member's value is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Target {
    /// Defined in place: its number in the arena.
    Element(usize),
    /// Defined elsewhere.
    Reference(Dtmi),
    /// One of the language's own schemas.
    Primitive(Primitive),
    /// A unit type of quantities, whose units are the values.
    Units(&'static str),
}

/// All elements of the documents, with what is defined under an identifier.
#[derive(Debug, Default)]
pub(crate) struct Arena {
    pub(crate) elements: Vec<Element>,
    pub(crate) by_id: HashMap<Dtmi, usize>,
    /// The top-level elements, in the order of the documents.
    pub(crate) roots: Vec<usize>,
}

impl Element {
    /// Its links of one member.
    pub(crate) fn links(&self, member: &str) -> impl Iterator<Item = &Link> {
        self.links.iter().filter(move |link| link.member == member)
    }

    /// What to call it in a message.
    pub(crate) fn title(&self) -> String {
        match (&self.id, &self.name) {
            (_, Some(name)) => format!("{:?} \"{name}\"", self.class),
            (Some(id), None) => id.to_string(),
            (None, None) => format!("{:?}", self.class),
        }
    }
}

impl Arena {
    /// The element that a target stands for, where the documents define it.
    pub(crate) fn find(&self, target: &Target) -> Option<usize> {
        match target {
            Target::Element(index) => Some(*index),
            Target::Reference(id) => self.by_id.get(id).copied(),
            Target::Primitive(_) | Target::Units(_) => None,
        }
    }
}
