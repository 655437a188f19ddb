//! Which twin each device feeds, and where each of its properties lands.
//!
//! A device feeds the twin whose `$dtId` is the device's id, and no other: nothing is guessed. A property lands in the
//! property of the same name, its own or inherited; `component.property` lands in a component's, and `property.field` in a
//! field of an Object property (of a component's too, and deeper).

use std::collections::BTreeMap;

use dtdl::{Content, Primitive, Schema};
use functions::twin_info::{DeviceInfo, PropertyInfo, ValueSchema};
use serde_json::Value;

use super::{
    devices::{Device, Property},
    models::Known,
    nearest::nearest,
    source::Place,
    twins::Twin,
};
use crate::{
    definition::DataType,
    problem::{Code, Problem},
};

type Twins<'a> = BTreeMap<String, Twin<'a>>;

/// Finds every device's twin; puts initial and constant values into the twins that do not set them.
pub(super) fn find(
    place: Place<'_>,
    devices: &[Device],
    twins: &mut Twins<'_>,
    known: &Known,
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, DeviceInfo> {
    let mut feeds = BTreeMap::new();
    for device in devices {
        let Some(twin) = twins.get_mut(&device.id.value) else {
            problems.push(no_twin(place, device, twins));
            continue;
        };
        if known.models.get(&twin.model).is_none() {
            continue; // reported with the model or with the twin
        }
        let mut finder = Finder { place, known, twin };
        let mut properties = BTreeMap::new();
        for property in &device.properties {
            let landed = finder.find(property).and_then(|landing| Ok((finder.typed(property, &landing)?, landing)));
            match landed {
                Ok((info, landing)) => {
                    finder.preset(property, &landing, problems);
                    properties.insert(property.name.value.clone(), info);
                }
                Err(problem) => problems.push(*problem),
            }
        }
        finder.constants(device, &properties, problems);
        let (id, model) = (device.id.value.as_str(), twin.model.as_str());
        let info = DeviceInfo { twin: id.into(), model: model.into(), properties: properties.into() };
        feeds.insert(device.id.value.clone(), info);
    }
    feeds
}

fn no_twin(place: Place<'_>, device: &Device, twins: &Twins<'_>) -> Problem {
    let id = &device.id.value;
    let remedy = match nearest(id, twins.keys().map(String::as_str)) {
        Some(twin) => format!("give the device the id of its twin, perhaps \"{twin}\", or add a twin \"{id}\""),
        None => format!("add a twin with \"$dtId\": \"{id}\" to the hierarchy"),
    };
    place
        .problem_at(device.id.span, Code::DeviceHasNoTwin, format!("the device \"{id}\" has no twin"))
        .why("a device feeds the twin of its own id, so what it sends would land nowhere")
        .fix(remedy)
}

/// A property of a twin that takes values, with its model's schema.
struct Landing {
    component: Option<String>,
    property: String,
    /// The names that lead into an Object property; empty for the property itself.
    field: Vec<String>,
    /// The field's where there is one, else the property's.
    schema: Schema,
}

struct Finder<'f, 'a, 't> {
    place: Place<'a>,
    known: &'f Known,
    twin: &'f mut Twin<'t>,
}

impl Finder<'_, '_, '_> {
    fn find(&self, property: &Property) -> Result<Landing, Box<Problem>> {
        let name = property.name.value.as_str();
        let models = &self.known.models;
        let mut names = name.split('.');
        let first = names.next().unwrap_or_default();
        let (component, own, content) = match models.content(&self.twin.model, first) {
            Some(Content::Component(component)) => {
                let own = names.next().unwrap_or_default();
                (Some(first.to_owned()), own, models.content(component.schema.as_str(), own))
            }
            content => (None, first, content),
        };
        let field: Vec<String> = names.map(str::to_owned).collect();
        match content {
            Some(Content::Property(declared)) => match inside(&declared.schema, &field) {
                Some(schema) => Ok(Landing { component, property: own.to_owned(), field, schema: schema.clone() }),
                None => Err(Box::new(self.homeless(property))),
            },
            Some(Content::Telemetry(_)) => Err(Box::new(self.telemetry(property))),
            _ => Err(Box::new(self.homeless(property))),
        }
    }

    fn telemetry(&self, property: &Property) -> Problem {
        let name = &property.name.value;
        let message = format!("{} has \"{name}\" as Telemetry only", self.twin.model);
        self.place
            .problem_at(property.name.span, Code::DevicePropertyIsTelemetry, message)
            .why(
                "Azure Digital Twins passes telemetry on and does not store it, so the twin would never show the value",
            )
            .fix(format!("declare \"{name}\" as a Property in the model"))
    }

    fn homeless(&self, property: &Property) -> Problem {
        let (name, twin) = (&property.name.value, &self.twin);
        let message = format!("no property of the twin \"{}\" can take \"{name}\"", twin.id.value);
        let why = format!("its model {} has no property of that name, so live data would never land", twin.model);
        let candidates = self.candidates();
        let in_component = candidates.iter().find(|candidate| candidate.ends_with(&format!(".{name}")));
        let remedy = match in_component.map(String::as_str).or(nearest(name, candidates.iter().map(String::as_str))) {
            Some(candidate) => format!("did you mean \"{candidate}\"? otherwise declare \"{name}\" in the model"),
            None => format!("declare \"{name}\" as a Property in the model, or remove it from the device"),
        };
        self.place.problem_at(property.name.span, Code::DevicePropertyHasNoHome, message).why(why).fix(remedy)
    }

    /// The names under which a device can reach the twin's properties.
    fn candidates(&self) -> Vec<String> {
        let models = &self.known.models;
        let mut names = Vec::new();
        for property in models.properties(&self.twin.model) {
            add_names(&property.name, &property.schema, &mut names);
        }
        for component in models.components(&self.twin.model) {
            for property in models.properties(component.schema.as_str()) {
                add_names(&format!("{}.{}", component.name, property.name), &property.schema, &mut names);
            }
        }
        names
    }

    fn typed(&self, property: &Property, landing: &Landing) -> Result<PropertyInfo, Box<Problem>> {
        match compatible(property.data_type, &landing.schema) {
            Some(schema) => Ok(PropertyInfo {
                component: landing.component.clone(),
                property: landing.property.clone(),
                field: landing.field.clone(),
                schema,
            }),
            None => {
                let name = &property.name.value;
                let sends = data_type_name(property.data_type);
                let message = format!("\"{name}\" is sent as {sends}, and the model takes {}", landing.schema);
                let why = format!("Azure Digital Twins rejects a {sends} for {}", landing.schema);
                let problem = self.place.problem_at(property.type_span, Code::DevicePropertyType, message);
                Err(Box::new(problem.why(why).fix("let both be of one type")))
            }
        }
    }

    /// Sets the initial value where the twin has none of its own.
    fn preset(&mut self, property: &Property, landing: &Landing, problems: &mut Vec<Problem>) {
        let Some(initial) = &property.value else { return };
        if let Err(wrong) = dtdl::check_value(&landing.schema, &initial.value) {
            let problem = self.place.problem_at(initial.span, Code::BadValue, format!("\"initValue\": {wrong}"));
            let why = "the twin starts with this value, and Azure Digital Twins checks it against the model";
            problems.push(problem.why(why).fix(format!("write a value of schema {}", wrong.expected)));
            return;
        }
        self.slot(landing, |slot| {
            slot.get_or_insert(initial.value.clone());
        });
    }

    fn constants(&mut self, device: &Device, sent: &BTreeMap<String, PropertyInfo>, problems: &mut Vec<Problem>) {
        for constant in &device.const_properties {
            let landed = self.find(constant).and_then(|landing| Ok((self.typed(constant, &landing)?, landing)));
            match landed {
                Ok((info, _)) if sent.values().any(|sent| sent.field != info.field && sent.shares_property(&info)) => {
                    problems.push(self.overwritten(constant, &info));
                }
                Ok((_, landing)) => self.fix_value(constant, &landing, problems),
                Err(mut problem) if problem.code != Code::DevicePropertyType => {
                    // The device knows it all the same, so this is no reason not to deploy.
                    problem.code = Code::ConstPropertyHasNoHome;
                    problem.severity = problem.code.severity();
                    problem.why = "its model cannot hold the constant, so the twin will not show it".into();
                    problems.push(*problem);
                }
                Err(problem) => problems.push(*problem),
            }
        }
    }

    fn overwritten(&self, constant: &Property, info: &PropertyInfo) -> Problem {
        let name = &constant.name;
        let message = format!("\"{}\" is constant, and other fields of \"{}\" are sent", name.value, info.property);
        self.place
            .problem_at(name.span, Code::DevicePropertiesCollide, message)
            .why("an object is written whole, so the first message would remove the constant from the twin")
            .fix("let the device send it with the other fields, or remove it")
    }

    fn fix_value(&mut self, constant: &Property, landing: &Landing, problems: &mut Vec<Problem>) {
        let Some(value) = &constant.value else { return };
        let mut other = None;
        self.slot(landing, |slot| match slot {
            Some(set) if *set != value.value => other = Some(set.clone()),
            slot => *slot = Some(value.value.clone()),
        });
        if let Some(other) = other {
            let message = format!("\"{}\" is {} here and {other} in the twin", constant.name.value, value.value);
            let problem = self.place.problem_at(value.span, Code::ValueContradictsTwin, message);
            problems
                .push(problem.why("a constant has one value").fix("write the same value, or remove one of the two"));
        }
    }

    /// Works on a property's or field's value in the twin's body. Objects on the way to a field are made; a component that
    /// is missing is reported elsewhere and not made up.
    fn slot(&mut self, landing: &Landing, work: impl FnOnce(&mut Option<Value>)) {
        let mut body = match &landing.component {
            None => &mut self.twin.body,
            Some(component) => match self.twin.body.get_mut(component) {
                Some(Value::Object(body)) => body,
                _ => return,
            },
        };
        let mut name = &landing.property;
        for inner in &landing.field {
            let object = body.entry(name.clone()).or_insert_with(|| Value::Object(serde_json::Map::new()));
            let Value::Object(object) = object else { return }; // reported with the twin
            (body, name) = (object, inner);
        }
        let mut value = body.remove(name);
        work(&mut value);
        if let Some(value) = value {
            body.insert(name.clone(), value);
        }
    }
}

/// The schema that a field has inside an Object, or the schema itself where no name leads inside.
fn inside<'s>(schema: &'s Schema, field: &[String]) -> Option<&'s Schema> {
    field.iter().try_fold(schema, |schema, name| match schema {
        Schema::Object(object) => object.fields.get(name),
        _ => None,
    })
}

/// Adds the names of what a schema takes: of an Object's fields, else its own.
fn add_names(name: &str, schema: &Schema, names: &mut Vec<String>) {
    match schema {
        Schema::Object(object) => {
            object.fields.iter().for_each(|(field, schema)| add_names(&format!("{name}.{field}"), schema, names));
        }
        _ => names.push(name.to_owned()),
    }
}

/// What the live path sends for a device's type into a schema; `None` when the schema does not take it.
fn compatible(data_type: DataType, schema: &Schema) -> Option<ValueSchema> {
    let primitive = match schema {
        Schema::Primitive(primitive) => *primitive,
        Schema::Enum(values) => return enumeration(data_type, values),
        Schema::Object(_) | Schema::Map(_) | Schema::Array(_) => return None,
    };
    use DataType as D;
    match (data_type, primitive) {
        (D::Boolean, Primitive::Boolean) => Some(ValueSchema::Boolean),
        (D::Integer, Primitive::Integer) => Some(ValueSchema::Integer),
        (D::Integer | D::Long, Primitive::Long) => Some(ValueSchema::Long),
        (D::Integer | D::Long | D::Float | D::Double, Primitive::Float) => Some(ValueSchema::Float),
        (D::Integer | D::Long | D::Float | D::Double, Primitive::Double) => Some(ValueSchema::Double),
        (D::String, Primitive::String) => Some(ValueSchema::String),
        (D::String, Primitive::Date) => Some(ValueSchema::Date),
        (D::String, Primitive::DateTime) => Some(ValueSchema::DateTime),
        (D::String, Primitive::Time) => Some(ValueSchema::Time),
        (D::String, Primitive::Duration) => Some(ValueSchema::Duration),
        _ => None,
    }
}

/// Enumerations of strings take strings; those of integers have no name on a device's side.
fn enumeration(data_type: DataType, values: &dtdl::Enum) -> Option<ValueSchema> {
    let strings = values.values.values().map(|value| value.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>();
    match (data_type, strings) {
        (DataType::String, Some(strings)) => Some(ValueSchema::Enum(strings)),
        _ => None,
    }
}

const fn data_type_name(data_type: DataType) -> &'static str {
    match data_type {
        DataType::String => "STRING",
        DataType::Double => "DOUBLE",
        DataType::Float => "FLOAT",
        DataType::Integer => "INTEGER",
        DataType::Long => "LONG",
        DataType::Boolean => "BOOLEAN",
    }
}
