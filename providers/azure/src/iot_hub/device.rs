//! A device that sends: messages to its hub over HTTPS, as the device's own.

use std::collections::BTreeMap;

use azure_core::http::Method;
use bytes::Bytes;

use crate::{
    Error, api,
    http::{Call, Service},
};

/// The largest message that a hub takes, in bytes: body, properties and their names together.
pub const LARGEST: usize = 256 * 1024;

/// A message from a device to the cloud.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// The message's own id, for whoever wants to tell repetitions; up to 128 characters.
    pub id: Option<String>,
    /// When the device made it, RFC 3339.
    pub created: Option<String>,
    /// What it says.
    pub body: Bytes,
    /// `application/json`, usually; routing and Event Grid look into a body only under it.
    pub content_type: Option<String>,
    /// `utf-8`, usually.
    pub content_encoding: Option<String>,
    /// The application's own properties. Over HTTPS their names arrive in lower case; names are HTTP tokens, values
    /// visible ASCII.
    pub properties: BTreeMap<String, String>,
}

impl Message {
    /// A message whose body is JSON, marked such that Event Grid passes it on as JSON and not as base64.
    #[must_use]
    pub fn json(body: &serde_json::Value) -> Self {
        Self {
            body: body.to_string().into(),
            content_type: Some("application/json".to_owned()),
            content_encoding: Some("utf-8".to_owned()),
            ..Self::default()
        }
    }
}

/// One device of one hub; cheap to clone, its clones share connections and the token.
#[derive(Debug, Clone)]
pub struct Sender {
    service: Service,
    device: String,
}

impl Sender {
    pub(crate) fn new(service: Service, device: &str) -> Self {
        Self { service, device: device.to_owned() }
    }

    /// The device as which it sends.
    #[must_use]
    pub fn device_id(&self) -> &str {
        &self.device
    }

    /// Sends one message; the hub has taken it when this returns. After an error it may have been taken all the same.
    ///
    /// # Errors
    /// Whatever the hub refuses with: permanent for a wrong key, a device that is disabled or unknown, and a message that
    /// is too large; throttled above the hub's rate; not-yet while it is not active. Permanent for a property that HTTP
    /// cannot carry.
    pub async fn send(&self, message: &Message) -> Result<(), Error> {
        let url =
            self.service.url(&["devices", &self.device, "messages", "events"], &[("api-version", api::IOT_HUB_DEVICE)]);
        let mut call = Call::new(Method::Post, url);
        for (name, value) in headers(message)? {
            call = call.header(name, value);
        }
        self.service.send(call.body("application/octet-stream", message.body.clone())).await.map(|_| ())
    }
}

/// The message's properties as headers.
fn headers(message: &Message) -> Result<Vec<(String, String)>, Error> {
    let system = [
        ("iothub-messageid", &message.id),
        // The device SDKs for .NET and for Java write this one differently, and each is understood.
        ("iothub-creationtimeutc", &message.created),
        ("iothub-creation-time-utc", &message.created),
        ("iothub-contenttype", &message.content_type),
        ("iothub-contentencoding", &message.content_encoding),
    ];
    let system = system.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)));
    let own = message.properties.iter().map(|(name, value)| (format!("iothub-app-{name}"), value.clone()));
    system.chain(own).map(|(name, value)| header(&name, value)).collect()
}

/// Checks what HTTP can carry; the value is nobody's business and stays out of the error.
fn header(name: &str, value: String) -> Result<(String, String), Error> {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if !name.chars().all(token) {
        return Err(Error::permanent(format!("send a message: {name:?} is no name that HTTP can carry")));
    }
    if !value.chars().all(|c| c == ' ' || c.is_ascii_graphic()) {
        return Err(Error::permanent(format!("send a message: the value of {name:?} is not visible ASCII")));
    }
    Ok((name.to_ascii_lowercase(), value))
}
