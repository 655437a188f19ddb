//! IoT topic rules.

use aws_sdk_iot::types::{
    Action as SdkAction, CloudwatchLogsAction, LambdaAction, RepublishAction, TopicRule as SdkRule, TopicRulePayload,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::{Resource, arn_of, built, iot_policy};
use crate::{
    Aws, Error, ErrorKind, Found, Kind, State, Tags,
    error::{UnlessMissing, failed},
};

/// `AWS::IoT::TopicRule`.
pub(crate) struct TopicRule;

/// The document: CloudFormation's `TopicRulePayload`.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Properties {
    sql: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    aws_iot_sql_version: Option<String>,
    #[serde(default)]
    rule_disabled: bool,
    #[serde(default)]
    description: String,
    actions: Vec<Action>,
    error_action: Option<Action>,
}

/// What a rule does; the kinds that a twin needs.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Action {
    Lambda(Lambda),
    Republish(Republish),
    CloudwatchLogs(CloudwatchLogs),
    /// Found, never wanted: somebody changed the rule.
    Other(String),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Lambda {
    function_arn: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Republish {
    topic: String,
    role_arn: String,
    #[serde(default)]
    qos: i32,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct CloudwatchLogs {
    log_group_name: String,
    role_arn: String,
    #[serde(default)]
    batch_mode: bool,
}

impl Resource for TopicRule {
    const KIND: Kind = Kind::TopicRule;
    type Properties = Properties;

    async fn get(aws: &Aws, id: &str) -> Result<Option<Found>, Error> {
        let request = aws.iot().get_topic_rule().rule_name(id);
        let answer = match request.send().await.map_err(failed("iot:GetTopicRule", id)) {
            Err(error) if is_ambiguous(&error) => return if is_listed(aws, id).await? { Err(error) } else { Ok(None) },
            answer => answer.unless_missing()?,
        };
        let Some((rule, arn)) = answer.and_then(|answer| answer.rule.zip(answer.rule_arn)) else { return Ok(None) };
        let Some(tags) = iot_policy::tags_of(aws, id, &arn).await.unless_missing()? else { return Ok(None) };
        Ok(Some(Found {
            properties: super::document(&properties(rule)),
            attributes: json!({ "Arn": arn }),
            tags,
            state: State::Ready,
        }))
    }

    async fn create(aws: &Aws, id: &str, wanted: &Properties, tags: &Tags, _: Uuid) -> Result<(), Error> {
        let request = aws.iot().create_topic_rule().rule_name(id).topic_rule_payload(payload(wanted)?);
        let request = if tags.is_empty() { request } else { request.tags(as_query(tags)) };
        request.send().await.map_err(failed("iot:CreateTopicRule", id)).map(drop)
    }

    async fn update(aws: &Aws, id: &str, wanted: &Properties, _: &Properties, _: &Found) -> Result<(), Error> {
        let request = aws.iot().replace_topic_rule().rule_name(id).topic_rule_payload(payload(wanted)?);
        request.send().await.map_err(failed("iot:ReplaceTopicRule", id)).map(drop)
    }

    async fn tag(aws: &Aws, id: &str, found: &Found, tags: &Tags) -> Result<(), Error> {
        iot_policy::tag(aws, id, arn_of(found)?, tags).await
    }

    async fn delete(aws: &Aws, id: &str) -> Result<(), Error> {
        let request = aws.iot().delete_topic_rule().rule_name(id);
        match request.send().await.map_err(failed("iot:DeleteTopicRule", id)) {
            Err(error) if is_ambiguous(&error) && !is_listed(aws, id).await? => Ok(()),
            settled => settled.unless_missing().map(drop),
        }
    }
}

/// IoT says of a rule that is not there that access to it was denied; so it does of one that may not be read.
fn is_ambiguous(error: &Error) -> bool {
    error.kind() == ErrorKind::Permanent && error.code() == Some("UnauthorizedException")
}

async fn is_listed(aws: &Aws, id: &str) -> Result<bool, Error> {
    let pages = aws.iot().list_topic_rules().into_paginator().items().send();
    let rules = pages.try_collect().await.map_err(failed("iot:ListTopicRules", id))?;
    Ok(rules.iter().any(|rule| rule.rule_name() == Some(id)))
}

/// Tags as the query string that this one call wants.
fn as_query(tags: &Tags) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(tags).finish()
}

fn properties(rule: SdkRule) -> Properties {
    Properties {
        sql: rule.sql.unwrap_or_default(),
        aws_iot_sql_version: rule.aws_iot_sql_version,
        rule_disabled: rule.rule_disabled.unwrap_or_default(),
        description: rule.description.unwrap_or_default(),
        actions: rule.actions.unwrap_or_default().into_iter().map(Action::from).collect(),
        // An action that does nothing is none; moto answers so.
        error_action: rule.error_action.filter(|found| *found != SdkAction::builder().build()).map(Action::from),
    }
}

fn payload(wanted: &Properties) -> Result<TopicRulePayload, Error> {
    let actions = wanted.actions.iter().map(Action::as_sdk).collect::<Result<_, _>>()?;
    let payload = TopicRulePayload::builder()
        .sql(&wanted.sql)
        .set_aws_iot_sql_version(wanted.aws_iot_sql_version.clone())
        .rule_disabled(wanted.rule_disabled)
        .description(&wanted.description)
        .set_actions(Some(actions))
        .set_error_action(wanted.error_action.as_ref().map(Action::as_sdk).transpose()?);
    built(payload.build())
}

impl From<SdkAction> for Action {
    fn from(found: SdkAction) -> Self {
        if let Some(action) = found.lambda {
            Self::Lambda(Lambda { function_arn: action.function_arn })
        } else if let Some(RepublishAction { topic, role_arn, qos, .. }) = found.republish {
            Self::Republish(Republish { topic, role_arn, qos: qos.unwrap_or_default() })
        } else if let Some(CloudwatchLogsAction { log_group_name, role_arn, batch_mode, .. }) = found.cloudwatch_logs {
            Self::CloudwatchLogs(CloudwatchLogs {
                log_group_name,
                role_arn,
                batch_mode: batch_mode.unwrap_or_default(),
            })
        } else {
            Self::Other("an action that is not known here".into())
        }
    }
}

impl Action {
    fn as_sdk(&self) -> Result<SdkAction, Error> {
        let action = SdkAction::builder();
        let action = match self {
            Self::Lambda(wanted) => {
                action.lambda(built(LambdaAction::builder().function_arn(&wanted.function_arn).build())?)
            }
            Self::Republish(wanted) => {
                let republish = RepublishAction::builder().topic(&wanted.topic).role_arn(&wanted.role_arn);
                action.republish(built(republish.qos(wanted.qos).build())?)
            }
            Self::CloudwatchLogs(wanted) => {
                let logs = CloudwatchLogsAction::builder().log_group_name(&wanted.log_group_name);
                let logs = logs.role_arn(&wanted.role_arn).batch_mode(wanted.batch_mode);
                action.cloudwatch_logs(built(logs.build())?)
            }
            Self::Other(_) => return Err(Error::permanent("give a topic rule an action that is not known here")),
        };
        Ok(action.build())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_survive_the_sdk() {
        let document = json!([
            { "Lambda": { "FunctionArn": "arn:f" } },
            { "Republish": { "Topic": "dt/${topic(3)}", "RoleArn": "arn:r", "Qos": 1 } },
            { "CloudwatchLogs": { "LogGroupName": "g", "RoleArn": "arn:r", "BatchMode": true } },
        ]);
        let actions: Vec<Action> = serde_json::from_value(document).expect("actions");
        for action in actions {
            assert_eq!(Action::from(action.as_sdk().expect("known")), action);
        }
        let foreign = Action::from(SdkAction::builder().build());
        assert!(foreign.as_sdk().is_err());
    }

    #[test]
    fn an_error_action_that_is_not_wanted_is_a_difference() {
        let wanted = json!({ "Sql": "SELECT * FROM 'dt/+'", "Actions": [{ "Lambda": { "FunctionArn": "arn:f" } }] });
        let mut found = wanted.clone();
        found["AwsIotSqlVersion"] = json!("2016-03-23");
        assert_eq!(Kind::TopicRule.differences(&wanted, &found), Ok(vec![]));
        found["ErrorAction"] = json!({ "Other": "x" });
        assert_eq!(Kind::TopicRule.differences(&wanted, &found), Ok(vec!["ErrorAction".into()]));
    }

    #[test]
    fn tags_become_a_query() {
        let tags = [("twinctl-step".to_owned(), "l1/rule a&b".to_owned()), ("x".into(), String::new())].into();
        assert_eq!(as_query(&tags), "twinctl-step=l1%2Frule+a%26b&x=");
    }
}
