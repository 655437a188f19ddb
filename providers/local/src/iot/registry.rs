//! The IoT Hub data plane: the registry of device identities.

use axum::http::{Method, Request};
use bytes::Bytes;
use serde_json::{Value, json};
use uuid::Uuid;

use super::hub;
use crate::answer::Answer;
use crate::arm::types;
use crate::cloud::Cloud;
use crate::effects::Effect;
use crate::state::{Device, State};
use crate::{arm, data_plane, query};

/// Data Contributor, Data Reader, Registry Contributor.
const ROLES: [&str; 3] = [
    "4fc6c259-987e-4a07-842e-c321cc9d413f",
    "b447c946-2db7-41ec-983d-d8bf3b1c77e3",
    "4ea46cd5-c1b2-4a8e-910b-273211f9ce47",
];
const NEVER: &str = "0001-01-01T00:00:00";
/// Devices listed at most, whatever is asked for.
const PAGE: usize = 1000;

/// An error in IoT Hub's shape.
pub(crate) fn error(status: u16, code: &str, message: &str) -> Answer {
    let tracking = format!("Tracking ID:{}-G:0-TimeStamp:local", Uuid::new_v4().simple());
    Answer::json(status, json!({ "Message": format!("ErrorCode:{code};{message}"), "ExceptionMessage": tracking }))
        .header("iothub-errorcode", code)
}

/// Serves the registry of the hub that the host name names.
pub(crate) fn handle(cloud: &Cloud, request: &Request<Bytes>) -> Answer {
    if query::header(request, "authorization").is_none() {
        return error(401, "IotHubUnauthorizedAccess", "Unauthorized");
    }
    let hub = match hub::of_request(cloud, request) {
        Ok(hub) => hub,
        Err(missing) => return missing.answer(),
    };
    if !data_plane::admitted(cloud, request, "iot-hub", hub::KIND, &hub, &ROLES) {
        return error(403, "IotHubUnauthorizedAccess", "Principal has no permission for this operation (yet).");
    }
    let mut state = cloud.state();
    if let Err(missing) = hub::active(cloud, &mut state, &hub) {
        return missing.answer();
    }
    let version = query::value(request, "api-version");
    if version.is_none() {
        return error(400, "InvalidProtocolVersion", "The api-version query parameter is missing.");
    }
    let parts = query::segments(request.uri().path());
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let mut effects = Vec::new();
    let answer = match (request.method(), parts.as_slice()) {
        (&Method::GET, ["devices"]) => list(cloud, &state, &hub, request),
        (&Method::GET, ["devices", id]) => get(cloud, &state, &hub, id),
        (&Method::PUT, ["devices", id]) => put(cloud, &mut state, &mut effects, &hub, id, request),
        (&Method::DELETE, ["devices", id]) => delete(cloud, &mut state, &mut effects, &hub, id, request),
        _ => Answer::not_implemented("this request to IoT Hub", request),
    };
    arm::persist(cloud, &mut state, effects).unwrap_or(answer)
}

/// The key of a device in the state; the hub's name is in lower case.
pub(super) fn key(hub: &str, id: &str) -> String {
    format!("{hub}/{id}")
}

fn not_found(id: &str) -> Answer {
    error(404, "DeviceNotFound", &format!("A device with ID '{id}' is not registered."))
}

fn get(cloud: &Cloud, state: &State, hub: &str, id: &str) -> Answer {
    match state.get::<Device>(&key(hub, id)) {
        Some(device) => Answer::json(200, show_now(cloud, device)).header("etag", &format!("\"{}\"", device.etag)),
        None => not_found(id),
    }
}

fn list(cloud: &Cloud, state: &State, hub: &str, request: &Request<Bytes>) -> Answer {
    let top = query::value(request, "top").and_then(|top| top.parse().ok()).unwrap_or(PAGE).min(PAGE);
    let devices: Vec<Value> = state
        .all::<Device>()
        .values()
        .filter(|device| device.hub == hub)
        .take(top)
        .map(|device| show_now(cloud, device))
        .collect();
    Answer::json(200, devices.into())
}

fn put(
    cloud: &Cloud,
    state: &mut State,
    effects: &mut Vec<Effect>,
    hub: &str,
    id: &str,
    request: &Request<Bytes>,
) -> Answer {
    if !is_device_id(id) {
        return error(400, "ArgumentInvalid", &format!("The device ID '{id}' is not valid."));
    }
    let Some(body) = query::json(request).filter(Value::is_object) else {
        return error(400, "ArgumentInvalid", "The request body is not a device.");
    };
    if body["deviceId"].as_str() != Some(id) {
        return error(400, "ArgumentInvalid", "The device ID in the body does not match the one in the URL.");
    }
    let here = state.get::<Device>(&key(hub, id)).cloned();
    let condition = query::header(request, "if-match");
    if let Err(refusal) = check_condition(here.as_ref(), condition, id) {
        return refusal;
    }
    let device = match desired(cloud, here.as_ref(), hub, id, &body) {
        Ok(device) => device,
        Err(refusal) => return refusal,
    };
    let same = here.as_ref().is_some_and(|here| Device { etag: here.etag.clone(), ..device.clone() } == *here);
    effects.push(Effect::new("iot-hub", "PutDevice", format!("{hub}/devices/{id}")).unchanged(same));
    if !same {
        if !device.enabled {
            cloud.devices.end(hub, id);
        }
        state.set(&key(hub, id), device);
    }
    get(cloud, state, hub, id)
}

/// Without If-Match a PUT creates only; with it, it replaces what carries that ETag.
fn check_condition(here: Option<&Device>, condition: Option<&str>, id: &str) -> Result<(), Answer> {
    match (here, condition) {
        (None, None) => Ok(()),
        (None, Some(_)) => Err(not_found(id)),
        (Some(_), None) => {
            Err(error(409, "DeviceAlreadyExists", &format!("A device with ID '{id}' is already registered.")))
        }
        (Some(here), Some(tag)) if tag == "*" || tag.trim_matches('"') == here.etag => Ok(()),
        (Some(_), Some(tag)) => Err(error(
            412,
            "PreconditionFailed",
            &format!("Precondition failed: Device version did not match, existing ETag is not {tag}."),
        )),
    }
}

fn desired(cloud: &Cloud, here: Option<&Device>, hub: &str, id: &str, body: &Value) -> Result<Device, Answer> {
    let enabled = match body["status"].as_str() {
        None | Some("enabled") => true,
        Some("disabled") => false,
        Some(other) => return Err(error(400, "ArgumentInvalid", &format!("The status '{other}' is not known."))),
    };
    let changed = here.filter(|here| here.enabled == enabled).map(|here| here.status_changed.clone());
    Ok(Device {
        hub: hub.to_owned(),
        id: id.to_owned(),
        generation: here.map_or_else(generation, |here| here.generation.clone()),
        etag: types::key(8),
        enabled,
        status_reason: body["statusReason"].as_str().map(str::to_owned),
        status_changed: changed.unwrap_or_else(|| cloud.clock.timestamp()),
        authentication: authentication(here, &body["authentication"])?,
        iot_edge: body["capabilities"]["iotEdge"].as_bool().unwrap_or(false),
    })
}

fn generation() -> String {
    (Uuid::new_v4().as_u128() % 1_000_000_000_000_000_000).to_string()
}

/// Fills in what is left open: keys are kept when the device has some, drawn otherwise.
fn authentication(here: Option<&Device>, asked: &Value) -> Result<Value, Answer> {
    let kind = asked["type"].as_str().unwrap_or("sas");
    if !["sas", "selfSigned", "certificateAuthority", "none"].contains(&kind) {
        return Err(error(400, "ArgumentInvalid", &format!("The authentication type '{kind}' is not known.")));
    }
    let own = here.map_or(&Value::Null, |here| &here.authentication["symmetricKey"]);
    let given = |name: &str| match asked["symmetricKey"][name].as_str().filter(|key| !key.is_empty()) {
        Some(key) => Value::from(key),
        None if kind != "sas" => Value::Null,
        None => own[name].as_str().map_or_else(|| types::key(32).into(), Value::from),
    };
    let thumbprint = |name: &str| asked["x509Thumbprint"][name].clone();
    Ok(json!({
        "type": kind,
        "symmetricKey": { "primaryKey": given("primaryKey"), "secondaryKey": given("secondaryKey") },
        "x509Thumbprint": {
            "primaryThumbprint": thumbprint("primaryThumbprint"),
            "secondaryThumbprint": thumbprint("secondaryThumbprint"),
        },
    }))
}

fn delete(
    cloud: &Cloud,
    state: &mut State,
    effects: &mut Vec<Effect>,
    hub: &str,
    id: &str,
    request: &Request<Bytes>,
) -> Answer {
    let Some(here) = state.get::<Device>(&key(hub, id)) else { return not_found(id) };
    let tag = query::header(request, "if-match").unwrap_or("*");
    if let Err(refusal) = check_condition(Some(here), Some(tag), id) {
        return refusal;
    }
    state.remove::<Device>(&key(hub, id));
    cloud.devices.end(hub, id);
    effects.push(Effect::new("iot-hub", "DeleteDevice", format!("{hub}/devices/{id}")));
    Answer::empty(204)
}

fn is_device_id(id: &str) -> bool {
    (1..=128).contains(&id.len()) && id.chars().all(|c| c.is_ascii_alphanumeric() || "-.%_*?!(),:=@$'".contains(c))
}

/// The same with what only a running cloud knows.
fn show_now(cloud: &Cloud, device: &Device) -> Value {
    let mut shown = show(device);
    if cloud.devices.is_open(&device.hub, &device.id) {
        shown["connectionState"] = "Connected".into();
    }
    shown
}

pub(crate) fn show(device: &Device) -> Value {
    json!({
        "deviceId": device.id,
        "generationId": device.generation,
        "etag": device.etag,
        "connectionState": "Disconnected",
        "status": if device.enabled { "enabled" } else { "disabled" },
        "statusReason": device.status_reason,
        "connectionStateUpdatedTime": NEVER,
        "statusUpdatedTime": device.status_changed,
        "lastActivityTime": NEVER,
        "cloudToDeviceMessageCount": 0,
        "authentication": device.authentication,
        "capabilities": { "iotEdge": device.iot_edge },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_ids_have_a_length_and_an_alphabet() {
        assert!(is_device_id("machine-1.temp:(a)"));
        for bad in ["", "a b", "ü", &"x".repeat(129)] {
            assert!(!is_device_id(bad), "{bad}");
        }
    }
}
