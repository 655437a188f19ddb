//! The way out: which routes a notification takes, and what became of those that took it.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::change::Route;
use super::notification::Notification;
use super::query::Filter;

/// Filters that are kept ready; an instance has six routes at most.
const FILTERS: usize = 256;

/// What lies behind the endpoints of instances: the cloud around them.
pub trait Outlet: fmt::Debug + Send + Sync {
    /// The host name of an instance, which is the source of its notifications.
    fn host(&self, instance: &str) -> String;

    /// Hands a notification to an endpoint; when this returns, it survives the death of this process.
    ///
    /// It is called while the instance is locked, so it must lock nothing that is held while an instance is asked for.
    ///
    /// # Errors
    /// When it cannot be written down; it is handed over again later then.
    fn send(&self, instance: &str, endpoint: &str, notification: &Notification) -> io::Result<Fate>;
}

/// What became of a notification at an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The endpoint has it.
    Taken,
    /// Nothing is there that could take it, and why: it is gone.
    Lost(String),
}

/// A notification with the routes that it has still to take, each with its endpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Outgoing {
    pub(super) notification: Notification,
    pub(super) routes: Vec<(String, String)>,
}

/// The way out of all instances of a service.
#[derive(Debug, Default)]
pub(super) struct Egress {
    outlet: OnceLock<Arc<dyn Outlet>>,
    filters: Mutex<HashMap<String, Arc<Filter>>>,
    /// By instance and route, since the start.
    tallies: Mutex<BTreeMap<(String, String), Tally>>,
}

/// What became of the notifications that took a route.
#[derive(Clone, Debug, Default)]
struct Tally {
    endpoint: String,
    sent: u64,
    lost: u64,
    /// Why the last one was lost.
    reason: Option<String>,
}

impl Egress {
    /// Opens the way, once; until then no notification takes any route.
    pub(super) fn connect(&self, outlet: Arc<dyn Outlet>) {
        if self.outlet.set(outlet).is_err() {
            tracing::warn!("the way out of the instances was open already");
        }
    }

    /// Whether there is anywhere to go.
    pub(super) fn is_open(&self) -> bool {
        self.outlet.get().is_some()
    }

    /// The routes whose filter the notification passes.
    pub(super) fn routes(
        &self,
        instance: &str,
        routes: &BTreeMap<String, Route>,
        notification: &Notification,
    ) -> Vec<(String, String)> {
        let Some(outlet) = self.outlet.get() else { return Vec::new() };
        let event = notification.cloud_event(&outlet.host(instance));
        let wanted = routes.iter().filter(|(_, route)| self.filter(&route.filter).is_some_and(|one| one.holds(&event)));
        wanted.map(|(id, route)| (id.clone(), route.endpoint.clone())).collect()
    }

    /// A filter ready to be asked; what does not parse was refused when its route was put.
    fn filter(&self, text: &str) -> Option<Arc<Filter>> {
        let mut filters = self.filters.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(filter) = filters.get(text) {
            return Some(Arc::clone(filter));
        }
        let filter = Arc::new(Filter::read(text).ok()?);
        if filters.len() >= FILTERS {
            filters.clear();
        }
        filters.insert(text.to_owned(), Arc::clone(&filter));
        Some(filter)
    }

    /// Sends a notification along its routes, which it loses one by one as it has taken them.
    pub(super) fn send(&self, instance: &str, outgoing: &mut Outgoing) -> io::Result<()> {
        let Some(outlet) = self.outlet.get() else { return Err(io::Error::other("the way out is not open yet")) };
        while let Some((route, endpoint)) = outgoing.routes.last() {
            let fate = outlet.send(instance, endpoint, &outgoing.notification)?;
            self.count(instance, route, endpoint, fate);
            outgoing.routes.pop();
        }
        Ok(())
    }

    fn count(&self, instance: &str, route: &str, endpoint: &str, fate: Fate) {
        let mut tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        let tally = tallies.entry((instance.to_owned(), route.to_owned())).or_default();
        endpoint.clone_into(&mut tally.endpoint);
        match fate {
            Fate::Taken => tally.sent += 1,
            Fate::Lost(reason) => {
                if tally.reason.as_ref() != Some(&reason) {
                    tracing::warn!(instance, route, endpoint, reason, "an event route leads nowhere");
                }
                tally.lost += 1;
                tally.reason = Some(reason);
            }
        }
    }

    /// What became of the notifications, by instance and route, since the start.
    pub(super) fn show(&self) -> Value {
        let tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = |((instance, route), tally): (&(String, String), &Tally)| {
            let mut shown = json!({
                "instance": instance, "route": route, "endpoint": tally.endpoint, "sent": tally.sent, "lost": tally.lost,
            });
            if let Some(reason) = &tally.reason {
                shown["reason"] = reason.clone().into();
            }
            shown
        };
        tallies.iter().map(shown).collect()
    }
}
