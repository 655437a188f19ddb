//! The AWS resource types that a twin is made of, one row each.

use std::time::Duration;

use engine::step::Policy;

/// What a step must know of a resource type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind {
    /// The type.
    pub(crate) of: aws::Kind,
    /// In words.
    pub(crate) title: &'static str,
    /// How long the real service usually takes, in seconds.
    pub(crate) seconds: u64,
    /// Whether it must be emptied before it can be deleted.
    pub(crate) holds_objects: bool,
}

impl Kind {
    const fn new(of: aws::Kind, title: &'static str, seconds: u64) -> Self {
        Self { of, title, seconds, holds_objects: false }
    }

    const fn holding_objects(mut self) -> Self {
        self.holds_objects = true;
        self
    }

    /// Ten minutes: roles take seconds to propagate, tables and workspaces less than a minute.
    pub(crate) fn policy(&self) -> Policy {
        Policy {
            deadline: Duration::from_secs(10 * 60),
            expected: Duration::from_secs(self.seconds),
            ..Policy::default()
        }
    }
}

pub(crate) const ROLE: Kind = Kind::new(aws::Kind::Role, "IAM role", 2);
pub(crate) const BUCKET: Kind = Kind::new(aws::Kind::Bucket, "S3 bucket", 2).holding_objects();
pub(crate) const TABLE: Kind = Kind::new(aws::Kind::Table, "DynamoDB table", 8);
pub(crate) const LOG_GROUP: Kind = Kind::new(aws::Kind::LogGroup, "log group", 1);
pub(crate) const FUNCTION: Kind = Kind::new(aws::Kind::Function, "Lambda function", 10);
pub(crate) const FUNCTION_URL: Kind = Kind::new(aws::Kind::FunctionUrl, "function URL", 1);
pub(crate) const PERMISSION: Kind = Kind::new(aws::Kind::Permission, "permission to invoke", 1);
pub(crate) const IOT_POLICY: Kind = Kind::new(aws::Kind::IotPolicy, "IoT policy", 1);
pub(crate) const TOPIC_RULE: Kind = Kind::new(aws::Kind::TopicRule, "IoT topic rule", 1);
pub(crate) const WORKSPACE: Kind = Kind::new(aws::Kind::Workspace, "TwinMaker workspace", 5);
pub(crate) const COMPONENT_TYPE: Kind = Kind::new(aws::Kind::ComponentType, "TwinMaker component type", 5);
pub(crate) const ENTITY: Kind = Kind::new(aws::Kind::Entity, "TwinMaker entity", 3);
