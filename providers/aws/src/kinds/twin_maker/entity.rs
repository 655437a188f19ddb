//! Entities.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_iottwinmaker::{
    operation::get_entity::GetEntityOutput,
    types::{
        ComponentRequest, ComponentResponse, ComponentUpdateRequest, ComponentUpdateType, ParentEntityUpdateRequest,
        ParentEntityUpdateType, PropertyRequest, PropertyUpdateType,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::{some_text, state, tag, tags_of, value::Data};
use crate::{
    Aws, Error, Found, Kind, Tags, compare,
    error::{UnlessMissing, failed},
    kinds::{Resource, built, document, two_parts},
};

/// What the service calls the parent of an entity that has none.
const ROOT: &str = "$ROOT";

/// `AWS::IoTTwinMaker::Entity`.
pub(crate) struct Entity;

/// The document. A component's properties that are not in it are those of its type, and nobody's business.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Properties {
    entity_name: String,
    #[serde(default)]
    description: String,
    #[serde(default = "root")]
    parent_entity_id: String,
    #[serde(default)]
    components: BTreeMap<String, Component>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Component {
    component_type_id: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    properties: BTreeMap<String, Property>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Property {
    value: Data,
}

fn root() -> String {
    ROOT.into()
}

impl Resource for Entity {
    const KIND: Kind = Kind::Entity;
    type Properties = Properties;

    async fn get(aws: &Aws, id: &str) -> Result<Option<Found>, Error> {
        let (workspace, entity) = two_parts(Self::KIND, id)?;
        let request = aws.twin_maker().get_entity().workspace_id(workspace).entity_id(entity);
        let answer = request.send().await.map_err(failed("iottwinmaker:GetEntity", id)).unless_missing()?;
        let Some(found) = answer else { return Ok(None) };
        let Some(tags) = tags_of(aws, id, &found.arn).await.unless_missing()? else { return Ok(None) };
        Ok(Some(Found {
            attributes: json!({ "Arn": found.arn }),
            state: state(found.status.as_ref()),
            properties: document(&properties(found)),
            tags,
        }))
    }

    async fn create(aws: &Aws, id: &str, wanted: &Properties, tags: &Tags, _: Uuid) -> Result<(), Error> {
        let (workspace, entity) = two_parts(Self::KIND, id)?;
        let components = wanted.components.iter().map(|(name, component)| (name.clone(), component.as_sdk()));
        let request = aws
            .twin_maker()
            .create_entity()
            .workspace_id(workspace)
            .entity_id(entity)
            .entity_name(&wanted.entity_name)
            .set_description(some_text(&wanted.description))
            .set_parent_entity_id((wanted.parent_entity_id != ROOT).then(|| wanted.parent_entity_id.clone()))
            .set_components(Some(components.collect()))
            .set_tags(Some(tags.clone().into_iter().collect()));
        request.send().await.map_err(failed("iottwinmaker:CreateEntity", id)).map(drop)
    }

    async fn update(aws: &Aws, id: &str, wanted: &Properties, before: &Properties, _: &Found) -> Result<(), Error> {
        let (workspace, entity) = two_parts(Self::KIND, id)?;
        let updates = updates(wanted, before);
        let parent = (wanted.parent_entity_id != before.parent_entity_id).then(|| parent_update(wanted)).transpose()?;
        let request = aws
            .twin_maker()
            .update_entity()
            .workspace_id(workspace)
            .entity_id(entity)
            .entity_name(&wanted.entity_name)
            .description(&wanted.description)
            .set_component_updates((!updates.is_empty()).then_some(updates))
            .set_parent_entity_update(parent);
        request.send().await.map_err(failed("iottwinmaker:UpdateEntity", id)).map(drop)
    }

    async fn tag(aws: &Aws, id: &str, found: &Found, tags: &Tags) -> Result<(), Error> {
        tag(aws, id, found, tags).await
    }

    async fn delete(aws: &Aws, id: &str) -> Result<(), Error> {
        let (workspace, entity) = two_parts(Self::KIND, id)?;
        let request = aws.twin_maker().delete_entity().workspace_id(workspace).entity_id(entity);
        request.send().await.map_err(failed("iottwinmaker:DeleteEntity", id)).unless_missing().map(drop)
    }
}

fn properties(found: GetEntityOutput) -> Properties {
    let components = found.components.unwrap_or_default().into_iter();
    Properties {
        entity_name: found.entity_name,
        description: found.description.unwrap_or_default(),
        parent_entity_id: if found.parent_entity_id.is_empty() { root() } else { found.parent_entity_id },
        components: components.map(|(name, found)| (name, Component::from(found))).collect(),
    }
}

impl From<ComponentResponse> for Component {
    fn from(found: ComponentResponse) -> Self {
        let properties = found.properties.unwrap_or_default().into_iter();
        let properties = properties.filter_map(|(name, found)| Some((name, Property { value: found.value?.into() })));
        Self {
            component_type_id: found.component_type_id.unwrap_or_default(),
            description: found.description.unwrap_or_default(),
            properties: properties.collect(),
        }
    }
}

fn parent_update(wanted: &Properties) -> Result<ParentEntityUpdateRequest, Error> {
    let update = ParentEntityUpdateRequest::builder();
    let update = if wanted.parent_entity_id == ROOT {
        update.update_type(ParentEntityUpdateType::Delete)
    } else {
        update.update_type(ParentEntityUpdateType::Update).parent_entity_id(&wanted.parent_entity_id)
    };
    built(update.build())
}

fn updates(wanted: &Properties, before: &Properties) -> HashMap<String, ComponentUpdateRequest> {
    let mut updates = HashMap::new();
    for (name, component) in &wanted.components {
        let update = match before.components.get(name) {
            None => Some(component.creation()),
            Some(before) => component.update(before),
        };
        updates.extend(update.map(|update| (name.clone(), update)));
    }
    let unwanted = before.components.keys().filter(|name| !wanted.components.contains_key(*name));
    let deletion = || ComponentUpdateRequest::builder().update_type(ComponentUpdateType::Delete).build();
    updates.extend(unwanted.map(|name| (name.clone(), deletion())));
    updates
}

impl Component {
    fn as_sdk(&self) -> ComponentRequest {
        ComponentRequest::builder()
            .component_type_id(&self.component_type_id)
            .set_description(some_text(&self.description))
            .set_properties(self.values(None))
            .build()
    }

    fn creation(&self) -> ComponentUpdateRequest {
        ComponentUpdateRequest::builder()
            .update_type(ComponentUpdateType::Create)
            .component_type_id(&self.component_type_id)
            .set_description(some_text(&self.description))
            .set_property_updates(self.values(None))
            .build()
    }

    fn update(&self, before: &Self) -> Option<ComponentUpdateRequest> {
        if compare::differences(&document(self), &document(before)).is_empty() {
            return None;
        }
        let update = ComponentUpdateRequest::builder()
            .update_type(ComponentUpdateType::Update)
            .component_type_id(&self.component_type_id)
            .description(&self.description)
            .set_property_updates(self.values(Some(PropertyUpdateType::Update)));
        Some(update.build())
    }

    fn values(&self, update: Option<PropertyUpdateType>) -> Option<HashMap<String, PropertyRequest>> {
        let values = self.properties.iter().map(|(name, property)| {
            let request = PropertyRequest::builder().value(property.value.as_sdk()).set_update_type(update.clone());
            (name.clone(), request.build())
        });
        let values: HashMap<_, _> = values.collect();
        (!values.is_empty()).then_some(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(components: serde_json::Value) -> Properties {
        serde_json::from_value(json!({ "EntityName": "press", "Components": components })).expect("a document")
    }

    #[test]
    fn components_are_created_updated_and_deleted_and_left_alone() {
        let component = |value: f64| json!({ "ComponentTypeId": "t", "Properties": { "limit": { "Value": { "DoubleValue": value } } } });
        let wanted = read(json!({ "same": component(1.0), "changed": component(2.0), "new": component(3.0) }));
        let mut same = component(1.0);
        same["Properties"]["inherited"] = json!({ "Value": { "StringValue": "x" } });
        let before = read(json!({ "same": same, "changed": component(1.0), "old": component(4.0) }));
        let updates = updates(&wanted, &before);
        let mut kinds: Vec<_> = updates
            .iter()
            .map(|(name, update)| (name.as_str(), update.update_type().map(ComponentUpdateType::as_str)))
            .collect();
        kinds.sort_unstable();
        assert_eq!(kinds, [("changed", Some("UPDATE")), ("new", Some("CREATE")), ("old", Some("DELETE"))]);
    }

    #[test]
    fn a_component_that_is_not_wanted_is_a_difference() {
        let wanted = json!({ "EntityName": "press" });
        let found = json!({ "EntityName": "press", "ParentEntityId": "hall", "Components": { "c": { "ComponentTypeId": "t" } } });
        assert_eq!(Kind::Entity.differences(&wanted, &found), Ok(vec!["Components.c".into(), "ParentEntityId".into()]));
    }
}
