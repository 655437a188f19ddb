//! Statements of a function's resource policy: who may invoke it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Resource, two_parts};
use crate::{
    Aws, Error, Found, Kind, State, Tags,
    error::{UnlessMissing, failed},
    policy,
};

/// `AWS::Lambda::Permission`.
pub(crate) struct Permission;

/// The document.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Properties {
    action: String,
    principal: String,
    source_arn: Option<String>,
    source_account: Option<String>,
}

impl Resource for Permission {
    const KIND: Kind = Kind::Permission;
    type Properties = Properties;

    async fn get(aws: &Aws, id: &str) -> Result<Option<Found>, Error> {
        let (function, sid) = two_parts(Self::KIND, id)?;
        let statements = statements(aws, function).await?;
        let found = statements.iter().find(|statement| statement["Sid"] == sid);
        Ok(found.map(|statement| Found {
            properties: super::document(&properties(statement)),
            attributes: json!({ "FunctionArn": statement["Resource"] }),
            tags: Tags::new(),
            state: State::Ready,
        }))
    }

    async fn create(aws: &Aws, id: &str, wanted: &Properties, _: &Tags, _: Uuid) -> Result<(), Error> {
        let (function, sid) = two_parts(Self::KIND, id)?;
        let request = aws
            .lambda()
            .add_permission()
            .function_name(function)
            .statement_id(sid)
            .action(&wanted.action)
            .principal(&wanted.principal)
            .set_source_arn(wanted.source_arn.clone())
            .set_source_account(wanted.source_account.clone());
        request.send().await.map_err(failed("lambda:AddPermission", id)).map(drop)
    }

    /// A statement cannot be changed: it is taken away and added anew.
    async fn update(aws: &Aws, id: &str, wanted: &Properties, _: &Properties, _: &Found) -> Result<(), Error> {
        Self::delete(aws, id).await?;
        Self::create(aws, id, wanted, &Tags::new(), Uuid::nil()).await
    }

    async fn tag(_: &Aws, _: &str, _: &Found, _: &Tags) -> Result<(), Error> {
        Ok(())
    }

    async fn delete(aws: &Aws, id: &str) -> Result<(), Error> {
        let (function, sid) = two_parts(Self::KIND, id)?;
        remove(aws, function, sid).await
    }
}

/// The statements of a function's policy; none when it has no policy or is not there.
pub(super) async fn statements(aws: &Aws, function: &str) -> Result<Vec<Value>, Error> {
    let request = aws.lambda().get_policy().function_name(function);
    let answer = request.send().await.map_err(failed("lambda:GetPolicy", function)).unless_missing()?;
    let document = answer.and_then(|answer| answer.policy).unwrap_or_default();
    match policy::parsed(&Value::String(document)).get("Statement") {
        Some(Value::Array(statements)) => Ok(statements.clone()),
        Some(statement) => Ok(vec![statement.clone()]),
        None => Ok(Vec::new()),
    }
}

/// Takes a statement away; none there is fine.
pub(super) async fn remove(aws: &Aws, function: &str, sid: &str) -> Result<(), Error> {
    let request = aws.lambda().remove_permission().function_name(function).statement_id(sid);
    request.send().await.map_err(failed("lambda:RemovePermission", function)).unless_missing().map(drop)
}

fn properties(statement: &Value) -> Properties {
    Properties {
        action: first(&statement["Action"]).unwrap_or_default(),
        principal: principal(&statement["Principal"]),
        source_arn: condition(statement, "aws:sourcearn"),
        source_account: condition(statement, "aws:sourceaccount"),
    }
}

/// `{"Service": "iot.amazonaws.com"}` as it was given when the permission was added.
fn principal(value: &Value) -> String {
    let inner = value.as_object().and_then(|kinds| kinds.values().next()).unwrap_or(value);
    first(inner).unwrap_or_default()
}

/// The value of a condition's key, whichever operator compares with it.
fn condition(statement: &Value, key: &str) -> Option<String> {
    let operators = statement["Condition"].as_object()?.values();
    let mut pairs = operators.filter_map(Value::as_object).flatten();
    pairs.find(|(name, _)| name.eq_ignore_ascii_case(key)).and_then(|(_, value)| first(value))
}

fn first(value: &Value) -> Option<String> {
    value.as_array().and_then(|values| values.first()).unwrap_or(value).as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_reads_as_what_was_asked_for() {
        let statement = json!({
            "Sid": "rule", "Effect": "Allow", "Principal": { "Service": "iot.amazonaws.com" },
            "Action": "lambda:InvokeFunction", "Resource": "arn:aws:lambda:r:1:function:f",
            "Condition": { "StringEquals": { "AWS:SourceAccount": "1" }, "ArnLike": { "AWS:SourceArn": "arn:rule" } },
        });
        let wanted = json!({ "Action": "lambda:InvokeFunction", "Principal": "iot.amazonaws.com",
            "SourceArn": "arn:rule", "SourceAccount": "1" });
        assert_eq!(super::super::document(&properties(&statement)), wanted);
        let open = json!({ "Action": ["lambda:InvokeFunction"], "Principal": { "Service": ["iot.amazonaws.com"] } });
        let found = super::super::document(&properties(&open));
        let differences = Kind::Permission.differences(&wanted, &found);
        assert_eq!(differences, Ok(vec!["SourceAccount".into(), "SourceArn".into()]));
    }
}
