//! Valid sets of models, over the whole language.

use fastrand::Rng;
use serde_json::{Map, Value, json};

pub(crate) const PRIMITIVES: [&str; 16] = [
    "boolean",
    "date",
    "dateTime",
    "double",
    "duration",
    "float",
    "integer",
    "long",
    "string",
    "time",
    "point",
    "lineString",
    "polygon",
    "multiPoint",
    "multiLineString",
    "multiPolygon",
];
/// Those whose values hold no arrays, which properties of version 2 ask for.
const FLAT: &[&str] = PRIMITIVES.split_at(10).0;
const NUMERIC: [&str; 4] = ["double", "float", "integer", "long"];
/// Semantic types that both versions have, with a unit.
const QUANTITIES: [(&str, &str, &str); 8] = [
    ("Temperature", "degreeCelsius", "TemperatureUnit"),
    ("Velocity", "metrePerSecond", "VelocityUnit"),
    ("Distance", "kilometre", "LengthUnit"),
    ("Humidity", "gramPerCubicMetre", "DensityUnit"),
    ("RelativeHumidity", "percent", "Unitless"),
    ("Power", "kilowatt", "PowerUnit"),
    ("TimeSpan", "second", "TimeUnit"),
    ("Pressure", "bar", "PressureUnit"),
];
/// The most schemas inside one another, and inside those that an interface defines for all its contents.
const DEPTH: usize = 5;
const SHARED_DEPTH: usize = 3;
const TEXTS: [&str; 4] = ["a", "Etwas, längeres", "µ", "the current value"];

/// The extensions that the parser and we know, by the family that cannot be there twice.
const EXTENSIONS: [(&str, u8); 4] =
    [("quantitativeTypes", 1), ("annotation", 2), ("overriding", 2), ("historization", 2)];

/// An interface that others may build on.
struct Known {
    id: String,
    version: u8,
    /// The steps to the farthest interface that it extends.
    depth: usize,
    /// Whether it has a component, own or inherited.
    has_components: bool,
}

/// Where a schema stands, which decides what it may be.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// A property of version 2, or something inside one: no arrays.
    Flat,
    Any,
}

/// Makes sets of models out of random numbers.
pub(crate) struct Generator<'a> {
    random: &'a mut Rng,
    names: u32,
    version: u8,
    /// The names of the extensions in use.
    extensions: Vec<&'static str>,
    id: String,
    /// The schemas that the interface defines for all its contents: their ids, and whether they are without arrays.
    schemas: Vec<(String, bool)>,
}

/// How many schemas the language itself defines a primitive with.
fn levels(primitive: &str) -> usize {
    match primitive {
        "point" => 2,
        "lineString" | "multiPoint" => 3,
        "polygon" | "multiLineString" => 4,
        "multiPolygon" => 5,
        _ => 0,
    }
}

/// A valid set of models.
pub(crate) fn models(random: &mut Rng) -> Vec<Value> {
    let mut known: Vec<Known> = Vec::new();
    let mut names = 0;
    let mut models: Vec<Value> = (0..random.usize(1..=4))
        .map(|number| {
            let version = random.u8(2..=3);
            let id = format!("dtmi:gen:m{number};{}", random.u32(1..=9));
            let mut generator =
                Generator { random: &mut *random, names, version, extensions: vec![], id, schemas: vec![] };
            let model = generator.interface(&mut known);
            names = generator.names;
            model
        })
        .collect();
    random.shuffle(&mut models);
    models
}

impl Generator<'_> {
    fn one<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.random.usize(0..values.len())]
    }

    /// True in one of so many cases.
    fn rarely(&mut self, cases: u32) -> bool {
        self.random.u32(0..cases) == 0
    }

    fn name(&mut self) -> String {
        self.names += 1;
        let stem = self.one(&["p", "Temp_x", "a1", "longerName"]);
        format!("{stem}{}", self.names)
    }

    fn interface(&mut self, known: &mut Vec<Known>) -> Value {
        let context = self.context();
        let mut model = json!({"@context": context, "@id": self.id, "@type": "Interface"});
        let members = model.as_object_mut().expect("it is one");
        self.words(members);
        self.shared_schemas(members);
        let parents = self.parents(known);
        let mut depth = 0;
        let mut has_components = false;
        for parent in &parents {
            depth = depth.max(known[*parent].depth + 1);
            has_components |= known[*parent].has_components;
        }
        if !parents.is_empty() {
            let ids: Vec<_> = parents.iter().map(|parent| known[*parent].id.as_str()).collect();
            members.insert("extends".into(), if ids.len() == 1 && self.rarely(2) { json!(ids[0]) } else { json!(ids) });
        }
        let mut contents: Vec<Value> = (0..self.random.usize(0..=5)).map(|_| self.content(known)).collect();
        contents.extend(self.annotations(&contents));
        has_components |= contents.iter().any(|content| content["@type"] == "Component");
        if !contents.is_empty() || self.rarely(3) {
            members.insert("contents".into(), contents.into());
        }
        known.push(Known { id: self.id.clone(), version: self.version, depth, has_components });
        model
    }

    fn context(&mut self) -> Value {
        let language = format!("dtmi:dtdl:context;{}", self.version);
        if self.version == 2 {
            return if self.rarely(4) { json!([language]) } else { json!(language) };
        }
        let mut context = vec![language];
        // Overriding goes with the same version of annotation.
        let version = self.random.u8(1..=2);
        for (name, newest) in EXTENSIONS {
            if self.rarely(2) {
                let version = version.min(newest);
                context.push(format!("dtmi:dtdl:extension:{name};{version}"));
                self.extensions.push(name);
            }
        }
        if context.len() == 1 { json!(context[0]) } else { json!(context) }
    }

    /// Names and comments for people, sometimes.
    fn words(&mut self, members: &mut Map<String, Value>) {
        for key in ["displayName", "description"] {
            if self.rarely(6) {
                let text = self.one(&TEXTS);
                let value = match self.random.u8(0..3) {
                    0 => json!(text),
                    1 => json!({"en": text, "de-AT": "x", "zh-Hant": "y"}),
                    _ => json!([{"@value": text, "@language": "en"}, {"@value": "x", "@language": "fr"}]),
                };
                members.insert(key.into(), value);
            }
        }
        if self.rarely(8) {
            members.insert("comment".into(), json!(self.one(&TEXTS)));
        }
    }

    fn shared_schemas(&mut self, members: &mut Map<String, Value>) {
        let count = if self.rarely(2) { 0 } else { self.random.usize(0..3) };
        let mut list = Vec::new();
        for number in 0..count {
            let place = if self.rarely(2) { Place::Flat } else { Place::Any };
            let id = self.id.replace(';', &format!(":s{number};"));
            let mut schema = self.complex(SHARED_DEPTH - 1, place);
            schema["@id"] = json!(id);
            self.schemas.push((id, place == Place::Flat));
            list.push(schema);
        }
        if !list.is_empty() {
            members.insert("schemas".into(), list.into());
        }
    }

    fn parents(&mut self, known: &[Known]) -> Vec<usize> {
        let fits = |parent: &Known| (self.version == 3 || parent.version == 2) && parent.depth < 10;
        let mut fitting: Vec<usize> = (0..known.len()).filter(|index| fits(&known[*index])).collect();
        self.random.shuffle(&mut fitting);
        let most = if self.version == 2 { 2 } else { 3 };
        fitting.truncate(self.random.usize(0..=most));
        fitting
    }

    fn content(&mut self, known: &[Known]) -> Value {
        let name = self.name();
        let parts: Vec<&Known> =
            known.iter().filter(|part| !part.has_components && (self.version == 3 || part.version == 2)).collect();
        let mut content = match self.random.u8(0..10) {
            0..=3 => self.property(&name),
            4..=5 => self.telemetry(&name),
            6 => self.relationship(&name, known),
            7 => {
                let known = parts.get(self.random.usize(0..=parts.len())).map(|part| json!(part.id));
                let part = known.unwrap_or_else(|| self.inline_part(&name));
                json!({"@type": "Component", "name": name, "schema": part})
            }
            _ => self.command(&name),
        };
        if self.rarely(6) {
            content["@id"] = json!(self.id.replace(';', &format!(":{name};")));
        }
        self.words(content.as_object_mut().expect("it is one"));
        content
    }

    /// An interface inside this one, which cannot use its schemas.
    fn inline_part(&mut self, name: &str) -> Value {
        let shared = std::mem::take(&mut self.schemas);
        let (first, second) = (self.name(), self.name());
        let contents = json!([self.property(&first), self.telemetry(&second)]);
        self.schemas = shared;
        json!({"@id": self.id.replace(';', &format!(":part_{name};")), "@type": "Interface", "contents": contents})
    }

    fn property(&mut self, name: &str) -> Value {
        let place = if self.version == 2 { Place::Flat } else { Place::Any };
        let mut property = self.valued("Property", name, place);
        if self.rarely(3) {
            property["writable"] = json!(self.random.bool());
        }
        property
    }

    fn telemetry(&mut self, name: &str) -> Value {
        self.valued("Telemetry", name, Place::Any)
    }

    /// Something with a schema, perhaps a quantity, perhaps with a history.
    fn valued(&mut self, class: &str, name: &str, place: Place) -> Value {
        let quantities = self.version == 2 || self.extensions.contains(&"quantitativeTypes");
        let mut types = vec![class];
        let mut value = json!({"name": name});
        if quantities && self.rarely(3) {
            let (quantity, unit, _) = self.one(&QUANTITIES);
            types.push(quantity);
            value["unit"] = json!(unit);
            value["schema"] = json!(self.one(&NUMERIC));
        } else {
            value["schema"] = self.schema(DEPTH, place);
        }
        if self.extensions.contains(&"historization") && self.rarely(3) {
            types.push("Historized");
        }
        value["@type"] = if types.len() == 1 && self.rarely(2) { json!(types[0]) } else { json!(types) };
        value
    }

    fn relationship(&mut self, name: &str, known: &[Known]) -> Value {
        let mut relationship = json!({"@type": "Relationship", "name": name});
        if self.rarely(2) {
            let target = known.last().map_or("dtmi:elsewhere:Thing;7", |known| &known.id);
            relationship["target"] = json!(target);
        }
        if self.rarely(3) {
            relationship["minMultiplicity"] = json!(0);
        }
        if self.rarely(3) {
            relationship["maxMultiplicity"] = json!(self.one(&[1, 2, 500]));
        }
        if self.rarely(3) {
            relationship["writable"] = json!(self.random.bool());
        }
        if self.rarely(2) {
            let count = self.random.usize(0..3);
            let properties: Vec<_> = (0..count)
                .map(|_| {
                    let name = self.name();
                    self.property(&name)
                })
                .collect();
            relationship["properties"] = properties.into();
        }
        relationship
    }

    fn command(&mut self, name: &str) -> Value {
        let mut command = json!({"@type": "Command", "name": name});
        if self.version == 2 && self.rarely(4) {
            command["commandType"] = json!(self.one(&["synchronous", "asynchronous"]));
        }
        for (member, class) in [("request", "CommandRequest"), ("response", "CommandResponse")] {
            if self.rarely(2) {
                let mut payload = json!({"name": self.name(), "schema": self.schema(DEPTH, Place::Any)});
                if self.rarely(2) {
                    payload["@type"] = json!(if self.version == 2 { "CommandPayload" } else { class });
                }
                command[member] = payload;
            }
        }
        command
    }

    /// A schema at most `depth` levels deep.
    fn schema(&mut self, depth: usize, place: Place) -> Value {
        let fitting: Vec<_> = self.schemas.iter().filter(|(_, flat)| *flat || place == Place::Any).collect();
        if depth >= SHARED_DEPTH && !fitting.is_empty() && self.random.u8(0..4) == 0 {
            return json!(fitting[self.random.usize(0..fitting.len())].0);
        }
        if depth > 0 && self.rarely(3) {
            return self.complex(depth - 1, place);
        }
        let flat = if place == Place::Flat { FLAT } else { PRIMITIVES.as_slice() };
        let fitting: Vec<_> = flat.iter().filter(|name| levels(name) <= depth).copied().collect();
        json!(self.one(&fitting))
    }

    /// A schema that is made of others, which are at most `depth` levels deep.
    fn complex(&mut self, depth: usize, place: Place) -> Value {
        match self.random.u8(0..4) {
            0 if place == Place::Any => json!({"@type": "Array", "elementSchema": self.schema(depth, place)}),
            1 => self.enumeration(),
            2 => {
                let (key, value) = (self.name(), self.name());
                json!({"@type": "Map", "mapKey": {"name": key, "schema": "string"},
                    "mapValue": {"name": value, "schema": self.schema(depth, place)}})
            }
            _ => {
                let count = self.random.usize(1..4);
                let fields: Vec<_> =
                    (0..count).map(|_| json!({"name": self.name(), "schema": self.schema(depth, place)})).collect();
                json!({"@type": "Object", "fields": fields})
            }
        }
    }

    fn enumeration(&mut self) -> Value {
        let integers = self.random.bool();
        let count = self.random.usize(1..4);
        let values: Vec<_> = (0..count)
            .map(|number| {
                let value = if integers { json!(number) } else { json!(format!("v{number}")) };
                json!({"name": self.name(), "enumValue": value})
            })
            .collect();
        json!({"@type": "Enum", "valueSchema": if integers { "integer" } else { "string" }, "enumValues": values})
    }

    /// Contents that say something of other contents, where the extensions are there.
    fn annotations(&mut self, contents: &[Value]) -> Vec<Value> {
        let mut annotations = Vec::new();
        if !self.extensions.contains(&"annotation") {
            return annotations;
        }
        for content in contents {
            let is = |class: &str| content["@type"].as_array().is_some_and(|types| types.contains(&json!(class)));
            if !(is("Property") || is("Telemetry")) || !self.rarely(2) {
                continue;
            }
            let quantity = QUANTITIES.iter().find(|(name, ..)| is(name));
            let (name, annotated) = (self.name(), content["name"].clone());
            match quantity {
                Some((_, _, units)) if self.extensions.contains(&"overriding") && self.rarely(2) => {
                    annotations.push(json!({"@type": ["Property", "ValueAnnotation", "Override"], "name": name,
                        "annotates": annotated, "overrides": "unit", "schema": units}));
                }
                _ => annotations.push(json!({"@type": ["Telemetry", "ValueAnnotation"], "name": name,
                    "annotates": annotated, "schema": "integer"})),
            }
        }
        annotations
    }
}
