//! An IoT hub: its device registry, and its devices ([`device`]).

pub mod device;
pub(crate) mod sas;

use azure_core::http::Method;
use serde_json::{Value, json};

use crate::{
    Error, api,
    credentials::Secret,
    http::{Answer, Call, Service},
};

/// A device identity as the registry holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// The device id, unique in its hub.
    pub id: String,
    /// Changes when the identity is deleted and made again.
    pub generation: String,
    /// The version of the identity, without quotes.
    pub etag: String,
    /// Whether the device may connect.
    pub enabled: bool,
    /// `sas`, `selfSigned`, `certificateAuthority` or `none`.
    pub authentication: String,
    /// The key with which the device signs its tokens, when it has one.
    pub primary_key: Option<Secret>,
}

/// The client; cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    service: Service,
}

impl Client {
    pub(crate) fn new(service: Service) -> Self {
        Self { service }
    }

    /// Reads a device; `None` when there is none.
    ///
    /// # Errors
    /// Whatever the hub refuses with; not-yet while our role has not propagated.
    pub async fn device(&self, id: &str) -> Result<Option<Device>, Error> {
        let call = self.call(Method::Get, id);
        let name = call.name();
        match self.service.find(call).await? {
            Some(answer) => read(&name, &answer).map(Some),
            None => Ok(None),
        }
    }

    /// Registers a device with keys that the hub makes; conflict when it is there already.
    ///
    /// # Errors
    /// Whatever the hub refuses with.
    pub async fn create_device(&self, id: &str, enabled: bool) -> Result<Device, Error> {
        self.write(self.call(Method::Put, id), id, enabled).await
    }

    /// Changes whether a device may connect; its keys stay. `etag` guards against a change in between, `None` does not.
    ///
    /// # Errors
    /// Whatever the hub refuses with; conflict when the ETag is stale.
    pub async fn update_device(&self, id: &str, enabled: bool, etag: Option<&str>) -> Result<Device, Error> {
        self.write(self.call(Method::Put, id).header("if-match", quoted(etag)), id, enabled).await
    }

    /// Deletes a device; succeeds when there is none.
    ///
    /// # Errors
    /// Whatever the hub refuses with; conflict when the ETag is stale.
    pub async fn delete_device(&self, id: &str, etag: Option<&str>) -> Result<(), Error> {
        let call = self.call(Method::Delete, id).header("if-match", quoted(etag));
        self.service.find(call).await.map(|_| ())
    }

    async fn write(&self, call: Call, id: &str, enabled: bool) -> Result<Device, Error> {
        let status = if enabled { "enabled" } else { "disabled" };
        let body = json!({"deviceId": id, "status": status, "authentication": {"type": "sas"}});
        let call = call.json(&body);
        let name = call.name();
        read(&name, &self.service.send(call).await?)
    }

    fn call(&self, method: Method, id: &str) -> Call {
        Call::new(method, self.service.url(&["devices", id], &[("api-version", api::IOT_HUB_DATA)]))
    }
}

/// The registry wants ETags in quotes and gives them without.
fn quoted(etag: Option<&str>) -> String {
    etag.map_or_else(|| "*".to_owned(), |etag| format!("\"{}\"", etag.trim_matches('"')))
}

fn read(name: &str, answer: &Answer) -> Result<Device, Error> {
    let body = answer.document(name)?;
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let key = text("/authentication/symmetricKey/primaryKey");
    Ok(Device {
        id: text("/deviceId"),
        generation: text("/generationId"),
        etag: text("/etag"),
        enabled: text("/status") == "enabled",
        authentication: text("/authentication/type"),
        primary_key: (!key.is_empty()).then(|| Secret::new(key)),
    })
}

#[cfg(test)]
mod tests;
