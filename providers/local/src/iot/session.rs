//! Which devices are connected: one connection per device, a new one ends the one before.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use super::registry;

/// The connections of all devices.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<Open>);

#[derive(Debug, Default)]
struct Open {
    /// By the device's key in the state.
    by_device: HashMap<String, (u64, CancellationToken)>,
    /// How many were opened so far: tells a session from the next of the same device.
    opened: u64,
}

impl Sessions {
    /// Notes a connection and ends the device's earlier one.
    pub(super) fn open(&self, hub: &str, device: &str) -> Session<'_> {
        let (key, ended) = (registry::key(hub, device), CancellationToken::new());
        let mut open = self.lock();
        open.opened += 1;
        let number = open.opened;
        if let Some((_, earlier)) = open.by_device.insert(key.clone(), (number, ended.clone())) {
            earlier.cancel();
        }
        Session { sessions: self, key, number, ended }
    }

    /// Ends the connection of a device, if it has one.
    pub(super) fn end(&self, hub: &str, device: &str) {
        if let Some((_, session)) = self.lock().by_device.get(&registry::key(hub, device)) {
            session.cancel();
        }
    }

    /// Whether a device is connected.
    pub(super) fn is_open(&self, hub: &str, device: &str) -> bool {
        self.lock().by_device.contains_key(&registry::key(hub, device))
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection; it is forgotten when this is dropped.
#[derive(Debug)]
pub(super) struct Session<'a> {
    sessions: &'a Sessions,
    key: String,
    number: u64,
    ended: CancellationToken,
}

impl Session<'_> {
    /// Returns when the connection has to end.
    pub(super) async fn ended(&self) {
        self.ended.cancelled().await;
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        let mut open = self.sessions.lock();
        if open.by_device.get(&self.key).is_some_and(|(number, _)| *number == self.number) {
            open.by_device.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_connection_of_a_device_ends_the_first() {
        let sessions = Sessions::default();
        let (first, other) = (sessions.open("h", "a"), sessions.open("h", "b"));
        let second = sessions.open("h", "a");
        assert!(first.ended.is_cancelled() && !second.ended.is_cancelled() && !other.ended.is_cancelled());
        drop(first);
        assert!(sessions.is_open("h", "a"), "the first one's end is not the second one's");
        drop(second);
        assert!(!sessions.is_open("h", "a") && sessions.is_open("h", "b"));
        sessions.end("h", "b");
        assert!(other.ended.is_cancelled());
    }
}
