//! The parts of a bucket's document, each of which has its own calls.

use aws_sdk_s3::types::{
    BucketLifecycleConfiguration, BucketVersioningStatus, ObjectOwnership, OwnershipControls, OwnershipControlsRule,
    PublicAccessBlockConfiguration, ServerSideEncryption, ServerSideEncryptionByDefault,
    ServerSideEncryptionConfiguration, ServerSideEncryptionRule, VersioningConfiguration,
};

use super::{
    super::built,
    document::{
        ByDefault, Encryption, EncryptionRule, Lifecycle, Ownership, OwnershipRule, Properties, PublicAccess, Rule,
        Versioning,
    },
};
use crate::{
    Aws, Error,
    error::{UnlessMissing, failed},
};

/// Reads all parts.
pub(super) async fn read(aws: &Aws, id: &str) -> Result<Properties, Error> {
    let mut properties = Properties {
        lifecycle_configuration: lifecycle(aws, id).await?,
        public_access_block_configuration: public_access(aws, id).await?,
        ownership_controls: ownership(aws, id).await?,
        bucket_encryption: encryption(aws, id).await?,
        versioning_configuration: Some(versioning(aws, id).await?),
    };
    properties.normalise();
    Ok(properties)
}

/// Writes the parts that differ from what was there; `None`: the bucket is new.
pub(super) async fn write(aws: &Aws, id: &str, wanted: &Properties, before: Option<&Properties>) -> Result<(), Error> {
    let new = Properties::default();
    let before = before.unwrap_or(&new);
    if let Some(part) = differing(&wanted.ownership_controls, &before.ownership_controls) {
        write_ownership(aws, id, part).await?;
    }
    if let Some(part) = differing(&wanted.public_access_block_configuration, &before.public_access_block_configuration)
    {
        write_public_access(aws, id, *part).await?;
    }
    if let Some(part) = differing(&wanted.bucket_encryption, &before.bucket_encryption) {
        write_encryption(aws, id, part).await?;
    }
    if let Some(part) = differing(&wanted.versioning_configuration, &before.versioning_configuration) {
        write_versioning(aws, id, part).await?;
    }
    if wanted.lifecycle_configuration == before.lifecycle_configuration {
        return Ok(());
    }
    match &wanted.lifecycle_configuration {
        Some(part) => write_lifecycle(aws, id, part).await,
        None => delete_lifecycle(aws, id).await,
    }
}

/// A part that is wanted and not as it was.
fn differing<'a, T: PartialEq>(wanted: &'a Option<T>, before: &Option<T>) -> Option<&'a T> {
    wanted.as_ref().filter(|wanted| before.as_ref() != Some(*wanted))
}

async fn lifecycle(aws: &Aws, id: &str) -> Result<Option<Lifecycle>, Error> {
    let request = aws.s3().get_bucket_lifecycle_configuration().bucket(id);
    let answer = request.send().await.map_err(failed("s3:GetBucketLifecycleConfiguration", id)).unless_missing()?;
    Ok(answer
        .and_then(|answer| answer.rules)
        .map(|rules| Lifecycle { rules: rules.into_iter().map(Rule::from).collect() }))
}

async fn write_lifecycle(aws: &Aws, id: &str, wanted: &Lifecycle) -> Result<(), Error> {
    let rules = wanted.rules.iter().map(Rule::as_sdk).collect::<Result<_, _>>()?;
    let lifecycle = built(BucketLifecycleConfiguration::builder().set_rules(Some(rules)).build())?;
    let request = aws.s3().put_bucket_lifecycle_configuration().bucket(id).lifecycle_configuration(lifecycle);
    request.send().await.map_err(failed("s3:PutBucketLifecycleConfiguration", id)).map(drop)
}

async fn delete_lifecycle(aws: &Aws, id: &str) -> Result<(), Error> {
    let request = aws.s3().delete_bucket_lifecycle().bucket(id);
    request.send().await.map_err(failed("s3:DeleteBucketLifecycle", id)).map(drop)
}

async fn public_access(aws: &Aws, id: &str) -> Result<Option<PublicAccess>, Error> {
    let request = aws.s3().get_public_access_block().bucket(id);
    let answer = request.send().await.map_err(failed("s3:GetPublicAccessBlock", id)).unless_missing()?;
    Ok(answer.and_then(|answer| answer.public_access_block_configuration).map(|found| PublicAccess {
        block_public_acls: found.block_public_acls.unwrap_or_default(),
        ignore_public_acls: found.ignore_public_acls.unwrap_or_default(),
        block_public_policy: found.block_public_policy.unwrap_or_default(),
        restrict_public_buckets: found.restrict_public_buckets.unwrap_or_default(),
    }))
}

async fn write_public_access(aws: &Aws, id: &str, wanted: PublicAccess) -> Result<(), Error> {
    let block = PublicAccessBlockConfiguration::builder()
        .block_public_acls(wanted.block_public_acls)
        .ignore_public_acls(wanted.ignore_public_acls)
        .block_public_policy(wanted.block_public_policy)
        .restrict_public_buckets(wanted.restrict_public_buckets)
        .build();
    let request = aws.s3().put_public_access_block().bucket(id).public_access_block_configuration(block);
    request.send().await.map_err(failed("s3:PutPublicAccessBlock", id)).map(drop)
}

async fn ownership(aws: &Aws, id: &str) -> Result<Option<Ownership>, Error> {
    let request = aws.s3().get_bucket_ownership_controls().bucket(id);
    let answer = request.send().await.map_err(failed("s3:GetBucketOwnershipControls", id)).unless_missing()?;
    Ok(answer.and_then(|answer| answer.ownership_controls).map(|found| Ownership {
        rules: found
            .rules
            .into_iter()
            .map(|rule| OwnershipRule { object_ownership: rule.object_ownership.as_str().to_owned() })
            .collect(),
    }))
}

async fn write_ownership(aws: &Aws, id: &str, wanted: &Ownership) -> Result<(), Error> {
    let rules = wanted.rules.iter().map(|rule| {
        let ownership = ObjectOwnership::from(rule.object_ownership.as_str());
        built(OwnershipControlsRule::builder().object_ownership(ownership).build())
    });
    let controls = OwnershipControls::builder().set_rules(Some(rules.collect::<Result<_, _>>()?));
    let request = aws.s3().put_bucket_ownership_controls().bucket(id).ownership_controls(built(controls.build())?);
    request.send().await.map_err(failed("s3:PutBucketOwnershipControls", id)).map(drop)
}

async fn encryption(aws: &Aws, id: &str) -> Result<Option<Encryption>, Error> {
    let request = aws.s3().get_bucket_encryption().bucket(id);
    let answer = request.send().await.map_err(failed("s3:GetBucketEncryption", id)).unless_missing()?;
    let rules = answer.and_then(|answer| answer.server_side_encryption_configuration).map(|found| found.rules);
    Ok(rules.map(|rules| Encryption {
        server_side_encryption_configuration: rules.into_iter().filter_map(encryption_rule).collect(),
    }))
}

fn encryption_rule(found: ServerSideEncryptionRule) -> Option<EncryptionRule> {
    let by_default = found.apply_server_side_encryption_by_default?;
    Some(EncryptionRule {
        server_side_encryption_by_default: ByDefault {
            algorithm: by_default.sse_algorithm.as_str().to_owned(),
            key: by_default.kms_master_key_id,
        },
        bucket_key_enabled: found.bucket_key_enabled.unwrap_or_default(),
    })
}

async fn write_encryption(aws: &Aws, id: &str, wanted: &Encryption) -> Result<(), Error> {
    let rules = wanted.server_side_encryption_configuration.iter().map(|rule| {
        let wanted = &rule.server_side_encryption_by_default;
        let by_default = ServerSideEncryptionByDefault::builder()
            .sse_algorithm(ServerSideEncryption::from(wanted.algorithm.as_str()))
            .set_kms_master_key_id(wanted.key.clone());
        let rule = ServerSideEncryptionRule::builder().bucket_key_enabled(rule.bucket_key_enabled);
        Ok(rule.apply_server_side_encryption_by_default(built(by_default.build())?).build())
    });
    let rules = rules.collect::<Result<_, Error>>()?;
    let encryption = built(ServerSideEncryptionConfiguration::builder().set_rules(Some(rules)).build())?;
    let request = aws.s3().put_bucket_encryption().bucket(id).server_side_encryption_configuration(encryption);
    request.send().await.map_err(failed("s3:PutBucketEncryption", id)).map(drop)
}

/// A bucket that never had versions says nothing, and behaves as one in which they are suspended.
async fn versioning(aws: &Aws, id: &str) -> Result<Versioning, Error> {
    let request = aws.s3().get_bucket_versioning().bucket(id);
    let answer = request.send().await.map_err(failed("s3:GetBucketVersioning", id))?;
    let status = answer.status.unwrap_or(BucketVersioningStatus::Suspended);
    Ok(Versioning { status: status.as_str().to_owned() })
}

async fn write_versioning(aws: &Aws, id: &str, wanted: &Versioning) -> Result<(), Error> {
    let status = BucketVersioningStatus::from(wanted.status.as_str());
    let versioning = VersioningConfiguration::builder().status(status).build();
    let request = aws.s3().put_bucket_versioning().bucket(id).versioning_configuration(versioning);
    request.send().await.map_err(failed("s3:PutBucketVersioning", id)).map(drop)
}
