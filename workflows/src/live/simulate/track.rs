//! What is known of one device in a simulation: its last values, what is on its way, what its twin shows.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio::time::Instant;

use super::Missing;
use crate::live::{Device, Message, Refused, Sight};

/// How many messages of a device are followed one by one; of more, some are followed together.
const FOLLOWED: usize = 256;

/// The track of one device.
pub(super) struct Track<'a> {
    pub(super) device: &'a Device,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The last message's values.
    last: BTreeMap<String, Value>,
    at: Option<DateTime<Utc>>,
    sent: u64,
    on_way: VecDeque<OnWay>,
    acknowledged: bool,
    /// What the last look showed.
    seen: BTreeMap<String, Sight>,
    /// The number of the newest message that the twin was seen to have.
    visible: u64,
    /// Why the device sends no more.
    refused: Option<Refused>,
    /// Why the last look failed.
    unread: Option<Refused>,
}

/// A message, or several up to it, that the twin was not seen to have.
struct OnWay {
    at: DateTime<Utc>,
    begun: Instant,
    /// The number of the message.
    number: u64,
}

/// What a look showed to be new: how many messages, and how long they took.
pub(super) struct News {
    pub(super) messages: u64,
    pub(super) after: Duration,
}

impl<'a> Track<'a> {
    pub(super) fn new(device: &'a Device) -> Self {
        Self { device, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A message begins to be sent.
    pub(super) fn sends(&self, message: &Message) {
        let mut state = self.state();
        state.sent += 1;
        state.last.clone_from(&message.values);
        state.at = Some(message.at);
        state.acknowledged = false;
        let on_way = OnWay { at: message.at, begun: Instant::now(), number: state.sent };
        if state.on_way.len() == FOLLOWED {
            // The newest stands for the one before it, too.
            state.on_way.pop_back();
        }
        state.on_way.push_back(on_way);
    }

    /// The hub has the last message.
    pub(super) fn acknowledged(&self) {
        self.state().acknowledged = true;
    }

    /// The device's line, or its last message, was refused: it sends no more.
    pub(super) fn refused(&self, refused: Refused) {
        self.state().refused = Some(refused);
    }

    /// A look failed.
    pub(super) fn unread(&self, refused: Refused) {
        self.state().unread = Some(refused);
    }

    /// Whether a look could show something new.
    pub(super) fn is_watched(&self) -> bool {
        !self.state().on_way.is_empty()
    }

    /// Whether the device has not sent anything, and was not kept from it.
    pub(super) fn is_silent(&self) -> bool {
        let state = self.state();
        state.sent == 0 && state.refused.is_none()
    }

    /// Takes what a look showed.
    pub(super) fn looks(&self, twin: Option<&Value>) -> Vec<News> {
        let mut state = self.state();
        let sights = self.device.measured.iter().map(|(name, measured)| {
            (name.clone(), twin.map(|twin| Sight::of(twin, &measured.lands)).unwrap_or_default())
        });
        state.seen = sights.collect();
        state.unread = None;
        // A property that was never sent counts as none: a message is visible when all of it is.
        let shown = state.seen.values().map(|sight| sight.source_time).min().flatten();
        let mut news = Vec::new();
        while let Some(first) = state.on_way.front()
            && shown.is_some_and(|shown| shown >= first.at)
        {
            let (number, after) = (first.number, first.begun.elapsed());
            state.on_way.pop_front();
            news.push(News { messages: number - state.visible, after });
            state.visible = number;
        }
        news
    }

    /// The properties that do not show their last value.
    pub(super) fn missing(&self) -> Vec<Missing> {
        let state = self.state();
        let missing = |property: Option<&String>, why: String| Missing {
            device: self.device.id.clone(),
            twin: self.device.twin.clone(),
            property: property.cloned(),
            why,
        };
        let Some(at) = state.at else {
            return state.refused.iter().map(|refused| missing(None, refused.to_string())).collect();
        };
        let lags = |name: &&String| {
            let schema = &self.device.measured[*name].lands.schema;
            !state.seen.get(*name).is_some_and(|sight| sight.follows(at, schema, &state.last[*name]))
        };
        let why = || match (&state.refused, state.acknowledged, &state.unread) {
            (Some(refused), ..) => format!("the hub did not take the last message: {refused}"),
            (None, false, _) => "the hub did not take the last message in time".to_owned(),
            (None, true, Some(refused)) => format!("the twin could not be read: {refused}"),
            (None, true, None) => "the twin does not show the last value".to_owned(),
        };
        state.last.keys().filter(lags).map(|name| missing(Some(name), why())).collect()
    }
}
