//! L1 on Azure: the IoT hub, its devices, and the topic that its telemetry comes out of.

use azure::roles;
use engine::graph::Handle;
use serde_json::json;

use super::{
    super::site::{At, Site},
    Azure, resource, resource_at,
    setup::{assignment, principal_type},
};
use crate::steps::{
    access::{Admitted, DataPlane},
    arm::ArmResource,
    devices::Devices,
    kind::{IOT_HUB, ROLE_ASSIGNMENT, SYSTEM_TOPIC},
    outputs::{Hub, Resource},
};

const LAYER: &str = "L1";

/// What later steps take from L1.
#[derive(Clone, Copy)]
pub(crate) struct Iot {
    hub: Handle<Hub>,
    /// The topic of the hub's events: a source can have only one.
    pub(crate) topic: Handle<Resource>,
    admitted: Handle<()>,
}

/// Adds what stands by itself: the hub, its topic, the deployer's access.
pub(crate) fn stand(site: &mut Site<'_>, azure: &Azure<'_>) -> Iot {
    let location = azure.account.regions.iot_hub.clone();
    let id = azure.id("Microsoft.Devices/IotHubs", &azure.names.iot_hub());
    let body = json!({ "location": location, "sku": { "name": "S1", "capacity": 1 }, "properties": {} });
    let hub: Handle<Hub> = resource(site, LAYER, "hub", IOT_HUB, id, body, &[azure.setup.group]);

    let topic_name = azure.names.system_topic();
    let topic_id = azure.id("Microsoft.EventGrid/systemTopics", &topic_name);
    let topic = site.step(resource_at(LAYER, "events", SYSTEM_TOPIC, &topic_name), hub, &[], move |hub| {
        let properties = json!({ "source": hub.id, "topicType": "Microsoft.Devices.IoTHubs" });
        ArmResource::new(SYSTEM_TOPIC, topic_id.clone(), json!({ "location": location, "properties": properties }))
    });

    let subscription = azure.account.subscription.clone();
    let at = resource_at(LAYER, "deployer-hub-role", ROLE_ASSIGNMENT, "of the deployer on the hub");
    let role = site.step(at, (azure.setup.deployer, hub), &[], move |(deployer, hub)| {
        let kind = principal_type(&deployer);
        assignment(&subscription, &hub.id, roles::IOT_HUB_REGISTRY_CONTRIBUTOR, &deployer.object_id, kind)
    });
    let at = At::new(LAYER, "access", "access to the device registry", 60);
    let admitted = site.step(at, hub, &[role.into()], |hub| Admitted::to(DataPlane::DeviceRegistry, hub.host_name));
    Iot { hub, topic, admitted }
}

/// Adds what is wired: the device identities.
pub(crate) fn wire(site: &mut Site<'_>, iot: &Iot) {
    let gate = site.gate(LAYER, &["Setup", "L0"]);
    let ids: std::collections::BTreeSet<String> =
        site.definition.devices.iter().map(|device| device.id.clone()).collect();
    let at = At::new(LAYER, "devices", format!("{} device identities", ids.len()), 5);
    site.step(at, iot.hub, &[iot.admitted.into(), gate], move |hub| Devices::new(hub.id, hub.host_name, ids.clone()));
}
