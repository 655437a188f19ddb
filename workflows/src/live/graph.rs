//! The twins as they are now: the graph, and what devices have put into it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use serde_json::Value;

use super::{Device, Live, Refused, Sight, World, units::symbol};

/// How many twins are read one by one, so that their values are not as old as a query's may be.
const READ_AT_MOST: usize = 500;

/// How many are read at the same time.
const AT_ONCE: usize = 16;

/// Twins and relationships at one moment, or nearly.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Graph {
    /// The twins by id.
    pub twins: BTreeMap<String, Twin>,
    /// The relationships: source, name, target.
    pub relationships: Vec<(String, String, String)>,
}

/// A twin, with what devices have put into it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Twin {
    /// Its model, a DTMI.
    pub model: String,
    /// The values that devices send, by the device's names.
    pub values: BTreeMap<String, TwinValue>,
}

/// A live value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TwinValue {
    /// The value; absent while it was never set.
    pub value: Option<Value>,
    /// The unit's symbol, where the model names a unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// When the device measured it; absent while no device has sent it.
    pub source_time: Option<DateTime<Utc>>,
    /// When the twin took it.
    pub updated: Option<DateTime<Utc>>,
}

impl Live {
    /// Reads the graph. Structure comes from queries, which lag behind by up to ten seconds; the twins of devices are then
    /// read one by one while they are not too many.
    ///
    /// # Errors
    /// Whatever the service refuses with.
    pub async fn graph(&self, devices: &[Device]) -> Result<Graph, Refused> {
        if let Some((twin_maker, aws)) = self.twin_maker()? {
            return twin_maker.graph(aws, devices).await;
        }
        let client = self.digital_twins()?;
        let mut twins = BTreeMap::new();
        for document in client.query("SELECT * FROM DIGITALTWINS").collect().await? {
            if let Some(id) = document["$dtId"].as_str() {
                twins.insert(id.to_owned(), document);
            }
        }
        let relationships = client.query("SELECT * FROM RELATIONSHIPS").collect().await?;
        let fed: BTreeSet<&str> = devices.iter().map(|device| device.twin.as_str()).take(READ_AT_MOST).collect();
        let read = stream::iter(fed).map(|id| async move { Ok::<_, Refused>((id.to_owned(), self.twin(id).await?)) });
        let read: Vec<(String, Option<Value>)> = read.buffer_unordered(AT_ONCE).try_collect().await?;
        for (id, document) in read {
            match document {
                Some(document) => drop(twins.insert(id, document)),
                None => drop(twins.remove(&id)),
            }
        }
        Ok(Graph::of(&twins, &relationships, devices))
    }
}

impl Graph {
    fn of(twins: &BTreeMap<String, Value>, relationships: &[Value], devices: &[Device]) -> Self {
        let mut by_twin: BTreeMap<&str, Vec<&Device>> = BTreeMap::new();
        for device in devices {
            by_twin.entry(&device.twin).or_default().push(device);
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let twin = |(id, document): (&String, &Value)| {
            let devices = by_twin.get(id.as_str()).into_iter().flatten();
            let values = devices.flat_map(|device| values(document, device)).collect();
            (id.clone(), Twin { model: text(&document["$metadata"]["$model"]), values })
        };
        let relationship =
            |one: &Value| (text(&one["$sourceId"]), text(&one["$relationshipName"]), text(&one["$targetId"]));
        Self {
            twins: twins.iter().map(twin).collect(),
            relationships: relationships.iter().map(relationship).collect(),
        }
    }

    /// The lines of the tree ([`super::rows`]).
    #[must_use]
    pub fn rows(&self) -> Vec<super::Row> {
        super::rows(&self.twins.keys().cloned().collect(), &self.relationships)
    }
}

pub(super) fn values<'a>(document: &'a Value, device: &'a Device) -> impl Iterator<Item = (String, TwinValue)> + 'a {
    device.measured.iter().map(|(name, measured)| {
        let Sight { value, source_time, updated } = Sight::of(document, &measured.lands);
        let unit = measured.unit.as_deref().map(|unit| symbol(unit).to_owned());
        (name.clone(), TwinValue { value, unit, source_time, updated })
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::fake, *};

    #[test]
    fn live_values_are_found_and_others_are_left_out() {
        let document = json!({
            "$dtId": "room-1", "temperature": 21.5, "area": 40,
            "$metadata": {"$model": "dtmi:example:Room;1", "temperature": {"sourceTime": "2026-11-23T10:00:00Z"}}
        });
        let relationship = json!({"$sourceId": "room-1", "$relationshipName": "has", "$targetId": "room-1"});
        let twins = [("room-1".to_owned(), document)].into();
        let graph = Graph::of(&twins, &[relationship], &[fake::sensor("room-1")]);
        let twin = &graph.twins["room-1"];
        assert_eq!(twin.model, "dtmi:example:Room;1");
        assert_eq!(twin.values.keys().collect::<Vec<_>>(), ["state", "temperature"]);
        let temperature = &twin.values["temperature"];
        assert_eq!((&temperature.value, temperature.unit.as_deref()), (&Some(json!(21.5)), Some("°C")));
        assert!(temperature.source_time.is_some() && temperature.updated.is_none());
        assert_eq!(twin.values["state"].value, None);
        assert_eq!(graph.relationships, [("room-1".to_owned(), "has".to_owned(), "room-1".to_owned())]);
        assert_eq!(graph.rows().len(), 2);
    }
}
