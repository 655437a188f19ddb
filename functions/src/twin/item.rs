//! A device's telemetry as values for its twin.

use serde_json::{Map, Value};

use super::{feed::Feed, fit::fit, outcome::Report, stamp::Stamp};
use crate::{telemetry::Telemetry, twin_info::PropertyInfo};

/// One value for one property of a twin; for an Object property the whole object.
#[derive(Debug)]
pub(super) struct Item {
    /// The JSON Patch path of the property.
    pub(super) path: String,
    pub(super) stamp: Stamp,
    /// The operations that write value and time, as JSON without the brackets around.
    pub(super) operations: Vec<u8>,
}

/// What of the telemetry the twin takes, and what it does not.
pub(super) fn prepare(feed: &Feed, telemetry: Telemetry) -> (Vec<Item>, Report) {
    let time = telemetry.time_text();
    let mut sorter =
        Sorter { feed, time, telemetry: &telemetry, items: Vec::new(), objects: Vec::new(), report: Report::default() };
    sorter.object(&mut String::new(), &telemetry.values);
    sorter.assemble();
    (sorter.items, sorter.report)
}

struct Sorter<'a> {
    feed: &'a Feed,
    time: String,
    telemetry: &'a Telemetry,
    items: Vec<Item>,
    /// Fields that were found, by the property that they are of.
    objects: Vec<(&'a PropertyInfo, Map<String, Value>)>,
    report: Report,
}

impl<'a> Sorter<'a> {
    /// Goes through an object; `outer` holds the names that lead to it, each with a dot.
    fn object(&mut self, outer: &mut String, members: &Map<String, Value>) {
        let start = outer.len();
        for (name, value) in members {
            outer.push_str(name);
            self.value(outer, value);
            outer.truncate(start);
        }
    }

    fn value(&mut self, name: &mut String, value: &Value) {
        match (self.feed.properties.get(name.as_str()), value) {
            (Some(property), _) => match fit(&property.schema, value.clone()) {
                Some(value) if property.field.is_empty() => self.items.push(self.item(property, &value)),
                Some(value) => self.field(property, value),
                None => self.report.mistyped.add(name),
            },
            (None, Value::Object(members)) if !members.is_empty() => {
                name.push('.');
                self.object(name, members);
            }
            (None, _) => self.report.foreign.add(name),
        }
    }

    /// Keeps a field for its object.
    fn field(&mut self, property: &'a PropertyInfo, value: Value) {
        match self.objects.iter_mut().find(|(other, _)| other.shares_property(property)) {
            Some((_, members)) => put(members, &property.field, value),
            None => {
                let mut members = Map::new();
                put(&mut members, &property.field, value);
                self.objects.push((property, members));
            }
        }
    }

    /// Makes one value of the fields of each object.
    fn assemble(&mut self) {
        for (property, members) in std::mem::take(&mut self.objects) {
            self.items.push(self.item(property, &Value::Object(members)));
        }
    }

    fn item(&self, property: &PropertyInfo, value: &Value) -> Item {
        let path = property.path();
        let mut operations = Vec::with_capacity(192);
        operation(&path, value, &mut operations);
        operations.push(b',');
        operation(&property.source_time_path(), self.time.as_str(), &mut operations);
        Item { path, stamp: Stamp::new(self.telemetry.at, value), operations }
    }
}

/// Sets a field in an object; the objects on the way to it are made where they are missing.
fn put(members: &mut Map<String, Value>, field: &[String], value: Value) {
    let Some((name, inner)) = field.split_first() else { return };
    if inner.is_empty() {
        members.insert(name.clone(), value);
        return;
    }
    // A model has a name once in an object, as a value or as an object, so what is there is an object.
    if let Value::Object(members) = members.entry(name.clone()).or_insert_with(|| Map::new().into()) {
        put(members, inner, value);
    }
}

/// `add` and not `replace`, which fails on a property that was never set.
fn operation(path: &str, value: &(impl serde::Serialize + ?Sized), to: &mut Vec<u8>) {
    to.extend_from_slice(br#"{"op":"add","path":"#);
    write(path, to);
    to.extend_from_slice(br#","value":"#);
    write(value, to);
    to.push(b'}');
}

fn write(value: &(impl serde::Serialize + ?Sized), to: &mut Vec<u8>) {
    serde_json::to_writer(to, value).expect("JSON values are written to memory without fail");
}
