//! What a validated model is: an interface with its contents.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{Dtmi, Schema};

/// The version of the language that a model is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// `dtmi:dtdl:context;2`.
    V2,
    /// `dtmi:dtdl:context;3`.
    V3,
}

/// Text by language tag (`en`, `de-AT`); text without a language stands under `en`, as the language says.
pub type Localized = BTreeMap<String, String>;

/// A valid model.
///
/// ```
/// use dtdl::{Document, Models, Rules, Version};
///
/// let model = serde_json::json!({
///     "@context": "dtmi:dtdl:context;2", "@id": "dtmi:example:Room;1", "@type": "Interface", "displayName": "Room",
/// });
/// let models = Models::parse(Rules::Adt, &[Document::from_value(&model)])?;
/// let room = models.get("dtmi:example:Room;1").expect("it is there");
/// assert_eq!((room.version, room.display_name["en"].as_str()), (Version::V2, "Room"));
/// # Ok::<(), Vec<dtdl::Problem>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Interface {
    /// Its identifier.
    pub id: Dtmi,
    /// The version of the language.
    pub version: Version,
    /// The name for people.
    pub display_name: Localized,
    /// The description for people.
    pub description: Localized,
    /// The interfaces that it extends directly, as written.
    pub extends: Vec<Dtmi>,
    /// Every interface that it extends, near or far, sorted.
    pub ancestors: Vec<Dtmi>,
    /// Its own contents by name, without those it inherits.
    pub contents: BTreeMap<String, Arc<Content>>,
    /// All contents by name, inherited ones included.
    pub flattened: BTreeMap<String, Arc<Content>>,
    /// The most steps to an interface that it extends; 0 when it extends none.
    pub(crate) depth: usize,
}

/// One entry of an interface's `contents`.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// State that the twin keeps.
    Property(Property),
    /// A link to other twins.
    Relationship(Relationship),
    /// Another interface as a part.
    Component(Component),
    /// Measurements that the twin does not keep.
    Telemetry(Telemetry),
    /// Something that can be asked of the device; ADT has none.
    Command(Command),
}

impl Content {
    /// The name, unique among an interface's contents.
    pub fn name(&self) -> &str {
        match self {
            Self::Property(property) => &property.name,
            Self::Relationship(relationship) => &relationship.name,
            Self::Component(component) => &component.name,
            Self::Telemetry(telemetry) => &telemetry.name,
            Self::Command(command) => &command.name,
        }
    }

    /// What it is, as the language names it (`Property`, `Telemetry`, ...).
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Property(_) => "Property",
            Self::Relationship(_) => "Relationship",
            Self::Component(_) => "Component",
            Self::Telemetry(_) => "Telemetry",
            Self::Command(_) => "Command",
        }
    }
}

/// State that a twin, or a relationship, keeps.
#[derive(Debug, Clone, PartialEq)]
pub struct Property {
    /// The name.
    pub name: String,
    /// What values it takes.
    pub schema: Schema,
    /// Whether it may be written; not enforced by ADT.
    pub writable: bool,
    /// The version of the language that it is written in; another one than the interface's where it is inherited.
    pub version: Version,
    /// The semantic type (`Temperature`), where it has one.
    pub semantic_type: Option<String>,
    /// The unit (`degreeCelsius`), where it has one.
    pub unit: Option<String>,
    /// The name of the content that it annotates, where it is a `ValueAnnotation`.
    pub annotates: Option<String>,
    /// The member of that content that it overrides (`unit`), where it is an `Override`.
    pub overrides: Option<String>,
}

/// A link to other twins.
#[derive(Debug, Clone, PartialEq)]
pub struct Relationship {
    /// The name.
    pub name: String,
    /// The model that the far end must have; any model when absent. It need not exist.
    pub target: Option<Dtmi>,
    /// The least number of links; not enforced by ADT.
    pub min_multiplicity: Option<u32>,
    /// The most links; not enforced by ADT.
    pub max_multiplicity: Option<u32>,
    /// Whether it may be written; not enforced by ADT.
    pub writable: bool,
    /// What each link keeps, by name.
    pub properties: BTreeMap<String, Property>,
}

/// Another interface as a part.
#[derive(Debug, Clone, PartialEq)]
pub struct Component {
    /// The name.
    pub name: String,
    /// The interface of the part.
    pub schema: Dtmi,
}

/// Measurements that a twin does not keep.
#[derive(Debug, Clone, PartialEq)]
pub struct Telemetry {
    /// The name.
    pub name: String,
    /// What values it takes.
    pub schema: Schema,
    /// The version of the language that it is written in; another one than the interface's where it is inherited.
    pub version: Version,
    /// The semantic type (`Temperature`), where it has one.
    pub semantic_type: Option<String>,
    /// The unit (`degreeCelsius`), where it has one.
    pub unit: Option<String>,
    /// The name of the content that it annotates, where it is a `ValueAnnotation`.
    pub annotates: Option<String>,
}

/// Something that can be asked of the device.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// The name.
    pub name: String,
}

impl Interface {
    /// The models that must exist before this one: what it extends, and the interfaces of its own components.
    pub fn dependencies(&self) -> impl Iterator<Item = &Dtmi> {
        let components = self.contents.values().filter_map(|content| match &**content {
            Content::Component(component) => Some(&component.schema),
            _ => None,
        });
        self.extends.iter().chain(components)
    }
}
