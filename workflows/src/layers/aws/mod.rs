//! The layers on AWS.

pub(super) mod l1_iot;
pub(super) mod l3_storage;
pub(super) mod l4_twin;
pub(super) mod lambda;
pub(crate) mod policy;

use engine::graph::{After, Handle};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::site::{At, Site};
use crate::{
    definition::{AwsAccount, Definition},
    naming::{AwsNames, Bucket},
    steps::aws::{
        AwsResource,
        identity::{Account, Identity},
        kind::{BUCKET, Kind},
        outputs::{FromAws, Named},
        package::{Package, Uploaded},
    },
};

const SETUP: &str = "Setup";

/// The part of a deployment that is on AWS: what things are called there, and what all layers build on.
pub(super) struct Aws<'d> {
    pub(super) account: &'d AwsAccount,
    pub(super) names: AwsNames,
    /// The account is the definition's: nothing is made before that is known.
    pub(super) identity: Handle<Identity>,
    /// What Lambda functions run.
    pub(super) package: Handle<Uploaded>,
}

impl<'d> Aws<'d> {
    /// Adds what all layers build on: the account, the bucket of artifacts, the functions' program in it.
    pub(super) fn set_up(site: &mut Site<'_>, definition: &'d Definition, account: &'d AwsAccount) -> Self {
        let names = AwsNames::new(&definition.twin_name, &account.account, &account.region);
        let number = account.account.clone();
        let at = At::new(SETUP, "aws-account", format!("account {number}"), 1);
        let identity = site.step(at, (), &[], move |()| Account::new(number.clone()));
        let name = names.bucket(Bucket::Artifacts);
        let bucket: Handle<Named> =
            resource(site, SETUP, "aws-artifacts", BUCKET, name, private_bucket(json!({})), &[identity.into()]);
        let at = At::new(SETUP, "aws-package", "the functions' program", 20);
        let package = site.step(at, bucket, &[], |bucket| Package::new(bucket.name));
        Self { account, names, identity, package }
    }
}

/// Adds a resource whose document needs nothing that another step produces.
fn resource<O>(
    site: &mut Site<'_>,
    layer: &'static str,
    what: &str,
    kind: Kind,
    id: String,
    properties: Value,
    after: &[After],
) -> Handle<O>
where
    O: FromAws + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    let at = resource_at(layer, what, kind, &id);
    site.step(at, (), after, move |()| AwsResource::<O>::new(kind, id.clone(), properties.clone()))
}

fn resource_at(layer: &'static str, what: &str, kind: Kind, name: &str) -> At {
    At::new(layer, what, format!("{} {name}", kind.title), kind.seconds)
}

/// A bucket that nobody from outside can read, encrypted by S3's own keys, with `more` properties.
fn private_bucket(more: Value) -> Value {
    let mut properties = json!({
        "PublicAccessBlockConfiguration": {
            "BlockPublicAcls": true, "BlockPublicPolicy": true, "IgnorePublicAcls": true, "RestrictPublicBuckets": true
        },
        "OwnershipControls": { "Rules": [{ "ObjectOwnership": "BucketOwnerEnforced" }] }
    });
    if let (Some(properties), Value::Object(more)) = (properties.as_object_mut(), more) {
        properties.extend(more);
    }
    properties
}
