//! One module per kind of resource: its document, and the calls behind the uniform ones.

mod bucket;
mod function;
mod function_url;
mod iot_policy;
mod log_group;
mod permission;
mod role;
mod table;
mod thing;
mod topic_rule;
mod twin_maker;

pub(crate) use bucket::Bucket;
pub(crate) use function::Function;
pub(crate) use function_url::FunctionUrl;
pub(crate) use iot_policy::IotPolicy;
pub(crate) use log_group::LogGroup;
pub(crate) use permission::Permission;
pub(crate) use role::Role;
pub(crate) use table::Table;
pub(crate) use thing::Thing;
pub(crate) use topic_rule::TopicRule;
pub(crate) use twin_maker::{ComponentType, Entity, Workspace, value as data_value};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use uuid::Uuid;

use crate::{Aws, Error, Found, Kind, Tags};

/// A kind of resource.
pub(crate) trait Resource {
    /// Which one.
    const KIND: Kind;

    /// The document, with CloudFormation's names. Unknown properties are refused: what is wanted is applied.
    type Properties: Serialize + DeserializeOwned + PartialEq + Send + Sync;

    /// Sorts what is a set, fills in what has a default that depends on other properties.
    fn normalise(properties: &mut Self::Properties) {
        let _ = properties;
    }

    /// Takes away what cannot be compared.
    fn comparable(properties: &mut Self::Properties) {
        let _ = properties;
    }

    /// Looks.
    async fn get(aws: &Aws, id: &str) -> Result<Option<Found>, Error>;

    /// Makes it; refused as a conflict when it is there.
    async fn create(aws: &Aws, id: &str, wanted: &Self::Properties, tags: &Tags, token: Uuid) -> Result<(), Error>;

    /// Changes what differs in the document.
    async fn update(
        aws: &Aws,
        id: &str,
        wanted: &Self::Properties,
        before: &Self::Properties,
        found: &Found,
    ) -> Result<(), Error>;

    /// Adds tags, or gives them another value.
    async fn tag(aws: &Aws, id: &str, found: &Found, tags: &Tags) -> Result<(), Error>;

    /// Removes it; nothing there is fine.
    async fn delete(aws: &Aws, id: &str) -> Result<(), Error>;
}

/// Properties as a document; what is not there is left out.
pub(crate) fn document<P: Serialize>(properties: &P) -> Value {
    let mut document = with_nulls(properties);
    if let Some(members) = document.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    document
}

/// Properties as a document in which `null` says that something is wanted not to be there.
pub(crate) fn with_nulls<P: Serialize>(properties: &P) -> Value {
    serde_json::to_value(properties).expect("documents have string keys and no failing serialisation")
}

/// The ARN that a found resource told of itself: tags are put on ARNs.
fn arn_of(found: &Found) -> Result<&str, Error> {
    found.attribute("Arn").ok_or_else(|| Error::permanent("find the resource's ARN in the service's answer"))
}

/// Splits an id like `function/statement` at its first slash.
fn two_parts(kind: Kind, id: &str) -> Result<(&str, &str), Error> {
    let parts = id.split_once('/').filter(|(one, other)| !one.is_empty() && !other.is_empty());
    parts.ok_or_else(|| Error::permanent(format!("take {id:?} for the id of {kind}: it needs two parts")))
}

/// What the SDK's builder made, or which of its members is missing.
pub(crate) fn built<T>(built: Result<T, aws_smithy_types::error::operation::BuildError>) -> Result<T, Error> {
    built.map_err(|error| Error::permanent(format!("put a request together: {error}")))
}
