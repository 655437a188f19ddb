//! CloudWatch log groups.

use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::{Resource, arn_of};
use crate::{
    Aws, Error, Found, Kind, State, Tags,
    error::{UnlessMissing, failed},
};

/// `AWS::Logs::LogGroup`.
pub(crate) struct LogGroup;

/// The document; without a retention, records are kept for ever.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Properties {
    retention_in_days: Option<i32>,
}

impl Resource for LogGroup {
    const KIND: Kind = Kind::LogGroup;
    type Properties = Properties;

    async fn get(aws: &Aws, id: &str) -> Result<Option<Found>, Error> {
        let request = aws.logs().describe_log_groups().log_group_name_prefix(id).into_paginator().items().send();
        let groups = request.try_collect().await.map_err(failed("logs:DescribeLogGroups", id))?;
        let Some(group) = groups.into_iter().find(|group| group.log_group_name() == Some(id)) else { return Ok(None) };
        // The older of the two has a suffix that tags are not put on.
        let arn = group.arn.unwrap_or_default().trim_end_matches(":*").to_owned();
        let request = aws.logs().list_tags_for_resource().resource_arn(&arn);
        let tags = request.send().await.map_err(failed("logs:ListTagsForResource", id)).unless_missing()?;
        let Some(tags) = tags else { return Ok(None) };
        Ok(Some(Found {
            properties: super::document(&Properties { retention_in_days: group.retention_in_days }),
            attributes: json!({ "Arn": arn }),
            tags: tags.tags.unwrap_or_default().into_iter().collect(),
            state: State::Ready,
        }))
    }

    async fn create(aws: &Aws, id: &str, wanted: &Properties, tags: &Tags, _: Uuid) -> Result<(), Error> {
        let tags = tags.clone().into_iter().collect();
        let request = aws.logs().create_log_group().log_group_name(id).set_tags(Some(tags));
        request.send().await.map_err(failed("logs:CreateLogGroup", id))?;
        retain(aws, id, wanted).await
    }

    async fn update(aws: &Aws, id: &str, wanted: &Properties, _: &Properties, _: &Found) -> Result<(), Error> {
        if wanted.retention_in_days.is_some() {
            return retain(aws, id, wanted).await;
        }
        let request = aws.logs().delete_retention_policy().log_group_name(id);
        request.send().await.map_err(failed("logs:DeleteRetentionPolicy", id)).map(drop)
    }

    async fn tag(aws: &Aws, id: &str, found: &Found, tags: &Tags) -> Result<(), Error> {
        let tags = tags.clone().into_iter().collect();
        let request = aws.logs().tag_resource().resource_arn(arn_of(found)?).set_tags(Some(tags));
        request.send().await.map_err(failed("logs:TagResource", id)).map(drop)
    }

    async fn delete(aws: &Aws, id: &str) -> Result<(), Error> {
        let request = aws.logs().delete_log_group().log_group_name(id);
        request.send().await.map_err(failed("logs:DeleteLogGroup", id)).unless_missing().map(drop)
    }
}

async fn retain(aws: &Aws, id: &str, wanted: &Properties) -> Result<(), Error> {
    let Some(days) = wanted.retention_in_days else { return Ok(()) };
    let request = aws.logs().put_retention_policy().log_group_name(id).retention_in_days(days);
    request.send().await.map_err(failed("logs:PutRetentionPolicy", id)).map(drop)
}
