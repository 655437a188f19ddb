//! What later steps take from an Azure resource, read from what Azure returned and never built from a pattern.

use functions::function::Function;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

/// Reads a step's output from a resource as Resource Manager returns it.
pub(crate) trait FromArm: Sized {
    /// `Err` names the member that is not there (yet).
    fn from_arm(resource: &Value) -> Result<Self, &'static str>;
}

fn text(resource: &Value, pointer: &'static str) -> Result<String, &'static str> {
    resource.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty()).map(String::from).ok_or(pointer)
}

/// Any resource of which only the id matters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Resource {
    pub(crate) id: String,
}

/// A user-assigned identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) id: String,
    pub(crate) principal_id: String,
    pub(crate) client_id: String,
}

/// A storage account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Storage {
    pub(crate) id: String,
    pub(crate) blob_endpoint: String,
}

/// An IoT hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hub {
    pub(crate) id: String,
    pub(crate) host_name: String,
}

/// A Cosmos DB account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cosmos {
    pub(crate) id: String,
    pub(crate) endpoint: String,
}

/// An Azure Digital Twins instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DigitalTwins {
    pub(crate) id: String,
    pub(crate) host_name: String,
}

/// A function app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct App {
    pub(crate) id: String,
    pub(crate) host_name: String,
    pub(crate) scm_host: String,
}

/// Where a function of an app is called over HTTP.
pub(crate) fn url_of(app: &App, function: Function) -> Url {
    Url::parse(&format!("https://{}/api/{}", app.host_name, function.name()))
        .expect("Resource Manager returns host names")
}

impl FromArm for Resource {
    fn from_arm(resource: &Value) -> Result<Self, &'static str> {
        Ok(Self { id: text(resource, "/id")? })
    }
}

impl FromArm for Identity {
    fn from_arm(resource: &Value) -> Result<Self, &'static str> {
        Ok(Self {
            id: text(resource, "/id")?,
            principal_id: text(resource, "/properties/principalId")?,
            client_id: text(resource, "/properties/clientId")?,
        })
    }
}

impl FromArm for Storage {
    fn from_arm(resource: &Value) -> Result<Self, &'static str> {
        let blob_endpoint = text(resource, "/properties/primaryEndpoints/blob")?;
        Ok(Self { id: text(resource, "/id")?, blob_endpoint })
    }
}

impl FromArm for Hub {
    fn from_arm(resource: &Value) -> Result<Self, &'static str> {
        Ok(Self { id: text(resource, "/id")?, host_name: text(resource, "/properties/hostName")? })
    }
}

impl FromArm for Cosmos {
    fn from_arm(resource: &Value) -> Result<Self, &'static str> {
        Ok(Self { id: text(resource, "/id")?, endpoint: text(resource, "/properties/documentEndpoint")? })
    }
}

impl FromArm for DigitalTwins {
    fn from_arm(resource: &Value) -> Result<Self, &'static str> {
        Ok(Self { id: text(resource, "/id")?, host_name: text(resource, "/properties/hostName")? })
    }
}

impl FromArm for App {
    fn from_arm(resource: &Value) -> Result<Self, &'static str> {
        Ok(Self {
            id: text(resource, "/id")?,
            host_name: text(resource, "/properties/defaultHostName")?,
            scm_host: scm_host(resource).ok_or("/properties/hostNameSslStates (Repository)")?,
        })
    }
}

/// The deployment host is the entry of type `Repository`; its name may be hashed, so it is never `{app}.scm`.
fn scm_host(resource: &Value) -> Option<String> {
    let states = resource.pointer("/properties/hostNameSslStates")?.as_array()?;
    let repository = states.iter().find(|state| state["hostType"] == "Repository")?;
    repository["name"].as_str().map(String::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_host_name_that_is_not_there_yet_is_named() {
        let provisioning = json!({"id": "/x", "properties": {"hostName": null}});
        assert_eq!(DigitalTwins::from_arm(&provisioning), Err("/properties/hostName"));
    }

    #[test]
    fn the_deployment_host_is_the_repository() {
        let app = json!({"id": "/x", "properties": {"defaultHostName": "a.example", "hostNameSslStates": [
            {"name": "a.example", "hostType": "Standard"}, {"name": "a-1f2e.scm.example", "hostType": "Repository"}]}});
        assert_eq!(App::from_arm(&app).unwrap().scm_host, "a-1f2e.scm.example");
    }
}
