//! Values, with CloudFormation's names: `{"DoubleValue": 21.5}`.

use std::collections::BTreeMap;

use aws_sdk_iottwinmaker::types::{DataValue, RelationshipValue};
use serde::{Deserialize, Serialize};

/// One value; exactly one member is there.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Data {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    boolean_value: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    double_value: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    integer_value: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    long_value: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    string_value: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    list_value: Option<Vec<Data>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    map_value: Option<BTreeMap<String, Data>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    relationship_value: Option<Relationship>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expression: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Relationship {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target_entity_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target_component_name: Option<String>,
}

impl From<DataValue> for Data {
    fn from(found: DataValue) -> Self {
        Self {
            boolean_value: found.boolean_value,
            double_value: found.double_value,
            integer_value: found.integer_value,
            long_value: found.long_value,
            string_value: found.string_value,
            list_value: found.list_value.map(|values| values.into_iter().map(Self::from).collect()),
            map_value: found
                .map_value
                .map(|values| values.into_iter().map(|(name, value)| (name, Self::from(value))).collect()),
            relationship_value: found.relationship_value.map(|found| Relationship {
                target_entity_id: found.target_entity_id,
                target_component_name: found.target_component_name,
            }),
            expression: found.expression,
        }
    }
}

impl Data {
    pub(super) fn as_sdk(&self) -> DataValue {
        let list = self.list_value.as_ref().map(|values| values.iter().map(Self::as_sdk).collect());
        let map = self.map_value.as_ref();
        let map = map.map(|values| values.iter().map(|(name, value)| (name.clone(), value.as_sdk())).collect());
        let relationship = self.relationship_value.as_ref().map(|wanted| {
            RelationshipValue::builder()
                .set_target_entity_id(wanted.target_entity_id.clone())
                .set_target_component_name(wanted.target_component_name.clone())
                .build()
        });
        DataValue::builder()
            .set_boolean_value(self.boolean_value)
            .set_double_value(self.double_value)
            .set_integer_value(self.integer_value)
            .set_long_value(self.long_value)
            .set_string_value(self.string_value.clone())
            .set_list_value(list)
            .set_map_value(map)
            .set_relationship_value(relationship)
            .set_expression(self.expression.clone())
            .build()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_survive_the_sdk() {
        for value in [
            json!({ "DoubleValue": 21.5 }),
            json!({ "ListValue": [{ "LongValue": 9_007_199_254_740_993_i64 }, { "BooleanValue": false }] }),
            json!({ "MapValue": { "a": { "StringValue": "x" } } }),
            json!({ "RelationshipValue": { "TargetEntityId": "e", "TargetComponentName": "c" } }),
            json!({ "Expression": "1 + 1" }),
        ] {
            let data: Data = serde_json::from_value(value.clone()).expect("a value");
            assert_eq!(Data::from(data.as_sdk()), data);
            assert_eq!(serde_json::to_value(data).expect("no failing serialisation"), value);
        }
    }
}
