//! What changed between two definitions, in words.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;
use serde_json::Value;

use super::{AwsEntity, Definition};

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "change")]
pub enum Change {
    /// Something that was not there.
    Added {
        /// What, in words: `twin room-1`.
        what: String,
    },
    /// Something that is gone.
    Removed {
        /// What.
        what: String,
    },
    /// Something that is other than it was.
    Changed {
        /// What.
        what: String,
        /// The parts that differ, as JSON pointers; empty for a single value.
        parts: Vec<String>,
        /// The earlier value, for a single value.
        #[serde(skip_serializing_if = "Option::is_none")]
        from: Option<String>,
        /// The new value, for a single value.
        #[serde(skip_serializing_if = "Option::is_none")]
        to: Option<String>,
    },
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added { what } => write!(f, "{what} is new"),
            Self::Removed { what } => write!(f, "{what} is gone"),
            Self::Changed { what, from: Some(from), to: Some(to), .. } => write!(f, "{what} was {from}, is {to}"),
            Self::Changed { what, parts, .. } => write!(f, "{what} changed: {}", parts.join(", ")),
        }
    }
}

pub(super) fn diff(old: &Definition, new: &Definition) -> Vec<Change> {
    let mut changes = Vec::new();
    scalars(old, new, &mut changes);
    keyed(
        "device",
        &by(&old.devices, |device| device.id.clone()),
        &by(&new.devices, |device| device.id.clone()),
        &mut changes,
    );
    keyed("model", &by(&old.models, model_id), &by(&new.models, model_id), &mut changes);
    keyed("twin", &by(&old.twins, |twin| twin.id.clone()), &by(&new.twins, |twin| twin.id.clone()), &mut changes);
    keyed(
        "relationship",
        &by(&old.relationships, |link| format!("{}/{}", link.source, link.id)),
        &by(&new.relationships, |link| format!("{}/{}", link.source, link.id)),
        &mut changes,
    );
    keyed("token of", &json_map(&old.tokens), &json_map(&new.tokens), &mut changes);
    keyed("feed of device", &json_map(&old.feeds), &json_map(&new.feeds), &mut changes);
    keyed("entity", &entities(old), &entities(new), &mut changes);
    keyed("component", &components(old), &components(new), &mut changes);
    changes
}

/// The single values, by the names that users write.
fn scalars(old: &Definition, new: &Definition, changes: &mut Vec<Change>) {
    for ((what, from), (_, to)) in flat(old).into_iter().zip(flat(new)) {
        if from != to {
            changes.push(Change::Changed { what: what.into(), parts: Vec::new(), from: Some(from), to: Some(to) });
        }
    }
}

fn flat(definition: &Definition) -> Vec<(&'static str, String)> {
    let providers = definition.providers;
    let azure = definition.target.azure.as_ref();
    let aws = definition.target.aws.as_ref();
    let aws = |part: fn(&super::AwsAccount) -> &String| aws.map_or_else(|| "none".into(), |a| part(a).clone());
    let account = |part: fn(&super::AzureAccount) -> &String| azure.map_or_else(|| "none".into(), |a| part(a).clone());
    vec![
        ("digital_twin_name", definition.twin_name.clone()),
        ("mode", definition.mode.clone()),
        ("hot_storage_size_in_days", definition.hot_days.to_string()),
        ("cold_storage_size_in_days", definition.cold_days.to_string()),
        ("layer_1_provider", providers.l1.to_string()),
        ("layer_2_provider", providers.l2.to_string()),
        ("layer_3_hot_provider", providers.l3_hot.to_string()),
        ("layer_3_cold_provider", providers.l3_cold.to_string()),
        ("layer_3_archive_provider", providers.l3_archive.to_string()),
        ("layer_4_provider", providers.l4.to_string()),
        ("the target", format!("{:?}", definition.target.kind).to_lowercase()),
        ("the Azure tenant", account(|account| &account.tenant)),
        ("the Azure subscription", account(|account| &account.subscription)),
        ("azure_region", account(|account| &account.regions.default)),
        ("azure_region_iothub", account(|account| &account.regions.iot_hub)),
        ("azure_region_digital_twin", account(|account| &account.regions.digital_twin)),
        ("the AWS account", aws(|account| &account.account)),
        ("aws_region", aws(|account| &account.region)),
    ]
}

/// The entities by id, without their components: those are compared by themselves.
fn entities(definition: &Definition) -> BTreeMap<String, Value> {
    let bare = |entity: &AwsEntity| AwsEntity { components: Vec::new(), ..entity.clone() };
    aws_entities(definition).iter().map(|entity| (entity.id.clone(), to_value(&bare(entity)))).collect()
}

fn components(definition: &Definition) -> BTreeMap<String, Value> {
    let of = |entity: &AwsEntity| by(&entity.components, |component| format!("{}/{}", entity.id, component.name));
    aws_entities(definition).iter().flat_map(of).collect()
}

fn aws_entities(definition: &Definition) -> &[AwsEntity] {
    definition.aws_hierarchy.as_ref().map_or(&[], |hierarchy| &hierarchy.entities)
}

fn model_id(model: &Value) -> String {
    model.get("@id").and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn by<T: Serialize>(items: &[T], key: impl Fn(&T) -> String) -> BTreeMap<String, Value> {
    items.iter().map(|item| (key(item), to_value(item))).collect()
}

fn json_map<T: Serialize>(items: &BTreeMap<String, T>) -> BTreeMap<String, Value> {
    items.iter().map(|(key, item)| (key.clone(), to_value(item))).collect()
}

fn to_value(item: &impl Serialize) -> Value {
    serde_json::to_value(item).expect("a definition has string keys")
}

fn keyed(kind: &str, old: &BTreeMap<String, Value>, new: &BTreeMap<String, Value>, changes: &mut Vec<Change>) {
    for (key, value) in new {
        let what = format!("{kind} {key}");
        match old.get(key) {
            None => changes.push(Change::Added { what }),
            Some(earlier) if earlier != value => {
                let mut parts = Vec::new();
                differing("", earlier, value, &mut parts);
                changes.push(Change::Changed { what, parts, from: None, to: None });
            }
            Some(_) => {}
        }
    }
    for key in old.keys().filter(|key| !new.contains_key(*key)) {
        changes.push(Change::Removed { what: format!("{kind} {key}") });
    }
}

/// The JSON pointers at which two values differ, as deep as both are objects.
fn differing(path: &str, old: &Value, new: &Value, parts: &mut Vec<String>) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            let keys: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for key in keys {
                let part = format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"));
                differing(&part, old.get(key).unwrap_or(&Value::Null), new.get(key).unwrap_or(&Value::Null), parts);
            }
        }
        (old, new) if old != new => parts.push(path.to_owned()),
        _ => {}
    }
}
