//! Event Grid: topics, system topics, event subscriptions.

use serde_json::{Map, Value, json};

use super::super::failure::Failure;
use super::super::id::Id;
use super::super::kind::{Begin, End, Headers, Kind, Reply, Runs, Urls, View};
use super::super::names::{Ends, Letters, Rule};
use super::{PLAIN, identity, key, mint_identity, overlay, region};
use crate::events;
use crate::listen::Service;
use crate::state::{Package, Resource};

const VERSIONS: &[&str] = &["2021-12-01", "2022-06-15", "2023-12-15-preview", "2024-06-01-preview", "2025-02-15"];

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
        name: "Microsoft.EventGrid/topics",
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

fn mint_topic() -> Map<String, Value> {
    let mut minted = mint_identity();
    minted.insert("key1".to_owned(), key(32).into());
    minted.insert("key2".to_owned(), key(32).into());
    minted
}

fn topic(view: View<'_>, topic: &Resource) -> Value {
    let zone = format!("{}-1.events", region(topic.location()));
    let endpoint = format!("https://{}/api/events", view.cloud.hosts.of(Service::Data, &zone, topic.name()));
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
    let destination = &body["properties"]["destination"];
    match destination["endpointType"].as_str() {
        Some("AzureFunction") => {
            check_function(view, destination["properties"]["resourceId"].as_str().unwrap_or_default())
        }
        Some("WebHook") => Err(Failure::new(
            501,
            "NotImplemented",
            "The local cloud does not implement WebHook destinations of event subscriptions.",
        )),
        Some("EventHub" | "StorageQueue" | "HybridConnection" | "ServiceBusQueue" | "ServiceBusTopic") => Ok(()),
        _ => Err(Failure::bad_request("InvalidRequest", "Invalid destination properties.")),
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

fn subscription(_: View<'_>, subscription: &Resource) -> Value {
    let asked = &subscription.body["properties"];
    let (scope, own) = subscription.id.rsplit_once("/providers/").unwrap_or_default();
    // Below a topic the topic is the source; otherwise the resource that the subscription hangs on.
    let topic = match own.rsplit_once("/eventSubscriptions/") {
        Some((parent, _)) if parent.contains('/') => format!("{scope}/providers/{parent}"),
        _ => scope.to_owned(),
    };
    let mut filter = json!({ "isSubjectCaseSensitive": false, "subjectBeginsWith": "", "subjectEndsWith": "" });
    overlay(&mut filter, if asked["filter"].is_object() { asked["filter"].clone() } else { json!({}) });
    let mut retry = json!({ "maxDeliveryAttempts": 30, "eventTimeToLiveInMinutes": 1440 });
    overlay(&mut retry, if asked["retryPolicy"].is_object() { asked["retryPolicy"].clone() } else { json!({}) });
    json!({ "properties": {
        "topic": topic,
        "provisioningState": subscription.state,
        "filter": filter,
        "retryPolicy": retry,
        "eventDeliverySchema": asked["eventDeliverySchema"].as_str().unwrap_or("EventGridSchema"),
    }})
}
