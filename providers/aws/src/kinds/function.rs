//! Lambda functions from a package in a bucket.
//!
//! `Code` is `{S3Bucket, S3Key, Sha256}`. Lambda does not tell where a package came from, so a found `Code` is its `Sha256`
//! alone (of the package, in hexadecimal), and only that is compared. The environment is no part of the document.

use aws_sdk_lambda::types::{
    Architecture, FunctionCode, FunctionConfiguration, LastUpdateStatus, LogFormat, LoggingConfig, Runtime,
    State as Phase,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::{Resource, arn_of};
use crate::{
    Aws, Error, Found, Kind, State, Tags,
    error::{UnlessMissing, failed},
};

/// `AWS::Lambda::Function`.
pub(crate) struct Function;

/// The document.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Properties {
    role: String,
    runtime: String,
    handler: String,
    #[serde(default = "x86")]
    architectures: Vec<String>,
    #[serde(default = "smallest")]
    memory_size: i32,
    #[serde(default = "shortest")]
    timeout: i32,
    #[serde(default)]
    description: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    logging_config: Option<Logging>,
    code: Code,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Logging {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    log_group: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    log_format: Option<String>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Code {
    #[serde(default, rename = "S3Bucket", skip_serializing_if = "Option::is_none")]
    bucket: Option<String>,
    #[serde(default, rename = "S3Key", skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    sha256: String,
}

fn x86() -> Vec<String> {
    vec!["x86_64".into()]
}

fn smallest() -> i32 {
    128
}

fn shortest() -> i32 {
    3
}

impl Resource for Function {
    const KIND: Kind = Kind::Function;
    type Properties = Properties;

    fn normalise(properties: &mut Properties) {
        properties.code.sha256.make_ascii_lowercase();
    }

    fn comparable(properties: &mut Properties) {
        properties.code.bucket = None;
        properties.code.key = None;
    }

    async fn get(aws: &Aws, id: &str) -> Result<Option<Found>, Error> {
        let request = aws.lambda().get_function().function_name(id);
        let answer = request.send().await.map_err(failed("lambda:GetFunction", id)).unless_missing()?;
        let Some(answer) = answer else { return Ok(None) };
        let tags = answer.tags.unwrap_or_default().into_iter().collect();
        let Some(function) = answer.configuration else { return Ok(None) };
        Ok(Some(Found {
            state: state(&function),
            attributes: json!({
                "Arn": function.function_arn,
                "CodeSha256": function.code_sha256,
                "RevisionId": function.revision_id,
            }),
            properties: super::document(&properties(function)?),
            tags,
        }))
    }

    async fn create(aws: &Aws, id: &str, wanted: &Properties, tags: &Tags, _: Uuid) -> Result<(), Error> {
        let (bucket, key) = source(&wanted.code)?;
        let request = aws
            .lambda()
            .create_function()
            .function_name(id)
            .role(&wanted.role)
            .runtime(Runtime::from(wanted.runtime.as_str()))
            .handler(&wanted.handler)
            .set_architectures(Some(architectures(wanted)))
            .memory_size(wanted.memory_size)
            .timeout(wanted.timeout)
            .description(&wanted.description)
            .set_logging_config(wanted.logging_config.as_ref().map(logging))
            .code(FunctionCode::builder().s3_bucket(bucket).s3_key(key).build())
            .set_tags(Some(tags.clone().into_iter().collect()));
        request.send().await.map_err(failed("lambda:CreateFunction", id)).map(drop)
    }

    /// A function takes one change at a time: where configuration and code differ, the second is likely to be put off
    /// ([`crate::ErrorKind::NotYet`]) until the first has settled.
    async fn update(aws: &Aws, id: &str, wanted: &Properties, before: &Properties, _: &Found) -> Result<(), Error> {
        let code_differs = wanted.code.sha256 != before.code.sha256 || wanted.architectures != before.architectures;
        if !only_code_differs(wanted, before) {
            let request = aws
                .lambda()
                .update_function_configuration()
                .function_name(id)
                .role(&wanted.role)
                .runtime(Runtime::from(wanted.runtime.as_str()))
                .handler(&wanted.handler)
                .memory_size(wanted.memory_size)
                .timeout(wanted.timeout)
                .description(&wanted.description)
                .set_logging_config(wanted.logging_config.as_ref().map(logging));
            request.send().await.map_err(failed("lambda:UpdateFunctionConfiguration", id))?;
        }
        if !code_differs {
            return Ok(());
        }
        let (bucket, key) = source(&wanted.code)?;
        let request = aws.lambda().update_function_code().function_name(id).s3_bucket(bucket).s3_key(key);
        let request = request.set_architectures(Some(architectures(wanted)));
        request.send().await.map_err(failed("lambda:UpdateFunctionCode", id)).map(drop)
    }

    async fn tag(aws: &Aws, id: &str, found: &Found, tags: &Tags) -> Result<(), Error> {
        let tags = tags.clone().into_iter().collect();
        let request = aws.lambda().tag_resource().resource(arn_of(found)?).set_tags(Some(tags));
        request.send().await.map_err(failed("lambda:TagResource", id)).map(drop)
    }

    async fn delete(aws: &Aws, id: &str) -> Result<(), Error> {
        let request = aws.lambda().delete_function().function_name(id);
        request.send().await.map_err(failed("lambda:DeleteFunction", id)).unless_missing().map(drop)
    }
}

fn properties(function: FunctionConfiguration) -> Result<Properties, Error> {
    let architectures: Vec<String> =
        function.architectures.unwrap_or_default().iter().map(|one| one.as_str().to_owned()).collect();
    Ok(Properties {
        role: function.role.unwrap_or_default(),
        runtime: function.runtime.map(|runtime| runtime.as_str().to_owned()).unwrap_or_default(),
        handler: function.handler.unwrap_or_default(),
        architectures: if architectures.is_empty() { x86() } else { architectures },
        memory_size: function.memory_size.unwrap_or_else(smallest),
        timeout: function.timeout.unwrap_or_else(shortest),
        description: function.description.unwrap_or_default(),
        logging_config: function.logging_config.map(|found| Logging {
            log_group: found.log_group,
            log_format: found.log_format.map(|format| format.as_str().to_owned()),
        }),
        code: Code { bucket: None, key: None, sha256: hexadecimal(&function.code_sha256.unwrap_or_default())? },
    })
}

fn state(function: &FunctionConfiguration) -> State {
    let reason = |reason: &Option<String>| reason.clone().unwrap_or_else(|| "no reason given".into());
    match (&function.state, &function.last_update_status) {
        (Some(Phase::Failed), _) => State::Failed(reason(&function.state_reason)),
        (Some(phase @ (Phase::Pending | Phase::Deleting)), _) => State::Busy(phase.as_str().to_owned()),
        (_, Some(LastUpdateStatus::InProgress)) => State::Busy("InProgress".into()),
        (_, Some(LastUpdateStatus::Failed)) => State::Failed(reason(&function.last_update_status_reason)),
        _ => State::Ready,
    }
}

fn only_code_differs(wanted: &Properties, before: &Properties) -> bool {
    let logging = |properties: &Properties| properties.logging_config.as_ref().map(super::document);
    let logging_differs = match (logging(wanted), logging(before)) {
        (Some(wanted), Some(before)) => !crate::compare::differences(&wanted, &before).is_empty(),
        (wanted, _) => wanted.is_some(),
    };
    !logging_differs
        && (&wanted.role, &wanted.runtime, &wanted.handler) == (&before.role, &before.runtime, &before.handler)
        && (wanted.memory_size, wanted.timeout, &wanted.description)
            == (before.memory_size, before.timeout, &before.description)
}

fn source(code: &Code) -> Result<(&str, &str), Error> {
    let source = code.bucket.as_deref().zip(code.key.as_deref());
    source.ok_or_else(|| Error::permanent("find S3Bucket and S3Key in the function's Code"))
}

fn architectures(wanted: &Properties) -> Vec<Architecture> {
    wanted.architectures.iter().map(|name| Architecture::from(name.as_str())).collect()
}

fn logging(wanted: &Logging) -> LoggingConfig {
    LoggingConfig::builder()
        .set_log_group(wanted.log_group.clone())
        .set_log_format(wanted.log_format.as_deref().map(LogFormat::from))
        .build()
}

fn hexadecimal(base64: &str) -> Result<String, Error> {
    let bytes = STANDARD.decode(base64).map_err(|_| Error::permanent("read the digest of the function's package"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_digest_of_a_package_is_compared() {
        let wanted = json!({ "Role": "r", "Runtime": "provided.al2023", "Handler": "bootstrap",
            "Code": { "S3Bucket": "b", "S3Key": "k", "Sha256": "AB" } });
        let mut found = json!({ "Role": "r", "Runtime": "provided.al2023", "Handler": "bootstrap", "Timeout": 3,
            "LoggingConfig": { "LogFormat": "Text" }, "Code": { "Sha256": "ab" } });
        assert_eq!(Kind::Function.differences(&wanted, &found), Ok(vec![]));
        found["Code"]["Sha256"] = json!("cd");
        found["Timeout"] = json!(9);
        assert_eq!(Kind::Function.differences(&wanted, &found), Ok(vec!["Code.Sha256".into(), "Timeout".into()]));
        assert!(Kind::Function.differences(&json!({ "Role": "r" }), &found).is_err());
    }

    #[test]
    fn a_function_in_between_is_busy() {
        let with = |phase, update| FunctionConfiguration::builder().state(phase).last_update_status(update).build();
        assert_eq!(state(&with(Phase::Active, LastUpdateStatus::Successful)), State::Ready);
        assert_eq!(state(&with(Phase::Pending, LastUpdateStatus::Successful)), State::Busy("Pending".into()));
        assert_eq!(state(&with(Phase::Active, LastUpdateStatus::InProgress)), State::Busy("InProgress".into()));
        assert!(matches!(state(&with(Phase::Active, LastUpdateStatus::Failed)), State::Failed(_)));
        assert_eq!(state(&FunctionConfiguration::builder().build()), State::Ready);
    }

    #[test]
    fn digests_are_hexadecimal() {
        assert_eq!(hexadecimal("q80="), Ok("abcd".into()));
        assert!(hexadecimal("!").is_err());
    }
}
