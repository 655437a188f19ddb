//! `config_iot_devices.json`.

use std::collections::BTreeSet;

use jsonc_parser::ast::Value;

use super::{
    fields::{Fields, Located, array, object},
    nearest::did_you_mean,
    source::Place,
};
use crate::{
    definition::DataType,
    naming,
    problem::{Code, Problem, Span},
    topology::Cloud,
};

/// A device with the places of what it says.
pub(super) struct Device {
    pub(super) id: Located<String>,
    pub(super) properties: Vec<Property>,
    pub(super) const_properties: Vec<Property>,
}

/// A property, sent or constant.
pub(super) struct Property {
    pub(super) name: Located<String>,
    pub(super) data_type: DataType,
    /// Where the type is written.
    pub(super) type_span: Span,
    /// The initial or the constant value.
    pub(super) value: Option<Located<serde_json::Value>>,
}

const DATA_TYPES: [(&str, DataType); 6] = [
    ("STRING", DataType::String),
    ("DOUBLE", DataType::Double),
    ("FLOAT", DataType::Float),
    ("INTEGER", DataType::Integer),
    ("LONG", DataType::Long),
    ("BOOLEAN", DataType::Boolean),
];

/// Reads the devices. Those with a broken id or type are left out, which is reported.
pub(super) fn read(place: Place<'_>, value: &Value<'_>, l1: Option<Cloud>, problems: &mut Vec<Problem>) -> Vec<Device> {
    let nodes = array(place, value, "the list of devices", problems);
    let devices: Vec<Device> = nodes.iter().filter_map(|node| device(place, node, problems)).collect();
    check_ids(place, &devices, l1, problems);
    devices
}

fn check_ids(place: Place<'_>, devices: &[Device], l1: Option<Cloud>, problems: &mut Vec<Problem>) {
    let mut seen = BTreeSet::new();
    for device in devices {
        let id = device.id.value.as_str();
        let at = device.id.span;
        if !seen.insert(id) {
            problems.push(
                place
                    .problem_at(at, Code::DuplicateDevice, format!("there are two devices \"{id}\""))
                    .why("both would be one device in the hub, and would feed one twin")
                    .fix("rename one, or put their properties together"),
            );
        }
        if let Some(misfit) = l1.and_then(|cloud| naming::device_id(id, cloud)) {
            problems.push(
                place
                    .problem_at(at, Code::NameNotCarried, misfit.to_string())
                    .why("the device could not be registered")
                    .fix(format!("write for example \"{}\"", plain_id(id))),
            );
        }
    }
}

/// An id near the given one that every cloud takes.
fn plain_id(id: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' };
    let id: String = id.chars().take(128).map(plain).collect();
    if id.is_empty() { "device-1".into() } else { id }
}

fn device(place: Place<'_>, node: &Value<'_>, problems: &mut Vec<Problem>) -> Option<Device> {
    let mut fields = object(place, node, "a device", problems)?;
    let id = fields.text("id", problems);
    let properties = fields.required("properties", problems).map(|node| (node, "properties"));
    let constants = fields.optional("constProperties").map(|node| (node, "constProperties"));
    let mut read = |list: Option<(&Value<'_>, &str)>, value_key| {
        let Some((node, what)) = list else { return Vec::new() };
        let nodes = array(place, node, &format!("\"{what}\""), problems);
        let read: Vec<Property> = nodes.iter().filter_map(|node| property(place, node, value_key, problems)).collect();
        check_names(place, &read, problems);
        read
    };
    let (properties, const_properties) = (read(properties, "initValue"), read(constants, "value"));
    if let (Some(id), true) = (&id, properties.is_empty()) {
        problems.push(
            place
                .problem_at(id.span, Code::DeviceSendsNothing, format!("the device \"{}\" sends nothing", id.value))
                .why("without properties no live data of it reaches its twin")
                .fix("add its properties, or remove the device"),
        );
    }
    check_const_names(place, &properties, &const_properties, problems);
    fields.finish(problems);
    Some(Device { id: id?, properties, const_properties })
}

fn check_names(place: Place<'_>, properties: &[Property], problems: &mut Vec<Problem>) {
    let mut seen = BTreeSet::new();
    for property in properties {
        let name = property.name.value.as_str();
        if !seen.insert(name) {
            problems.push(
                place
                    .problem_at(
                        property.name.span,
                        Code::DuplicateDeviceProperty,
                        format!("the property \"{name}\" stands twice"),
                    )
                    .why("a device's message holds one value under a name")
                    .fix("remove one of them, or rename it"),
            );
        }
    }
}

fn check_const_names(place: Place<'_>, sent: &[Property], constant: &[Property], problems: &mut Vec<Problem>) {
    for property in constant {
        let name = &property.name;
        if sent.iter().any(|sent| sent.name.value == name.value) {
            let message = format!("\"{}\" is both sent and constant", name.value);
            problems.push(
                place
                    .problem_at(name.span, Code::DevicePropertiesCollide, message)
                    .why("both land in one property of the twin, so that the constant would be overwritten")
                    .fix("remove it from \"properties\" or from \"constProperties\""),
            );
        }
    }
}

fn property(
    place: Place<'_>,
    node: &Value<'_>,
    value_key: &'static str,
    problems: &mut Vec<Problem>,
) -> Option<Property> {
    let mut fields = object(place, node, "a property", problems)?;
    let name = fields.text("name", problems);
    let data_type = data_type(&mut fields, problems);
    let value = match value_key {
        "value" => fields.required(value_key, problems),
        _ => fields.optional(value_key),
    };
    fields.finish(problems);
    let (data_type, type_span) = data_type?;
    let value = value.and_then(|node| typed(place, node, data_type, value_key, problems));
    Some(Property { name: name?, data_type, type_span, value })
}

fn data_type(fields: &mut Fields<'_, '_>, problems: &mut Vec<Problem>) -> Option<(DataType, Span)> {
    let text = fields.text("dataType", problems)?;
    let wanted = text.value.to_uppercase();
    let found = DATA_TYPES.iter().find(|(name, _)| *name == wanted);
    if found.is_none() {
        let names = DATA_TYPES.map(|(name, _)| name);
        problems.push(
            fields
                .place
                .problem_at(text.span, Code::BadValue, format!("there is no data type \"{}\"", text.value))
                .why("the type decides which property of a twin can take the values")
                .fix(did_you_mean(&wanted, names, &format!("write one of {}", names.join(", ")))),
        );
    }
    found.map(|(_, data_type)| (*data_type, text.span))
}

/// The value, when it is of its type, or is in quotes and would be of its type without them.
fn typed(
    place: Place<'_>,
    node: &Value<'_>,
    data_type: DataType,
    key: &str,
    problems: &mut Vec<Problem>,
) -> Option<Located<serde_json::Value>> {
    let (value, span) = (place.to_value(node), place.span(node));
    if fits(&value, data_type) {
        return Some(Located { value, span });
    }
    let name = DATA_TYPES.iter().find(|(_, t)| *t == data_type).map_or("", |(name, _)| name);
    let bare = value.as_str().and_then(|text| serde_json::from_str(text).ok()).filter(|bare| fits(bare, data_type));
    if let Some(bare) = bare {
        problems.push(
            place
                .problem(node, Code::QuotedValue, format!("\"{key}\" is in quotes"))
                .why(format!("it is read as {bare}, since the type is {name}"))
                .fix("remove the quotes"),
        );
        return Some(Located { value: bare, span });
    }
    problems.push(
        place
            .problem(node, Code::BadValue, format!("\"{key}\" is {value}, which is no {name}"))
            .why("the property's values are of one type, the first one too")
            .fix(format!("write a value of type {name}, or change \"dataType\"")),
    );
    None
}

fn fits(value: &serde_json::Value, data_type: DataType) -> bool {
    match data_type {
        DataType::String => value.is_string(),
        DataType::Double | DataType::Float => value.is_number(),
        DataType::Integer => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        DataType::Long => value.as_i64().is_some(),
        DataType::Boolean => value.is_boolean(),
    }
}
