//! Topics: what a device may publish to and subscribe to, and the properties that a topic carries.

use bytes::Bytes;

use super::super::message::{self, Message};
use crate::query;

/// What a device subscribes to in order to hear of its twin.
pub(super) const TWIN_ANSWERS: &str = "$iothub/twin/res/#";
/// A twin that nobody has written to: this hub keeps none.
const EMPTY_TWIN: &str = r#"{"desired":{"$version":1},"reported":{"$version":1}}"#;

/// A topic that a device may publish to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Topic<'a> {
    /// A message, with its properties as they stand in the topic.
    Telemetry(&'a str),
    /// A request about the twin, and its answer.
    Twin { status: u16, request: &'a str, body: &'static str },
    /// The answer to a method.
    Method,
}

/// Reads a topic that this device publishes to; `None` when it may not.
pub(super) fn read<'a>(topic: &'a str, device: &str) -> Option<Topic<'a>> {
    if let Some(request) = topic.strip_prefix("$iothub/twin/GET/?") {
        return Some(Topic::Twin { status: 200, request: request_id(request), body: EMPTY_TWIN });
    }
    if let Some(request) = topic.strip_prefix("$iothub/twin/PATCH/properties/reported/?") {
        let body = r#"{"errorCode":501000,"message":"The local cloud keeps no device twins."}"#;
        return Some(Topic::Twin { status: 501, request: request_id(request), body });
    }
    if topic.starts_with("$iothub/methods/res/") {
        return Some(Topic::Method);
    }
    let own = topic.strip_prefix("devices/")?.strip_prefix(device)?.strip_prefix("/messages/events")?;
    match own.strip_prefix('/') {
        Some(bag) => Some(Topic::Telemetry(bag)),
        None => own.is_empty().then_some(Topic::Telemetry("")),
    }
}

fn request_id(query: &str) -> &str {
    query.split('&').find_map(|pair| pair.strip_prefix("$rid=")).unwrap_or_default()
}

/// Whether a device may subscribe to this.
pub(super) fn is_for_devices(filter: &str, device: &str) -> bool {
    let fixed = [TWIN_ANSWERS, "$iothub/twin/PATCH/properties/desired/#", "$iothub/methods/POST/#"];
    fixed.contains(&filter) || filter == format!("devices/{device}/messages/devicebound/#")
}

/// The message that a topic's properties (`name=value&...`, percent-encoded) and a payload make.
pub(super) fn message(bag: &str, body: Bytes) -> Message {
    let mut message = Message { body, ..Message::default() };
    for pair in bag.trim_start_matches('?').trim_end_matches('/').split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (query::decode(name), query::decode(value));
        let Some(system) = name.strip_prefix("$.") else {
            message.properties.insert(name, value);
            continue;
        };
        let known = match system {
            "ct" => message::CONTENT_TYPE,
            "ce" => message::CONTENT_ENCODING,
            "mid" => message::MESSAGE_ID,
            "cid" => message::CORRELATION_ID,
            "uid" => message::USER_ID,
            "ctime" => message::CREATED,
            "ifid" => message::INTERFACE,
            "sub" => message::COMPONENT,
            // Expiry, destination, output: about messages that go the other way, or to modules.
            _ => continue,
        };
        message.system.insert(known, value);
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_publishes_as_itself() {
        assert_eq!(read("devices/a/messages/events/x=1", "a"), Some(Topic::Telemetry("x=1")));
        assert_eq!(read("devices/a/messages/events", "a"), Some(Topic::Telemetry("")));
        for bad in ["devices/b/messages/events/", "devices/ab/messages/events/", "devices/a/messages/eventsx", "x", ""]
        {
            assert_eq!(read(bad, "a"), None, "{bad}");
        }
    }

    #[test]
    fn a_twin_is_empty_and_cannot_be_written() {
        let Some(Topic::Twin { status: 200, request: "7", .. }) = read("$iothub/twin/GET/?$rid=7", "a") else {
            panic!("the twin can be read");
        };
        let patch = read("$iothub/twin/PATCH/properties/reported/?$rid=8&$version=1", "a");
        assert!(matches!(patch, Some(Topic::Twin { status: 501, request: "8", .. })), "{patch:?}");
    }

    #[test]
    fn properties_are_decoded_and_told_from_the_systems() {
        // As azure-iot-device 2.14.0 writes it.
        let bag = "%24.mid=m%201&%24.ct=application%2Fjson&%24.ce=utf-8&%24.on=out&level=l%C3%B6w&flag";
        let message = message(bag, "x".into());
        assert_eq!(message.system[message::MESSAGE_ID], "m 1");
        assert_eq!(message.system[message::CONTENT_TYPE], "application/json");
        assert_eq!(message.system[message::CONTENT_ENCODING], "utf-8");
        assert_eq!(message.system.len(), 3);
        let properties: Vec<_> =
            message.properties.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(properties, [("flag", ""), ("level", "löw")]);
    }

    #[test]
    fn subscriptions_are_those_of_the_sdks() {
        for good in ["devices/a/messages/devicebound/#", TWIN_ANSWERS, "$iothub/methods/POST/#"] {
            assert!(is_for_devices(good, "a"), "{good}");
        }
        for bad in ["#", "devices/b/messages/devicebound/#", "devices/a/messages/events/#"] {
            assert!(!is_for_devices(bad, "a"), "{bad}");
        }
    }
}
