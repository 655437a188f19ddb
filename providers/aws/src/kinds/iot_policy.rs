//! IoT policies.

use aws_sdk_iot::types::{PolicyVersion, Tag};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Resource, arn_of, built};
use crate::{
    Aws, Error, ErrorKind, Found, Kind, State, Tags,
    error::{UnlessMissing, failed},
    policy,
};

/// How many versions a policy may have.
const VERSIONS: usize = 5;

/// `AWS::IoT::Policy`.
pub(crate) struct IotPolicy;

/// The document.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Properties {
    policy_document: Value,
}

impl Resource for IotPolicy {
    const KIND: Kind = Kind::IotPolicy;
    type Properties = Properties;

    async fn get(aws: &Aws, id: &str) -> Result<Option<Found>, Error> {
        let request = aws.iot().get_policy().policy_name(id);
        let answer = request.send().await.map_err(failed("iot:GetPolicy", id)).unless_missing()?;
        let Some(found) = answer else { return Ok(None) };
        let arn = found.policy_arn.unwrap_or_default();
        let Some(tags) = tags_of(aws, id, &arn).await.unless_missing()? else { return Ok(None) };
        let document = policy::parsed(&Value::String(found.policy_document.unwrap_or_default()));
        Ok(Some(Found {
            properties: super::document(&Properties { policy_document: document }),
            attributes: json!({ "Arn": arn }),
            tags,
            state: State::Ready,
        }))
    }

    async fn create(aws: &Aws, id: &str, wanted: &Properties, tags: &Tags, _: Uuid) -> Result<(), Error> {
        let document = policy::parsed(&wanted.policy_document).to_string();
        let request = aws.iot().create_policy().policy_name(id).policy_document(document);
        let request = request.set_tags(Some(as_tags(tags)?));
        request.send().await.map_err(failed("iot:CreatePolicy", id)).map(drop)
    }

    async fn update(aws: &Aws, id: &str, wanted: &Properties, _: &Properties, _: &Found) -> Result<(), Error> {
        let versions = versions(aws, id).await?;
        if versions.len() >= VERSIONS
            && let Some(oldest) = oldest(&versions)
        {
            remove(aws, id, oldest).await?;
        }
        let document = policy::parsed(&wanted.policy_document).to_string();
        let request = aws.iot().create_policy_version().policy_name(id).policy_document(document).set_as_default(true);
        request.send().await.map_err(failed("iot:CreatePolicyVersion", id)).map(drop)
    }

    async fn tag(aws: &Aws, id: &str, found: &Found, tags: &Tags) -> Result<(), Error> {
        tag(aws, id, arn_of(found)?, tags).await
    }

    async fn delete(aws: &Aws, id: &str) -> Result<(), Error> {
        let versions = versions(aws, id).await.unless_missing()?.unwrap_or_default();
        for version in versions.iter().filter(|version| !version.is_default_version) {
            remove(aws, id, version.version_id().unwrap_or_default()).await?;
        }
        let answer = aws.iot().delete_policy().policy_name(id).send().await.map_err(failed("iot:DeletePolicy", id));
        match answer.unless_missing() {
            Err(error) if error.code() == Some("DeleteConflictException") => Err(still_attached(aws, id, error).await),
            settled => settled.map(drop),
        }
    }
}

/// Detaching takes minutes to be known everywhere: a policy that nothing is attached to will be deletable.
async fn still_attached(aws: &Aws, id: &str, error: Error) -> Error {
    let request = aws.iot().list_targets_for_policy().policy_name(id);
    match request.send().await.map_err(failed("iot:ListTargetsForPolicy", id)) {
        Ok(answer) if answer.targets().is_empty() => error.with_kind(ErrorKind::NotYet),
        Ok(_) => error,
        Err(worse) => worse,
    }
}

async fn versions(aws: &Aws, id: &str) -> Result<Vec<PolicyVersion>, Error> {
    let request = aws.iot().list_policy_versions().policy_name(id);
    let answer = request.send().await.map_err(failed("iot:ListPolicyVersions", id))?;
    Ok(answer.policy_versions.unwrap_or_default())
}

/// The oldest version that is not in force. Versions count up from 1.
fn oldest(versions: &[PolicyVersion]) -> Option<&str> {
    let unused = versions.iter().filter(|version| !version.is_default_version);
    unused.filter_map(PolicyVersion::version_id).min_by_key(|id| id.parse::<u64>().unwrap_or(u64::MAX))
}

async fn remove(aws: &Aws, id: &str, version: &str) -> Result<(), Error> {
    let request = aws.iot().delete_policy_version().policy_name(id).policy_version_id(version);
    request.send().await.map_err(failed("iot:DeletePolicyVersion", id)).unless_missing().map(drop)
}

/// The tags of a resource of IoT.
pub(super) async fn tags_of(aws: &Aws, id: &str, arn: &str) -> Result<Tags, Error> {
    let pages = aws.iot().list_tags_for_resource().resource_arn(arn).into_paginator().items().send();
    let tags = pages.try_collect().await.map_err(failed("iot:ListTagsForResource", id))?;
    Ok(tags.into_iter().map(|tag| (tag.key, tag.value.unwrap_or_default())).collect())
}

/// Puts tags on a resource of IoT.
pub(super) async fn tag(aws: &Aws, id: &str, arn: &str, tags: &Tags) -> Result<(), Error> {
    let request = aws.iot().tag_resource().resource_arn(arn).set_tags(Some(as_tags(tags)?));
    request.send().await.map_err(failed("iot:TagResource", id)).map(drop)
}

fn as_tags(tags: &Tags) -> Result<Vec<Tag>, Error> {
    tags.iter().map(|(key, value)| built(Tag::builder().key(key).value(value).build())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_version_is_by_number_and_never_the_one_in_force() {
        let version = |id: &str, default| PolicyVersion::builder().version_id(id).is_default_version(default).build();
        assert_eq!(oldest(&[version("10", false), version("2", true), version("9", false)]), Some("9"));
        assert_eq!(oldest(&[version("1", true)]), None);
    }
}
