//! Workspaces.

use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::{some_text, tag, tags_of};
use crate::{
    Aws, Error, Found, Kind, State, Tags,
    error::{UnlessMissing, failed},
    kinds::Resource,
};

/// `AWS::IoTTwinMaker::Workspace`.
pub(crate) struct Workspace;

/// The document.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Properties {
    role: String,
    #[serde(rename = "S3Location")]
    location: String,
    #[serde(default)]
    description: String,
}

impl Resource for Workspace {
    const KIND: Kind = Kind::Workspace;
    type Properties = Properties;

    async fn get(aws: &Aws, id: &str) -> Result<Option<Found>, Error> {
        let request = aws.twin_maker().get_workspace().workspace_id(id);
        let answer = request.send().await.map_err(failed("iottwinmaker:GetWorkspace", id)).unless_missing()?;
        let Some(found) = answer else { return Ok(None) };
        let Some(tags) = tags_of(aws, id, &found.arn).await.unless_missing()? else { return Ok(None) };
        let properties = Properties {
            role: found.role.unwrap_or_default(),
            location: found.s3_location.unwrap_or_default(),
            description: found.description.unwrap_or_default(),
        };
        Ok(Some(Found {
            properties: crate::kinds::document(&properties),
            attributes: json!({ "Arn": found.arn }),
            tags,
            state: State::Ready,
        }))
    }

    async fn create(aws: &Aws, id: &str, wanted: &Properties, tags: &Tags, _: Uuid) -> Result<(), Error> {
        let request = aws
            .twin_maker()
            .create_workspace()
            .workspace_id(id)
            .role(&wanted.role)
            .s3_location(&wanted.location)
            .set_description(some_text(&wanted.description))
            .set_tags(Some(tags.clone().into_iter().collect()));
        request.send().await.map_err(failed("iottwinmaker:CreateWorkspace", id)).map(drop)
    }

    async fn update(aws: &Aws, id: &str, wanted: &Properties, before: &Properties, _: &Found) -> Result<(), Error> {
        // A location can be given to a workspace that has none, and never changes.
        let location = (wanted.location != before.location).then(|| wanted.location.clone());
        let request = aws.twin_maker().update_workspace().workspace_id(id).role(&wanted.role);
        let request = request.description(&wanted.description).set_s3_location(location);
        request.send().await.map_err(failed("iottwinmaker:UpdateWorkspace", id)).map(drop)
    }

    async fn tag(aws: &Aws, id: &str, found: &Found, tags: &Tags) -> Result<(), Error> {
        tag(aws, id, found, tags).await
    }

    async fn delete(aws: &Aws, id: &str) -> Result<(), Error> {
        let request = aws.twin_maker().delete_workspace().workspace_id(id);
        request.send().await.map_err(failed("iottwinmaker:DeleteWorkspace", id)).unless_missing().map(drop)
    }
}
