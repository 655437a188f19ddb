//! Event Grid: topics, system topics, event subscriptions.

use serde_json::{Map, Value, json};

use super::super::failure::Failure;
use super::super::id::Id;
use super::super::kind::{Begin, End, Headers, Kind, Reply, Runs, Urls, View};
use super::super::names::{Ends, Letters, Rule};
use super::{PLAIN, identity, key, mint_identity, overlay, region};
use crate::events::{self, webhook};
use crate::listen::Service;
use crate::state::{Package, Resource, State};

const VERSIONS: &[&str] = &["2021-12-01", "2022-06-15", "2023-12-15-preview", "2024-06-01-preview", "2025-02-15"];

/// The type of topics that anybody may publish to.
pub(crate) const TOPIC: &str = "Microsoft.EventGrid/topics";

const SUBSCRIPTION_NAMES: Rule = Rule::new(3, 64, Letters::Any, "-", Ends::Free);

const CREATE: Runs =
    Runs { status: 201, state: "Creating", body: Reply::Resource, headers: Headers::AzureAsync, retry_after: Some(10) };

/// All of them answer 201 also when the resource was there [S].
const UPDATE: Begin = Begin::Runs(Runs { state: "Updating", ..CREATE });

const DELETE: End = End::Runs {
    runs: Runs { status: 202, state: "Deleting", body: Reply::Nothing, headers: Headers::Both, retry_after: Some(10) },
    gone: 200,
};

const SUBSCRIPTION: Kind = Kind {
    name: "Microsoft.EventGrid/eventSubscriptions",
    versions: VERSIONS,
    names: SUBSCRIPTION_NAMES,
    needs: &["/properties/destination/endpointType"],
    create: Begin::Runs(CREATE),
    update: UPDATE,
    patch: Some(201),
    // Recorded: only a Location.
    delete: End::Runs {
        runs: Runs {
            status: 202,
            state: "Deleting",
            body: Reply::Nothing,
            headers: Headers::Location,
            retry_after: Some(10),
        },
        gone: 200,
    },
    creating: 5,
    deleting: 3,
    urls: Urls::Location("operationsStatus", "operationResults"),
    check: check_subscription,
    show: subscription,
    ..PLAIN
};

pub(super) const KINDS: [Kind; 5] = [
    Kind {
        name: TOPIC,
        versions: VERSIONS,
        names: Rule::new(3, 50, Letters::Any, "-", Ends::Free),
        needs: &["/location"],
        create: Begin::Runs(CREATE),
        update: UPDATE,
        delete: DELETE,
        creating: 4,
        deleting: 3,
        urls: Urls::Location("operationsStatus", "operationResults"),
        mint: mint_topic,
        check: check_topic,
        show: topic,
        ..PLAIN
    },
    Kind {
        name: "Microsoft.EventGrid/systemTopics",
        versions: VERSIONS,
        names: Rule::new(3, 128, Letters::Any, "-", Ends::Free),
        needs: &["/location", "/properties/source", "/properties/topicType"],
        create: Begin::Runs(CREATE),
        update: Begin::Runs(Runs { status: 200, state: "Updating", ..CREATE }),
        delete: DELETE,
        creating: 4,
        deleting: 3,
        urls: Urls::Location("operationsStatus", "operationResults"),
        mint: mint_identity,
        check: check_system_topic,
        show: system_topic,
        ..PLAIN
    },
    SUBSCRIPTION,
    Kind { name: "Microsoft.EventGrid/systemTopics/eventSubscriptions", parent: 2, ..SUBSCRIPTION },
    Kind { name: "Microsoft.EventGrid/topics/eventSubscriptions", parent: 2, ..SUBSCRIPTION },
];

/// The schema of the events that a topic takes; it is chosen when the topic is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Schema {
    /// Event Grid's own.
    Grid,
    /// CloudEvents 1.0.
    Cloud,
    /// One that the topic maps to Event Grid's.
    Custom,
}

impl Schema {
    /// The schema of a topic; Event Grid's own where the topic does not say.
    pub(crate) fn of_topic(topic: &Resource) -> Self {
        Self::read(&topic.body).unwrap_or(Self::Grid)
    }

    fn read(body: &Value) -> Option<Self> {
        match body["properties"]["inputSchema"].as_str() {
            None | Some("EventGridSchema") => Some(Self::Grid),
            Some("CloudEventSchemaV1_0") => Some(Self::Cloud),
            Some("CustomEventSchema") => Some(Self::Custom),
            Some(_) => None,
        }
    }
}

/// The host names of topics are `{name}.{zone}.localhost`.
pub(crate) fn zone(topic: &Resource) -> String {
    format!("{}-1.events", region(topic.location()))
}

fn check_topic(view: View<'_>, id: &Id, body: &Value) -> Result<(), Failure> {
    let refused = |what: &str| Err(Failure::bad_request("InvalidRequest", format!("Invalid topic request: {what}.")));
    let Some(asked) = Schema::read(body) else { return refused("the inputSchema is not known") };
    match view.state.get::<Resource>(&id.key()) {
        Some(here) if Schema::of_topic(here) != asked => refused("the inputSchema of a topic cannot be changed"),
        _ => Ok(()),
    }
}

fn mint_topic() -> Map<String, Value> {
    let mut minted = mint_identity();
    minted.insert("key1".to_owned(), key(32).into());
    minted.insert("key2".to_owned(), key(32).into());
    minted
}

fn topic(view: View<'_>, topic: &Resource) -> Value {
    let endpoint = format!("https://{}/api/events", view.cloud.hosts.of(Service::Data, &zone(topic), topic.name()));
    let asked = &topic.body["properties"];
    let mut shown = identity(view, topic);
    overlay(
        &mut shown,
        json!({ "properties": {
            "provisioningState": topic.state,
            "endpoint": endpoint,
            "inputSchema": asked["inputSchema"].as_str().unwrap_or("EventGridSchema"),
            "metricResourceId": topic.minted("principalId"),
            "publicNetworkAccess": asked["publicNetworkAccess"].as_str().unwrap_or("Enabled"),
            "disableLocalAuth": asked["disableLocalAuth"].as_bool().unwrap_or(false),
        }}),
    );
    shown
}

/// A source has at most one system topic.
fn check_system_topic(view: View<'_>, id: &Id, body: &Value) -> Result<(), Failure> {
    let source = body["properties"]["source"].as_str().unwrap_or_default();
    let other = view.state.all::<Resource>().iter().any(|(key, other)| {
        other.kind == "Microsoft.EventGrid/systemTopics"
            && *key != id.key()
            && other.body["properties"]["source"].as_str().is_some_and(|taken| taken.eq_ignore_ascii_case(source))
    });
    if other {
        let message = format!(
            "There is an existing tracked system topic for the given source {source}. Only one system topic is allowed per source."
        );
        return Err(Failure::bad_request("InvalidRequest", message));
    }
    exists(view, source)
}

fn exists(view: View<'_>, source: &str) -> Result<(), Failure> {
    let is_group = source.split('/').count() == 5;
    if view.state.get::<Resource>(&source.to_lowercase()).is_some() || is_group || source.split('/').count() == 3 {
        return Ok(());
    }
    Err(Failure::not_found("ResourceNotFound", format!("The Resource '{source}' was not found.")))
}

fn system_topic(view: View<'_>, topic: &Resource) -> Value {
    let mut shown = identity(view, topic);
    let properties = json!({ "provisioningState": topic.state, "metricResourceId": topic.minted("principalId") });
    overlay(&mut shown, json!({ "properties": properties }));
    shown
}

/// A function that is to receive events must be there already, and so must the container for dead letters; other
/// destinations are taken as they are.
fn check_subscription(view: View<'_>, id: &Id, body: &Value) -> Result<(), Failure> {
    if id.parent().is_none() {
        exists(view, &id.scope)?;
    }
    events::check(view.state, &body["properties"]).map_err(|reason| {
        Failure::bad_request("InvalidRequest", format!("Invalid event subscription request: {reason}."))
    })?;
    if body["properties"]["eventDeliverySchema"] == "EventGridSchema" && takes_cloud_events(view.state, &id.text) {
        let message =
            "Event delivery schema EventGridSchema is not supported for topics that take CloudEventSchemaV1_0.";
        return Err(Failure::bad_request("InvalidRequest", message));
    }
    let destination = &body["properties"]["destination"];
    match destination["endpointType"].as_str() {
        Some("AzureFunction") => {
            check_function(view, destination["properties"]["resourceId"].as_str().unwrap_or_default())
        }
        Some("WebHook") => match webhook::url(destination) {
            Some(Err(reason)) => Err(Failure::bad_request("InvalidRequest", format!("Invalid webhook: {reason}."))),
            _ => Ok(()),
        },
        Some("EventHub" | "StorageQueue" | "HybridConnection" | "ServiceBusQueue" | "ServiceBusTopic") => Ok(()),
        _ => Err(Failure::bad_request("InvalidRequest", "Invalid destination properties.")),
    }
}

/// Whether a subscription, given by its id, is one to a topic that takes CloudEvents.
pub(crate) fn takes_cloud_events(state: &State, id: &str) -> bool {
    let topic = state.get::<Resource>(&source(id).to_lowercase()).filter(|source| source.kind == TOPIC);
    topic.is_some_and(|topic| Schema::of_topic(topic) == Schema::Cloud)
}

/// What a subscription is one to: the topic that it is below, or else the resource that it hangs on.
fn source(id: &str) -> String {
    let (scope, own) = id.rsplit_once("/providers/").unwrap_or_default();
    match own.rsplit_once("/eventSubscriptions/") {
        Some((parent, _)) if parent.contains('/') => format!("{scope}/providers/{parent}"),
        _ => scope.to_owned(),
    }
}

fn check_function(view: View<'_>, resource: &str) -> Result<(), Failure> {
    let missing = || Failure::bad_request("Endpoint validation", "Destination endpoint not found.");
    let parts: Vec<&str> = resource.split('/').collect();
    let [.., app, functions, function] = parts.as_slice() else { return Err(missing()) };
    let site = resource.to_lowercase();
    let site = site.rsplitn(3, '/').nth(2).unwrap_or_default();
    let found = functions.eq_ignore_ascii_case("functions") && view.state.get::<Resource>(site).is_some();
    let served = view.state.get::<Package>(&app.to_lowercase()).filter(|_| found).and_then(Package::served);
    let document = served
        .and_then(|served| served.functions.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(function)))
        .map(|(_, document)| document)
        .ok_or_else(missing)?;
    // The host does not listen for a disabled function.
    if document["disabled"] == true {
        return Err(missing());
    }
    let triggers = document["bindings"].as_array().into_iter().flatten();
    let fits = triggers
        .filter_map(|binding| binding["type"].as_str())
        .any(|kind| kind.eq_ignore_ascii_case("eventGridTrigger"));
    if fits {
        return Ok(());
    }
    Err(Failure::bad_request("Unsupported Azure Function Trigger", "The function has no Event Grid trigger."))
}

fn subscription(view: View<'_>, subscription: &Resource) -> Value {
    let asked = &subscription.body["properties"];
    let schema =
        if takes_cloud_events(view.state, &subscription.id) { "CloudEventSchemaV1_0" } else { "EventGridSchema" };
    let mut filter = json!({ "isSubjectCaseSensitive": false, "subjectBeginsWith": "", "subjectEndsWith": "" });
    overlay(&mut filter, if asked["filter"].is_object() { asked["filter"].clone() } else { json!({}) });
    let mut retry = json!({ "maxDeliveryAttempts": 30, "eventTimeToLiveInMinutes": 1440 });
    overlay(&mut retry, if asked["retryPolicy"].is_object() { asked["retryPolicy"].clone() } else { json!({}) });
    let mut shown = json!({ "properties": {
        "topic": source(&subscription.id),
        "provisioningState": subscription.state,
        "filter": filter,
        "retryPolicy": retry,
        "eventDeliverySchema": asked["eventDeliverySchema"].as_str().unwrap_or(schema),
    }});
    // The URL of a webhook may hold a secret: only the part of it that holds none is shown.
    if let Some(Ok(url)) = webhook::url(&asked["destination"]) {
        let properties = json!({ "endpointUrl": null, "endpointBaseUrl": webhook::base(&url) });
        shown["properties"]["destination"]["properties"] = properties;
    }
    shown
}
