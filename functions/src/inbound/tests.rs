//! Both forms read, written and refused; nothing panics.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    Inbound, body, envelope,
    envelope::{Cloud, Layer},
    event_grid, post,
};
use crate::telemetry::Telemetry;

const NOW: &str = "2026-11-23T10:15:30Z";

fn now() -> DateTime<Utc> {
    NOW.parse().unwrap()
}

fn posted(body: &Value) -> Result<Telemetry, String> {
    post::parse(body.to_string().as_bytes(), now()).map_err(|problem| problem.to_string())
}

fn event(body: Value) -> Value {
    json!({
        "id": "1", "eventType": "Microsoft.Devices.DeviceTelemetry", "subject": "devices/press-1",
        "eventTime": "2026-11-23T10:15:29Z",
        "data": {
            "body": body, "properties": {},
            "systemProperties": {
                "iothub-connection-device-id": "press-1", "iothub-enqueuedtime": "2026-11-23T10:15:28.5Z"
            }
        }
    })
}

fn telemetry(event: &Value) -> Result<Telemetry, String> {
    match event_grid::parse(event).map_err(|problem| problem.to_string())? {
        Inbound::Telemetry(telemetry) => Ok(telemetry),
        other => panic!("telemetry, not {other:?}"),
    }
}

#[test]
fn values_at_the_root_and_nested_ones_mean_the_same() {
    let values = json!({"temperature": 21.5, "battery": {"level": 5}});
    let bodies = [
        json!({"iotDeviceId": "d", "time": NOW, "temperature": 21.5, "battery": {"level": 5}}),
        json!({"deviceId": "d", "timestamp": NOW, "telemetry": {"temperature": 21.5, "battery": {"level": 5}}}),
        json!({"device_id": "d", "time": "", "timestamp": NOW, "telemetry": null, "temperature": 21.5, "battery": {"level": 5}}),
        json!({"iotDeviceId": "d", "time": NOW, "temperature": 21.5, "telemetry": {"battery": {"level": 5}}}),
    ];
    for body in bodies {
        let read = posted(&body).unwrap();
        assert_eq!((read.device.as_str(), read.at, json!(read.values)), ("d", now(), values.clone()), "{body}");
    }
}

#[test]
fn an_envelope_brings_back_what_was_put_into_it() {
    let Value::Object(values) = json!({"time": 3, "payload": {"x": 1}, "telemetry": [1], "battery.level": 5}) else {
        unreachable!("an object")
    };
    let sent = Telemetry::new("press-1", now(), values);
    let wrapped = envelope::wrap(Cloud::Aws, Layer::L4, "trace-1", now() + TimeDelta::hours(1), &sent);
    assert_eq!(wrapped["source_cloud"], "aws");
    assert_eq!(wrapped["target_layer"], "L4");
    assert_eq!(wrapped["timestamp"], "2026-11-23T11:15:30.000000Z");
    assert_eq!(posted(&wrapped).unwrap(), sent);
}

#[test]
fn the_time_of_an_envelope_is_the_last_resort() {
    let envelope = |payload: Value| json!({"source_cloud": "google", "timestamp": NOW, "payload": payload});
    assert_eq!(posted(&envelope(json!({"iotDeviceId": "d", "x": 1}))).unwrap().at, now());
    let earlier = "2026-11-23T10:00:00Z";
    let read = posted(&envelope(json!({"iotDeviceId": "d", "time": earlier}))).unwrap();
    assert_eq!(read.at, earlier.parse::<DateTime<Utc>>().unwrap());
}

#[test]
fn what_is_malformed_is_named_by_place_and_not_by_value() {
    let cases = [
        (json!([]), "the body: not a JSON object"),
        (json!({"time": NOW}), "/iotDeviceId: no device is named"),
        (json!({"deviceId": 7, "time": NOW}), "/deviceId: not a string"),
        (json!({"deviceId": "d"}), "/time: no time is named"),
        (json!({"deviceId": "d", "time": 1_700_000_000}), "/time: not a string"),
        (json!({"deviceId": "d", "time": "canary"}), "/time: not a time such as 2026-11-23T10:15:30Z"),
        (
            json!({"deviceId": "d", "time": "0000-01-01T00:00:00+23:00"}),
            "/time: not a time such as 2026-11-23T10:15:30Z",
        ),
        (json!({"deviceId": "d", "time": "2026-11-23T10:20:31Z"}), "/time: more than 5 minutes ahead of this clock"),
        (json!({"deviceId": "d", "time": NOW, "telemetry": 3}), "/telemetry: not a JSON object"),
        (json!({"source_cloud": "aws", "payload": "canary"}), "/payload: not a JSON object"),
        (json!({"source_cloud": "aws", "payload": {"telemetry": 1}}), "/payload/telemetry: not a JSON object"),
        (json!({"source_cloud": "aws", "payload": {"time": NOW}}), "/payload/iotDeviceId: no device is named"),
        (json!({"source_cloud": "aws", "payload": {"deviceId": "d"}}), "/payload/time: no time is named"),
        (
            json!({"source_cloud": "aws", "payload": {"deviceId": "d"}, "timestamp": "2027-01-01T00:00:00Z"}),
            "/timestamp: more than 5 minutes ahead of this clock",
        ),
        (json!({"source_cloud": "aws", "payload": {}, "message_type": "canary"}), "/message_type: not telemetry"),
    ];
    for (body, problem) in cases {
        assert_eq!(posted(&body).unwrap_err(), problem, "{body}");
    }
    let broken = |text: &str| post::parse(text.as_bytes(), now()).unwrap_err().to_string();
    assert_eq!(broken("{\n \"canary\": tru}"), "line 2, column 15: this is not JSON");
    assert_eq!(broken("{\"canary\": "), "line 1, column 11: the JSON ends too early");
    assert_eq!(broken(""), "line 1, column 0: the JSON ends too early");
    let deep = "[".repeat(100_000);
    assert!(post::parse(deep.as_bytes(), now()).is_err(), "no stack is long enough for everything");
}

#[test]
fn a_message_is_read_as_json_and_as_base64() {
    // {"temperature": 21.5}
    let plain = telemetry(&event(json!({"temperature": 21.5}))).unwrap();
    let encoded = telemetry(&event(json!("eyJ0ZW1wZXJhdHVyZSI6IDIxLjV9"))).unwrap();
    let text = telemetry(&event(json!("{\"temperature\": 21.5}"))).unwrap();
    assert_eq!(plain.values["temperature"], 21.5);
    assert_eq!((&plain, &plain), (&encoded, &text));
    assert_eq!((plain.device.as_str(), plain.time_text().as_str()), ("press-1", "2026-11-23T10:15:28.500000Z"));
}

#[test]
fn the_hub_says_who_sent_and_not_the_body() {
    let sent = event(json!({"iotDeviceId": "somebody-else", "x": 1}));
    assert_eq!(telemetry(&sent).unwrap().device, "press-1");
    let mut by_subject = sent;
    by_subject["data"]["systemProperties"] = json!({});
    assert_eq!(telemetry(&by_subject).unwrap().device, "press-1");
    by_subject["subject"] = json!("nonsense");
    assert_eq!(telemetry(&by_subject).unwrap_err(), "/subject: no device is named");
    assert_eq!(event_grid::device(&json!([])), None);
}

#[test]
fn the_first_time_that_is_there_counts() {
    let mut sent = event(json!({"time": "2026-11-23T10:15:00Z"}));
    let at = |event: &Value| telemetry(event).unwrap().time_text();
    let properties = "/data/systemProperties";
    sent.pointer_mut(properties).unwrap()["iothub-creation-time-utc"] = json!("2026-11-23T10:15:10Z");
    assert_eq!(at(&sent), "2026-11-23T10:15:00.000000Z");
    sent["data"]["body"] = json!({});
    assert_eq!(at(&sent), "2026-11-23T10:15:10.000000Z");
    sent.pointer_mut(properties).unwrap()["iothub-creation-time-utc"] = json!("yesterday");
    assert_eq!(at(&sent), "2026-11-23T10:15:28.500000Z");
    sent["data"]["systemProperties"] = json!({});
    assert_eq!(at(&sent), "2026-11-23T10:15:29.000000Z");
    sent["eventTime"] = Value::Null;
    assert_eq!(telemetry(&sent).unwrap_err(), "/data/systemProperties/iothub-enqueuedtime: no time is named");
}

#[test]
fn a_clock_that_runs_ahead_gives_way_to_the_hubs() {
    let read = telemetry(&event(json!({"time": "2036-01-01T00:00:00Z"}))).unwrap();
    assert_eq!(read.time_text(), "2026-11-23T10:15:28.500000Z");
    assert_eq!(read.claimed, Some("2036-01-01T00:00:00Z".parse().unwrap()));
    let within = telemetry(&event(json!({"time": "2026-11-23T10:20:28.5Z"}))).unwrap();
    assert_eq!((within.time_text().as_str(), within.claimed), ("2026-11-23T10:20:28.500000Z", None));
}

#[test]
fn other_events_are_told_apart() {
    let handshake =
        json!([{"eventType": event_grid::VALIDATION, "data": {"validationCode": "c-1", "validationUrl": "u"}}]);
    assert_eq!(event_grid::parse(&handshake[0]), Ok(Inbound::Validation { code: "c-1".into() }));
    let created = json!({"type": "Microsoft.Devices.DeviceCreated", "time": NOW});
    assert_eq!(event_grid::parse(&created), Ok(Inbound::Other("Microsoft.Devices.DeviceCreated".into())));
    let problem = |event: Value| event_grid::parse(&event).unwrap_err().to_string();
    assert_eq!(problem(json!({})), "/eventType: no event type is named");
    assert_eq!(
        problem(json!({"eventType": event_grid::VALIDATION, "data": {}})),
        "/data/validationCode: no code is given"
    );
    assert_eq!(problem(event(json!("AAEC"))), "/data/body, line 1, column 1: this is not JSON");
    assert_eq!(problem(event(json!({"telemetry": 1}))), "/data/body/telemetry: not a JSON object");
}

fn any_json() -> impl Strategy<Value = Value> {
    let names = prop_oneof![
        Just("time"),
        Just("timestamp"),
        Just("iotDeviceId"),
        Just("deviceId"),
        Just("telemetry"),
        Just("payload"),
        Just("source_cloud"),
        Just("message_type"),
        Just("eventType"),
        Just("type"),
        Just("subject"),
        Just("data"),
        Just("body"),
        Just("systemProperties"),
        Just("iothub-enqueuedtime"),
        Just("iothub-connection-device-id"),
        Just("x"),
        Just(""),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
        Just(json!(NOW)),
        Just(json!("9999-12-31T23:59:60.999999999-23:59")),
        Just(json!(event_grid::TELEMETRY)),
        Just(json!(event_grid::VALIDATION)),
        Just(json!("devices/")),
    ];
    leaf.prop_recursive(5, 40, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(names.clone().prop_map(str::to_owned), inner, 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_value_panics(value in any_json()) {
        let _ = event_grid::parse(&value);
        let _ = event_grid::device(&value);
        let _ = body::parse(value.clone());
        let text = value.to_string();
        if let Ok(read) = post::parse(text.as_bytes(), now()) {
            prop_assert!(read.time_text().parse::<DateTime<Utc>>().is_ok());
        }
        let mut inner = event(value.clone());
        let _ = event_grid::parse(&inner);
        inner["data"] = value;
        let _ = event_grid::parse(&inner);
    }

    #[test]
    fn no_text_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = post::parse(&bytes, now());
        let _ = body::parse_text(&bytes);
    }

    #[test]
    fn every_envelope_is_read_back(device in "\\PC{1,12}", values in prop::collection::btree_map("\\PC{0,8}", any_json(), 0..4), micros in 0i64..1_790_000_000_000_000) {
        let at = DateTime::from_timestamp_micros(micros).unwrap();
        let sent = Telemetry::new(device, at, values.into_iter().collect());
        let text = envelope::wrap(Cloud::Google, Layer::L4, "t", now(), &sent).to_string();
        // Floating point may lose its last digit on the way through text; what is read must stay what it is from then on.
        let read = post::parse(text.as_bytes(), now()).unwrap();
        prop_assert_eq!(&read.device, &sent.device);
        prop_assert_eq!(read.at, sent.at);
        let again = envelope::wrap(Cloud::Google, Layer::L4, "t", now(), &read).to_string();
        prop_assert_eq!(post::parse(again.as_bytes(), now()).unwrap(), read);
    }
}
