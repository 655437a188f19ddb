//! A twin instance in memory, with versions, a memory of who asked when, and faults in a given order.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::store::{Snapshot, Store, StoreError};
use crate::twin_info::{DeviceInfo, PropertyInfo, TwinInfo, ValueSchema};

/// What happens to one request, before it is served as it should.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fault {
    /// Nothing; but it takes this time.
    Slow(u64),
    /// It fails without effect.
    Failed,
    /// It takes effect and the answer is lost.
    Lost,
    /// No answer ever comes, and it takes effect long after.
    Late,
    Throttled(Option<u64>),
    Denied,
    /// Somebody else has just written the twin.
    Foreign,
    Panic,
}

#[derive(Debug, Clone)]
struct Twin {
    version: u64,
    document: Value,
}

/// A request as it came: when, from whom, for which twin, and the patch where it was one.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) at: Instant,
    pub(crate) by: usize,
    pub(crate) twin: String,
    pub(crate) patch: Option<Value>,
}

#[derive(Debug, Default)]
struct Instance {
    twins: BTreeMap<String, Twin>,
    faults: VecDeque<Fault>,
    seen: Vec<Seen>,
    /// Values that the instance refuses, whatever the model says.
    refused: Vec<Value>,
}

/// One caller's view of the instance; callers have numbers, to tell their requests apart.
#[derive(Debug, Clone, Default)]
pub(crate) struct Twins {
    instance: Arc<Mutex<Instance>>,
    by: usize,
}

impl Twins {
    /// An instance with empty twins of one component, `motor`.
    pub(crate) fn of(ids: &[&str]) -> Self {
        let twins = Self::default();
        ids.iter()
            .for_each(|id| twins.put(id, json!({"motor": {"$metadata": {}}, "$metadata": {"$model": "dtmi:m;1"}})));
        twins
    }

    pub(crate) fn seen_by(&self, by: usize) -> Self {
        Self { instance: Arc::clone(&self.instance), by }
    }

    pub(crate) fn put(&self, id: &str, document: Value) {
        let mut instance = self.instance.lock().unwrap();
        let version = instance.twins.get(id).map_or(1, |twin| twin.version + 1);
        instance.twins.insert(id.into(), Twin { version, document });
    }

    pub(crate) fn remove(&self, id: &str) {
        self.instance.lock().unwrap().twins.remove(id);
    }

    pub(crate) fn fault(&self, faults: impl IntoIterator<Item = Fault>) {
        self.instance.lock().unwrap().faults.extend(faults);
    }

    pub(crate) fn refuse(&self, value: Value) {
        self.instance.lock().unwrap().refused.push(value);
    }

    /// The value at a pointer into a twin.
    pub(crate) fn value(&self, id: &str, pointer: &str) -> Option<Value> {
        self.instance.lock().unwrap().twins.get(id)?.document.pointer(pointer).cloned()
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.instance.lock().unwrap().seen.clone()
    }

    /// What was asked, `GET` or `PATCH` with the values.
    pub(crate) fn requests(&self) -> Vec<String> {
        let text = |seen: &Seen| match &seen.patch {
            None => "GET".to_owned(),
            Some(patch) => {
                let values = patch.as_array().unwrap().iter().step_by(2);
                values.fold("PATCH".to_owned(), |text, add| {
                    format!("{text} {}={}", add["path"].as_str().unwrap(), add["value"])
                })
            }
        };
        self.seen().iter().map(text).collect()
    }

    fn begin(&self, twin: &str, patch: Option<Value>) -> Fault {
        let mut instance = self.instance.lock().unwrap();
        instance.seen.push(Seen { at: Instant::now(), by: self.by, twin: twin.into(), patch });
        instance.faults.pop_front().unwrap_or(Fault::Slow(0))
    }

    /// What the fault does instead of an answer, or before it.
    async fn suffer(&self, fault: &Fault, twin: &str) -> Result<(), StoreError> {
        match fault {
            Fault::Slow(millis) => sleep(Duration::from_millis(*millis)).await,
            Fault::Failed => return Err(StoreError::Failed("500".into())),
            Fault::Throttled(after) => {
                return Err(StoreError::Throttled { retry_after: after.map(Duration::from_millis) });
            }
            Fault::Denied => return Err(StoreError::Denied),
            Fault::Panic => panic!("a bug in the store"),
            Fault::Foreign => {
                if let Some(twin) = self.instance.lock().unwrap().twins.get_mut(twin) {
                    twin.version += 1;
                }
            }
            Fault::Lost | Fault::Late => {}
        }
        Ok(())
    }

    fn apply(&self, id: &str, patch: &Value, etag: &str) -> Result<Option<String>, StoreError> {
        let mut instance = self.instance.lock().unwrap();
        let Instance { twins, refused, .. } = &mut *instance;
        let twin = twins.get_mut(id).ok_or(StoreError::NotFound)?;
        if etag_of(twin) != etag {
            return Err(StoreError::Stale);
        }
        if patch.as_array().unwrap().iter().any(|add| refused.contains(&add["value"])) {
            return Err(StoreError::Rejected);
        }
        for add in patch.as_array().unwrap() {
            assert_eq!(add["op"], "add");
            set(&mut twin.document, add["path"].as_str().unwrap(), &add["value"]);
        }
        twin.version += 1;
        Ok(Some(etag_of(twin)))
    }
}

fn etag_of(twin: &Twin) -> String {
    format!("W/\"{}\"", twin.version)
}

/// Sets a member; a source time may not fall, whoever writes.
fn set(document: &mut Value, path: &str, value: &Value) {
    let mut place = document;
    for segment in path.split('/').skip(1) {
        place = &mut place[segment];
    }
    if path.ends_with("/sourceTime") {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        assert!(text(place) <= text(value), "{path} falls from {place} to {value}");
    }
    *place = value.clone();
}

#[async_trait]
impl Store for Twins {
    async fn get(&self, twin: &str) -> Result<Option<Snapshot>, StoreError> {
        let fault = self.begin(twin, None);
        self.suffer(&fault, twin).await?;
        if matches!(fault, Fault::Lost | Fault::Late) {
            return Err(StoreError::Failed("lost".into()));
        }
        let instance = self.instance.lock().unwrap();
        Ok(instance.twins.get(twin).map(|twin| Snapshot { etag: etag_of(twin), document: twin.document.clone() }))
    }

    async fn patch(&self, twin: &str, patch: Bytes, etag: &str) -> Result<Option<String>, StoreError> {
        let patch: Value = serde_json::from_slice(&patch).expect("a JSON Patch");
        let fault = self.begin(twin, Some(patch.clone()));
        self.suffer(&fault, twin).await?;
        if fault == Fault::Late {
            let (twins, twin, etag) = (self.clone(), twin.to_owned(), etag.to_owned());
            tokio::spawn(async move {
                sleep(Duration::from_secs(12)).await;
                let _ = twins.apply(&twin, &patch, &etag);
            });
            return std::future::pending().await;
        }
        let done = self.apply(twin, &patch, etag);
        if fault == Fault::Lost { Err(StoreError::Failed("lost".into())) } else { done }
    }
}

/// A device that feeds the twin of its own id: `temperature` (double), `mode` (on, off), `count` (integer),
/// `motor.speed` (double, of a component), and three fields of the object `place`: `x` (double), `floor` (integer) and
/// `cell.row` (integer, of an object within).
pub(crate) fn device(id: &str) -> DeviceInfo {
    let property = |component: Option<&str>, property: &str, schema| PropertyInfo {
        component: component.map(str::to_owned),
        property: property.into(),
        field: Vec::new(),
        schema,
    };
    let field = |field: &[&str], schema| PropertyInfo {
        field: field.iter().map(|name| (*name).to_owned()).collect(),
        ..property(None, "place", schema)
    };
    let modes = ValueSchema::Enum(vec!["on".into(), "off".into()]);
    let properties = [
        ("temperature", property(None, "temperature", ValueSchema::Double)),
        ("mode", property(None, "mode", modes)),
        ("count", property(None, "count", ValueSchema::Integer)),
        ("motor.speed", property(Some("motor"), "speed", ValueSchema::Double)),
        ("place.x", field(&["x"], ValueSchema::Double)),
        ("place.floor", field(&["floor"], ValueSchema::Integer)),
        ("place.cell.row", field(&["cell", "row"], ValueSchema::Integer)),
    ];
    let properties = properties.map(|(name, property)| (name.to_owned(), property));
    DeviceInfo { twin: id.into(), model: "dtmi:m;1".into(), properties: Arc::new(properties.into()) }
}

/// The map of such devices.
pub(crate) fn info(ids: &[&str]) -> TwinInfo {
    let devices = ids.iter().map(|id| ((*id).to_owned(), device(id))).collect();
    TwinInfo { digital_twin_name: "factory".into(), devices }
}
