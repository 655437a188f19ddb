//! Event subscriptions as Event Grid works with them: read from their resources, checked when they are made.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use url::Url;

use super::filter::Filter;
use super::schedule::Policy;
use super::webhook;
use crate::state::{Resource, State};

const SYSTEM_TOPICS: &str = "Microsoft.EventGrid/systemTopics";

/// One incarnation of a subscription: a new one under the same name does not get what was meant for the old one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Lane {
    /// The resource's id in lower case.
    pub(super) key: Arc<str>,
    /// When it was created.
    pub(super) created: Arc<str>,
}

/// A subscription.
#[derive(Clone, Debug)]
pub(super) struct Subscription {
    pub(super) lane: Lane,
    /// The id as it was written.
    pub(super) id: String,
    /// The id, in lower case, of the resource whose events it gets.
    pub(super) source: String,
    /// The name of the topic, or of the source when it hangs on that.
    pub(super) topic: String,
    /// Whether it is ready to get what is published.
    pub(super) ready: bool,
    pub(super) destination: Destination,
    pub(super) filter: Filter,
    pub(super) policy: Policy,
    pub(super) batch: Batch,
    /// Whether events are delivered as CloudEvents 1.0 rather than in the Event Grid schema.
    pub(super) cloud_events: bool,
    pub(super) letters: Option<Container>,
}

/// Where events go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Destination {
    Function {
        app: String,
        function: String,
    },
    WebHook(Url),
    /// Something that this cloud does not deliver to.
    Elsewhere(String),
}

/// How many events, and how much, one delivery may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) events: usize,
    pub(super) bytes: usize,
}

/// A blob container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Container {
    pub(super) account: String,
    pub(super) name: String,
}

impl Subscription {
    /// The last part of the id.
    pub(super) fn name(&self) -> &str {
        self.id.rsplit('/').next().unwrap_or_default()
    }

    /// Reads a resource; `None` when it is no event subscription.
    pub(super) fn read(state: &State, resource: &Resource) -> Option<Self> {
        if !resource.kind.to_lowercase().ends_with("/eventsubscriptions") {
            return None;
        }
        let key = resource.id.to_lowercase();
        let source = source(state, &key)?;
        let topic = resource.id.get(..topic(&key).len()).and_then(|topic| topic.rsplit('/').next())?.to_owned();
        let properties = &resource.body["properties"];
        Some(Self {
            lane: Lane { key: key.into(), created: resource.created.as_str().into() },
            id: resource.id.clone(),
            source,
            topic,
            ready: matches!(resource.state.as_str(), "Succeeded" | "Updating"),
            destination: destination(&properties["destination"]),
            // What is not valid was refused when it was put.
            filter: Filter::read(&properties["filter"]).unwrap_or_default(),
            policy: policy(&properties["retryPolicy"]),
            batch: batch(&properties["destination"]["properties"]),
            cloud_events: properties["eventDeliverySchema"] == "CloudEventSchemaV1_0",
            letters: letters(properties),
        })
    }
}

/// What a subscription hangs on: a topic, or the resource itself.
fn topic(key: &str) -> &str {
    let parent = key.rsplit_once("/eventsubscriptions/").map_or("", |(parent, _)| parent);
    parent.strip_suffix("/providers/microsoft.eventgrid").unwrap_or(parent)
}

/// The resource whose events come through there, in lower case.
fn source(state: &State, key: &str) -> Option<String> {
    let topic = topic(key);
    match state.get::<Resource>(topic) {
        Some(found) if found.kind == SYSTEM_TOPICS => {
            found.body["properties"]["source"].as_str().map(str::to_lowercase)
        }
        _ => Some(topic.to_owned()),
    }
}

fn destination(destination: &Value) -> Destination {
    if let Some(Ok(url)) = webhook::url(destination) {
        return Destination::WebHook(url);
    }
    let kind = destination["endpointType"].as_str().unwrap_or_default();
    let parts: Vec<&str> = destination["properties"]["resourceId"].as_str().unwrap_or_default().split('/').collect();
    match parts.as_slice() {
        [.., app, _, function] if kind == "AzureFunction" => {
            Destination::Function { app: (*app).to_owned(), function: (*function).to_owned() }
        }
        _ => Destination::Elsewhere(kind.to_owned()),
    }
}

fn policy(policy: &Value) -> Policy {
    let minutes = policy["eventTimeToLiveInMinutes"].as_u64().unwrap_or(1440);
    let attempts = policy["maxDeliveryAttempts"].as_u64().and_then(|attempts| u32::try_from(attempts).ok());
    Policy { attempts: attempts.unwrap_or(30), time_to_live: Duration::from_secs(minutes * 60) }
}

fn batch(properties: &Value) -> Batch {
    let number = |name: &str, otherwise| {
        properties[name].as_u64().and_then(|number| usize::try_from(number).ok()).unwrap_or(otherwise)
    };
    Batch { events: number("maxEventsPerBatch", 1).max(1), bytes: number("preferredBatchSizeInKilobytes", 64) * 1024 }
}

fn letters(properties: &Value) -> Option<Container> {
    let plain = &properties["deadLetterDestination"];
    let destination =
        if plain.is_object() { plain } else { &properties["deadLetterWithResourceIdentity"]["deadLetterDestination"] };
    let properties = &destination["properties"];
    let account = properties["resourceId"].as_str()?.rsplit('/').next()?.to_lowercase();
    Some(Container { account, name: properties["blobContainerName"].as_str()?.to_owned() })
}

/// Says what is wrong with a subscription's `properties`, apart from its destination.
pub(crate) fn check(state: &State, properties: &Value) -> Result<(), String> {
    Filter::read(&properties["filter"])?;
    let delivery = &properties["destination"]["properties"];
    for (holder, name, allowed) in [
        (&properties["retryPolicy"], "maxDeliveryAttempts", 1..=30),
        (&properties["retryPolicy"], "eventTimeToLiveInMinutes", 1..=1440),
        (delivery, "maxEventsPerBatch", 1..=5000),
        (delivery, "preferredBatchSizeInKilobytes", 1..=1024),
    ] {
        let value = &holder[name];
        if !value.is_null() && !value.as_u64().is_some_and(|value| allowed.contains(&value)) {
            let (low, high) = allowed.into_inner();
            return Err(format!("{name} must be an integer between {low} and {high}"));
        }
    }
    check_letters(state, &properties["deadLetterDestination"])?;
    check_letters(state, &properties["deadLetterWithResourceIdentity"]["deadLetterDestination"])
}

fn check_letters(state: &State, destination: &Value) -> Result<(), String> {
    if destination.is_null() {
        return Ok(());
    }
    if destination["endpointType"] != "StorageBlob" {
        return Err("the endpointType of the dead letter destination must be StorageBlob".to_owned());
    }
    let properties = &destination["properties"];
    let account = properties["resourceId"].as_str().unwrap_or_default();
    let container = properties["blobContainerName"].as_str().unwrap_or_default();
    let key = format!("{account}/blobServices/default/containers/{container}").to_lowercase();
    match state.get::<Resource>(&key) {
        Some(_) => Ok(()),
        None => Err(format!("the dead letter destination was not found: container '{container}' of '{account}'")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const HUB: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Devices/IotHubs/Hub";

    fn resource(id: &str, kind: &str, body: Value) -> Resource {
        Resource {
            id: id.to_owned(),
            kind: kind.to_owned(),
            body,
            minted: serde_json::Map::new(),
            state: "Succeeded".to_owned(),
            operation: None,
            created: "2026-01-01T00:00:00Z".to_owned(),
            changed: "2026-01-01T00:00:00Z".to_owned(),
            etag: String::new(),
        }
    }

    fn put(state: &mut State, resource: Resource) {
        state.set(&resource.id.to_lowercase(), resource);
    }

    #[test]
    fn a_source_is_that_of_the_system_topic_or_what_the_subscription_hangs_on() {
        let dir = tempfile::tempdir().expect("a scratch folder");
        let mut state = State::open(dir.path()).expect("opens");
        let topic = "/subscriptions/s/resourceGroups/g/providers/Microsoft.EventGrid/systemTopics/Top";
        put(&mut state, resource(topic, SYSTEM_TOPICS, json!({ "properties": { "source": HUB } })));
        let body = json!({ "properties": { "destination": { "endpointType": "AzureFunction", "properties": {
            "resourceId": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/app/functions/fn",
        } } } });
        let below = resource(
            &format!("{topic}/eventSubscriptions/one"),
            "Microsoft.EventGrid/systemTopics/eventSubscriptions",
            body.clone(),
        );
        let on_hub = resource(
            &format!("{HUB}/providers/Microsoft.EventGrid/eventSubscriptions/two"),
            "Microsoft.EventGrid/eventSubscriptions",
            body,
        );
        let read = |resource| Subscription::read(&state, resource).expect("a subscription");
        let (below, on_hub) = (read(&below), read(&on_hub));
        assert_eq!((below.source.as_str(), below.topic.as_str(), below.name()), (&*HUB.to_lowercase(), "Top", "one"));
        assert_eq!((on_hub.source.as_str(), on_hub.topic.as_str()), (&*HUB.to_lowercase(), "Hub"));
        assert_eq!(below.destination, Destination::Function { app: "app".into(), function: "fn".into() });
        assert_eq!(below.batch, Batch { events: 1, bytes: 65536 });
        assert_eq!(below.policy, Policy { attempts: 30, time_to_live: Duration::from_secs(86_400) });
    }

    #[test]
    fn numbers_out_of_range_and_missing_containers_are_named() {
        let dir = tempfile::tempdir().expect("a scratch folder");
        let mut state = State::open(dir.path()).expect("opens");
        let account = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/Acc";
        let refused = |state: &State, properties: Value| check(state, &properties).expect_err("refused");
        let error = refused(&state, json!({ "retryPolicy": { "maxDeliveryAttempts": 31 } }));
        assert_eq!(error, "maxDeliveryAttempts must be an integer between 1 and 30");
        let error = refused(&state, json!({ "retryPolicy": { "eventTimeToLiveInMinutes": "5" } }));
        assert!(error.starts_with("eventTimeToLiveInMinutes"), "{error}");
        let error = refused(&state, json!({ "destination": { "properties": { "maxEventsPerBatch": 0 } } }));
        assert!(error.starts_with("maxEventsPerBatch"), "{error}");
        let properties = json!({ "deadLetterDestination": {
            "endpointType": "StorageBlob", "properties": { "resourceId": account, "blobContainerName": "dead" },
        } });
        assert!(refused(&state, properties.clone()).contains("container 'dead'"));
        let id = format!("{account}/blobServices/default/containers/dead");
        put(&mut state, resource(&id, "Microsoft.Storage/storageAccounts/blobServices/containers", json!({})));
        assert_eq!(check(&state, &properties), Ok(()));
        assert_eq!(letters(&properties), Some(Container { account: "acc".into(), name: "dead".into() }));
    }
}
