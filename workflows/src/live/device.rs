//! The devices of a deployment as live data needs them.

use std::collections::BTreeMap;

use dtdl::{Document, Models, Rules};
use functions::twin_info::PropertyInfo;
use serde_json::Value;

use super::twin_maker;
use crate::{definition::Definition, topology::Cloud};

/// A device and the twin that it feeds.
#[derive(Debug, Clone, PartialEq)]
pub struct Device {
    /// The id, in the hub.
    pub id: String,
    /// The twin's `$dtId`.
    pub twin: String,
    /// What it measures, by the name under which it sends it.
    pub measured: BTreeMap<String, Measured>,
}

/// One property of a device.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Where it lands in the twin, and as what.
    pub lands: PropertyInfo,
    /// The value before the first message.
    pub initial: Option<Value>,
    /// The unit that the model names (`degreeCelsius`).
    pub unit: Option<String>,
}

/// The devices that a twin follows, by id: those that feed one on Azure, or that a component shows on AWS.
#[must_use]
pub fn devices(definition: &Definition) -> Vec<Device> {
    if definition.providers.l4 == Cloud::Aws {
        return twin_maker::devices(definition);
    }
    let models = models(&definition.models);
    let initial: BTreeMap<(&str, &str), &Value> = definition
        .devices
        .iter()
        .flat_map(|device| device.properties.iter().map(move |property| (device, property)))
        .filter_map(|(device, property)| {
            Some(((device.id.as_str(), property.name.as_str()), property.init_value.as_ref()?))
        })
        .collect();
    let measured = |id: &str, model: &str, name: &str, info: &PropertyInfo| Measured {
        lands: info.clone(),
        initial: initial.get(&(id, name)).map(|value| (*value).clone()),
        unit: models.as_ref().and_then(|models| unit(models, model, info)),
    };
    let feeds = definition.feeds.iter().map(|(id, feed)| Device {
        id: id.clone(),
        twin: feed.twin.to_string(),
        measured: feed
            .properties
            .iter()
            .map(|(name, info)| (name.clone(), measured(id, &feed.model, name, info)))
            .collect(),
    });
    feeds.collect()
}

/// The models, parsed again for their units alone: they were checked when the definition was made, and a definition of
/// another version whose models do not parse here is no reason not to send.
fn models(documents: &[Value]) -> Option<Models> {
    let documents: Vec<Document> = documents.iter().map(Document::from_value).collect();
    Models::parse(Rules::default(), &documents).ok()
}

fn unit(models: &Models, model: &str, info: &PropertyInfo) -> Option<String> {
    if !info.field.is_empty() {
        return None; // DTDL gives units to properties and not to fields
    }
    let model = match &info.component {
        None => model,
        Some(name) => models.components(model).find(|component| component.name == *name)?.schema.as_str(),
    };
    let property = models.properties(model).find(|property| property.name == info.property)?;
    property.unit.clone()
}
