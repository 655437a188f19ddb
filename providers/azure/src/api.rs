//! The api-versions that we speak, in one place.
//!
//! Each has its OpenAPI specification at hand, against which the contract tests hold every request (the hub's device
//! registry has no published one of this version).

/// Resource groups, tags, subscriptions.
pub const RESOURCES: &str = "2024-07-01";
/// Digital Twins instances and endpoints.
pub const DIGITAL_TWINS: &str = "2023-01-31";
/// Event Grid topics, system topics and subscriptions.
pub const EVENT_GRID: &str = "2022-06-15";
/// IoT hubs.
pub const DEVICES: &str = "2023-06-30";
/// Plans, function apps and their settings.
pub const WEB: &str = "2024-04-01";
/// User-assigned identities.
pub const MANAGED_IDENTITY: &str = "2023-01-31";
/// Role assignments.
pub const AUTHORIZATION: &str = "2022-04-01";
/// Cosmos accounts, databases and containers.
pub const DOCUMENT_DB: &str = "2024-08-15";
/// Storage accounts and containers.
pub const STORAGE: &str = "2023-05-01";
/// The data plane of a twin instance.
pub const DIGITAL_TWINS_DATA: &str = "2023-10-31";
/// The data plane of a Cosmos account, as `x-ms-version`: the newest that Microsoft documents.
pub const COSMOS_DATA: &str = "2018-12-31";
/// The data plane of a storage account's blobs, as `x-ms-version`.
pub const BLOB_DATA: &str = "2023-11-03";
/// The device registry of a hub.
pub const IOT_HUB_DATA: &str = "2021-04-12";
/// The messages of a hub's devices.
pub const IOT_HUB_DEVICE: &str = "2020-03-13";

/// The Resource Manager versions by provider namespace.
const TABLE: [(&str, &str); 9] = [
    ("Microsoft.Resources", RESOURCES),
    ("Microsoft.DigitalTwins", DIGITAL_TWINS),
    ("Microsoft.EventGrid", EVENT_GRID),
    ("Microsoft.Devices", DEVICES),
    ("Microsoft.Web", WEB),
    ("Microsoft.ManagedIdentity", MANAGED_IDENTITY),
    ("Microsoft.Authorization", AUTHORIZATION),
    ("Microsoft.DocumentDB", DOCUMENT_DB),
    ("Microsoft.Storage", STORAGE),
];

/// Looks up the version for a resource id: that of its last provider, which is the one that answers.
///
/// An id without a provider (a resource group, a subscription) belongs to Microsoft.Resources. `None` for a provider
/// that we do not speak to.
#[must_use]
pub fn version_of(id: &str) -> Option<&'static str> {
    let mut segments = id.trim_matches('/').split('/').rev();
    let mut after = "Microsoft.Resources";
    let namespace = loop {
        match segments.next() {
            Some(segment) if segment.eq_ignore_ascii_case("providers") => break after,
            Some(segment) => after = segment,
            None => break "Microsoft.Resources",
        }
    };
    TABLE.iter().find(|(known, _)| known.eq_ignore_ascii_case(namespace)).map(|(_, version)| *version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_provider_decides() {
        let hub = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Devices/IotHubs/h";
        assert_eq!(version_of(hub), Some(DEVICES));
        let subscription = format!("{hub}/providers/Microsoft.EventGrid/eventSubscriptions/e");
        assert_eq!(version_of(&subscription), Some(EVENT_GRID));
        assert_eq!(version_of("/subscriptions/s/resourcegroups/g"), Some(RESOURCES));
        assert_eq!(version_of("/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/d"), None);
    }
}
