//! L4 on AWS: a TwinMaker workspace, a component type for each device, the entities, and the connector that it asks.
//!
//! TwinMaker pulls: a component type names the Lambda function that reads its values, the hot-reader.

use std::collections::BTreeMap;

use aws::policy::{allow, document, trust};
use engine::graph::{After, Handle};
use functions::function::Function;
use serde_json::{Value, json};

use super::{Aws, lambda::Lambda, private_bucket, resource, resource_at};
use crate::{
    definition::{AwsEntity, DataType, Definition, Device},
    layers::{
        compute::Compute,
        site::{At, Site},
    },
    naming::{AwsNames, Bucket},
    steps::aws::{
        AwsResource,
        batch::Batch,
        kind::{BUCKET, COMPONENT_TYPE, ENTITY, ROLE, WORKSPACE},
        outputs::{Named, WithArn},
    },
};

const LAYER: &str = "L4";

/// The property of a component by which the connector knows whose values are asked for.
const DEVICE: &str = "iotDeviceId";

/// What later steps take from L4.
#[derive(Clone, Copy)]
pub(crate) struct Twin {
    workspace: Handle<Named>,
}

/// Adds what stands by itself: the workspace with its bucket and its role.
pub(crate) fn stand(site: &mut Site<'_>, aws: &Aws<'_>) -> Twin {
    let name = aws.names.bucket(Bucket::Workspace);
    let bucket: Handle<Named> =
        resource(site, LAYER, "aws-workspace-bucket", BUCKET, name, private_bucket(json!({})), &[aws.identity.into()]);
    let properties = json!({
        "AssumeRolePolicyDocument": trust("iottwinmaker.amazonaws.com"),
        "Description": format!("What the TwinMaker workspace of the twin {} may do.", site.definition.twin_name),
        "Policies": [{ "PolicyName": "own", "PolicyDocument": workspace_policy(&aws.names) }],
        "ManagedPolicyArns": []
    });
    let id = aws.names.workspace_role();
    let role: Handle<WithArn> =
        resource(site, LAYER, "aws-workspace-role", ROLE, id, properties, &[aws.identity.into()]);
    let (id, bucket_arn) = (aws.names.workspace(), aws.names.bucket_arn(Bucket::Workspace));
    let at = resource_at(LAYER, "aws-workspace", WORKSPACE, &id);
    let workspace = site.step(at, role, &[bucket.into()], move |role| {
        let properties = json!({ "Role": role.arn, "S3Location": bucket_arn });
        AwsResource::<Named>::new(WORKSPACE, id.clone(), properties)
    });
    Twin { workspace }
}

/// Adds what is wired: the component types and the entities. Returns what is filled last.
pub(crate) fn wire(site: &mut Site<'_>, compute: &Compute, twin: &Twin, gate: After) -> After {
    let Lambda { function, .. } = *compute.lambda(Function::HotReader).expect("TwinMaker's connector is on AWS");
    let definition = site.definition.clone();
    let entities = definition.aws_hierarchy.clone().unwrap_or_default().entities;
    let devices = definition.devices.len();
    let title = format!("{devices} component types, {} entities", entities.len());
    let at = At::new(LAYER, "aws-entities", title, 5 + (devices + entities.len()) as u64);
    let filled = site.step(at, (twin.workspace, function), &[gate], move |(workspace, connector)| {
        let mut members = Vec::new();
        for device in &definition.devices {
            let id = component_type_id(&definition, &device.id);
            let properties = component_type(device, &connector.arn);
            members.push((COMPONENT_TYPE, format!("{}/{id}", workspace.name), properties));
        }
        for one in &entities {
            members.push((ENTITY, format!("{}/{}", workspace.name, one.id), entity(&definition, one)));
        }
        Batch::new(vec![COMPONENT_TYPE, ENTITY], members)
    });
    filled.into()
}

/// The component type of a device. TwinMaker's own begin with `com.amazon`.
pub(crate) fn component_type_id(definition: &Definition, device: &str) -> String {
    format!("{}.{device}", definition.twin_name)
}

/// What a device measures, as TwinMaker asks for it.
fn component_type(device: &Device, connector: &str) -> Value {
    let mut properties: BTreeMap<&str, Value> = BTreeMap::new();
    for property in &device.properties {
        properties.insert(
            &property.name,
            json!({
                "DataType": { "Type": data_type(property.data_type) },
                "IsTimeSeries": true, "IsStoredExternally": true, "IsRequiredInEntity": false, "IsExternalId": false
            }),
        );
    }
    properties.insert(
        DEVICE,
        json!({
            "DataType": { "Type": "STRING" },
            "DefaultValue": { "StringValue": device.id },
            "IsTimeSeries": false, "IsStoredExternally": false, "IsRequiredInEntity": true, "IsExternalId": true
        }),
    );
    json!({
        "PropertyDefinitions": properties,
        "Functions": { "dataReader": {
            "ImplementedBy": { "Lambda": { "Arn": connector } },
            "RequiredProperties": [DEVICE]
        } }
    })
}

fn entity(definition: &Definition, entity: &AwsEntity) -> Value {
    let components: BTreeMap<&str, Value> = entity
        .components
        .iter()
        .map(|one| (one.name.as_str(), json!({ "ComponentTypeId": component_type_id(definition, &one.device) })))
        .collect();
    let mut properties = json!({
        "EntityName": entity.name,
        "Components": components
    });
    if let Some(parent) = &entity.parent {
        properties["ParentEntityId"] = json!(parent);
    }
    properties
}

const fn data_type(of: DataType) -> &'static str {
    match of {
        DataType::String => "STRING",
        DataType::Double | DataType::Float => "DOUBLE",
        DataType::Integer => "INTEGER",
        DataType::Long => "LONG",
        DataType::Boolean => "BOOLEAN",
    }
}

/// What AWS documents that a workspace needs of its bucket, and its connector.
pub(crate) fn workspace_policy(names: &AwsNames) -> Value {
    let bucket = names.bucket_arn(Bucket::Workspace);
    let connector = names.arn("lambda", &format!("function:{}", names.function(Function::HotReader)));
    let actions = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    document([
        allow("bucket", actions(&["s3:GetBucketLocation", "s3:ListBucket"]), vec![bucket.clone()]),
        allow("objects", actions(&["s3:GetObject", "s3:PutObject"]), vec![format!("{bucket}/*")]),
        // The object by which TwinMaker knows the bucket as its workspace's.
        allow("mark", actions(&["s3:DeleteObject"]), vec![format!("{bucket}/DO_NOT_DELETE_WORKSPACE_*")]),
        allow("connector", actions(&["lambda:InvokeFunction"]), vec![connector]),
    ])
}
