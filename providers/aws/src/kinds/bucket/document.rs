//! The document of a bucket, with CloudFormation's names, and its translation to S3's.

use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, ExpirationStatus, LifecycleExpiration, LifecycleRule, LifecycleRuleAndOperator,
    LifecycleRuleFilter, NoncurrentVersionExpiration, NoncurrentVersionTransition, Tag, Transition,
    TransitionStorageClass,
};
use serde::{Deserialize, Serialize};

use super::super::built;
use crate::Error;

/// The document. Without a lifecycle none is wanted; the rest has defaults of the service's own.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Properties {
    pub(super) lifecycle_configuration: Option<Lifecycle>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) public_access_block_configuration: Option<PublicAccess>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ownership_controls: Option<Ownership>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) bucket_encryption: Option<Encryption>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) versioning_configuration: Option<Versioning>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Lifecycle {
    pub(super) rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Rule {
    id: String,
    status: String,
    #[serde(default)]
    prefix: String,
    #[serde(default)]
    tag_filters: Vec<TagFilter>,
    expiration_in_days: Option<i32>,
    #[serde(default)]
    expired_object_delete_marker: bool,
    #[serde(default)]
    transitions: Vec<Step>,
    noncurrent_version_expiration: Option<Noncurrent>,
    #[serde(default)]
    noncurrent_version_transitions: Vec<Step>,
    abort_incomplete_multipart_upload: Option<Abort>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct TagFilter {
    key: String,
    value: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Step {
    storage_class: String,
    transition_in_days: i32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Noncurrent {
    noncurrent_days: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    newer_noncurrent_versions: Option<i32>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Abort {
    days_after_initiation: i32,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct PublicAccess {
    #[serde(default)]
    pub(super) block_public_acls: bool,
    #[serde(default)]
    pub(super) ignore_public_acls: bool,
    #[serde(default)]
    pub(super) block_public_policy: bool,
    #[serde(default)]
    pub(super) restrict_public_buckets: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Ownership {
    pub(super) rules: Vec<OwnershipRule>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct OwnershipRule {
    pub(super) object_ownership: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Encryption {
    pub(super) server_side_encryption_configuration: Vec<EncryptionRule>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct EncryptionRule {
    pub(super) server_side_encryption_by_default: ByDefault,
    #[serde(default)]
    pub(super) bucket_key_enabled: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ByDefault {
    #[serde(rename = "SSEAlgorithm")]
    pub(super) algorithm: String,
    #[serde(default, rename = "KMSMasterKeyID", skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Versioning {
    pub(super) status: String,
}

impl Properties {
    /// Rules are a set by their id; no rules are no lifecycle.
    pub(super) fn normalise(&mut self) {
        self.lifecycle_configuration.take_if(|lifecycle| lifecycle.rules.is_empty());
        if let Some(lifecycle) = &mut self.lifecycle_configuration {
            lifecycle.rules.sort_by(|one, other| one.id.cmp(&other.id));
        }
    }
}

impl From<LifecycleRule> for Rule {
    fn from(found: LifecycleRule) -> Self {
        #[expect(deprecated, reason = "rules from before 2016 have their prefix here")]
        let old = found.prefix.clone();
        let filter = found.filter.unwrap_or_else(|| LifecycleRuleFilter::builder().set_prefix(old).build());
        let (prefix, tags) = filter_parts(filter);
        let expiration = found.expiration;
        Self {
            id: found.id.unwrap_or_default(),
            status: found.status.as_str().to_owned(),
            prefix,
            tag_filters: tags.into_iter().map(|tag| TagFilter { key: tag.key, value: tag.value }).collect(),
            expiration_in_days: expiration.as_ref().and_then(|found| found.days),
            expired_object_delete_marker: expiration
                .and_then(|found| found.expired_object_delete_marker)
                .unwrap_or_default(),
            transitions: found.transitions.unwrap_or_default().into_iter().map(Step::from).collect(),
            noncurrent_version_expiration: found.noncurrent_version_expiration.map(|found| Noncurrent {
                noncurrent_days: found.noncurrent_days.unwrap_or_default(),
                newer_noncurrent_versions: found.newer_noncurrent_versions,
            }),
            noncurrent_version_transitions: found
                .noncurrent_version_transitions
                .unwrap_or_default()
                .into_iter()
                .map(Step::from)
                .collect(),
            abort_incomplete_multipart_upload: found
                .abort_incomplete_multipart_upload
                .map(|found| Abort { days_after_initiation: found.days_after_initiation.unwrap_or_default() }),
        }
    }
}

fn filter_parts(filter: LifecycleRuleFilter) -> (String, Vec<Tag>) {
    match filter.and {
        Some(both) => (both.prefix.unwrap_or_default(), both.tags.unwrap_or_default()),
        None => (filter.prefix.unwrap_or_default(), filter.tag.into_iter().collect()),
    }
}

impl From<Transition> for Step {
    fn from(found: Transition) -> Self {
        Self {
            storage_class: found.storage_class.map(|class| class.as_str().to_owned()).unwrap_or_default(),
            transition_in_days: found.days.unwrap_or_default(),
        }
    }
}

impl From<NoncurrentVersionTransition> for Step {
    fn from(found: NoncurrentVersionTransition) -> Self {
        Self {
            storage_class: found.storage_class.map(|class| class.as_str().to_owned()).unwrap_or_default(),
            transition_in_days: found.noncurrent_days.unwrap_or_default(),
        }
    }
}

impl Rule {
    pub(super) fn as_sdk(&self) -> Result<LifecycleRule, Error> {
        let transitions = self.transitions.iter().map(|step| {
            let class = TransitionStorageClass::from(step.storage_class.as_str());
            Transition::builder().days(step.transition_in_days).storage_class(class).build()
        });
        let noncurrent = self.noncurrent_version_transitions.iter().map(|step| {
            let class = TransitionStorageClass::from(step.storage_class.as_str());
            let transition = NoncurrentVersionTransition::builder().noncurrent_days(step.transition_in_days);
            transition.storage_class(class).build()
        });
        let rule = LifecycleRule::builder()
            .id(&self.id)
            .status(ExpirationStatus::from(self.status.as_str()))
            .filter(self.filter()?)
            .set_expiration(self.expiration())
            .set_transitions(some(transitions.collect()))
            .set_noncurrent_version_transitions(some(noncurrent.collect()))
            .set_noncurrent_version_expiration(self.noncurrent_version_expiration.as_ref().map(|wanted| {
                let expiration = NoncurrentVersionExpiration::builder().noncurrent_days(wanted.noncurrent_days);
                expiration.set_newer_noncurrent_versions(wanted.newer_noncurrent_versions).build()
            }))
            .set_abort_incomplete_multipart_upload(self.abort_incomplete_multipart_upload.as_ref().map(|wanted| {
                AbortIncompleteMultipartUpload::builder().days_after_initiation(wanted.days_after_initiation).build()
            }));
        built(rule.build())
    }

    /// Prefix alone, one tag alone, or several things at once: S3 has a form for each.
    fn filter(&self) -> Result<LifecycleRuleFilter, Error> {
        let filter = LifecycleRuleFilter::builder();
        let tags = self.tag_filters.iter().map(|tag| built(Tag::builder().key(&tag.key).value(&tag.value).build()));
        let tags = tags.collect::<Result<Vec<_>, _>>()?;
        Ok(match (tags.as_slice(), self.prefix.as_str()) {
            ([], prefix) => filter.prefix(prefix).build(),
            ([tag], "") => filter.tag(tag.clone()).build(),
            (_, prefix) => {
                let prefix = (!prefix.is_empty()).then(|| prefix.to_owned());
                filter.and(LifecycleRuleAndOperator::builder().set_prefix(prefix).set_tags(Some(tags)).build()).build()
            }
        })
    }

    fn expiration(&self) -> Option<LifecycleExpiration> {
        if self.expiration_in_days.is_none() && !self.expired_object_delete_marker {
            return None;
        }
        let marker = self.expired_object_delete_marker.then_some(true);
        let expiration = LifecycleExpiration::builder().set_days(self.expiration_in_days);
        Some(expiration.set_expired_object_delete_marker(marker).build())
    }
}

/// An empty list is no list: S3 refuses empty elements.
fn some<T>(values: Vec<T>) -> Option<Vec<T>> {
    (!values.is_empty()).then_some(values)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rules_survive_the_sdk() {
        for (prefix, tags) in [
            ("cold/", json!([])),
            ("", json!([{ "Key": "k", "Value": "v" }])),
            ("a", json!([{ "Key": "k", "Value": "" }])),
        ] {
            let rule = json!({
                "Id": "cool", "Status": "Enabled", "Prefix": prefix, "TagFilters": tags, "ExpirationInDays": 365,
                "Transitions": [{ "StorageClass": "STANDARD_IA", "TransitionInDays": 30 },
                    { "StorageClass": "GLACIER", "TransitionInDays": 90 }],
                "NoncurrentVersionExpiration": { "NoncurrentDays": 7 },
                "AbortIncompleteMultipartUpload": { "DaysAfterInitiation": 3 },
            });
            let rule: Rule = serde_json::from_value(rule).expect("a rule");
            assert_eq!(Rule::from(rule.as_sdk().expect("complete")), rule);
        }
    }

    #[test]
    fn rules_are_a_set() {
        let rule = |id: &str| json!({ "Id": id, "Status": "Enabled" });
        let wanted = json!({ "LifecycleConfiguration": { "Rules": [rule("b"), rule("a")] } });
        let found = json!({ "LifecycleConfiguration": { "Rules": [rule("a"), rule("b")] } });
        let bucket = crate::Kind::Bucket;
        assert_eq!(bucket.differences(&wanted, &found), Ok(vec![]));
        assert_eq!(bucket.differences(&json!({}), &found), Ok(vec!["LifecycleConfiguration".into()]));
    }
}
