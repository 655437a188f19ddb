//! Component types.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_iottwinmaker::{
    operation::get_component_type::GetComponentTypeOutput,
    types::{DataConnector, FunctionRequest, FunctionResponse, LambdaFunction, PropertyDefinitionRequest, Scope},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::{definition::Definition, some_text, state, tag, tags_of};
use crate::{
    Aws, Error, Found, Kind, Tags,
    error::{UnlessMissing, failed},
    kinds::{Resource, built, two_parts},
};

/// `AWS::IoTTwinMaker::ComponentType`.
pub(crate) struct ComponentType;

/// The document; what a type inherits is not in it.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Properties {
    #[serde(default)]
    description: String,
    #[serde(default)]
    extends_from: Vec<String>,
    #[serde(default)]
    is_singleton: bool,
    #[serde(default)]
    property_definitions: BTreeMap<String, Definition>,
    #[serde(default)]
    functions: BTreeMap<String, Function>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Function {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    implemented_by: Option<Connector>,
    #[serde(default)]
    required_properties: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Connector {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lambda: Option<Lambda>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    is_native: Option<bool>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Lambda {
    arn: String,
}

impl Resource for ComponentType {
    const KIND: Kind = Kind::ComponentType;
    type Properties = Properties;

    fn normalise(properties: &mut Properties) {
        properties.extends_from.sort();
        properties.functions.values_mut().for_each(|function| function.required_properties.sort());
    }

    async fn get(aws: &Aws, id: &str) -> Result<Option<Found>, Error> {
        let (workspace, name) = two_parts(Self::KIND, id)?;
        let request = aws.twin_maker().get_component_type().workspace_id(workspace).component_type_id(name);
        let answer = request.send().await.map_err(failed("iottwinmaker:GetComponentType", id)).unless_missing()?;
        let Some(found) = answer else { return Ok(None) };
        let Some(tags) = tags_of(aws, id, &found.arn).await.unless_missing()? else { return Ok(None) };
        Ok(Some(Found {
            attributes: json!({ "Arn": found.arn }),
            state: state(found.status.as_ref()),
            properties: crate::kinds::document(&properties(found)),
            tags,
        }))
    }

    async fn create(aws: &Aws, id: &str, wanted: &Properties, tags: &Tags, _: Uuid) -> Result<(), Error> {
        let (workspace, name) = two_parts(Self::KIND, id)?;
        let request = aws
            .twin_maker()
            .create_component_type()
            .workspace_id(workspace)
            .component_type_id(name)
            .set_description(some_text(&wanted.description))
            .set_extends_from(Some(wanted.extends_from.clone()))
            .is_singleton(wanted.is_singleton)
            .set_property_definitions(Some(definitions(wanted)?))
            .set_functions(Some(functions(wanted)?))
            .set_tags(Some(tags.clone().into_iter().collect()));
        request.send().await.map_err(failed("iottwinmaker:CreateComponentType", id)).map(drop)
    }

    async fn update(aws: &Aws, id: &str, wanted: &Properties, _: &Properties, _: &Found) -> Result<(), Error> {
        let (workspace, name) = two_parts(Self::KIND, id)?;
        let request = aws
            .twin_maker()
            .update_component_type()
            .workspace_id(workspace)
            .component_type_id(name)
            .description(&wanted.description)
            .set_extends_from(Some(wanted.extends_from.clone()))
            .is_singleton(wanted.is_singleton)
            .set_property_definitions(Some(definitions(wanted)?))
            .set_functions(Some(functions(wanted)?));
        request.send().await.map_err(failed("iottwinmaker:UpdateComponentType", id)).map(drop)
    }

    async fn tag(aws: &Aws, id: &str, found: &Found, tags: &Tags) -> Result<(), Error> {
        tag(aws, id, found, tags).await
    }

    async fn delete(aws: &Aws, id: &str) -> Result<(), Error> {
        let (workspace, name) = two_parts(Self::KIND, id)?;
        let request = aws.twin_maker().delete_component_type().workspace_id(workspace).component_type_id(name);
        request.send().await.map_err(failed("iottwinmaker:DeleteComponentType", id)).unless_missing().map(drop)
    }
}

fn properties(found: GetComponentTypeOutput) -> Properties {
    let definitions = found.property_definitions.unwrap_or_default().into_iter();
    let functions = found.functions.unwrap_or_default().into_iter();
    let mut properties = Properties {
        description: found.description.unwrap_or_default(),
        extends_from: found.extends_from.unwrap_or_default(),
        is_singleton: found.is_singleton.unwrap_or_default(),
        property_definitions: definitions
            .filter(|(_, found)| !found.is_inherited)
            .map(|(name, found)| (name, Definition::from(found)))
            .collect(),
        functions: functions
            .filter(|(_, found)| found.is_inherited != Some(true))
            .map(|(name, found)| (name, Function::from(found)))
            .collect(),
    };
    ComponentType::normalise(&mut properties);
    properties
}

impl From<FunctionResponse> for Function {
    fn from(found: FunctionResponse) -> Self {
        Self {
            implemented_by: found.implemented_by.map(|found| Connector {
                lambda: found.lambda.map(|found| Lambda { arn: found.arn }),
                is_native: found.is_native,
            }),
            required_properties: found.required_properties.unwrap_or_default(),
            scope: found.scope.map(|scope| scope.as_str().to_owned()),
        }
    }
}

fn definitions(wanted: &Properties) -> Result<HashMap<String, PropertyDefinitionRequest>, Error> {
    wanted.property_definitions.iter().map(|(name, wanted)| Ok((name.clone(), wanted.as_sdk()?))).collect()
}

fn functions(wanted: &Properties) -> Result<HashMap<String, FunctionRequest>, Error> {
    wanted.functions.iter().map(|(name, wanted)| Ok((name.clone(), wanted.as_sdk()?))).collect()
}

impl Function {
    fn as_sdk(&self) -> Result<FunctionRequest, Error> {
        let required = self.required_properties.clone();
        Ok(FunctionRequest::builder()
            .set_implemented_by(self.implemented_by.as_ref().map(Connector::as_sdk).transpose()?)
            .set_required_properties((!required.is_empty()).then_some(required))
            .set_scope(self.scope.as_deref().map(Scope::from))
            .build())
    }
}

impl Connector {
    fn as_sdk(&self) -> Result<DataConnector, Error> {
        let lambda = self.lambda.as_ref().map(|wanted| built(LambdaFunction::builder().arn(&wanted.arn).build()));
        Ok(DataConnector::builder().set_lambda(lambda.transpose()?).set_is_native(self.is_native).build())
    }
}
