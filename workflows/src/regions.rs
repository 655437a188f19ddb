//! The Azure regions of a deployment, one for each service that is not offered everywhere.

use serde::{Deserialize, Serialize};

/// Where Azure's resources live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Regions {
    /// Everything that has no region of its own (`azure_region`).
    pub default: String,
    /// The IoT Hub (`azure_region_iothub`).
    pub iot_hub: String,
    /// Azure Digital Twins (`azure_region_digital_twin`).
    pub digital_twin: String,
}

impl Default for Regions {
    /// West Europe has every service; the local cloud uses it.
    fn default() -> Self {
        Self::one("westeurope")
    }
}

impl Regions {
    /// Every service in one region.
    pub fn one(region: impl Into<String>) -> Self {
        let region = region.into();
        Self { default: region.clone(), iot_hub: region.clone(), digital_twin: region }
    }
}

/// The regions that are known to offer Azure Digital Twins. New ones open, so a region that is missing here is worth a
/// warning and no more.
const DIGITAL_TWIN: &[&str] = &[
    "australiaeast",
    "centralindia",
    "eastus",
    "eastus2",
    "germanywestcentral",
    "japaneast",
    "koreacentral",
    "northeurope",
    "qatarcentral",
    "southcentralus",
    "southeastasia",
    "swedencentral",
    "uksouth",
    "westcentralus",
    "westeurope",
    "westus2",
    "westus3",
];

/// The other public regions.
const OTHERS: &[&str] = &[
    "australiacentral",
    "australiasoutheast",
    "austriaeast",
    "brazilsouth",
    "canadacentral",
    "canadaeast",
    "centralus",
    "eastasia",
    "francecentral",
    "israelcentral",
    "italynorth",
    "japanwest",
    "koreasouth",
    "mexicocentral",
    "newzealandnorth",
    "northcentralus",
    "norwayeast",
    "polandcentral",
    "southafricanorth",
    "southindia",
    "spaincentral",
    "switzerlandnorth",
    "uaenorth",
    "ukwest",
    "westindia",
    "westus",
];

/// Whether a region is known.
#[must_use]
pub fn is_known(region: &str) -> bool {
    has_digital_twins(region) || OTHERS.contains(&region)
}

/// Whether a region is known to offer Azure Digital Twins.
#[must_use]
pub fn has_digital_twins(region: &str) -> bool {
    DIGITAL_TWIN.contains(&region)
}

/// The regions that offer Azure Digital Twins, for a message.
#[must_use]
pub fn with_digital_twins() -> String {
    DIGITAL_TWIN.join(", ")
}
