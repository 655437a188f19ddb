//! The language's own classes: which members each has, and what values these take.

use crate::Version;

/// A concrete class of the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Class {
    Interface,
    Property,
    Relationship,
    Component,
    Telemetry,
    Command,
    CommandPayload,
    CommandRequest,
    CommandResponse,
    Array,
    Enum,
    EnumValue,
    Map,
    MapKey,
    MapValue,
    Object,
    Field,
}

/// What stands where an element is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    Interface,
    Content,
    ComplexSchema,
    Schema,
    Property,
    Request,
    Response,
    EnumValue,
    MapKey,
    MapValue,
    Field,
}

/// What values a member takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    /// Text by language, with the most characters of one in version 2 and 3.
    Localized(usize, usize),
    /// Text with the most characters.
    Text(usize),
    /// A name, with the most characters in version 2 and 3.
    Name(usize, usize),
    Boolean,
    /// An integer within bounds; the upper one for version 2 and 3.
    Integer(i64, i64, i64),
    /// The identifier of an interface that need not exist.
    Identifier,
    /// An integer or text, as the enum says.
    EnumValue,
    /// One of a few terms of the language.
    Choice(&'static str, &'static [&'static str]),
    /// Elements, defined in place or referred to.
    Elements(Slot),
}

/// One member of a class.
#[derive(Debug, PartialEq)]
pub(crate) struct Member {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// The least number of values in version 2 and 3.
    pub(crate) least: (usize, usize),
    /// The most values in version 2 and 3.
    pub(crate) most: (usize, usize),
}

const MANY: usize = usize::MAX;

const fn optional(name: &'static str, kind: Kind) -> Member {
    Member { name, kind, least: (0, 0), most: (1, 1) }
}

const fn required(name: &'static str, kind: Kind) -> Member {
    Member { name, kind, least: (1, 1), most: (1, 1) }
}

const fn set(name: &'static str, slot: Slot, least_v2: usize, most_v2: usize) -> Member {
    Member { name, kind: Kind::Elements(slot), least: (least_v2, 0), most: (most_v2, MANY) }
}

const NAME: Member = required("name", Kind::Name(64, 512));
const SCHEMA: Member = required("schema", Kind::Elements(Slot::Schema));
const WRITABLE: Member = optional("writable", Kind::Boolean);

static COMMON: [Member; 3] = [
    optional("displayName", Kind::Localized(64, 512)),
    optional("description", Kind::Localized(512, 512)),
    optional("comment", Kind::Text(512)),
];
static INTERFACE: [Member; 3] = [
    set("contents", Slot::Content, 0, 300),
    set("extends", Slot::Interface, 0, 2),
    set("schemas", Slot::ComplexSchema, 0, MANY),
];
static PROPERTY: [Member; 3] = [NAME, SCHEMA, WRITABLE];
static RELATIONSHIP: [Member; 6] = [
    NAME,
    optional("maxMultiplicity", Kind::Integer(1, 500, i64::MAX)),
    optional("minMultiplicity", Kind::Integer(0, 0, 0)),
    optional("target", Kind::Identifier),
    set("properties", Slot::Property, 0, 300),
    WRITABLE,
];
static COMPONENT: [Member; 2] = [NAME, required("schema", Kind::Elements(Slot::Interface))];
static NAMED_SCHEMA: [Member; 2] = [NAME, SCHEMA];
static COMMAND: [Member; 4] = [
    NAME,
    optional("request", Kind::Elements(Slot::Request)),
    optional("response", Kind::Elements(Slot::Response)),
    optional("commandType", Kind::Choice("CommandType", &["asynchronous", "synchronous"])),
];
static ARRAY: [Member; 1] = [required("elementSchema", Kind::Elements(Slot::Schema))];
static ENUM: [Member; 2] = [
    required("valueSchema", Kind::Choice("Schema", &["integer", "string"])),
    set("enumValues", Slot::EnumValue, 1, 100),
];
static ENUM_VALUE: [Member; 2] = [NAME, required("enumValue", Kind::EnumValue)];
static MAP: [Member; 2] =
    [required("mapKey", Kind::Elements(Slot::MapKey)), required("mapValue", Kind::Elements(Slot::MapValue))];
static MAP_KEY: [Member; 2] = [NAME, required("schema", Kind::Choice("Schema", &["string"]))];
static OBJECT: [Member; 1] = [set("fields", Slot::Field, 1, 30)];

/// The types that only group others which are no classes.
const ABSTRACT: [&str; 2] = ["SemanticType", "SemanticUnit"];

/// The classes that no element of a model can have: those that only group others, those of the language's own elements, and
/// those that only other versions have (version 4's among them).
const UNUSABLE: [&str; 36] = [
    "Entity",
    "NamedEntity",
    "Content",
    "Schema",
    "ComplexSchema",
    "PrimitiveSchema",
    "NumericSchema",
    "TemporalSchema",
    "SchemaField",
    "Unit",
    "UnitAttribute",
    "LatentType",
    "NamedLatentType",
    "CommandType",
    "CommandPayload",
    "CommandRequest",
    "CommandResponse",
    "Boolean",
    "Date",
    "DateTime",
    "Double",
    "Duration",
    "Float",
    "Integer",
    "Long",
    "String",
    "Time",
    "Byte",
    "Bytes",
    "Decimal",
    "Short",
    "UnsignedByte",
    "UnsignedInteger",
    "UnsignedLong",
    "UnsignedShort",
    "Uuid",
];

/// Every name of a member, to tell a misplaced one from an unknown one.
const MEMBERS: [&str; 28] = [
    "displayName",
    "description",
    "comment",
    "contents",
    "extends",
    "schemas",
    "name",
    "schema",
    "writable",
    "maxMultiplicity",
    "minMultiplicity",
    "target",
    "properties",
    "request",
    "response",
    "commandType",
    "elementSchema",
    "valueSchema",
    "enumValues",
    "enumValue",
    "mapKey",
    "mapValue",
    "fields",
    "languageMajorVersion",
    "symbol",
    "exponent",
    "asynchronous",
    "synchronous",
];

impl Class {
    /// The class with this name, in a version of the language.
    pub(crate) fn named(name: &str, version: Version) -> Option<Self> {
        let class = match name {
            "Interface" => Self::Interface,
            "Property" => Self::Property,
            "Relationship" => Self::Relationship,
            "Component" => Self::Component,
            "Telemetry" => Self::Telemetry,
            "Command" => Self::Command,
            "CommandPayload" if version == Version::V2 => Self::CommandPayload,
            "CommandRequest" if version == Version::V3 => Self::CommandRequest,
            "CommandResponse" if version == Version::V3 => Self::CommandResponse,
            "Array" => Self::Array,
            "Enum" => Self::Enum,
            "EnumValue" => Self::EnumValue,
            "Map" => Self::Map,
            "MapKey" => Self::MapKey,
            "MapValue" => Self::MapValue,
            "Object" => Self::Object,
            "Field" => Self::Field,
            _ => return None,
        };
        Some(class)
    }

    /// Its members apart from those that all classes have.
    fn own_members(self) -> &'static [Member] {
        match self {
            Self::Interface => &INTERFACE,
            Self::Property => &PROPERTY,
            Self::Relationship => &RELATIONSHIP,
            Self::Component => &COMPONENT,
            Self::Command => &COMMAND,
            Self::Array => &ARRAY,
            Self::Enum => &ENUM,
            Self::EnumValue => &ENUM_VALUE,
            Self::Map => &MAP,
            Self::MapKey => &MAP_KEY,
            Self::Object => &OBJECT,
            Self::Telemetry
            | Self::CommandPayload
            | Self::CommandRequest
            | Self::CommandResponse
            | Self::MapValue
            | Self::Field => &NAMED_SCHEMA,
        }
    }

    /// All its members.
    pub(crate) fn members(self) -> impl Iterator<Item = &'static Member> {
        COMMON.iter().chain(self.own_members())
    }

    /// Its member with this name.
    pub(crate) fn member(self, name: &str) -> Option<&'static Member> {
        self.members().find(|member| member.name == name)
    }

    /// Whether it is a schema made of other schemas.
    pub(crate) fn is_complex_schema(self) -> bool {
        matches!(self, Self::Array | Self::Enum | Self::Map | Self::Object)
    }

    /// Whether it can carry a quantity's semantic type in a version of the language.
    pub(crate) fn takes_semantic_type(self, version: Version) -> bool {
        match self {
            Self::Property | Self::Telemetry => true,
            Self::CommandRequest | Self::CommandResponse | Self::Field | Self::MapValue => version == Version::V3,
            _ => false,
        }
    }
}

impl Slot {
    /// Whether an element of this class may stand here.
    pub(crate) fn accepts(self, class: Class) -> bool {
        match self {
            Self::Content => matches!(
                class,
                Class::Property | Class::Relationship | Class::Component | Class::Telemetry | Class::Command
            ),
            Self::ComplexSchema | Self::Schema => class.is_complex_schema(),
            Self::Request => matches!(class, Class::CommandPayload | Class::CommandRequest),
            Self::Response => matches!(class, Class::CommandPayload | Class::CommandResponse),
            Self::Interface => class == Class::Interface,
            Self::Property => class == Class::Property,
            Self::EnumValue => class == Class::EnumValue,
            Self::MapKey => class == Class::MapKey,
            Self::MapValue => class == Class::MapValue,
            Self::Field => class == Class::Field,
        }
    }

    /// The class of an element that does not say its own, where there is only one.
    pub(crate) fn inferred(self, version: Version) -> Option<Class> {
        Some(match (self, version) {
            (Self::Request | Self::Response, Version::V2) => Class::CommandPayload,
            (Self::Request, Version::V3) => Class::CommandRequest,
            (Self::Response, Version::V3) => Class::CommandResponse,
            (Self::EnumValue, _) => Class::EnumValue,
            (Self::MapKey, _) => Class::MapKey,
            (Self::MapValue, _) => Class::MapValue,
            (Self::Field, _) => Class::Field,
            _ => return None,
        })
    }

    /// Whether elements here must have an identifier of their own.
    pub(crate) fn needs_id(self) -> bool {
        matches!(self, Self::Interface | Self::ComplexSchema)
    }

    /// Whether a version 3 element takes version 2 ones here.
    pub(crate) fn takes_older(self) -> bool {
        matches!(self, Self::Interface | Self::Content | Self::Schema | Self::Property)
    }

    /// What may stand here, in words.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Interface => "an Interface",
            Self::Content => "a Property, Relationship, Component, Telemetry or Command",
            Self::ComplexSchema => "an Array, Enum, Map or Object",
            Self::Schema => "a schema",
            Self::Property => "a Property",
            Self::Request => "a command request",
            Self::Response => "a command response",
            Self::EnumValue => "an EnumValue",
            Self::MapKey => "a MapKey",
            Self::MapValue => "a MapValue",
            Self::Field => "a Field",
        }
    }
}

/// Whether a name is that of a type which only groups others.
pub(crate) fn is_abstract_type(name: &str, version: Version) -> bool {
    ABSTRACT.contains(&name) || (name == "AdjunctType" && version == Version::V3)
}

/// Whether a name is that of a class which no element can have, unless it is one of the version in use.
pub(crate) fn is_unusable(name: &str) -> bool {
    UNUSABLE.contains(&name)
}

/// Whether some version of the language has a class of this name that elements can have.
pub(crate) fn is_class(name: &str) -> bool {
    [Version::V2, Version::V3].into_iter().any(|version| Class::named(name, version).is_some())
}

/// Whether any class has a member with this name.
pub(crate) fn is_member(name: &str) -> bool {
    MEMBERS.contains(&name)
}

impl Member {
    /// The least and the most values in a version of the language.
    pub(crate) fn bounds(&self, version: Version) -> (usize, usize) {
        match version {
            Version::V2 => (self.least.0, self.most.0),
            Version::V3 => (self.least.1, self.most.1),
        }
    }
}
