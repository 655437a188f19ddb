//! A world for tests: a hub and its twins in memory, as fast or as broken as a test wants.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use azure::Kind;
use chrono::{DateTime, SecondsFormat, Utc};
use functions::twin_info::{PropertyInfo, ValueSchema};
use serde_json::{Value, json};

use super::{Device, Line, Measured, Message, Refused};

/// A device with a temperature and a state.
pub(in crate::live) fn sensor(id: &str) -> Device {
    let measured = |property: &str, schema, initial, unit: Option<&str>| Measured {
        lands: PropertyInfo { component: None, property: property.into(), field: Vec::new(), schema },
        initial,
        unit: unit.map(str::to_owned),
    };
    let states = ValueSchema::Enum(vec!["off".into(), "on".into()]);
    Device {
        id: id.into(),
        twin: id.into(),
        measured: [
            (
                "temperature".to_owned(),
                measured("temperature", ValueSchema::Double, Some(json!(20)), Some("degreeCelsius")),
            ),
            ("state".to_owned(), measured("state", states, None, None)),
        ]
        .into(),
    }
}

/// Devices, hub and twins.
#[derive(Clone)]
pub(in crate::live) struct World(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    twins: BTreeMap<String, Value>,
    /// Twins whose values never arrive.
    deaf: BTreeSet<String>,
    /// Devices that the hub does not know.
    unknown: BTreeSet<String>,
    /// How many of the next attempts fail, with the message taken all the same every other time.
    failing: u32,
    attempts: Vec<(String, String)>,
}

impl World {
    pub(in crate::live) fn of(twins: &[&str]) -> Self {
        let twin = |id: &&str| ((*id).to_owned(), json!({"$dtId": id, "temperature": 20, "$metadata": {}}));
        let state = State { twins: twins.iter().map(twin).collect(), ..State::default() };
        Self(Arc::new(Inner { state: Mutex::new(state) }))
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.0.state.lock().expect("no test panics while it holds it"))
    }

    pub(in crate::live) fn deaf(self, twins: &[&str]) -> Self {
        self.with(|state| state.deaf.extend(twins.iter().map(|twin| (*twin).to_owned())));
        self
    }

    pub(in crate::live) fn unknown(self, devices: &[&str]) -> Self {
        self.with(|state| state.unknown.extend(devices.iter().map(|device| (*device).to_owned())));
        self
    }

    pub(in crate::live) fn failing(self, attempts: u32) -> Self {
        self.with(|state| state.failing = attempts);
        self
    }

    pub(in crate::live) fn value(&self, twin: &str, property: &str) -> Value {
        self.with(|state| state.twins[twin][property].clone())
    }

    pub(in crate::live) fn document(&self, twin: &str) -> Value {
        self.with(|state| state.twins[twin].clone())
    }

    /// Puts a value into a twin as if somebody else had sent it.
    pub(in crate::live) fn set(&self, twin: &str, property: &str, value: Value, at: DateTime<Utc>) {
        self.with(|state| state.take(twin, property, &value, at));
    }

    /// Every attempt to send: device and message id, in order.
    pub(in crate::live) fn attempts(&self) -> Vec<(String, String)> {
        self.with(|state| state.attempts.clone())
    }
}

impl State {
    /// What the real path does: newer values win.
    fn take(&mut self, twin: &str, property: &str, value: &Value, at: DateTime<Utc>) {
        let Some(document) = self.twins.get_mut(twin) else { return };
        let time = at.to_rfc3339_opts(SecondsFormat::Micros, true);
        let older = |shown: &Value| shown.as_str().is_some_and(|shown| *shown >= *time);
        if !older(&document["$metadata"][property]["sourceTime"]) {
            document[property] = value.clone();
            let now = Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true);
            document["$metadata"][property] = json!({"sourceTime": time, "lastUpdateTime": now});
        }
    }

    fn send(&mut self, device: &str, message: &Message) -> Result<(), Refused> {
        self.attempts.push((device.to_owned(), message.id.clone()));
        let fails = self.failing > 0;
        self.failing = self.failing.saturating_sub(1);
        let lost = fails && self.failing.is_multiple_of(2);
        if !self.deaf.contains(device) && (!fails || lost) {
            for (name, value) in message.values.iter().filter(|(name, _)| sensor(device).measured.contains_key(*name)) {
                self.take(device, name, value, message.at);
            }
        }
        match fails {
            true => {
                Err(Refused { kind: Kind::Transient, status: Some(500), message: "broken".into(), retry_after: None })
            }
            false => Ok(()),
        }
    }
}

#[async_trait]
impl super::World for World {
    async fn line(&self, device: &str) -> Result<Box<dyn Line>, Refused> {
        if self.with(|state| state.unknown.contains(device)) {
            return Err(Refused::permanent("the hub does not know the device"));
        }
        Ok(Box::new(Wire { world: self.clone(), device: device.to_owned() }))
    }

    async fn twin(&self, id: &str) -> Result<Option<Value>, Refused> {
        Ok(self.with(|state| state.twins.get(id).cloned()))
    }
}

struct Wire {
    world: World,
    device: String,
}

#[async_trait]
impl Line for Wire {
    async fn send(&self, message: &Message) -> Result<(), Refused> {
        // A line takes time, so that what runs at the same time gets its turn.
        tokio::time::sleep(std::time::Duration::from_millis(3)).await;
        self.world.with(|state| state.send(&self.device, message))
    }
}
