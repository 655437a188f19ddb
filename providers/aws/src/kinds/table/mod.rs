//! DynamoDB tables.

mod document;

use aws_sdk_dynamodb::types::{
    BillingMode, PointInTimeRecoverySpecification, PointInTimeRecoveryStatus, TableDescription, TableStatus, Tag,
    TimeToLiveSpecification, TimeToLiveStatus,
};
use serde_json::json;
use uuid::Uuid;

use document::{Expiry, Properties, Recovery};

use super::{Resource, arn_of, built};
use crate::{
    Aws, Error, ErrorKind, Found, Kind, State, Tags,
    error::{UnlessMissing, failed},
};

/// `AWS::DynamoDB::Table`.
pub(crate) struct Table;

impl Resource for Table {
    const KIND: Kind = Kind::Table;
    type Properties = Properties;

    fn normalise(properties: &mut Properties) {
        properties.normalise();
    }

    async fn get(aws: &Aws, id: &str) -> Result<Option<Found>, Error> {
        let request = aws.dynamodb().describe_table().table_name(id);
        let answer = request.send().await.map_err(failed("dynamodb:DescribeTable", id)).unless_missing()?;
        let Some(table) = answer.and_then(|answer| answer.table) else { return Ok(None) };
        let arn = table.table_arn.clone().unwrap_or_default();
        let rest = async { Ok((expiry(aws, id).await?, recovery(aws, id).await?, tags_of(aws, id, &arn).await?)) };
        let Some((expiry, recovery, tags)) = rest.await.unless_missing()? else { return unseen(id, &table) };
        Ok(Some(Found {
            state: state(&table),
            attributes: json!({ "Arn": arn, "TableId": table.table_id }),
            properties: super::document(&document::properties(table, expiry, recovery)),
            tags,
        }))
    }

    /// Makes the table alone: expiry and backups can be set once it is ready.
    async fn create(aws: &Aws, id: &str, wanted: &Properties, tags: &Tags, _: Uuid) -> Result<(), Error> {
        let request = aws
            .dynamodb()
            .create_table()
            .table_name(id)
            .set_attribute_definitions(Some(document::definitions(wanted)?))
            .set_key_schema(Some(document::key_schema(wanted)?))
            .billing_mode(BillingMode::from(wanted.billing_mode.as_str()))
            .set_provisioned_throughput(wanted.provisioned_throughput.as_ref().map(document::throughput).transpose()?)
            .set_sse_specification(wanted.encryption.as_ref().map(document::encryption))
            .set_tags(Some(as_tags(tags)?));
        request.send().await.map_err(failed("dynamodb:CreateTable", id)).map(drop)
    }

    async fn update(aws: &Aws, id: &str, wanted: &Properties, before: &Properties, _: &Found) -> Result<(), Error> {
        keys_are_fixed(id, wanted, before)?;
        if (&wanted.billing_mode, &wanted.provisioned_throughput)
            != (&before.billing_mode, &before.provisioned_throughput)
        {
            let request = aws.dynamodb().update_table().table_name(id);
            let request = request.billing_mode(BillingMode::from(wanted.billing_mode.as_str()));
            let throughput = wanted.provisioned_throughput.as_ref().map(document::throughput).transpose()?;
            let request = request.set_provisioned_throughput(throughput);
            request.send().await.map_err(failed("dynamodb:UpdateTable", id))?;
        }
        if let Some(wanted) =
            wanted.encryption.as_ref().filter(|wanted| document::differs(wanted, before.encryption.as_ref()))
        {
            let request = aws.dynamodb().update_table().table_name(id).sse_specification(document::encryption(wanted));
            request.send().await.map_err(failed("dynamodb:UpdateTable", id))?;
        }
        update_expiry(aws, id, wanted, before).await?;
        update_recovery(aws, id, wanted, before).await
    }

    async fn tag(aws: &Aws, id: &str, found: &Found, tags: &Tags) -> Result<(), Error> {
        let request = aws.dynamodb().tag_resource().resource_arn(arn_of(found)?).set_tags(Some(as_tags(tags)?));
        request.send().await.map_err(failed("dynamodb:TagResource", id)).map(drop)
    }

    async fn delete(aws: &Aws, id: &str) -> Result<(), Error> {
        let request = aws.dynamodb().delete_table().table_name(id);
        request.send().await.map_err(failed("dynamodb:DeleteTable", id)).unless_missing().map(drop)
    }
}

/// A table that is being made may not tell its tags yet, and without them nobody knows whose it is; one that was there a
/// moment ago is gone.
fn unseen(id: &str, table: &TableDescription) -> Result<Option<Found>, Error> {
    if table.table_status == Some(TableStatus::Creating) {
        let message = format!("read the tags of table {id}: it is being made");
        return Err(Error::found(ErrorKind::NotYet, "table-unseen", message));
    }
    Ok(None)
}

/// The key of a table is chosen once.
fn keys_are_fixed(id: &str, wanted: &Properties, before: &Properties) -> Result<(), Error> {
    if (&wanted.key_schema, &wanted.attribute_definitions) == (&before.key_schema, &before.attribute_definitions) {
        return Ok(());
    }
    let message =
        format!("change the key of table {id}: a table keeps the key that it was made with, and has its data");
    Err(Error::found(ErrorKind::Permanent, "table-key-fixed", message))
}

async fn update_expiry(aws: &Aws, id: &str, wanted: &Properties, before: &Properties) -> Result<(), Error> {
    let (wanted, before) = (&wanted.time_to_live_specification, &before.time_to_live_specification);
    let (Some(expiry), false) = (wanted.as_ref().or(before.as_ref()), wanted == before) else { return Ok(()) };
    let expiry = TimeToLiveSpecification::builder().attribute_name(&expiry.attribute_name).enabled(wanted.is_some());
    let request =
        aws.dynamodb().update_time_to_live().table_name(id).time_to_live_specification(built(expiry.build())?);
    request.send().await.map_err(failed("dynamodb:UpdateTimeToLive", id)).map(drop)
}

async fn update_recovery(aws: &Aws, id: &str, wanted: &Properties, before: &Properties) -> Result<(), Error> {
    let (wanted, before) = (&wanted.point_in_time_recovery_specification, &before.point_in_time_recovery_specification);
    let matches = match (wanted, before) {
        (Some(wanted), Some(before)) => {
            wanted.recovery_period_in_days.is_none_or(|days| before.recovery_period_in_days == Some(days))
        }
        (wanted, before) => wanted.is_some() == before.is_some(),
    };
    if matches {
        return Ok(());
    }
    let recovery = PointInTimeRecoverySpecification::builder()
        .point_in_time_recovery_enabled(wanted.is_some())
        .set_recovery_period_in_days(wanted.as_ref().and_then(|wanted| wanted.recovery_period_in_days));
    let request = aws.dynamodb().update_continuous_backups().table_name(id);
    let request = request.point_in_time_recovery_specification(built(recovery.build())?);
    request.send().await.map_err(failed("dynamodb:UpdateContinuousBackups", id)).map(drop)
}

async fn expiry(aws: &Aws, id: &str) -> Result<Option<Expiry>, Error> {
    let request = aws.dynamodb().describe_time_to_live().table_name(id);
    let answer = request.send().await.map_err(failed("dynamodb:DescribeTimeToLive", id))?;
    let found = answer.time_to_live_description.filter(|found| {
        matches!(found.time_to_live_status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling))
    });
    Ok(found.map(|found| Expiry { attribute_name: found.attribute_name.unwrap_or_default(), enabled: true }))
}

async fn recovery(aws: &Aws, id: &str) -> Result<Option<Recovery>, Error> {
    let request = aws.dynamodb().describe_continuous_backups().table_name(id);
    let answer = request.send().await.map_err(failed("dynamodb:DescribeContinuousBackups", id))?;
    let found = answer.continuous_backups_description.and_then(|found| found.point_in_time_recovery_description);
    let found = found.filter(|found| found.point_in_time_recovery_status == Some(PointInTimeRecoveryStatus::Enabled));
    Ok(found.map(|found| Recovery {
        point_in_time_recovery_enabled: true,
        recovery_period_in_days: found.recovery_period_in_days,
    }))
}

async fn tags_of(aws: &Aws, id: &str, arn: &str) -> Result<Tags, Error> {
    let mut tags = Tags::new();
    let mut next = None;
    loop {
        let request = aws.dynamodb().list_tags_of_resource().resource_arn(arn).set_next_token(next);
        let page = request.send().await.map_err(failed("dynamodb:ListTagsOfResource", id))?;
        tags.extend(page.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value)));
        next = page.next_token;
        if next.is_none() {
            return Ok(tags);
        }
    }
}
fn state(table: &TableDescription) -> State {
    match &table.table_status {
        Some(TableStatus::Active) | None => State::Ready,
        Some(status @ (TableStatus::Creating | TableStatus::Updating | TableStatus::Deleting)) => {
            State::Busy(status.as_str().to_owned())
        }
        Some(other) => State::Failed(other.as_str().to_owned()),
    }
}

fn as_tags(tags: &Tags) -> Result<Vec<Tag>, Error> {
    tags.iter().map(|(key, value)| built(Tag::builder().key(key).value(value).build())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> serde_json::Value {
        json!({
            "AttributeDefinitions": [
                { "AttributeName": "time", "AttributeType": "N" },
                { "AttributeName": "device", "AttributeType": "S" },
            ],
            "KeySchema": [
                { "AttributeName": "device", "KeyType": "HASH" },
                { "AttributeName": "time", "KeyType": "RANGE" },
            ],
            "BillingMode": "PAY_PER_REQUEST",
            "TimeToLiveSpecification": { "AttributeName": "expires", "Enabled": true },
            "PointInTimeRecoverySpecification": { "PointInTimeRecoveryEnabled": false },
        })
    }

    #[test]
    fn definitions_are_a_set_and_off_is_absent() {
        let mut found = wanted();
        found["AttributeDefinitions"].as_array_mut().expect("a list").reverse();
        found.as_object_mut().expect("a map").remove("PointInTimeRecoverySpecification");
        assert_eq!(Kind::Table.differences(&wanted(), &found), Ok(vec![]));
        found.as_object_mut().expect("a map").remove("TimeToLiveSpecification");
        assert_eq!(Kind::Table.differences(&wanted(), &found), Ok(vec!["TimeToLiveSpecification".into()]));
    }

    #[test]
    fn a_key_cannot_change() {
        let read = |document| {
            let mut properties: Properties = serde_json::from_value(document).expect("a document");
            Table::normalise(&mut properties);
            properties
        };
        let mut other = wanted();
        other["KeySchema"][1]["AttributeName"] = json!("sequence");
        let error = keys_are_fixed("t", &read(other), &read(wanted())).expect_err("the key differs");
        assert_eq!((error.kind(), error.code()), (ErrorKind::Permanent, Some("table-key-fixed")));
        assert!(error.to_string().starts_with("change the key of table t"), "{error}");
    }
}
