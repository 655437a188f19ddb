//! The document of a table, with CloudFormation's names, and its translation to DynamoDB's.

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ProvisionedThroughput, ScalarAttributeType,
    SseDescription, SseSpecification, SseStatus, SseType, TableDescription,
};
use serde::{Deserialize, Serialize};

use super::super::built;
use crate::{Error, compare, kinds};

/// The document.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Properties {
    pub(super) attribute_definitions: Vec<Attribute>,
    pub(super) key_schema: Vec<Key>,
    #[serde(default = "provisioned")]
    pub(super) billing_mode: String,
    pub(super) provisioned_throughput: Option<Throughput>,
    pub(super) time_to_live_specification: Option<Expiry>,
    pub(super) point_in_time_recovery_specification: Option<Recovery>,
    #[serde(default, rename = "SSESpecification", skip_serializing_if = "Option::is_none")]
    pub(super) encryption: Option<Encryption>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Attribute {
    pub(super) attribute_name: String,
    pub(super) attribute_type: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Key {
    pub(super) attribute_name: String,
    pub(super) key_type: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Throughput {
    pub(super) read_capacity_units: i64,
    pub(super) write_capacity_units: i64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Expiry {
    #[serde(default)]
    pub(super) attribute_name: String,
    pub(super) enabled: bool,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Recovery {
    pub(super) point_in_time_recovery_enabled: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) recovery_period_in_days: Option<i32>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Encryption {
    #[serde(rename = "SSEEnabled")]
    pub(super) enabled: bool,
    #[serde(default, rename = "SSEType", skip_serializing_if = "Option::is_none")]
    pub(super) algorithm: Option<String>,
    #[serde(default, rename = "KMSMasterKeyId", skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<String>,
}

fn provisioned() -> String {
    BillingMode::Provisioned.as_str().into()
}

impl Properties {
    /// Definitions are a set; switched off and not there are the same.
    pub(super) fn normalise(&mut self) {
        self.attribute_definitions.sort_by(|one, other| one.attribute_name.cmp(&other.attribute_name));
        self.time_to_live_specification.take_if(|expiry| !expiry.enabled);
        self.point_in_time_recovery_specification.take_if(|recovery| !recovery.point_in_time_recovery_enabled);
    }
}

pub(super) fn properties(table: TableDescription, expiry: Option<Expiry>, recovery: Option<Recovery>) -> Properties {
    let on_demand = Some(&BillingMode::PayPerRequest);
    let on_demand = table.billing_mode_summary.as_ref().and_then(|summary| summary.billing_mode.as_ref()) == on_demand;
    let throughput = table.provisioned_throughput.filter(|_| !on_demand);
    let mut properties = Properties {
        attribute_definitions: table
            .attribute_definitions
            .unwrap_or_default()
            .into_iter()
            .map(Attribute::from)
            .collect(),
        key_schema: table.key_schema.unwrap_or_default().into_iter().map(Key::from).collect(),
        billing_mode: if on_demand { BillingMode::PayPerRequest.as_str().into() } else { provisioned() },
        provisioned_throughput: throughput.map(|found| Throughput {
            read_capacity_units: found.read_capacity_units.unwrap_or_default(),
            write_capacity_units: found.write_capacity_units.unwrap_or_default(),
        }),
        time_to_live_specification: expiry,
        point_in_time_recovery_specification: recovery,
        encryption: Some(found_encryption(table.sse_description)),
    };
    properties.normalise();
    properties
}

impl From<AttributeDefinition> for Attribute {
    fn from(found: AttributeDefinition) -> Self {
        Self { attribute_name: found.attribute_name, attribute_type: found.attribute_type.as_str().to_owned() }
    }
}

impl From<KeySchemaElement> for Key {
    fn from(found: KeySchemaElement) -> Self {
        Self { attribute_name: found.attribute_name, key_type: found.key_type.as_str().to_owned() }
    }
}

/// No description means that the service's own key is used, which CloudFormation calls not enabled.
fn found_encryption(found: Option<SseDescription>) -> Encryption {
    let found = found
        .filter(|found| matches!(found.status, Some(SseStatus::Enabled | SseStatus::Enabling | SseStatus::Updating)));
    Encryption {
        enabled: found.is_some(),
        algorithm: found.as_ref().and_then(|found| found.sse_type.as_ref()).map(|name| name.as_str().to_owned()),
        key: found.and_then(|found| found.kms_master_key_arn),
    }
}

pub(super) fn differs(wanted: &Encryption, before: Option<&Encryption>) -> bool {
    let before = before.map(kinds::document).unwrap_or_default();
    !compare::differences(&kinds::document(wanted), &before).is_empty()
}
pub(super) fn definitions(wanted: &Properties) -> Result<Vec<AttributeDefinition>, Error> {
    let definitions = wanted.attribute_definitions.iter().map(|attribute| {
        let kind = ScalarAttributeType::from(attribute.attribute_type.as_str());
        built(AttributeDefinition::builder().attribute_name(&attribute.attribute_name).attribute_type(kind).build())
    });
    definitions.collect()
}

pub(super) fn key_schema(wanted: &Properties) -> Result<Vec<KeySchemaElement>, Error> {
    let elements = wanted.key_schema.iter().map(|key| {
        let kind = KeyType::from(key.key_type.as_str());
        built(KeySchemaElement::builder().attribute_name(&key.attribute_name).key_type(kind).build())
    });
    elements.collect()
}

pub(super) fn throughput(wanted: &Throughput) -> Result<ProvisionedThroughput, Error> {
    let throughput = ProvisionedThroughput::builder().read_capacity_units(wanted.read_capacity_units);
    built(throughput.write_capacity_units(wanted.write_capacity_units).build())
}

pub(super) fn encryption(wanted: &Encryption) -> SseSpecification {
    SseSpecification::builder()
        .enabled(wanted.enabled)
        .set_sse_type(wanted.algorithm.as_deref().map(SseType::from))
        .set_kms_master_key_id(wanted.key.clone())
        .build()
}
