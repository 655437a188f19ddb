//! Which subscriptions there are: read from the state once per change of its resources.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::outlet::{self, Endpoint};
use super::subscription::{Lane, Subscription};
use crate::state::{Resource, State};

/// The subscriptions as they were last read.
#[derive(Debug, Default)]
pub(super) struct Routes(Mutex<Arc<Table>>);

/// All subscriptions at one revision of the state.
#[derive(Debug, Default)]
pub(super) struct Table {
    revision: Option<u64>,
    by_source: HashMap<String, Vec<Arc<Subscription>>>,
    by_lane: HashMap<Lane, Arc<Subscription>>,
    /// The endpoints of digital twins.
    endpoints: HashMap<String, Endpoint>,
}

impl Routes {
    /// The subscriptions as they are now.
    pub(super) fn current(&self, state: &State) -> Arc<Table> {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if table.revision != Some(state.revision()) {
            *table = Arc::new(Table::read(state));
        }
        Arc::clone(&table)
    }

    /// The subscriptions as they were last read, for those who must not look at the state: nobody who changes it is
    /// answered before they are read anew.
    pub(super) fn latest(&self) -> Arc<Table> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Table {
    fn read(state: &State) -> Self {
        let endpoints = outlet::endpoints(state);
        let mut table = Self { revision: Some(state.revision()), endpoints, ..Self::default() };
        for subscription in state.all::<Resource>().values().filter_map(|found| Subscription::read(state, found)) {
            let subscription = Arc::new(subscription);
            table.by_source.entry(subscription.source.clone()).or_default().push(Arc::clone(&subscription));
            table.by_lane.insert(subscription.lane.clone(), subscription);
        }
        table
    }

    /// The subscriptions to a resource, given by its id.
    pub(super) fn of(&self, source: &str) -> &[Arc<Subscription>] {
        self.by_source.get(&source.to_lowercase()).map(Vec::as_slice).unwrap_or_default()
    }

    /// The lanes that are to get this event.
    pub(super) fn matching(&self, source: &str, event: &Value) -> Vec<Lane> {
        let wants = |subscription: &&Arc<Subscription>| subscription.ready && subscription.filter.matches(event);
        self.of(source).iter().filter(wants).map(|subscription| subscription.lane.clone()).collect()
    }

    /// What an endpoint of an instance leads to.
    pub(super) fn endpoint(&self, instance: &str, endpoint: &str) -> Option<&Endpoint> {
        self.endpoints.get(&outlet::key(instance, endpoint))
    }

    pub(super) fn get(&self, lane: &Lane) -> Option<Arc<Subscription>> {
        self.by_lane.get(lane).cloned()
    }

    /// All of them, in the order of their ids.
    pub(super) fn all(&self) -> Vec<Arc<Subscription>> {
        let mut all: Vec<_> = self.by_lane.values().cloned().collect();
        all.sort_by(|one, other| one.lane.cmp(&other.lane));
        all
    }
}
