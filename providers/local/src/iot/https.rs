//! Messages over HTTPS: `POST /devices/{id}/messages/events`, one message or a batch.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::Request;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;

use super::admission::{self, Refusal};
use super::message::{self, LARGEST, Message};
use super::{error, hub};
use crate::answer::Answer;
use crate::cloud::Cloud;
use crate::query;

/// The content type of a batch: `[{"body": base64, "properties": {header: value}}]`.
const BATCH: &str = "application/vnd.microsoft.iothub.json";
const OWN: &str = "iothub-app-";

/// Takes what a device sends.
pub(super) fn accept(cloud: &Arc<Cloud>, device: &str, request: &Request<Bytes>) -> Answer {
    let unauthorized = || error(401, "IotHubUnauthorizedAccess", &Refusal::Unauthorized.to_string());
    let Some(token) = query::header(request, "authorization") else { return unauthorized() };
    let hub = match hub::of_request(cloud, request) {
        Ok(hub) => hub,
        Err(missing) => return missing.answer(),
    };
    let sender = match admission::admit(cloud, &hub, device, token) {
        Ok(sender) => sender,
        Err(Refusal::Hub(missing)) => return missing.answer(),
        Err(Refusal::Unauthorized) => return unauthorized(),
        Err(refusal @ Refusal::State) => return error(500, "ServerError", &refusal.to_string()),
    };
    if query::value(request, "api-version").is_none() {
        return error(400, "InvalidProtocolVersion", "The api-version query parameter is missing.");
    }
    let Some(messages) = messages(request) else {
        return error(400, "ArgumentInvalid", "The request body is not a batch of messages.");
    };
    if messages.iter().map(Message::size).sum::<usize>() > LARGEST {
        return error(413, "MessageTooLarge", "The maximum size of a message or of a batch is 262144 bytes.");
    }
    for message in &messages {
        if let Err(failure) = message::publish(cloud, &sender, message) {
            tracing::error!(%failure, "an event could not be written");
            return error(500, "ServerError", &Refusal::State.to_string());
        }
    }
    Answer::empty(204)
}

fn messages(request: &Request<Bytes>) -> Option<Vec<Message>> {
    if query::header(request, "content-type").is_some_and(|kind| kind.eq_ignore_ascii_case(BATCH)) {
        let parts: Vec<Part> = serde_json::from_slice(request.body()).ok()?;
        return parts.into_iter().map(Part::message).collect();
    }
    let headers = request.headers().iter();
    let headers = headers.filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())));
    Some(vec![of_headers(request.body().clone(), headers)])
}

/// One message of a batch.
#[derive(Deserialize)]
struct Part {
    body: String,
    #[serde(default = "yes", rename = "base64Encoded")]
    encoded: bool,
    #[serde(default)]
    properties: BTreeMap<String, String>,
}

fn yes() -> bool {
    true
}

impl Part {
    fn message(self) -> Option<Message> {
        let body = if self.encoded { STANDARD.decode(self.body).ok()? } else { self.body.into_bytes() };
        Some(of_headers(body.into(), self.properties.into_iter()))
    }
}

/// The device SDKs for .NET and Java write the time of creation differently.
fn of_headers(body: Bytes, headers: impl Iterator<Item = (String, String)>) -> Message {
    let mut message = Message { body, ..Message::default() };
    for (name, value) in headers {
        let known = match name.to_ascii_lowercase().as_str() {
            "iothub-contenttype" => message::CONTENT_TYPE,
            "iothub-contentencoding" => message::CONTENT_ENCODING,
            "iothub-messageid" => message::MESSAGE_ID,
            "iothub-correlationid" => message::CORRELATION_ID,
            "iothub-userid" => message::USER_ID,
            "iothub-creationtimeutc" | "iothub-creation-time-utc" => message::CREATED,
            "iothub-interface-id" => message::INTERFACE,
            other => {
                if other.starts_with(OWN) {
                    message.properties.insert(name[OWN.len()..].to_owned(), value);
                }
                continue;
            }
        };
        message.system.insert(known, value);
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(kind: &str, body: &'static str) -> Request<Bytes> {
        let request = Request::builder()
            .header("content-type", kind)
            .header("iothub-contenttype", "application/json")
            .header("IoTHub-MessageId", "m-1")
            .header("iothub-app-Level", "low");
        request.body(body.into()).expect("a request")
    }

    #[test]
    fn headers_become_properties_and_the_content_type_does_not() {
        let messages = messages(&request("text/plain", "x")).expect("a message");
        let expected = Message {
            body: "x".into(),
            system: [(message::CONTENT_TYPE, "application/json".into()), (message::MESSAGE_ID, "m-1".into())].into(),
            properties: [("level".to_owned(), "low".to_owned())].into(),
        };
        assert_eq!(messages, [expected]);
    }

    #[test]
    fn a_batch_holds_messages_of_their_own() {
        let body = r#"[{"body":"eA==","properties":{"iothub-app-Level":"low","iothub-messageid":"m-1"}},
            {"body":"x","base64Encoded":false}]"#;
        let messages = messages(&request(BATCH, body)).expect("a batch");
        assert_eq!(messages[0].properties["Level"], "low");
        assert_eq!(messages[0].system[message::MESSAGE_ID], "m-1");
        assert_eq!(messages[1], Message { body: "x".into(), ..Message::default() });
        for bad in ["{", "{}", r#"[{"body":"%"}]"#] {
            assert!(super::messages(&request(BATCH, bad)).is_none(), "{bad}");
        }
    }
}
