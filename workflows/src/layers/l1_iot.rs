//! L1: the IoT hub, its devices, and the topic that its telemetry comes out of.

use azure::roles;
use engine::graph::Handle;
use serde_json::json;

use super::{
    At, Site,
    setup::{Setup, assignment, principal_type},
};
use crate::steps::{
    access::{Admitted, DataPlane},
    arm::ArmResource,
    devices::Devices,
    kind::{IOT_HUB, ROLE_ASSIGNMENT, SYSTEM_TOPIC},
    outputs::{Hub, Resource},
};

const LAYER: &str = "L1";

/// What later layers take from L1.
pub(super) struct Iot {
    /// The topic of the hub's events: a source can have only one.
    pub(super) topic: Handle<Resource>,
}

pub(super) fn add(site: &mut Site<'_>, setup: &Setup) -> Iot {
    let location = site.account.regions.iot_hub.clone();
    let id = site.id("Microsoft.Devices/IotHubs", &site.names.iot_hub());
    let body = json!({ "location": location, "sku": { "name": "S1", "capacity": 1 }, "properties": {} });
    let hub: Handle<Hub> = site.resource(LAYER, "hub", IOT_HUB, id, body, &[setup.group]);

    let topic_name = site.names.system_topic();
    let topic_id = site.id("Microsoft.EventGrid/systemTopics", &topic_name);
    let topic = site.step(At::resource(LAYER, "events", SYSTEM_TOPIC, &topic_name), hub, &[], move |hub| {
        let properties = json!({ "source": hub.id, "topicType": "Microsoft.Devices.IoTHubs" });
        ArmResource::new(SYSTEM_TOPIC, topic_id.clone(), json!({ "location": location, "properties": properties }))
    });

    let subscription = site.account.subscription.clone();
    let at = At::resource(LAYER, "deployer-hub-role", ROLE_ASSIGNMENT, "of the deployer on the hub");
    let role = site.step(at, (setup.deployer, hub), &[], move |(deployer, hub)| {
        let kind = principal_type(&deployer);
        assignment(&subscription, &hub.id, roles::IOT_HUB_REGISTRY_CONTRIBUTOR, &deployer.object_id, kind)
    });
    let at = At::new(LAYER, "access", "access to the device registry", 60);
    let admitted = site.step(at, hub, &[role.into()], |hub| Admitted::to(DataPlane::DeviceRegistry, hub.host_name));

    let gate = site.gate(LAYER, &["Setup", "L0"]);
    let ids: std::collections::BTreeSet<String> =
        site.definition.devices.iter().map(|device| device.id.clone()).collect();
    let at = At::new(LAYER, "devices", format!("{} device identities", ids.len()), 5);
    site.step(at, hub, &[admitted.into(), gate], move |hub| Devices::new(hub.id, hub.host_name, ids.clone()));
    Iot { topic }
}
