//! The endpoints of digital twins: where the notifications of an instance come into Event Grid.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use serde_json::Value;
use url::{Host, Url};

use super::Grid;
use crate::adt::{self, Fate, Notification};
use crate::arm::lifecycle::ENDPOINT;
use crate::arm::types::event_grid::{self, Schema, TOPIC};
use crate::cloud::Hosts;
use crate::listen::Service;
use crate::state::{Resource, State};

/// The way out of the digital twins of a cloud.
#[derive(Debug)]
pub(crate) struct Outlet {
    pub(crate) grid: Arc<Grid>,
    pub(crate) hosts: Hosts,
}

/// What an endpoint leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// A topic, by its id.
    Topic { id: String, schema: Schema },
    /// Nothing of this cloud, and why.
    Nowhere(String),
}

impl adt::Outlet for Outlet {
    fn host(&self, instance: &str) -> String {
        self.hosts.of(Service::Adt, "adt", instance)
    }

    fn send(&self, instance: &str, endpoint: &str, notification: &Notification) -> io::Result<Fate> {
        let table = self.grid.routes.latest();
        let (id, event) = match table.endpoint(instance, endpoint) {
            None => return Ok(Fate::Lost(format!("there is no endpoint {endpoint}"))),
            Some(Endpoint::Nowhere(reason)) => return Ok(Fate::Lost(reason.clone())),
            Some(Endpoint::Topic { schema: Schema::Custom, .. }) => {
                return Ok(Fate::Lost("the topic takes events in a schema of its own".to_owned()));
            }
            Some(Endpoint::Topic { id, schema: Schema::Grid }) => (id, notification.grid_event(id)),
            Some(Endpoint::Topic { id, schema: Schema::Cloud }) => (id, notification.cloud_event(&self.host(instance))),
        };
        self.grid.take(&table, id, &event)?;
        Ok(Fate::Taken)
    }
}

/// What each endpoint of each instance leads to; the key is `{instance}/{endpoint}` in lower case.
pub(super) fn endpoints(state: &State) -> HashMap<String, Endpoint> {
    let endpoints = state.all::<Resource>().values().filter(|resource| resource.kind == ENDPOINT);
    endpoints.map(|endpoint| (key_of(&endpoint.id), endpoint_of(state, endpoint))).collect()
}

/// Under which key an endpoint is found.
pub(super) fn key(instance: &str, endpoint: &str) -> String {
    format!("{instance}/{endpoint}").to_lowercase()
}

fn key_of(id: &str) -> String {
    let mut parts = id.rsplit('/');
    let (endpoint, instance) = (parts.next().unwrap_or_default(), parts.nth(1).unwrap_or_default());
    key(instance, endpoint)
}

fn endpoint_of(state: &State, endpoint: &Resource) -> Endpoint {
    let properties = &endpoint.body["properties"];
    let kind = properties["endpointType"].as_str().unwrap_or_default();
    if kind != "EventGrid" {
        return Endpoint::Nowhere(format!("the local cloud has no {kind}"));
    }
    let url = properties["TopicEndpoint"].as_str().unwrap_or_default();
    let Some(topic) = topic(state, url) else { return Endpoint::Nowhere(format!("there is no topic at {url}")) };
    let is_key_based = properties["authenticationType"] != "IdentityBased";
    if is_key_based && !takes_key(topic, properties) {
        return Endpoint::Nowhere("the topic takes none of the endpoint's access keys".to_owned());
    }
    Endpoint::Topic { id: topic.id.clone(), schema: Schema::of_topic(topic) }
}

/// The topic whose events are published there; the port does not count, as the state holds none.
fn topic<'a>(state: &'a State, url: &str) -> Option<&'a Resource> {
    let url = Url::parse(url).ok()?;
    let Some(Host::Domain(host)) = url.host() else { return None };
    let is_ready = |topic: &&Resource| topic.kind == TOPIC && matches!(topic.state.as_str(), "Succeeded" | "Updating");
    let mut topics = state.all::<Resource>().values().filter(is_ready);
    topics.find(|topic| host.eq_ignore_ascii_case(&format!("{}.{}.localhost", topic.name(), event_grid::zone(topic))))
}

fn takes_key(topic: &Resource, properties: &Value) -> bool {
    let keys = [topic.minted("key1"), topic.minted("key2")];
    ["accessKey1", "accessKey2"].iter().filter_map(|name| properties[*name].as_str()).any(|key| keys.contains(&key))
}
