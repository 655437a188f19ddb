//! L3 on AWS: DynamoDB for what is hot, S3 for what is cold and for the archive.

use engine::graph::{After, Handle};
use functions::dynamo;
use serde_json::{Value, json};

use super::{Aws, private_bucket, resource};
use crate::{
    layers::site::Site,
    naming::Bucket,
    steps::aws::{
        kind::{BUCKET, TABLE},
        outputs::{Named, WithArn},
    },
};

const LAYER: &str = "L3";

/// The shortest time after which S3 moves an object to a class for what is seldom read.
const IA_DAYS: u32 = 30;

/// Hot storage.
#[derive(Clone, Copy)]
pub(crate) struct Table {
    pub(crate) handle: Handle<WithArn>,
}

/// Cold storage, or the archive.
#[derive(Clone, Copy)]
pub(crate) struct Objects;

/// Adds hot storage: a table with the keys of the functions' items, which expire by themselves.
pub(crate) fn hot(site: &mut Site<'_>, aws: &Aws<'_>) -> Table {
    let key = |name: &str, kind: &str| json!({ "AttributeName": name, "KeyType": kind });
    let text = |name: &str| json!({ "AttributeName": name, "AttributeType": "S" });
    let properties = json!({
        "AttributeDefinitions": [text(dynamo::PARTITION_KEY), text(dynamo::SORT_KEY)],
        "KeySchema": [key(dynamo::PARTITION_KEY, "HASH"), key(dynamo::SORT_KEY, "RANGE")],
        "BillingMode": "PAY_PER_REQUEST",
        "TimeToLiveSpecification": { "AttributeName": dynamo::EXPIRES, "Enabled": true }
    });
    let after = [After::from(aws.identity)];
    Table { handle: resource(site, LAYER, "aws-hot", TABLE, aws.names.table(), properties, &after) }
}

/// Adds the bucket of cold storage.
pub(crate) fn cold(site: &mut Site<'_>, aws: &Aws<'_>) -> Objects {
    bucket(site, aws, "aws-cold", Bucket::Cold, transition("cold", storage_class(Bucket::Cold), IA_DAYS))
}

/// Adds the bucket of the archive.
pub(crate) fn archive(site: &mut Site<'_>, aws: &Aws<'_>) -> Objects {
    bucket(site, aws, "aws-archive", Bucket::Archive, transition("archive", storage_class(Bucket::Archive), 0))
}

fn bucket(site: &mut Site<'_>, aws: &Aws<'_>, what: &str, bucket: Bucket, rule: Value) -> Objects {
    let properties = private_bucket(json!({ "LifecycleConfiguration": { "Rules": [rule] } }));
    let name = aws.names.bucket(bucket);
    let _: Handle<Named> = resource(site, LAYER, what, BUCKET, name, properties, &[aws.identity.into()]);
    Objects
}

fn transition(id: &str, class: &str, days: u32) -> Value {
    json!({ "Id": id, "Status": "Enabled", "Prefix": "",
        "Transitions": [{ "StorageClass": class, "TransitionInDays": days }] })
}

/// The storage class of what lies in a bucket.
pub(crate) const fn storage_class(bucket: Bucket) -> &'static str {
    match bucket {
        Bucket::Artifacts | Bucket::Workspace => "STANDARD",
        Bucket::Cold => "STANDARD_IA",
        Bucket::Archive => "GLACIER",
    }
}
