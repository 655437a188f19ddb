//! S3 buckets.

mod document;
mod parts;

use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration, Tag, Tagging};
use serde_json::json;
use uuid::Uuid;

use document::Properties;

use super::{Resource, built};
use crate::{
    Aws, Error, ErrorKind, Found, Kind, State, Tags, arn,
    error::{UnlessMissing, failed},
};

/// The region whose buckets have no location.
const HOME: &str = "us-east-1";

/// `AWS::S3::Bucket`.
pub(crate) struct Bucket;

impl Resource for Bucket {
    const KIND: Kind = Kind::Bucket;
    type Properties = Properties;

    fn normalise(properties: &mut Properties) {
        properties.normalise();
    }

    async fn get(aws: &Aws, id: &str) -> Result<Option<Found>, Error> {
        let Some(region) = region_of(aws, id).await? else { return Ok(None) };
        if region.as_deref().is_some_and(|region| region != aws.region()) {
            let message = format!("use bucket {id} in {}: it is in another region", aws.region());
            return Err(Error::found(ErrorKind::Permanent, "bucket-elsewhere", message));
        }
        let parts = async { Ok((parts::read(aws, id).await?, tags_of(aws, id).await?)) };
        let Some((properties, tags)) = parts.await.unless_missing()? else { return Ok(None) };
        Ok(Some(Found {
            properties: super::document(&properties),
            attributes: json!({ "Arn": arn::bucket(aws.region(), id, "") }),
            tags,
            state: State::Ready,
        }))
    }

    async fn create(aws: &Aws, id: &str, wanted: &Properties, tags: &Tags, _: Uuid) -> Result<(), Error> {
        // In its oldest region S3 answers a second creation with success: look first, lest a stranger's is changed.
        if region_of(aws, id).await?.is_some() {
            let message = format!("create bucket {id}: it is there already");
            return Err(Error::found(ErrorKind::Conflict, "BucketAlreadyOwnedByYou", message));
        }
        let request = aws.s3().create_bucket().bucket(id).set_create_bucket_configuration(configuration(aws, tags)?);
        request.send().await.map_err(failed("s3:CreateBucket", id))?;
        parts::write(aws, id, wanted, None).await
    }

    async fn update(aws: &Aws, id: &str, wanted: &Properties, before: &Properties, _: &Found) -> Result<(), Error> {
        parts::write(aws, id, wanted, Some(before)).await
    }

    /// Tags of a bucket are put all at once: the foreign ones with ours.
    async fn tag(aws: &Aws, id: &str, found: &Found, tags: &Tags) -> Result<(), Error> {
        let mut all = found.tags.clone();
        all.extend(tags.clone());
        let tagging = built(Tagging::builder().set_tag_set(Some(as_tags(&all)?)).build())?;
        let request = aws.s3().put_bucket_tagging().bucket(id).tagging(tagging);
        request.send().await.map_err(failed("s3:PutBucketTagging", id)).map(drop)
    }

    async fn delete(aws: &Aws, id: &str) -> Result<(), Error> {
        let answer = aws.s3().delete_bucket().bucket(id).send().await.map_err(failed("s3:DeleteBucket", id));
        match answer.unless_missing() {
            Err(error) if error.code() == Some("BucketNotEmpty") => Err(not_empty(aws, id).await?),
            settled => settled.map(drop),
        }
    }
}

/// Where the bucket is, when it is ours and the service tells; `None` when there is none.
async fn region_of(aws: &Aws, id: &str) -> Result<Option<Option<String>>, Error> {
    let answer = aws.s3().head_bucket().bucket(id).send().await.map_err(failed("s3:HeadBucket", id));
    match answer.unless_missing() {
        // Names of buckets are everybody's. The answer has no body, so the status is all there is.
        Err(error) if matches!(error.status(), Some(301 | 403)) => {
            let message = format!("use bucket {id}: it is somebody else's, in another region, or not to be accessed");
            Err(Error::found(ErrorKind::Permanent, "bucket-not-ours", message))
        }
        answer => Ok(answer?.map(|answer| answer.bucket_region)),
    }
}

fn configuration(aws: &Aws, tags: &Tags) -> Result<Option<CreateBucketConfiguration>, Error> {
    let location = (aws.region() != HOME).then(|| BucketLocationConstraint::from(aws.region()));
    if location.is_none() && tags.is_empty() {
        return Ok(None);
    }
    let configuration = CreateBucketConfiguration::builder().set_location_constraint(location);
    Ok(Some(configuration.set_tags(Some(as_tags(tags)?)).build()))
}

async fn tags_of(aws: &Aws, id: &str) -> Result<Tags, Error> {
    let answer = aws.s3().get_bucket_tagging().bucket(id).send().await.map_err(failed("s3:GetBucketTagging", id));
    let tags = answer.unless_missing()?.map(|answer| answer.tag_set).unwrap_or_default();
    Ok(tags.into_iter().map(|tag| (tag.key, tag.value)).collect())
}

fn as_tags(tags: &Tags) -> Result<Vec<Tag>, Error> {
    tags.iter().map(|(key, value)| built(Tag::builder().key(key).value(value).build())).collect()
}

/// Says what is left in a bucket, by one key.
async fn not_empty(aws: &Aws, id: &str) -> Result<Error, Error> {
    let request = aws.s3().list_object_versions().bucket(id).max_keys(1);
    let left = request.send().await.map_err(failed("s3:ListObjectVersions", id))?;
    let version = left.versions().first().and_then(|version| version.key());
    let key = version.or_else(|| left.delete_markers().first().and_then(|marker| marker.key()));
    let message = format!("delete bucket {id}: it is not empty, {:?} is in it", key.unwrap_or_default());
    Ok(Error::found(ErrorKind::Conflict, "bucket-not-empty", message))
}
