//! IAM roles.

use std::collections::BTreeMap;

use aws_sdk_iam::types::Tag;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Resource, built};
use crate::{
    Aws, Error, Found, Kind, State, Tags,
    error::{UnlessMissing, failed},
    policy,
};

/// `AWS::IAM::Role`.
pub(crate) struct Role;

/// The document. Policies that are not in it are not wanted.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Properties {
    assume_role_policy_document: Value,
    #[serde(default)]
    description: String,
    #[serde(default)]
    policies: Vec<Inline>,
    #[serde(default)]
    managed_policy_arns: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Inline {
    policy_name: String,
    policy_document: Value,
}

impl Resource for Role {
    const KIND: Kind = Kind::Role;
    type Properties = Properties;

    fn normalise(properties: &mut Properties) {
        properties.policies.sort_by(|one, other| one.policy_name.cmp(&other.policy_name));
        properties.managed_policy_arns.sort();
    }

    async fn get(aws: &Aws, id: &str) -> Result<Option<Found>, Error> {
        let answer = aws.iam().get_role().role_name(id).send().await.map_err(failed("iam:GetRole", id));
        let Some(role) = answer.unless_missing()?.and_then(|answer| answer.role) else { return Ok(None) };
        // Between two reads somebody may remove it: then there is none.
        let Some(policies) = inline_policies(aws, id).await.unless_missing()? else { return Ok(None) };
        let Some(attached) = attached_policies(aws, id).await.unless_missing()? else { return Ok(None) };
        let mut properties = Properties {
            assume_role_policy_document: decoded(role.assume_role_policy_document().unwrap_or_default()),
            description: role.description.unwrap_or_default(),
            policies,
            managed_policy_arns: attached,
        };
        Self::normalise(&mut properties);
        Ok(Some(Found {
            properties: super::document(&properties),
            attributes: json!({ "Arn": role.arn, "RoleId": role.role_id }),
            tags: role.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value)).collect(),
            state: State::Ready,
        }))
    }

    async fn create(aws: &Aws, id: &str, wanted: &Properties, tags: &Tags, _: Uuid) -> Result<(), Error> {
        let request = aws
            .iam()
            .create_role()
            .role_name(id)
            .assume_role_policy_document(policy::parsed(&wanted.assume_role_policy_document).to_string())
            .description(&wanted.description)
            .set_tags(Some(as_tags(tags)?));
        request.send().await.map_err(failed("iam:CreateRole", id))?;
        for policy in &wanted.policies {
            put(aws, id, policy).await?;
        }
        for arn in &wanted.managed_policy_arns {
            attach(aws, id, arn).await?;
        }
        Ok(())
    }

    async fn update(aws: &Aws, id: &str, wanted: &Properties, before: &Properties, _: &Found) -> Result<(), Error> {
        if !policy::same(&wanted.assume_role_policy_document, &before.assume_role_policy_document) {
            let document = policy::parsed(&wanted.assume_role_policy_document).to_string();
            let request = aws.iam().update_assume_role_policy().role_name(id).policy_document(document);
            request.send().await.map_err(failed("iam:UpdateAssumeRolePolicy", id))?;
        }
        if wanted.description != before.description {
            let request = aws.iam().update_role().role_name(id).description(&wanted.description);
            request.send().await.map_err(failed("iam:UpdateRole", id))?;
        }
        update_inline(aws, id, wanted, before).await?;
        update_attached(aws, id, wanted, before).await
    }

    async fn tag(aws: &Aws, id: &str, _: &Found, tags: &Tags) -> Result<(), Error> {
        let request = aws.iam().tag_role().role_name(id).set_tags(Some(as_tags(tags)?));
        request.send().await.map_err(failed("iam:TagRole", id)).map(drop)
    }

    async fn delete(aws: &Aws, id: &str) -> Result<(), Error> {
        for arn in attached_policies(aws, id).await.unless_missing()?.unwrap_or_default() {
            detach(aws, id, &arn).await?;
        }
        for name in inline_names(aws, id).await.unless_missing()?.unwrap_or_default() {
            remove(aws, id, &name).await?;
        }
        let answer = aws.iam().delete_role().role_name(id).send().await.map_err(failed("iam:DeleteRole", id));
        answer.unless_missing().map(drop)
    }
}

async fn update_inline(aws: &Aws, id: &str, wanted: &Properties, before: &Properties) -> Result<(), Error> {
    let there: BTreeMap<&str, &Value> =
        before.policies.iter().map(|policy| (policy.policy_name.as_str(), &policy.policy_document)).collect();
    for policy in &wanted.policies {
        let found = there.get(policy.policy_name.as_str());
        if !found.is_some_and(|found| policy::same(found, &policy.policy_document)) {
            put(aws, id, policy).await?;
        }
    }
    for name in there.into_keys().filter(|name| wanted.policies.iter().all(|policy| policy.policy_name != *name)) {
        remove(aws, id, name).await?;
    }
    Ok(())
}

async fn update_attached(aws: &Aws, id: &str, wanted: &Properties, before: &Properties) -> Result<(), Error> {
    for arn in wanted.managed_policy_arns.iter().filter(|arn| !before.managed_policy_arns.contains(arn)) {
        attach(aws, id, arn).await?;
    }
    for arn in before.managed_policy_arns.iter().filter(|arn| !wanted.managed_policy_arns.contains(arn)) {
        detach(aws, id, arn).await?;
    }
    Ok(())
}

async fn put(aws: &Aws, id: &str, policy: &Inline) -> Result<(), Error> {
    let document = policy::parsed(&policy.policy_document).to_string();
    let request = aws.iam().put_role_policy().role_name(id).policy_name(&policy.policy_name).policy_document(document);
    request.send().await.map_err(failed("iam:PutRolePolicy", id)).map(drop)
}

async fn remove(aws: &Aws, id: &str, policy: &str) -> Result<(), Error> {
    let request = aws.iam().delete_role_policy().role_name(id).policy_name(policy);
    request.send().await.map_err(failed("iam:DeleteRolePolicy", id)).unless_missing().map(drop)
}

async fn attach(aws: &Aws, id: &str, arn: &str) -> Result<(), Error> {
    let request = aws.iam().attach_role_policy().role_name(id).policy_arn(arn);
    request.send().await.map_err(failed("iam:AttachRolePolicy", id)).map(drop)
}

async fn detach(aws: &Aws, id: &str, arn: &str) -> Result<(), Error> {
    let request = aws.iam().detach_role_policy().role_name(id).policy_arn(arn);
    request.send().await.map_err(failed("iam:DetachRolePolicy", id)).unless_missing().map(drop)
}

async fn inline_policies(aws: &Aws, id: &str) -> Result<Vec<Inline>, Error> {
    let mut policies = Vec::new();
    for name in inline_names(aws, id).await? {
        let request = aws.iam().get_role_policy().role_name(id).policy_name(&name);
        // Removed since it was listed: then the role has it no more.
        if let Some(answer) = request.send().await.map_err(failed("iam:GetRolePolicy", id)).unless_missing()? {
            policies.push(Inline { policy_document: decoded(&answer.policy_document), policy_name: name });
        }
    }
    Ok(policies)
}

async fn inline_names(aws: &Aws, id: &str) -> Result<Vec<String>, Error> {
    let pages = aws.iam().list_role_policies().role_name(id).into_paginator().items().send();
    pages.try_collect().await.map_err(failed("iam:ListRolePolicies", id))
}

async fn attached_policies(aws: &Aws, id: &str) -> Result<Vec<String>, Error> {
    let pages = aws.iam().list_attached_role_policies().role_name(id).into_paginator().items().send();
    let attached = pages.try_collect().await.map_err(failed("iam:ListAttachedRolePolicies", id))?;
    Ok(attached.into_iter().filter_map(|policy| policy.policy_arn).collect())
}

fn as_tags(tags: &Tags) -> Result<Vec<Tag>, Error> {
    tags.iter().map(|(key, value)| built(Tag::builder().key(key).value(value).build())).collect()
}

/// A policy document as IAM answers it: as text, percent-encoded.
fn decoded(document: &str) -> Value {
    let text = percent_decoded(document);
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

/// RFC 3986; what is no encoding stays.
fn percent_decoded(text: &str) -> String {
    let (bytes, mut decoded, mut at) = (text.as_bytes(), Vec::with_capacity(text.len()), 0);
    while at < bytes.len() {
        let code = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_read_with_and_without_their_encoding() {
        let document = policy::trust("lambda.amazonaws.com");
        let plain = document.to_string();
        let encoded: String = plain.bytes().map(|byte| format!("%{byte:02X}")).collect();
        assert_eq!(decoded(&encoded), document);
        assert_eq!(decoded(&plain), document);
        assert_eq!(percent_decoded("100%, %zz %C3%BC"), "100%, %zz ü");
    }

    #[test]
    fn a_policy_that_is_not_wanted_is_a_difference() {
        let trust = policy::trust("lambda.amazonaws.com");
        let wanted = json!({ "AssumeRolePolicyDocument": trust });
        let found = json!({ "AssumeRolePolicyDocument": trust, "Description": "", "ManagedPolicyArns": ["arn:x"],
            "Policies": [{ "PolicyName": "p", "PolicyDocument": {} }] });
        assert_eq!(Kind::Role.differences(&wanted, &found), Ok(vec!["ManagedPolicyArns".into(), "Policies".into()]));
        assert!(Kind::Role.differences(&json!({ "AssumeRolePolicyDocument": trust, "Path": "/" }), &found).is_err());
    }
}
