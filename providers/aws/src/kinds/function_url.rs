//! Function URLs, and who may call them.
//!
//! A URL without authentication is callable only when the function's policy lets everybody call it. Since October 2025
//! that takes two statements: one on the URL, one on the function invoked by way of it. They belong to the URL;
//! `PublicAccess` (ours) says whether both are there.

use aws_sdk_lambda::types::{FunctionUrlAuthType, InvokeMode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use super::{Resource, permission};
use crate::{
    Aws, Error, Found, Kind, State, Tags,
    error::{UnlessMissing, failed},
    transport,
};

/// The statements that open a URL, named as AWS's console names them, with their actions.
const PUBLIC: [(&str, &str); 2] = [
    ("FunctionURLAllowPublicAccess", "lambda:InvokeFunctionUrl"),
    ("FunctionURLInvokeAllowPublicAccess", "lambda:InvokeFunction"),
];

/// `AWS::Lambda::Url`.
pub(crate) struct FunctionUrl;

/// The document.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Properties {
    auth_type: String,
    #[serde(default = "buffered")]
    invoke_mode: String,
    /// Follows from the authentication when wanted.
    #[serde(default)]
    public_access: Option<bool>,
}

fn buffered() -> String {
    InvokeMode::Buffered.as_str().into()
}

impl Properties {
    fn is_open(&self) -> bool {
        self.auth_type == FunctionUrlAuthType::None.as_str()
    }
}

impl Resource for FunctionUrl {
    const KIND: Kind = Kind::FunctionUrl;
    type Properties = Properties;

    fn normalise(properties: &mut Properties) {
        properties.public_access = properties.public_access.or(Some(properties.is_open()));
    }

    async fn get(aws: &Aws, id: &str) -> Result<Option<Found>, Error> {
        let request = aws.lambda().get_function_url_config().function_name(id);
        let answer = request.send().await.map_err(failed("lambda:GetFunctionUrlConfig", id)).unless_missing()?;
        let Some(found) = answer else { return Ok(None) };
        let statements = permission::statements(aws, id).await?;
        let properties = Properties {
            auth_type: found.auth_type.as_str().to_owned(),
            invoke_mode: found.invoke_mode.map_or_else(buffered, |mode| mode.as_str().to_owned()),
            public_access: Some(PUBLIC.iter().all(|public| is_there(&statements, *public))),
        };
        Ok(Some(Found {
            properties: super::document(&properties),
            attributes: json!({
                "FunctionArn": found.function_arn,
                "FunctionUrl": reachable(aws.endpoint(), &found.function_url),
            }),
            tags: Tags::new(),
            state: State::Ready,
        }))
    }

    async fn create(aws: &Aws, id: &str, wanted: &Properties, _: &Tags, _: Uuid) -> Result<(), Error> {
        let request = aws
            .lambda()
            .create_function_url_config()
            .function_name(id)
            .auth_type(FunctionUrlAuthType::from(wanted.auth_type.as_str()))
            .invoke_mode(InvokeMode::from(wanted.invoke_mode.as_str()));
        request.send().await.map_err(failed("lambda:CreateFunctionUrlConfig", id))?;
        if wanted.is_open() { open(aws, id).await } else { Ok(()) }
    }

    async fn update(aws: &Aws, id: &str, wanted: &Properties, before: &Properties, _: &Found) -> Result<(), Error> {
        if (&wanted.auth_type, &wanted.invoke_mode) != (&before.auth_type, &before.invoke_mode) {
            let request = aws
                .lambda()
                .update_function_url_config()
                .function_name(id)
                .auth_type(FunctionUrlAuthType::from(wanted.auth_type.as_str()))
                .invoke_mode(InvokeMode::from(wanted.invoke_mode.as_str()));
            request.send().await.map_err(failed("lambda:UpdateFunctionUrlConfig", id))?;
        }
        if wanted.is_open() { open(aws, id).await } else { close(aws, id).await }
    }

    async fn tag(_: &Aws, _: &str, _: &Found, _: &Tags) -> Result<(), Error> {
        Ok(())
    }

    async fn delete(aws: &Aws, id: &str) -> Result<(), Error> {
        close(aws, id).await?;
        let request = aws.lambda().delete_function_url_config().function_name(id);
        request.send().await.map_err(failed("lambda:DeleteFunctionUrlConfig", id)).unless_missing().map(drop)
    }
}

/// Adds the statements that are not there.
async fn open(aws: &Aws, id: &str) -> Result<(), Error> {
    let statements = permission::statements(aws, id).await?;
    for (sid, action) in PUBLIC.into_iter().filter(|public| !is_there(&statements, *public)) {
        let request = aws.lambda().add_permission().function_name(id).statement_id(sid).action(action).principal("*");
        let request = if action == "lambda:InvokeFunctionUrl" {
            request.function_url_auth_type(FunctionUrlAuthType::None)
        } else {
            request.invoked_via_function_url(true)
        };
        request.send().await.map_err(failed("lambda:AddPermission", id))?;
    }
    Ok(())
}

/// Takes the statements away.
async fn close(aws: &Aws, id: &str) -> Result<(), Error> {
    for (sid, _) in PUBLIC {
        permission::remove(aws, id, sid).await?;
    }
    Ok(())
}

fn is_there(statements: &[Value], (sid, action): (&str, &str)) -> bool {
    statements.iter().any(|statement| statement["Sid"] == sid && statement["Action"] == action)
}

/// A URL as it can be called: an emulator of this machine serves it under the same name below `.localhost`, at its port.
fn reachable(endpoint: Option<&Url>, function_url: &str) -> String {
    let here = endpoint.and_then(transport::loopback_port);
    let host = Url::parse(function_url).ok().and_then(|url| url.host_str().map(str::to_owned));
    match (here, host.as_deref().and_then(|host| host.strip_suffix(".on.aws"))) {
        (Some(port), Some(name)) => format!("http://{name}.localhost:{port}/"),
        _ => function_url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_statement_is_a_difference() {
        let wanted = json!({ "AuthType": "NONE" });
        let found = json!({ "AuthType": "NONE", "InvokeMode": "BUFFERED", "PublicAccess": false });
        assert_eq!(Kind::FunctionUrl.differences(&wanted, &found), Ok(vec!["PublicAccess".into()]));
        let closed = json!({ "AuthType": "AWS_IAM", "PublicAccess": false });
        assert_eq!(Kind::FunctionUrl.differences(&json!({ "AuthType": "AWS_IAM" }), &closed), Ok(vec![]));
    }

    #[test]
    fn urls_of_an_emulator_lead_to_it() {
        let endpoint = Url::parse("http://127.0.0.1:4566").ok();
        let url = "https://abc.lambda-url.eu-central-1.on.aws/";
        assert_eq!(reachable(endpoint.as_ref(), url), "http://abc.lambda-url.eu-central-1.localhost:4566/");
        assert_eq!(reachable(None, url), url);
    }
}
