//! Azure Digital Twins instances and their endpoints.

use serde_json::{Value, json};
use url::Url;

use super::super::failure::Failure;
use super::super::id::Id;
use super::super::kind::{Begin, End, Headers, Kind, Reply, Runs, Urls, View};
use super::super::names::{Ends, Letters, Rule};
use super::{PLAIN, identity, mint_identity, overlay};
use crate::listen::Service;
use crate::state::Resource;

const VERSIONS: &[&str] = &["2020-12-01", "2022-05-31", "2022-10-31", "2023-01-31"];

const CREATE: Runs =
    Runs { status: 201, state: "Provisioning", body: Reply::Resource, headers: Headers::Both, retry_after: Some(10) };

/// Recorded: 202 that shows the resource as Deleting, both headers.
const DELETE: End = End::Runs { runs: Runs { status: 202, state: "Deleting", ..CREATE }, gone: 200 };

pub(super) const KINDS: [Kind; 2] = [
    Kind {
        name: "Microsoft.DigitalTwins/digitalTwinsInstances",
        versions: VERSIONS,
        names: Rule::new(3, 63, Letters::Any, "-", Ends::Alphanumeric),
        global: true,
        needs: &["/location"],
        create: Begin::Runs(CREATE),
        update: Begin::Runs(Runs { status: 200, state: "Updating", ..CREATE }),
        delete: DELETE,
        creating: 28,
        deleting: 25,
        urls: Urls::Location("operationsStatuses", "operationResults"),
        mint: mint_identity,
        show: instance,
        ..PLAIN
    },
    Kind {
        name: "Microsoft.DigitalTwins/digitalTwinsInstances/endpoints",
        versions: VERSIONS,
        names: Rule::new(3, 50, Letters::Any, "-", Ends::NotAllDigits),
        needs: &["/properties/endpointType"],
        create: Begin::Runs(CREATE),
        update: Begin::Runs(Runs { status: 200, state: "Updating", ..CREATE }),
        patch: None,
        delete: DELETE,
        creating: 5,
        deleting: 5,
        urls: Urls::Location("operationsStatuses", "operationResults"),
        parent: 2,
        check: check_endpoint,
        show: endpoint,
        ..PLAIN
    },
];

fn instance(view: View<'_>, instance: &Resource) -> Value {
    let mut shown = identity(view, instance);
    overlay(
        &mut shown,
        json!({ "properties": {
            "provisioningState": instance.state,
            "createdTime": instance.created,
            "lastUpdatedTime": instance.changed,
            "publicNetworkAccess": instance.body["properties"]["publicNetworkAccess"].as_str().unwrap_or("Enabled"),
            "privateEndpointConnections": [],
        }}),
    );
    // The host is not known before the instance is.
    if instance.state != "Provisioning" {
        shown["properties"]["hostName"] = view.cloud.hosts.of(Service::Adt, "adt", instance.name()).into();
    }
    shown
}

fn check_endpoint(_: View<'_>, _: &Id, body: &Value) -> Result<(), Failure> {
    let properties = &body["properties"];
    let is_identity_based = properties["authenticationType"] == "IdentityBased";
    let missing = |name: &str| Err(Failure::bad_request("InvalidEndpoint", format!("The property {name} is missing.")));
    match properties["endpointType"].as_str() {
        Some("EventGrid") if !properties["TopicEndpoint"].is_string() => missing("TopicEndpoint"),
        Some("EventGrid") if !is_identity_based && !properties["accessKey1"].is_string() => missing("accessKey1"),
        Some("EventGrid" | "EventHub" | "ServiceBus") => check_dead_letters(properties),
        _ => Err(Failure::bad_request("InvalidEndpoint", "The endpointType is not known.")),
    }
}

/// Dead letters go to a container of blobs, given by its URL: with a signature under a secret, without one otherwise.
fn check_dead_letters(properties: &Value) -> Result<(), Failure> {
    for (name, is_signed) in [("deadLetterSecret", true), ("deadLetterUri", false)] {
        let Some(text) = properties[name].as_str() else { continue };
        let fits = |url: &Url| url.path().len() > 1 && (url.query().is_some() || !is_signed);
        if !Url::parse(text).as_ref().is_ok_and(fits) {
            let message = format!("The property {name} is not the URL of a storage container.");
            return Err(Failure::bad_request("InvalidEndpoint", message));
        }
    }
    Ok(())
}

fn endpoint(_: View<'_>, endpoint: &Resource) -> Value {
    let mut properties = json!({
        "provisioningState": endpoint.state,
        "createdTime": endpoint.created,
        "authenticationType": endpoint.body["properties"]["authenticationType"].as_str().unwrap_or("KeyBased"),
    });
    for secret in [
        "accessKey1",
        "accessKey2",
        "primaryConnectionString",
        "secondaryConnectionString",
        "connectionStringPrimaryKey",
        "connectionStringSecondaryKey",
        "deadLetterSecret",
    ] {
        if endpoint.body["properties"][secret].is_string() {
            properties[secret] = "****".into();
        }
    }
    json!({ "properties": properties })
}
