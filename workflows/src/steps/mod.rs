//! The steps of a deployment: one per API, not one per resource.
//!
//! | step | one of it is |
//! |---|---|
//! | [`arm::ArmResource`] | a resource in Azure Resource Manager |
//! | [`app_settings::AppSettings`] | our settings of a function app; those of others are left alone |
//! | [`package::Package`] | the functions of an app, as one package |
//! | [`devices::Devices`] | the device identities of a hub, all of them |
//! | [`twin_graph::TwinGraph`] | the models, twins and relationships of an Azure Digital Twins instance |
//! | [`aws::AwsResource`] | a resource on AWS |
//! | [`aws::settings::Variables`] | our variables in the environment of a Lambda function |
//! | [`aws::package::Package`] | the functions' program in a bucket |
//! | [`aws::devices::Things`] | the things of IoT Core with their certificates, all of them |
//! | [`aws::batch::Batch`] | many small resources that build on each other: TwinMaker's component types and entities |
//! | [`access`] | a look that changes nothing: who we are, and whether a data plane admits us yet |

pub(crate) mod access;
pub(crate) mod app_settings;
pub(crate) mod arm;
pub(crate) mod aws;
pub(crate) mod devices;
mod fit;
pub(crate) mod kind;
pub(crate) mod outputs;
mod ownership;
pub(crate) mod package;
pub(crate) mod twin_graph;

use engine::step::{Context, Error, Failure, FailureKind};

use crate::clouds::Clouds;

/// Whether a resource whose data plane a step works in is not there: its host name does not even resolve then, and
/// everything in it went with it.
async fn gone(cx: &Context<'_, Clouds>, id: &str, api_version: &str) -> Result<bool, Error> {
    Ok(cx.env.azure.arm().get(id, api_version).await.map_err(failed)?.is_none())
}

/// A cloud's error as the engine sees it.
pub(crate) fn failed(error: azure::Error) -> Error {
    let kind = match error.kind() {
        azure::Kind::Transient => FailureKind::Transient,
        azure::Kind::Throttled => FailureKind::Throttled,
        azure::Kind::NotYet => FailureKind::NotYet,
        azure::Kind::Conflict => FailureKind::Conflict,
        azure::Kind::NotFound | azure::Kind::Permanent => FailureKind::Permanent,
    };
    Error::Failed(Failure {
        kind,
        code: error.code().map(String::from),
        message: error.to_string(),
        retry_after: error.retry_after(),
    })
}
