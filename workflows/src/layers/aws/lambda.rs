//! A Lambda function: its log group, its role, the function itself, and its URL where others call it over HTTP.

use aws::policy::trust;
use engine::graph::{After, Handle};
use functions::function::Function;
use serde_json::{Value, json};

use super::{Aws, policy, resource, resource_at};
use crate::{
    layers::{compute::layer_name, site::Site},
    steps::aws::{
        AwsResource,
        kind::{FUNCTION, FUNCTION_URL, LOG_GROUP, ROLE},
        outputs::{FunctionUrl, Named, WithArn},
    },
    topology::{Cloud, Layer},
};

/// How long logs are kept. Azure keeps ours as long.
const LOG_DAYS: u32 = 30;

/// What one call may take, in seconds: a little more than the half minute that those wait who call.
const TIMEOUT: u32 = 60;

/// The memory, in megabytes. Lambda gives processor time in proportion: 512 starts and signs quickly and costs little.
const MEMORY: u32 = 512;

/// What plays one of our functions on AWS.
#[derive(Clone, Copy)]
pub(crate) struct Lambda {
    pub(crate) function: Handle<WithArn>,
    pub(crate) url: Option<Handle<FunctionUrl>>,
}

/// Adds a function without its settings; `called` over HTTP, it has a URL.
pub(crate) fn stand(site: &mut Site<'_>, aws: &Aws<'_>, layer: Layer, function: Function, called: bool) -> Lambda {
    let at = layer_name(layer);
    let what = |part: &str| format!("aws-{}{part}", function.name());
    let group = aws.names.log_group(function);
    let logs: Handle<Named> = resource(
        site,
        at,
        &what("-logs"),
        LOG_GROUP,
        group.clone(),
        json!({ "RetentionInDays": LOG_DAYS }),
        &[aws.identity.into()],
    );
    let role = role(site, aws, at, &what("-role"), function);
    let name = aws.names.function(function);
    let at_function = resource_at(at, &what(""), FUNCTION, &name);
    let handle = site.step(at_function, (role, aws.package), &[logs.into()], {
        let name = name.clone();
        move |(role, package): (WithArn, _)| {
            let properties = properties(function, &role.arn, &package, &group);
            AwsResource::<WithArn>::new(FUNCTION, name.clone(), properties)
        }
    });
    let url = called.then(|| url(site, at, &what("-url"), name, handle));
    Lambda { function: handle, url }
}

fn role(site: &mut Site<'_>, aws: &Aws<'_>, at: &'static str, what: &str, function: Function) -> Handle<WithArn> {
    let own_hot = site.definition.providers.l3_hot == Cloud::Aws;
    let properties = json!({
        "AssumeRolePolicyDocument": trust("lambda.amazonaws.com"),
        "Description": format!("What {} of the twin {} may do.", function.name(), site.definition.twin_name),
        "Policies": [{ "PolicyName": "own", "PolicyDocument": policy::of(function, &aws.names, own_hot) }],
        "ManagedPolicyArns": []
    });
    resource(site, at, what, ROLE, aws.names.function_role(function), properties, &[aws.identity.into()])
}

fn properties(
    function: Function,
    role: &str,
    package: &crate::steps::aws::package::Uploaded,
    log_group: &str,
) -> Value {
    json!({
        "Runtime": "provided.al2023",
        "Handler": function.name(),
        "Role": role,
        "Architectures": ["x86_64"],
        "MemorySize": MEMORY,
        "Timeout": TIMEOUT,
        "LoggingConfig": { "LogGroup": log_group, "LogFormat": "Text" },
        "Code": { "S3Bucket": package.bucket, "S3Key": package.key, "Sha256": package.sha256 }
    })
}

/// The URL asks for no signature: whoever calls shows the token of the connection, which the function checks.
fn url(
    site: &mut Site<'_>,
    at: &'static str,
    what: &str,
    name: String,
    function: Handle<WithArn>,
) -> Handle<FunctionUrl> {
    let properties = json!({ "AuthType": "NONE", "InvokeMode": "BUFFERED" });
    let after: After = function.into();
    resource(site, at, what, FUNCTION_URL, name, properties, &[after])
}
