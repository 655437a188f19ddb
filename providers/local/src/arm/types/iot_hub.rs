//! IoT hubs.

use serde_json::{Map, Value, json};

use super::super::failure::{Failure, Shape};
use super::super::id::Id;
use super::super::kind::{Begin, End, Headers, Kind, Reply, Runs, Urls, View};
use super::super::names::{Ends, Letters, Rule};
use super::{PLAIN, identity, key, mint_identity, overlay};
use crate::listen::Service;
use crate::state::Resource;

/// The shared access policies that every new hub has, and their rights.
pub(crate) const POLICIES: [(&str, &str); 5] = [
    ("iothubowner", "RegistryWrite, ServiceConnect, DeviceConnect"),
    ("service", "ServiceConnect"),
    ("device", "DeviceConnect"),
    ("registryRead", "RegistryRead"),
    ("registryReadWrite", "RegistryWrite"),
];

const CREATE: Runs =
    Runs { status: 201, state: "Accepted", body: Reply::Resource, headers: Headers::AzureAsync, retry_after: None };

pub(super) const KINDS: [Kind; 1] = [Kind {
    name: "Microsoft.Devices/IotHubs",
    versions: &["2021-07-02", "2022-04-30-preview", "2023-06-30"],
    names: Rule::new(3, 50, Letters::Any, "-", Ends::Alphanumeric),
    global: true,
    needs: &["/location", "/sku/name", "/sku/capacity"],
    create: Begin::Runs(CREATE),
    update: Begin::Runs(Runs { status: 200, ..CREATE }),
    delete: End::Runs {
        runs: Runs {
            status: 202,
            state: "Deleting",
            body: Reply::Resource,
            headers: Headers::Both,
            retry_after: Some(15),
        },
        gone: 200,
    },
    creating: 120,
    deleting: 8,
    shape: Shape::IotHub,
    urls: Urls::Resource,
    mint,
    check,
    show: hub,
    ..PLAIN
}];

fn mint() -> Map<String, Value> {
    let mut minted = mint_identity();
    for (policy, _) in POLICIES {
        minted.insert(format!("{policy}/primary"), key(32).into());
        minted.insert(format!("{policy}/secondary"), key(32).into());
    }
    minted
}

fn check(_: View<'_>, _: &Id, body: &Value) -> Result<(), Failure> {
    let sku = body["sku"]["name"].as_str().unwrap_or_default();
    if ["F1", "S1", "S2", "S3", "B1", "B2", "B3"].contains(&sku) {
        return Ok(());
    }
    Err(Failure::bad_request("400007", format!("The SKU {sku} is not one of F1, S1, S2, S3, B1, B2, B3.")))
}

fn hub(view: View<'_>, hub: &Resource) -> Value {
    let name = hub.name().to_lowercase();
    let tier = match hub.body["sku"]["name"].as_str().and_then(|sku| sku.chars().next()) {
        Some('F') => "Free",
        Some('B') => "Basic",
        _ => "Standard",
    };
    let asked = |property: &str, default: Value| match &hub.body["properties"][property] {
        Value::Null => default,
        given => given.clone(),
    };
    let state = if hub.state == "Succeeded" { "Active" } else { "Activating" };
    let mut shown = identity(view, hub);
    overlay(
        &mut shown,
        json!({
            "etag": hub.etag,
            "sku": { "tier": tier },
            "properties": {
                "provisioningState": hub.state,
                "state": state,
                "hostName": view.cloud.hosts.of(Service::IotHub, "hub", &name),
                "eventHubEndpoints": asked("eventHubEndpoints", events(&name)),
                "routing": asked("routing", routing()),
                "features": asked("features", "None".into()),
                "enableFileUploadNotifications": asked("enableFileUploadNotifications", false.into()),
                "cloudToDevice": asked("cloudToDevice", cloud_to_device()),
                "locations": [{ "location": hub.location(), "role": "primary" }],
            },
        }),
    );
    shown
}

fn events(name: &str) -> Value {
    json!({ "events": {
        "retentionTimeInDays": 1,
        "partitionCount": 4,
        "partitionIds": ["0", "1", "2", "3"],
        "path": name,
        "endpoint": format!("sb://iothub-ns-{name}.servicebus.localhost/"),
    }})
}

fn routing() -> Value {
    json!({
        "endpoints": { "serviceBusQueues": [], "serviceBusTopics": [], "eventHubs": [], "storageContainers": [] },
        "routes": [],
        "fallbackRoute": {
            "name": "$fallback", "source": "DeviceMessages", "condition": "true",
            "endpointNames": ["events"], "isEnabled": true,
        },
    })
}

fn cloud_to_device() -> Value {
    json!({
        "maxDeliveryCount": 10,
        "defaultTtlAsIso8601": "PT1H",
        "feedback": { "lockDurationAsIso8601": "PT1M", "ttlAsIso8601": "PT1H", "maxDeliveryCount": 10 },
    })
}
