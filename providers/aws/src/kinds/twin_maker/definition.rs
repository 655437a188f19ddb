//! Definitions of properties, with CloudFormation's names.

use std::collections::BTreeMap;

use aws_sdk_iottwinmaker::types::{
    DataType as SdkType, PropertyDefinitionRequest, PropertyDefinitionResponse, Relationship as SdkRelationship, Type,
};
use serde::{Deserialize, Serialize};

use super::value::Data;
use crate::{Error, kinds::built};

/// What a property holds, and where its values come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Definition {
    /// Not there in a definition that refines an inherited one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data_type: Option<DataType>,
    #[serde(default)]
    is_required_in_entity: bool,
    #[serde(default)]
    is_external_id: bool,
    #[serde(default)]
    is_stored_externally: bool,
    #[serde(default)]
    is_time_series: bool,
    default_value: Option<Data>,
    #[serde(default)]
    configurations: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DataType {
    r#type: String,
    nested_type: Option<Box<DataType>>,
    #[serde(default)]
    allowed_values: Vec<Data>,
    unit_of_measure: Option<String>,
    relationship: Option<Relationship>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Relationship {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    relationship_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target_component_type_id: Option<String>,
}

impl From<PropertyDefinitionResponse> for Definition {
    fn from(found: PropertyDefinitionResponse) -> Self {
        Self {
            data_type: found.data_type.map(DataType::from),
            is_required_in_entity: found.is_required_in_entity,
            is_external_id: found.is_external_id,
            is_stored_externally: found.is_stored_externally,
            is_time_series: found.is_time_series,
            default_value: found.default_value.map(Data::from),
            configurations: found.configuration.unwrap_or_default().into_iter().collect(),
        }
    }
}

impl Definition {
    pub(super) fn as_sdk(&self) -> Result<PropertyDefinitionRequest, Error> {
        let configurations = self.configurations.clone().into_iter().collect();
        Ok(PropertyDefinitionRequest::builder()
            .set_data_type(self.data_type.as_ref().map(DataType::as_sdk).transpose()?)
            .is_required_in_entity(self.is_required_in_entity)
            .is_external_id(self.is_external_id)
            .is_stored_externally(self.is_stored_externally)
            .is_time_series(self.is_time_series)
            .set_default_value(self.default_value.as_ref().map(Data::as_sdk))
            .set_configuration((!self.configurations.is_empty()).then_some(configurations))
            .build())
    }
}

impl From<SdkType> for DataType {
    fn from(found: SdkType) -> Self {
        Self {
            r#type: found.r#type.as_str().to_owned(),
            nested_type: found.nested_type.map(|nested| Box::new(Self::from(*nested))),
            allowed_values: found.allowed_values.unwrap_or_default().into_iter().map(Data::from).collect(),
            unit_of_measure: found.unit_of_measure,
            relationship: found.relationship.map(|found| Relationship {
                relationship_type: found.relationship_type,
                target_component_type_id: found.target_component_type_id,
            }),
        }
    }
}

impl DataType {
    fn as_sdk(&self) -> Result<SdkType, Error> {
        let allowed: Vec<_> = self.allowed_values.iter().map(Data::as_sdk).collect();
        let relationship = self.relationship.as_ref().map(|wanted| {
            SdkRelationship::builder()
                .set_relationship_type(wanted.relationship_type.clone())
                .set_target_component_type_id(wanted.target_component_type_id.clone())
                .build()
        });
        let nested = self.nested_type.as_ref().map(|nested| nested.as_sdk()).transpose()?;
        let data_type = SdkType::builder()
            .r#type(Type::from(self.r#type.as_str()))
            .set_nested_type(nested.map(Box::new))
            .set_allowed_values((!allowed.is_empty()).then_some(allowed))
            .set_unit_of_measure(self.unit_of_measure.clone())
            .set_relationship(relationship);
        built(data_type.build())
    }
}
