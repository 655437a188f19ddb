//! One resource of each kind, with what it needs.

use aws::{Aws, Kind, policy};
use bytes::Bytes;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Case, World};

pub(crate) async fn role(world: &World) -> Case {
    let managed = |name: &str| format!("arn:aws:iam::aws:policy/service-role/{name}");
    let write = policy::allow("Write", ["dynamodb:PutItem", "dynamodb:UpdateItem"], ["arn:aws:dynamodb:r:1:table/t"]);
    let read = policy::allow("Read", ["s3:GetObject"], ["arn:aws:s3:::b/k"]);
    Case {
        kind: Kind::Role,
        id: world.name("role"),
        wanted: json!({
            "AssumeRolePolicyDocument": policy::trust("lambda.amazonaws.com"),
            "Description": "what the persister may do",
            "ManagedPolicyArns": [managed("AWSLambdaBasicExecutionRole")],
            "Policies": [
                { "PolicyName": "write", "PolicyDocument": policy::document([write.clone()]) },
                { "PolicyName": "old", "PolicyDocument": policy::document([read.clone()]) },
            ],
        }),
        changed: json!({
            "AssumeRolePolicyDocument": policy::trust("iot.amazonaws.com"),
            // Some text: ministack 1.5.33 loses parameters that are empty.
            "Description": "what rules may do",
            "ManagedPolicyArns": [managed("AWSIoTLogging")],
            "Policies": [{ "PolicyName": "write", "PolicyDocument": policy::document([write, read]) }],
        }),
    }
}

pub(crate) async fn log_group(world: &World) -> Case {
    Case {
        kind: Kind::LogGroup,
        id: format!("/aws/lambda/{}", world.name("persister")),
        wanted: json!({ "RetentionInDays": 14 }),
        changed: json!({}),
    }
}

pub(crate) async fn thing(world: &World) -> Case {
    Case {
        kind: Kind::Thing,
        id: world.name("press"),
        wanted: json!({ "AttributePayload": { "Attributes": { "hall": "a", "floor": "2" } } }),
        changed: json!({ "AttributePayload": { "Attributes": { "hall": "b" } } }),
    }
}

pub(crate) async fn iot_policy(world: &World) -> Case {
    let connect = |client: &str| {
        let resource = format!("arn:aws:iot:eu-central-1:123456789012:client/{client}");
        json!({ "PolicyDocument": policy::document([policy::allow("Connect", ["iot:Connect".to_owned()], [resource])]) })
    };
    Case { kind: Kind::IotPolicy, id: world.name("device"), wanted: connect("press-1"), changed: connect("press-2") }
}

pub(crate) async fn topic_rule(world: &World) -> Case {
    let lambda = json!({ "Lambda": { "FunctionArn": "arn:aws:lambda:eu-central-1:123456789012:function:ingestion" } });
    let role = "arn:aws:iam::123456789012:role/rule";
    Case {
        kind: Kind::TopicRule,
        id: world.name("rule").replace('-', "_"),
        wanted: json!({
            "Sql": "SELECT *, topic(3) AS device FROM 'dt/factory/+'",
            "AwsIotSqlVersion": "2016-03-23",
            "Description": "to the ingestion",
            "Actions": [lambda],
            "ErrorAction": { "CloudwatchLogs": { "LogGroupName": "errors", "RoleArn": role } },
        }),
        changed: json!({
            "Sql": "SELECT * FROM 'dt/factory/+'",
            "AwsIotSqlVersion": "2016-03-23",
            "RuleDisabled": true,
            "Actions": [lambda, { "Republish": { "Topic": "dt/copy", "RoleArn": role, "Qos": 1 } }],
        }),
    }
}

pub(crate) async fn table(world: &World) -> Case {
    let table = |expiry: Value, recovery: bool| {
        json!({
            "AttributeDefinitions": [
                { "AttributeName": "device", "AttributeType": "S" },
                { "AttributeName": "time", "AttributeType": "N" },
            ],
            "KeySchema": [
                { "AttributeName": "device", "KeyType": "HASH" },
                { "AttributeName": "time", "KeyType": "RANGE" },
            ],
            "BillingMode": "PAY_PER_REQUEST",
            "TimeToLiveSpecification": expiry,
            "PointInTimeRecoverySpecification": { "PointInTimeRecoveryEnabled": recovery },
        })
    };
    Case {
        kind: Kind::Table,
        id: world.name("hot"),
        wanted: table(json!({ "AttributeName": "expires", "Enabled": true }), false),
        changed: table(json!({ "Enabled": false }), true),
    }
}

pub(crate) async fn bucket(world: &World) -> Case {
    let rule = |id: &str, days: i32| {
        json!({
            "Id": id, "Status": "Enabled", "Prefix": "cold/", "ExpirationInDays": days,
            "Transitions": [{ "StorageClass": "GLACIER", "TransitionInDays": 30 }],
            "AbortIncompleteMultipartUpload": { "DaysAfterInitiation": 3 },
        })
    };
    let closed = json!({ "BlockPublicAcls": true, "IgnorePublicAcls": true, "BlockPublicPolicy": true,
        "RestrictPublicBuckets": true });
    let encryption = json!({ "ServerSideEncryptionConfiguration":
        [{ "ServerSideEncryptionByDefault": { "SSEAlgorithm": "AES256" } }] });
    Case {
        kind: Kind::Bucket,
        id: world.name("cold"),
        wanted: json!({
            "LifecycleConfiguration": { "Rules": [rule("b", 365), rule("a", 90)] },
            "PublicAccessBlockConfiguration": closed,
            "OwnershipControls": { "Rules": [{ "ObjectOwnership": "BucketOwnerEnforced" }] },
            "BucketEncryption": encryption,
        }),
        changed: json!({
            "LifecycleConfiguration": { "Rules": [rule("a", 91)] },
            "PublicAccessBlockConfiguration": closed,
            "VersioningConfiguration": { "Status": "Enabled" },
        }),
    }
}

/// A role and two packages, which a function needs.
pub(crate) async fn function(world: &World) -> Case {
    let bucket = Case { wanted: json!({}), id: world.name("packages"), ..bucket(world).await };
    world.create(&bucket).await;
    let role = world.create(&role(world).await).await;
    let function = |sha256: &str, key: &str, memory: i32| {
        json!({
            "Role": role.attribute("Arn"), "Runtime": "provided.al2023", "Handler": "bootstrap",
            "Architectures": ["arm64"], "MemorySize": memory, "Timeout": 30, "Description": "persister",
            "Code": { "S3Bucket": bucket.id, "S3Key": key, "Sha256": sha256 },
        })
    };
    let first = put_package(&world.aws, &bucket.id, "first.zip", b"#!/bin/sh\n").await;
    let second = put_package(&world.aws, &bucket.id, "second.zip", b"#!/bin/sh\nexit 0\n").await;
    Case {
        kind: Kind::Function,
        id: world.name("persister"),
        wanted: function(&first, "first.zip", 256),
        changed: function(&second, "second.zip", 512),
    }
}

async fn put_package(aws: &Aws, bucket: &str, key: &str, program: &[u8]) -> String {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("bootstrap", zip::write::SimpleFileOptions::default().unix_permissions(0o755))
        .expect("a name for a file");
    std::io::Write::write_all(&mut zip, program).expect("memory takes it");
    let package = zip.finish().expect("memory takes it").into_inner();
    let sha256 = Sha256::digest(&package).iter().map(|byte| format!("{byte:02x}")).collect();
    aws.put_object(bucket, key, Bytes::from(package), &[].into()).await.expect("the bucket takes it");
    sha256
}

pub(crate) async fn function_url(world: &World) -> Case {
    let function = function(world).await;
    world.create(&function).await;
    Case {
        kind: Kind::FunctionUrl,
        id: function.id,
        wanted: json!({ "AuthType": "NONE" }),
        changed: json!({ "AuthType": "AWS_IAM" }),
    }
}

pub(crate) async fn permission(world: &World) -> Case {
    let function = function(world).await;
    world.create(&function).await;
    let rule = |name: &str| {
        json!({
            "Action": "lambda:InvokeFunction", "Principal": "iot.amazonaws.com", "SourceAccount": "123456789012",
            "SourceArn": format!("arn:aws:iot:eu-central-1:123456789012:rule/{name}"),
        })
    };
    Case { kind: Kind::Permission, id: format!("{}/rule", function.id), wanted: rule("one"), changed: rule("other") }
}

pub(crate) async fn workspace(world: &World) -> Case {
    let workspace = |description: &str| {
        json!({ "Role": "arn:aws:iam::123456789012:role/twin", "S3Location": "arn:aws:s3:::twinctl-scenes",
            "Description": description })
    };
    Case {
        kind: Kind::Workspace,
        id: world.name("factory"),
        wanted: workspace("the factory"),
        changed: workspace("the factory and its hall"),
    }
}

pub(crate) async fn component_type(world: &World) -> Case {
    let workspace = workspace(world).await;
    world.create(&workspace).await;
    let component_type = |unit: &str, function: &str| {
        json!({
            "Description": "a press",
            "PropertyDefinitions": {
                "telemetryAssetId": { "DataType": { "Type": "STRING" }, "IsExternalId": true, "IsRequiredInEntity": true },
                "temperature": { "DataType": { "Type": "DOUBLE", "UnitOfMeasure": unit }, "IsTimeSeries": true,
                    "IsStoredExternally": true },
                "limit": { "DataType": { "Type": "DOUBLE" }, "DefaultValue": { "DoubleValue": 80.5 } },
            },
            "Functions": { "dataReader": { "ImplementedBy": { "Lambda": {
                "Arn": format!("arn:aws:lambda:eu-central-1:123456789012:function:{function}") }, "IsNative": false } } },
        })
    };
    Case {
        kind: Kind::ComponentType,
        id: format!("{}/com.factory.press", workspace.id),
        wanted: component_type("degC", "hot-reader"),
        changed: component_type("degF", "hot-reader-2"),
    }
}

pub(crate) async fn entity(world: &World) -> Case {
    let component_type = component_type(world).await;
    world.create(&component_type).await;
    let (workspace, name) = component_type.id.split_once('/').unwrap();
    let press = |limit: f64| {
        json!({ "ComponentTypeId": name, "Properties": {
            "telemetryAssetId": { "Value": { "StringValue": "press-1" } },
            "limit": { "Value": { "DoubleValue": limit } } } })
    };
    Case {
        kind: Kind::Entity,
        id: format!("{workspace}/press-1"),
        wanted: json!({ "EntityName": "Press 1", "Components": { "press": press(90.0), "spare": press(1.0) } }),
        changed: json!({ "EntityName": "Press one", "Description": "the old one",
            "Components": { "press": press(95.0), "other": press(2.0) } }),
    }
}
