//! What later steps take from an AWS resource, read from what AWS returned.

use aws::Found;
use serde::{Deserialize, Serialize};
use url::Url;

/// Reads a step's output from a resource as the client returns it.
pub(crate) trait FromAws: Sized {
    /// `Err` names the attribute that is not there (yet).
    fn from_aws(id: &str, found: &Found) -> Result<Self, &'static str>;
}

fn attribute(found: &Found, name: &'static str) -> Result<String, &'static str> {
    found
        .attributes
        .get(name)
        .and_then(serde_json::Value::as_str)
        .filter(|text| !text.is_empty())
        .map(String::from)
        .ok_or(name)
}

/// Any resource of which only the name matters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Named {
    pub(crate) name: String,
}

/// Any resource of which name and ARN matter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WithArn {
    pub(crate) name: String,
    pub(crate) arn: String,
}

/// A function's URL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FunctionUrl {
    pub(crate) url: Url,
}

impl FromAws for Named {
    fn from_aws(id: &str, _found: &Found) -> Result<Self, &'static str> {
        Ok(Self { name: id.to_owned() })
    }
}

impl FromAws for WithArn {
    fn from_aws(id: &str, found: &Found) -> Result<Self, &'static str> {
        Ok(Self { name: id.to_owned(), arn: attribute(found, "Arn")? })
    }
}

impl FromAws for FunctionUrl {
    fn from_aws(_id: &str, found: &Found) -> Result<Self, &'static str> {
        let url = attribute(found, "FunctionUrl")?;
        Ok(Self { url: Url::parse(&url).map_err(|_| "FunctionUrl")? })
    }
}
