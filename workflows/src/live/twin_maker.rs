//! Twins on AWS: the entities of a TwinMaker workspace, whose values it asks its connector for.
//!
//! A component that shows a device is looked at as a twin of its own, `entity/component`, in the shape in which the rest
//! of live data knows twins: values, each with the time of its source.

use std::collections::BTreeMap;

use aws::Aws;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use functions::twin_info::{PropertyInfo, ValueSchema};
use serde_json::{Map, Value, json};

use super::{Device, Graph, Measured, Refused, Twin, graph::values};
use crate::definition::{AwsComponent, AwsEntity, DataType, Definition, DeviceProperty};

/// How far ahead of our clock a device's may be.
const AHEAD: TimeDelta = TimeDelta::minutes(10);

/// What an entity is shown as, and what leads from one to the next.
const ENTITY: &str = "entity";
const CONTAINS: &str = "contains";

/// The entities of a workspace.
pub(super) struct TwinMaker {
    workspace: String,
    entities: Vec<AwsEntity>,
    /// How long hot storage keeps values.
    kept: TimeDelta,
    /// What each device measures.
    properties: BTreeMap<String, Vec<String>>,
}

impl TwinMaker {
    /// The workspace with this name as the definition fills it.
    pub(super) fn new(workspace: String, definition: &Definition) -> Self {
        let names = |properties: &[DeviceProperty]| properties.iter().map(|property| property.name.clone()).collect();
        Self {
            workspace,
            entities: definition.aws_hierarchy.clone().unwrap_or_default().entities,
            kept: TimeDelta::days(i64::from(definition.hot_days)),
            properties: definition
                .devices
                .iter()
                .map(|device| (device.id.clone(), names(&device.properties)))
                .collect(),
        }
    }

    /// Reads a component as a twin; `None` when the workspace has no such entity or component.
    pub(super) async fn twin(&self, aws: &Aws, id: &str) -> Result<Option<Value>, Refused> {
        let Some((entity, component)) = self.find(id) else { return Ok(None) };
        let now = Utc::now();
        let (from, to) = (rfc3339(now - self.kept), rfc3339(now + AHEAD));
        let (mut twin, mut metadata) = (Map::new(), Map::new());
        for property in self.properties.get(&component.device).into_iter().flatten() {
            let history =
                aws.property_value_history(&self.workspace, &entity.id, &component.name, property, &from, &to);
            let history = match history.await {
                Err(error) if error.kind() == aws::ErrorKind::NotFound => return Ok(None),
                history => history?,
            };
            // Oldest first.
            if let Some(newest) = history.into_iter().next_back() {
                // TwinMaker says when a value was true and not when it learnt of it.
                metadata.insert(property.clone(), json!({ "sourceTime": newest.time }));
                twin.insert(property.clone(), bare(newest.value));
            }
        }
        twin.insert("$dtId".into(), json!(id));
        twin.insert("$metadata".into(), Value::Object(metadata));
        Ok(Some(twin.into()))
    }

    fn find(&self, id: &str) -> Option<(&AwsEntity, &AwsComponent)> {
        self.components().find(|(entity, component)| twin_id(entity, component) == id)
    }

    fn components(&self) -> impl Iterator<Item = (&AwsEntity, &AwsComponent)> {
        self.entities.iter().flat_map(|entity| entity.components.iter().map(move |component| (entity, component)))
    }

    /// Reads the whole tree.
    pub(super) async fn graph(&self, aws: &Aws, devices: &[Device]) -> Result<Graph, Refused> {
        let mut graph = Graph { twins: BTreeMap::new(), relationships: Vec::new() };
        for entity in &self.entities {
            graph.twins.insert(entity.id.clone(), Twin { model: ENTITY.into(), values: BTreeMap::new() });
            if let Some(parent) = &entity.parent {
                graph.relationships.push((parent.clone(), CONTAINS.into(), entity.id.clone()));
            }
        }
        for (entity, component) in self.components() {
            let id = twin_id(entity, component);
            let Some(document) = self.twin(aws, &id).await? else { continue };
            let device = devices.iter().find(|device| device.twin == id);
            let values = device.map(|device| values(&document, device).collect()).unwrap_or_default();
            graph.twins.insert(id.clone(), Twin { model: component.name.clone(), values });
            graph.relationships.push((entity.id.clone(), CONTAINS.into(), id));
        }
        Ok(graph)
    }
}

/// The devices that a component shows, by id.
pub(super) fn devices(definition: &Definition) -> Vec<Device> {
    let Some(hierarchy) = &definition.aws_hierarchy else { return Vec::new() };
    let measured = |property: &DeviceProperty| {
        let lands = PropertyInfo {
            component: None,
            property: property.name.clone(),
            field: Vec::new(),
            schema: schema(property.data_type),
        };
        (property.name.clone(), Measured { lands, initial: property.init_value.clone(), unit: None })
    };
    let components =
        hierarchy.entities.iter().flat_map(|entity| entity.components.iter().map(move |one| (entity, one)));
    let shown = components.filter_map(|(entity, component)| {
        let device = definition.devices.iter().find(|device| device.id == component.device)?;
        let measured = device.properties.iter().map(measured).collect();
        Some((device.id.clone(), Device { id: device.id.clone(), twin: twin_id(entity, component), measured }))
    });
    // A device that several components show is one device: the first stands for it.
    let mut devices = BTreeMap::new();
    for (id, device) in shown {
        devices.entry(id).or_insert(device);
    }
    devices.into_values().collect()
}

/// A value without the name of its type: 21.5 for `{"DoubleValue": 21.5}`.
fn bare(value: Value) -> Value {
    match value {
        Value::Object(typed) => typed.into_iter().next().map(|(_, value)| value).unwrap_or_default(),
        value => value,
    }
}

fn twin_id(entity: &AwsEntity, component: &AwsComponent) -> String {
    format!("{}/{}", entity.id, component.name)
}

fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

const fn schema(of: DataType) -> ValueSchema {
    match of {
        DataType::String => ValueSchema::String,
        DataType::Double => ValueSchema::Double,
        DataType::Float => ValueSchema::Float,
        DataType::Integer => ValueSchema::Integer,
        DataType::Long => ValueSchema::Long,
        DataType::Boolean => ValueSchema::Boolean,
    }
}
