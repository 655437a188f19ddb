//! The names of everything that a deployment makes on AWS.

use functions::function::Function;

use super::{Names, suffix};

/// The names of one deployment in an account and a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsNames {
    twin: String,
    account: String,
    region: String,
    suffix: String,
}

/// What the buckets are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bucket {
    /// The package that functions are deployed from.
    Artifacts,
    /// Cold storage.
    Cold,
    /// The archive.
    Archive,
    /// What a TwinMaker workspace keeps.
    Workspace,
}

impl Bucket {
    /// Every bucket.
    pub const ALL: [Self; 4] = [Self::Artifacts, Self::Cold, Self::Archive, Self::Workspace];
}

impl AwsNames {
    /// The names of a twin in an account and a region. Buckets share one space of names with the whole world, and the rest
    /// one with the region, or with the account.
    #[must_use]
    pub fn new(twin: &str, account: &str, region: &str) -> Self {
        Self {
            twin: twin.to_owned(),
            account: account.to_owned(),
            region: region.to_owned(),
            suffix: suffix(twin, &format!("{account}/{region}")),
        }
    }

    /// The suffix of names that are unique in the world.
    #[must_use]
    pub fn suffix(&self) -> &str {
        &self.suffix
    }

    /// A bucket.
    #[must_use]
    pub fn bucket(&self, bucket: Bucket) -> String {
        let what = match bucket {
            Bucket::Artifacts => "artifacts",
            Bucket::Cold => "cold-storage",
            Bucket::Archive => "archive-storage",
            Bucket::Workspace => "twin-maker",
        };
        format!("{}-{what}-{}", self.twin, self.suffix)
    }

    /// The Lambda function that plays a function of ours.
    #[must_use]
    pub fn function(&self, function: Function) -> String {
        format!("{}-{}", self.twin, function.name())
    }

    /// The role that the Lambda function acts as. Roles are the account's and not the region's: the suffix tells apart.
    #[must_use]
    pub fn function_role(&self, function: Function) -> String {
        format!("{}-{}-{}", self.twin, function.name(), self.suffix)
    }

    /// The log group of the Lambda function.
    #[must_use]
    pub fn log_group(&self, function: Function) -> String {
        format!("/aws/lambda/{}", self.function(function))
    }

    /// The table of hot storage.
    #[must_use]
    pub fn table(&self) -> String {
        format!("{}-hot-storage", self.twin)
    }

    /// The policy of the devices' certificates.
    #[must_use]
    pub fn device_policy(&self) -> String {
        format!("{}-device", self.twin)
    }

    /// The rule that hands telemetry to a function. Rules take letters, digits and `_` alone.
    #[must_use]
    pub fn topic_rule(&self) -> String {
        format!("{}_telemetry", self.twin.replace('-', "_"))
    }

    /// The TwinMaker workspace.
    #[must_use]
    pub fn workspace(&self) -> String {
        format!("{}-twin", self.twin)
    }

    /// The role that the workspace acts as.
    #[must_use]
    pub fn workspace_role(&self) -> String {
        format!("{}-twin-maker-{}", self.twin, self.suffix)
    }

    /// The ARN of something in the account and the region: `arn:aws:iot:eu-central-1:1234:topic/x`.
    #[must_use]
    pub fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:{}:{service}:{}:{}:{resource}", self.partition(), self.region, self.account)
    }

    /// The ARN of a bucket, which names neither account nor region.
    #[must_use]
    pub fn bucket_arn(&self, bucket: Bucket) -> String {
        format!("arn:{}:s3:::{}", self.partition(), self.bucket(bucket))
    }

    /// The part of AWS that a region belongs to.
    fn partition(&self) -> &'static str {
        match self.region.as_str() {
            region if region.starts_with("cn-") => "aws-cn",
            region if region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        }
    }
}

impl Names {
    /// The names of the same twin on AWS, for checks of what a name must be: account and region do not matter there.
    pub(super) fn on_aws(&self) -> AwsNames {
        AwsNames::new(&self.twin, "000000000000", "eu-central-1")
    }
}
