//! What values a property or telemetry takes.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// A resolved schema, cheap to clone.
///
/// ```
/// use dtdl::{Document, Models, Primitive, Rules, Schema};
///
/// let model = serde_json::json!({
///     "@context": "dtmi:dtdl:context;3", "@id": "dtmi:example:Pump;1", "@type": "Interface",
///     "contents": [{ "@type": "Property", "name": "state", "schema": {
///         "@type": "Enum", "valueSchema": "string", "enumValues": [{ "name": "off", "enumValue": "OFF" }] } }],
/// });
/// let models = Models::parse(Rules::Adt, &[Document::from_value(&model)])?;
/// let state = models.properties("dtmi:example:Pump;1").next().expect("there is one");
/// let Schema::Enum(states) = &state.schema else { panic!("the schema is an Enum") };
/// assert_eq!((states.value_schema, &states.values["off"]), (Primitive::String, &"OFF".into()));
/// # Ok::<(), Vec<dtdl::Problem>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Schema {
    /// One of the language's own.
    Primitive(Primitive),
    /// One of a list of values.
    Enum(Arc<Enum>),
    /// Named fields, each optional.
    Object(Arc<Object>),
    /// Names that the model does not know, values of one schema.
    Map(Arc<Map>),
    /// A list of values of one schema.
    Array(Arc<Schema>),
}

/// The language's own schemas. The geospatial ones take GeoJSON objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Primitive {
    /// `boolean`
    Boolean,
    /// `date`: full-date of RFC 3339.
    Date,
    /// `dateTime`: date-time of RFC 3339.
    DateTime,
    /// `double`: IEEE 8-byte floating point.
    Double,
    /// `duration`: ISO 8601.
    Duration,
    /// `float`: IEEE 4-byte floating point.
    Float,
    /// `integer`: signed, 4 bytes.
    Integer,
    /// `long`: signed, 8 bytes.
    Long,
    /// `string`: UTF-8.
    String,
    /// `time`: full-time of RFC 3339.
    Time,
    /// `point` of GeoJSON.
    Point,
    /// `lineString` of GeoJSON.
    LineString,
    /// `polygon` of GeoJSON.
    Polygon,
    /// `multiPoint` of GeoJSON.
    MultiPoint,
    /// `multiLineString` of GeoJSON.
    MultiLineString,
    /// `multiPolygon` of GeoJSON.
    MultiPolygon,
}

const ALL: [Primitive; 16] = [
    Primitive::Boolean,
    Primitive::Date,
    Primitive::DateTime,
    Primitive::Double,
    Primitive::Duration,
    Primitive::Float,
    Primitive::Integer,
    Primitive::Long,
    Primitive::String,
    Primitive::Time,
    Primitive::Point,
    Primitive::LineString,
    Primitive::Polygon,
    Primitive::MultiPoint,
    Primitive::MultiLineString,
    Primitive::MultiPolygon,
];

impl Primitive {
    /// The name in the language (`dateTime`).
    pub fn name(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::DateTime => "dateTime",
            Self::Double => "double",
            Self::Duration => "duration",
            Self::Float => "float",
            Self::Integer => "integer",
            Self::Long => "long",
            Self::String => "string",
            Self::Time => "time",
            Self::Point => "point",
            Self::LineString => "lineString",
            Self::Polygon => "polygon",
            Self::MultiPoint => "multiPoint",
            Self::MultiLineString => "multiLineString",
            Self::MultiPolygon => "multiPolygon",
        }
    }

    /// The names of all.
    pub(crate) fn names() -> [&'static str; 16] {
        ALL.map(Self::name)
    }

    /// The schema with this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        ALL.into_iter().find(|primitive| primitive.name() == name)
    }

    /// Whether its values hold arrays (coordinates of GeoJSON).
    pub(crate) fn is_geospatial(self) -> bool {
        matches!(
            self,
            Self::Point
                | Self::LineString
                | Self::Polygon
                | Self::MultiPoint
                | Self::MultiLineString
                | Self::MultiPolygon
        )
    }

    /// How deep the schemas stand that the language defines it with: an object with arrays of coordinates, or nothing.
    pub(crate) fn depth(self) -> usize {
        match self {
            Self::Point => 2,
            Self::LineString | Self::MultiPoint => 3,
            Self::Polygon | Self::MultiLineString => 4,
            Self::MultiPolygon => 5,
            _ => 0,
        }
    }

    /// Whether it takes numbers.
    pub fn is_numeric(self) -> bool {
        matches!(self, Self::Double | Self::Float | Self::Integer | Self::Long)
    }
}

/// A list of named values, all integers or all strings.
#[derive(Debug, Clone, PartialEq)]
pub struct Enum {
    /// [`Primitive::Integer`] or [`Primitive::String`].
    pub value_schema: Primitive,
    /// The values by name, as JSON numbers or strings.
    pub values: BTreeMap<String, serde_json::Value>,
}

/// Named fields.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// The schemas by field name.
    pub fields: BTreeMap<String, Schema>,
}

/// Values under names of the twin's own choice.
#[derive(Debug, Clone, PartialEq)]
pub struct Map {
    /// The model's name for the keys.
    pub key_name: String,
    /// The model's name for the values.
    pub value_name: String,
    /// The schema of the values.
    pub value: Schema,
}

impl fmt::Display for Schema {
    /// Writes a primitive's name, or the kind of a complex schema.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Primitive(primitive) => primitive.name(),
            Self::Enum(_) => "Enum",
            Self::Object(_) => "Object",
            Self::Map(_) => "Map",
            Self::Array(_) => "Array",
        })
    }
}
