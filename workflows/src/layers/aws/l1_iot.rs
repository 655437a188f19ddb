//! L1 on AWS: things with certificates, the policy of their certificates, and the rule that hands telemetry on.

use std::collections::BTreeSet;

use aws::policy::{allow, document};
use engine::graph::{After, Handle};
use functions::inbound::iot;
use serde_json::{Value, json};

use super::{Aws, resource, resource_at};
use crate::{
    layers::site::{At, Site},
    naming::AwsNames,
    steps::aws::{
        AwsResource,
        devices::Things,
        kind::{IOT_POLICY, PERMISSION, TOPIC_RULE},
        outputs::{Named, WithArn},
    },
};

const LAYER: &str = "L1";

/// The id of the statement by which IoT Core may call a function.
const STATEMENT: &str = "iot-rule";

/// What later steps take from L1.
#[derive(Clone, Copy)]
pub(crate) struct Iot {
    policy: Handle<Named>,
}

/// Adds what stands by itself: the policy of the devices' certificates.
pub(crate) fn stand(site: &mut Site<'_>, aws: &Aws<'_>) -> Iot {
    let properties = json!({ "PolicyDocument": device_policy(&site.definition.twin_name, &aws.names) });
    let id = aws.names.device_policy();
    Iot { policy: resource(site, LAYER, "aws-device-policy", IOT_POLICY, id, properties, &[aws.identity.into()]) }
}

/// Adds what is wired: the things and their certificates.
pub(crate) fn wire(site: &mut Site<'_>, iot: &Iot) {
    let gate = site.gate(LAYER, &["Setup", "L0"]);
    let ids: BTreeSet<String> = site.definition.devices.iter().map(|device| device.id.clone()).collect();
    let at = At::new(LAYER, "aws-devices", format!("{} things with certificates", ids.len()), 5);
    site.step(at, iot.policy, &[gate], move |policy| Things::new(policy.name, ids.clone()));
}

/// Adds the rule by which a function gets the devices' telemetry; the function must be ready before.
pub(crate) fn telemetry(
    site: &mut Site<'_>,
    aws: &Aws<'_>,
    at: &'static str,
    function: Handle<WithArn>,
    ready: &[After],
) {
    let rule = aws.names.topic_rule();
    let source = aws.names.arn("iot", &format!("rule/{rule}"));
    let account = aws.account.account.clone();
    let label = resource_at(at, "aws-telemetry-permission", PERMISSION, &rule);
    let permitted = site.step(label, function, &[], move |function| {
        let properties = json!({
            "Action": "lambda:InvokeFunction", "Principal": "iot.amazonaws.com", "SourceArn": source, "SourceAccount": account
        });
        AwsResource::<Named>::new(PERMISSION, format!("{}/{STATEMENT}", function.name), properties)
    });
    let sql = iot::rule_sql(&site.definition.twin_name);
    let label = resource_at(at, "aws-telemetry", TOPIC_RULE, &rule);
    let after: Vec<After> = ready.iter().copied().chain([permitted.into()]).collect();
    site.step(label, function, &after, move |function| {
        let properties = json!({
            "Sql": sql,
            "AwsIotSqlVersion": iot::SQL_VERSION,
            "RuleDisabled": false,
            "Actions": [{ "Lambda": { "FunctionArn": function.arn } }]
        });
        AwsResource::<Named>::new(TOPIC_RULE, rule.clone(), properties)
    });
}

/// A device may connect under its own name alone, and publish to its own topic alone.
///
/// IoT Core puts the name of the thing in whose certificate's name a device logs in for the variable.
pub(crate) fn device_policy(twin: &str, names: &AwsNames) -> Value {
    let thing = "${iot:Connection.Thing.ThingName}";
    let topic = iot::topic(twin, thing);
    document([
        allow("connect", ["iot:Connect".to_owned()], [names.arn("iot", &format!("client/{thing}"))]),
        allow("publish", ["iot:Publish".to_owned()], [names.arn("iot", &format!("topic/{topic}"))]),
    ])
}
