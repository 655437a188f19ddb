//! The twins' data plane: which instance a request is for, whether its caller may, and whether the role has propagated.

use std::sync::PoisonError;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Method, Request, Response, StatusCode};
use bytes::Bytes;
use chrono::DateTime;

use crate::arm::lifecycle::{INSTANCE, STAND_ALONE};
use crate::cloud::Cloud;
use crate::endpoints::SUBSCRIPTION;
use crate::faults::Target;
use crate::listen::Service;
use crate::state::{Resource, State};
use crate::{adt, query, token};

/// Azure Digital Twins Data Owner.
const DATA_OWNER: &str = "bcd981a7-7f74-457b-83e1-cceb9e632ffe";
/// Azure Digital Twins Data Reader.
const DATA_READER: &str = "d57506d4-4c8d-48b1-8587-93c323f6a5a3";
/// What tokens for the twins are issued for: the service by its URL, or by the id of its application.
const AUDIENCES: [&str; 2] = ["https://digitaltwins.azure.net", "0b07f429-9f4b-4714-9392-cc5e8e80c8b0"];

/// Hands a request to the instance that its host name names.
///
/// Under a plain host name that is the only instance there is, or else the stand-alone one.
pub(crate) fn digital_twins(cloud: &Cloud, service: Service, mut request: Request<Bytes>) -> Response<Body> {
    let instance = query::subject(&request, "adt").unwrap_or_else(|| only_instance(cloud));
    if instance == STAND_ALONE
        && let Err(error) = cloud.twins.create_instance(STAND_ALONE)
    {
        tracing::error!(%error, "the stand-alone instance could not be opened");
    }
    if let Some(refusal) = refusal(cloud, &request, &instance) {
        return refusal;
    }
    let roles = [DATA_OWNER, DATA_READER];
    if query::bearer(&request).is_some() && !admitted(cloud, &request, "adt", INSTANCE, &instance, &roles) {
        return forbidden();
    }
    if service == Service::AdtHttp {
        request.headers_mut().insert("x-forwarded-proto", HeaderValue::from_static("http"));
    }
    cloud.twins.handle(&instance, request).map(Body::from)
}

/// Where roles are enforced, refuses callers whose token is none of ours, or whose roles do not allow the request.
///
/// Data Owners may do everything, Data Readers read and query.
fn refusal(cloud: &Cloud, request: &Request<Bytes>, instance: &str) -> Option<Response<Body>> {
    if !cloud.strictness.rbac {
        return None;
    }
    let Some(caller) = query::bearer(request).and_then(|token| token::verified(cloud, token, &AUDIENCES)) else {
        return Some(adt::unauthorized().map(Body::from));
    };
    let is_query = request.method() == Method::POST && request.uri().path() == "/query";
    let roles: &[&str] = match request.method() == Method::GET || is_query {
        true => &[DATA_OWNER, DATA_READER],
        false => &[DATA_OWNER],
    };
    let assigned = assignment(&cloud.state(), INSTANCE, instance, Some(&caller), roles);
    assigned.is_none().then(forbidden)
}

/// 403 as users have reported it of the real service: without a body.
fn forbidden() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::FORBIDDEN;
    response
}

fn only_instance(cloud: &Cloud) -> String {
    let mut deployed = cloud.twins.instances();
    deployed.retain(|name| name != STAND_ALONE);
    match deployed.as_slice() {
        [only] => only.clone(),
        _ => STAND_ALONE.to_owned(),
    }
}

/// Whether the caller may in: always, unless the propagation fault is in force.
///
/// Then a role assignment must be there that has been refused often enough, and is old enough.
pub(crate) fn admitted(
    cloud: &Cloud,
    request: &Request<Bytes>,
    service: &str,
    kind: &str,
    name: &str,
    roles: &[&str],
) -> bool {
    let (method, path) = (request.method().as_str(), request.uri().path());
    let Some((requests, milliseconds)) = cloud.faults.propagation(Target { service, method, path }) else {
        return true;
    };
    let caller = query::bearer(request).and_then(token::object_id);
    let found = assignment(&cloud.state(), kind, name, caller.as_deref(), roles);
    has_propagated(cloud, service, found, (requests, milliseconds))
}

/// Whether an assignment, given by its key and when it was made, is there and has taken effect: it has been refused that
/// many times, and is that many milliseconds old.
pub(crate) fn has_propagated(
    cloud: &Cloud,
    service: &str,
    assignment: Option<(String, String)>,
    (requests, milliseconds): (u32, u64),
) -> bool {
    let Some((key, created)) = assignment else { return false };
    let age = DateTime::parse_from_rfc3339(&created).map(|created| cloud.clock.now() - created.to_utc());
    let young = age.is_ok_and(|age| age.to_std().unwrap_or_default() < Duration::from_millis(milliseconds));
    let mut refused = cloud.refused.lock().unwrap_or_else(PoisonError::into_inner);
    let count = refused.entry(format!("{service} {key} {created}")).or_default();
    if young || *count < requests {
        *count = count.saturating_add(1);
        return false;
    }
    true
}

/// The assignment of one of these roles to the caller that covers the resource: its key and when it was made.
fn assignment(state: &State, kind: &str, name: &str, caller: Option<&str>, roles: &[&str]) -> Option<(String, String)> {
    let mut resources = state.all::<Resource>().iter();
    let found = resources.find(|(_, found)| found.kind == kind && found.name().eq_ignore_ascii_case(name));
    let target = match found {
        Some((key, _)) => key.clone(),
        // It is no resource: what is assigned for the whole subscription counts.
        None if kind == INSTANCE && name == STAND_ALONE => format!("/subscriptions/{SUBSCRIPTION}"),
        None => return None,
    };
    let covers = |key: &str| {
        let scope = key.rsplit_once("/providers/").map_or("", |(scope, _)| scope);
        target == scope || target.starts_with(&format!("{scope}/"))
    };
    let fits = |body: &serde_json::Value| {
        let properties = &body["properties"];
        let role = properties["roleDefinitionId"].as_str().and_then(|id| id.rsplit('/').next()).unwrap_or_default();
        let principal = properties["principalId"].as_str().unwrap_or_default();
        roles.contains(&role) && caller.is_none_or(|caller| principal.eq_ignore_ascii_case(caller))
    };
    let found = state.all::<Resource>().iter().find(|(key, assignment)| {
        assignment.kind == "Microsoft.Authorization/roleAssignments" && covers(key) && fits(&assignment.body)
    });
    found.map(|(key, assignment)| (key.clone(), assignment.created.clone()))
}
