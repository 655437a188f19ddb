//! The past of a property, as IoT TwinMaker reads it by way of its data connector.

use serde_json::Value;

use crate::{Aws, Error, error::failed, kinds::data_value::Data};

/// One value of the past.
#[derive(Debug, Clone, PartialEq)]
pub struct PastValue {
    /// When, RFC 3339 in UTC, as the connector gave it.
    pub time: String,
    /// What, as `{"DoubleValue": 21.5}`.
    pub value: Value,
}

impl Aws {
    /// Reads the values of a property of an entity's component between two times (RFC 3339), oldest first, all pages.
    ///
    /// # Errors
    /// When the service refuses or cannot be reached, or its connector fails.
    pub async fn property_value_history(
        &self,
        workspace: &str,
        entity: &str,
        component: &str,
        property: &str,
        from: &str,
        to: &str,
    ) -> Result<Vec<PastValue>, Error> {
        let request = self
            .twin_maker()
            .get_property_value_history()
            .workspace_id(workspace)
            .entity_id(entity)
            .component_name(component)
            .selected_properties(property)
            .start_time(from)
            .end_time(to)
            .order_by_time(aws_sdk_iottwinmaker::types::OrderByTime::Ascending);
        let mut past = Vec::new();
        let mut pages = request.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page =
                page.map_err(failed("iottwinmaker:GetPropertyValueHistory", &format!("{workspace}/{entity}")))?;
            past.extend(page.property_values.into_iter().flat_map(|found| found.values.unwrap_or_default()).map(
                |found| {
                    let value = found.value.map(|value| crate::kinds::document(&Data::from(value))).unwrap_or_default();
                    PastValue { time: found.time.unwrap_or_default(), value }
                },
            ));
        }
        Ok(past)
    }
}
