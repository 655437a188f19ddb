//! A message from a device to the cloud, and the Event Grid event that it becomes.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::admission::Sender;
use crate::cloud::Cloud;
use crate::events::{self, Event};

/// The largest message, in bytes: body, properties and their names.
pub(super) const LARGEST: usize = 256 * 1024;

/// System properties as Event Grid names them. Those of the content are recorded, the others follow their pattern.
pub(super) const CONTENT_TYPE: &str = "iothub-content-type";
pub(super) const CONTENT_ENCODING: &str = "iothub-content-encoding";
pub(super) const MESSAGE_ID: &str = "iothub-message-id";
pub(super) const CORRELATION_ID: &str = "iothub-correlation-id";
pub(super) const USER_ID: &str = "iothub-user-id";
pub(super) const CREATED: &str = "iothub-creation-time-utc";
pub(super) const INTERFACE: &str = "iothub-interface-id";
pub(super) const COMPONENT: &str = "dt-subject";

/// What a device sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) body: Bytes,
    /// By the names above.
    pub(super) system: BTreeMap<&'static str, String>,
    /// The application's own.
    pub(super) properties: BTreeMap<String, String>,
}

impl Message {
    /// What counts against [`LARGEST`].
    pub(super) fn size(&self) -> usize {
        let system = self.system.iter().map(|(name, value)| name.len() + value.len());
        let own = self.properties.iter().map(|(name, value)| name.len() + value.len());
        self.body.len() + system.chain(own).sum::<usize>()
    }

    /// JSON only under `application/json` and `utf-8`, whatever their case; base64 of anything else.
    fn shown_body(&self) -> Value {
        let is = |name: &str, value: &str| self.system.get(name).is_some_and(|is| is.eq_ignore_ascii_case(value));
        let json = is(CONTENT_TYPE, "application/json") && is(CONTENT_ENCODING, "utf-8");
        let parsed = if json { serde_json::from_slice(&self.body).ok() } else { None };
        parsed.unwrap_or_else(|| STANDARD.encode(&self.body).into())
    }

    /// The event as which Event Grid passes it on, in the shape that was seen of the real one.
    fn event(&self, from: &Sender, at: DateTime<Utc>) -> Event {
        let time = at.to_rfc3339_opts(SecondsFormat::Millis, true);
        let method =
            format!(r#"{{"scope":"{}","type":"sas","issuer":"iothub","acceptingIpFilterRule":null}}"#, from.scope);
        let mut system: BTreeMap<&str, &str> =
            self.system.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let enqueued = time.replace('Z', "0000Z");
        system.extend([
            ("iothub-connection-device-id", from.device.as_str()),
            ("iothub-connection-auth-method", &method),
            ("iothub-connection-auth-generation-id", &from.generation),
            ("iothub-enqueuedtime", &enqueued),
            ("iothub-message-source", "Telemetry"),
        ]);
        Event {
            event_type: "Microsoft.Devices.DeviceTelemetry".to_owned(),
            subject: format!("devices/{}", from.device),
            data: json!({ "properties": self.properties, "systemProperties": system, "body": self.shown_body() }),
            time,
        }
    }
}

/// Hands a message to Event Grid; it survives the death of this process when this returns.
pub(super) fn publish(cloud: &Arc<Cloud>, from: &Sender, message: &Message) -> io::Result<()> {
    events::publish(cloud, &from.hub.id, message.event(from, cloud.clock.now()))
}

#[cfg(test)]
mod tests {
    use super::super::hub::Hub;
    use super::*;

    fn sender() -> Sender {
        let hub = Hub { id: "/subscriptions/s/h".to_owned(), name: "h".to_owned() };
        let until = DateTime::<Utc>::MAX_UTC;
        Sender { hub, device: "machine-1".into(), generation: "637".into(), scope: "device", until }
    }

    fn message(kind: &str, encoding: &str, body: &'static str) -> Message {
        let system = [(CONTENT_TYPE, kind.to_owned()), (CONTENT_ENCODING, encoding.to_owned())].into();
        Message { body: body.into(), system, properties: [("Status".to_owned(), "Active".to_owned())].into() }
    }

    #[test]
    fn the_event_is_the_one_that_was_seen() {
        let at = DateTime::parse_from_rfc3339("2022-03-02T15:27:08.421Z").expect("a time").to_utc();
        let event = message("application/json", "utf-8", r#"{"temperature":5}"#).event(&sender(), at);
        assert_eq!((event.subject.as_str(), event.time.as_str()), ("devices/machine-1", "2022-03-02T15:27:08.421Z"));
        assert_eq!(
            event.data,
            json!({
                "properties": { "Status": "Active" },
                "systemProperties": {
                    "iothub-content-type": "application/json",
                    "iothub-content-encoding": "utf-8",
                    "iothub-connection-device-id": "machine-1",
                    "iothub-connection-auth-method":
                        r#"{"scope":"device","type":"sas","issuer":"iothub","acceptingIpFilterRule":null}"#,
                    "iothub-connection-auth-generation-id": "637",
                    "iothub-enqueuedtime": "2022-03-02T15:27:08.4210000Z",
                    "iothub-message-source": "Telemetry",
                },
                "body": { "temperature": 5 },
            })
        );
    }

    #[test]
    fn a_body_is_json_only_when_both_properties_say_so() {
        for (kind, encoding, is_json) in [
            ("application/json", "utf-8", true),
            ("Application/JSON", "UTF-8", true),
            ("application/json", "utf-16", false),
            ("application/json;charset=utf-8", "utf-8", false),
            ("text/plain", "utf-8", false),
        ] {
            assert_eq!(message(kind, encoding, "[1]").shown_body() == json!([1]), is_json, "{kind} {encoding}");
        }
        assert_eq!(message("application/json", "utf-8", "{").shown_body(), json!("ew=="));
        assert_eq!(Message { body: "[1]".into(), ..Message::default() }.shown_body(), json!("WzFd"));
    }

    #[test]
    fn properties_count_against_the_size() {
        let message = message("a", "b", "body");
        let names = CONTENT_TYPE.len() + CONTENT_ENCODING.len() + "Status".len();
        assert_eq!(message.size(), "body".len() + names + "ab".len() + "Active".len());
    }
}
