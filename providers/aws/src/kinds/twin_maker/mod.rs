//! IoT TwinMaker: workspaces, component types, entities.

mod component_type;
mod definition;
mod entity;
pub(crate) mod value;
mod workspace;

pub(crate) use component_type::ComponentType;
pub(crate) use entity::Entity;
pub(crate) use workspace::Workspace;

use aws_sdk_iottwinmaker::types::{State as Phase, Status};

use super::arn_of;
use crate::{Aws, Error, Found, State, Tags, error::failed};

async fn tags_of(aws: &Aws, id: &str, arn: &str) -> Result<Tags, Error> {
    let mut tags = Tags::new();
    let mut next = None;
    loop {
        let request = aws.twin_maker().list_tags_for_resource().resource_arn(arn).set_next_token(next);
        let page = request.send().await.map_err(failed("iottwinmaker:ListTagsForResource", id))?;
        tags.extend(page.tags.unwrap_or_default());
        next = page.next_token;
        if next.is_none() {
            return Ok(tags);
        }
    }
}

async fn tag(aws: &Aws, id: &str, found: &Found, tags: &Tags) -> Result<(), Error> {
    let tags = tags.clone().into_iter().collect();
    let request = aws.twin_maker().tag_resource().resource_arn(arn_of(found)?).set_tags(Some(tags));
    request.send().await.map_err(failed("iottwinmaker:TagResource", id)).map(drop)
}

/// An empty text is no text: the service refuses some.
fn some_text(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn state(status: Option<&Status>) -> State {
    let Some(phase) = status.and_then(|status| status.state.as_ref()) else { return State::Ready };
    match phase {
        Phase::Creating | Phase::Updating | Phase::Deleting => State::Busy(phase.as_str().to_owned()),
        Phase::Error => {
            let message = status.and_then(|status| status.error.as_ref()).and_then(|error| error.message.clone());
            State::Failed(message.unwrap_or_else(|| "no reason given".into()))
        }
        _ => State::Ready,
    }
}
