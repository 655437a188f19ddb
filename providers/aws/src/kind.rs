//! The kinds of resources, named as CloudFormation names them.

use std::{fmt, str::FromStr};

/// What a resource is. The uniform calls ([`crate::Aws::get`] and so on) take all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// IAM role with its inline policies and attachments; the id is its name.
    Role,
    /// Lambda function from a package in a bucket; the id is its name. Its environment is apart
    /// ([`crate::Aws::merge_environment`]).
    Function,
    /// Function URL, and who may call it; the id is the function's name.
    FunctionUrl,
    /// Statement of a function's resource policy; the id is `function/statement`.
    Permission,
    /// IoT thing; the id is its name.
    Thing,
    /// IoT policy; the id is its name.
    IotPolicy,
    /// IoT topic rule; the id is its name.
    TopicRule,
    /// DynamoDB table; the id is its name.
    Table,
    /// S3 bucket; the id is its name.
    Bucket,
    /// CloudWatch log group; the id is its name.
    LogGroup,
    /// IoT TwinMaker workspace; the id is its own.
    Workspace,
    /// IoT TwinMaker component type; the id is `workspace/componentType`.
    ComponentType,
    /// IoT TwinMaker entity; the id is `workspace/entity`.
    Entity,
}

/// Every kind, in the order of their dependencies: what stands further down may name what stands above.
pub const KINDS: [Kind; 13] = [
    Kind::LogGroup,
    Kind::Role,
    Kind::Bucket,
    Kind::Table,
    Kind::Function,
    Kind::FunctionUrl,
    Kind::Permission,
    Kind::Thing,
    Kind::IotPolicy,
    Kind::TopicRule,
    Kind::Workspace,
    Kind::ComponentType,
    Kind::Entity,
];

impl Kind {
    /// CloudFormation's name of the kind, `AWS::IAM::Role`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Role => "AWS::IAM::Role",
            Self::Function => "AWS::Lambda::Function",
            Self::FunctionUrl => "AWS::Lambda::Url",
            Self::Permission => "AWS::Lambda::Permission",
            Self::Thing => "AWS::IoT::Thing",
            Self::IotPolicy => "AWS::IoT::Policy",
            Self::TopicRule => "AWS::IoT::TopicRule",
            Self::Table => "AWS::DynamoDB::Table",
            Self::Bucket => "AWS::S3::Bucket",
            Self::LogGroup => "AWS::Logs::LogGroup",
            Self::Workspace => "AWS::IoTTwinMaker::Workspace",
            Self::ComponentType => "AWS::IoTTwinMaker::ComponentType",
            Self::Entity => "AWS::IoTTwinMaker::Entity",
        }
    }

    /// Whether resources of the kind carry tags, and thereby our mark.
    ///
    /// A function's URL and its permissions have none: they are their function's, and as good as it is.
    #[must_use]
    pub fn has_tags(self) -> bool {
        !matches!(self, Self::FunctionUrl | Self::Permission)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;

    /// Reads CloudFormation's name of a kind.
    fn from_str(name: &str) -> Result<Self, UnknownKind> {
        KINDS.into_iter().find(|kind| kind.name() == name).ok_or_else(|| UnknownKind(name.to_owned()))
    }
}

/// A name that is not one of a kind that we know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownKind(String);

impl fmt::Display for UnknownKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no kind of AWS resource that is known here", self.0)
    }
}

impl std::error::Error for UnknownKind {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_known_by_its_name() {
        for kind in KINDS {
            assert_eq!(kind.name().parse(), Ok(kind));
        }
        assert!("AWS::IAM::User".parse::<Kind>().is_err());
    }
}
