//! The twins' data plane: which instance a request is for, and whether its caller's role has propagated.

use std::sync::PoisonError;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Request, Response};
use bytes::Bytes;
use chrono::DateTime;

use crate::answer::Answer;
use crate::arm::lifecycle::{INSTANCE, STAND_ALONE};
use crate::cloud::Cloud;
use crate::faults::Target;
use crate::listen::Service;
use crate::state::{Resource, State};
use crate::{query, token};

/// Roles that admit to the twins: Azure Digital Twins Data Owner and Data Reader.
const TWIN_ROLES: [&str; 2] = ["bcd981a7-7f74-457b-83e1-cceb9e632ffe", "d57506d4-4c8d-48b1-8587-93c323f6a5a3"];

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
    if query::bearer(&request).is_some() && !admitted(cloud, &request, "adt", INSTANCE, &instance, &TWIN_ROLES) {
        let message = "The caller's role assignment does not allow this operation (yet).";
        return Answer::error(403, "Forbidden", message).into_response();
    }
    if service == Service::AdtHttp {
        request.headers_mut().insert("x-forwarded-proto", HeaderValue::from_static("http"));
    }
    cloud.twins.handle(&instance, request).map(Body::from)
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
    let (target, _) = resources.find(|(_, found)| found.kind == kind && found.name().eq_ignore_ascii_case(name))?;
    let covers = |key: &str| {
        let scope = key.rsplit_once("/providers/").map_or("", |(scope, _)| scope);
        target == scope || target.starts_with(&format!("{scope}/"))
    };
    let fits = |body: &serde_json::Value| {
        let properties = &body["properties"];
        let role = properties["roleDefinitionId"].as_str().and_then(|id| id.rsplit('/').next()).unwrap_or_default();
        let principal = properties["principalId"].as_str();
        roles.contains(&role) && caller.is_none_or(|caller| principal == Some(caller))
    };
    let found = state.all::<Resource>().iter().find(|(key, assignment)| {
        assignment.kind == "Microsoft.Authorization/roleAssignments" && covers(key) && fits(&assignment.body)
    });
    found.map(|(key, assignment)| (key.clone(), assignment.created.clone()))
}
