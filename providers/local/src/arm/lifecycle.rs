//! Long-running operations: begun by a PUT or DELETE, looked at, ended; and what their end does to resources.
//!
//! When time is instant, an operation is running the first time that somebody looks at it or at its resource,
//! and over the second time. When time is realistic it is over when its recorded duration, scaled, has passed.

use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use super::failure::Failure;
use super::id::{GROUP, group_of};
use super::kind::{End, Headers, Kind, Urls};
use super::{resource, types};
use crate::answer::Answer;
use crate::clock;
use crate::cloud::Cloud;
use crate::cosmos;
use crate::endpoints::SUBSCRIPTION;
use crate::listen::Service;
use crate::state::{Act, Device, Operation, Outcome, Package, Resource, State};

/// The type of ADT instances, whose data plane follows their resource.
pub(crate) const INSTANCE: &str = "Microsoft.DigitalTwins/digitalTwinsInstances";

/// The type of their endpoints.
pub(crate) const ENDPOINT: &str = "Microsoft.DigitalTwins/digitalTwinsInstances/endpoints";

/// The type of Cosmos DB's containers, whose items go with them.
const COSMOS_CONTAINER: &str = "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers";

/// The instance that there is without a resource, for clients that only want the data plane.
pub(crate) const STAND_ALONE: &str = "default";

/// Begins an operation on a resource that lasts as long as recorded; returns its id.
pub(crate) fn begin(
    cloud: &Cloud,
    state: &mut State,
    key: &str,
    kind: &str,
    act: Act,
    recorded: u32,
    fails: Option<String>,
) -> String {
    let id = Uuid::new_v4().to_string();
    let started = cloud.clock.now();
    let operation = Operation {
        id: id.clone(),
        resource: key.to_owned(),
        kind: kind.to_owned(),
        act,
        started,
        due: started + cloud.clock.lasts(Duration::from_secs(recorded.into())),
        ended: None,
        seen: 0,
        fails,
        outcome: Outcome::Running,
    };
    state.set(&id, operation);
    id
}

/// Looks at the operation that runs on a resource, if any, which may end it.
pub(crate) fn observe(cloud: &Cloud, state: &mut State, key: &str) {
    if let Some(operation) = state.get::<Resource>(key).and_then(|resource| resource.operation.clone()) {
        look(cloud, state, &operation);
    }
}

/// Looks at an operation, which may end it; returns it as it stands then.
pub(crate) fn look(cloud: &Cloud, state: &mut State, id: &str) -> Option<Operation> {
    let operation = state.unrecorded::<Operation>(id)?;
    if operation.outcome == Outcome::Running {
        operation.seen = operation.seen.saturating_add(1);
        let over = if cloud.clock.is_realistic() { cloud.clock.now() >= operation.due } else { operation.seen > 1 };
        if over {
            end(cloud, state, id);
        }
    }
    state.get::<Operation>(id).cloned()
}

fn end(cloud: &Cloud, state: &mut State, id: &str) {
    let Some(mut operation) = state.get::<Operation>(id).cloned() else { return };
    operation.ended = Some(cloud.clock.now());
    operation.outcome = if operation.fails.is_some() { Outcome::Failed } else { Outcome::Succeeded };
    let (key, act, failed) = (operation.resource.clone(), operation.act, operation.fails.is_some());
    state.set(id, operation);
    if act == Act::Publish {
        if let Some(mut package) = state.get::<Package>(&key).cloned() {
            package.live = !failed;
            package.before = package.before.filter(|_| failed);
            state.set(&key, package);
        }
        return;
    }
    if act == Act::Delete && !failed {
        remove(cloud, state, &key);
        return;
    }
    if let Some(mut resource) = state.get::<Resource>(&key).cloned() {
        resource.operation = None;
        resource.state = if failed { "Failed" } else { "Succeeded" }.to_owned();
        if !failed {
            open_data_plane(cloud, &resource);
        }
        state.set(&key, resource);
    }
}

/// Takes a resource away with everything in it.
///
/// Role assignments on a deleted resource stay, as on the real cloud; those in a deleted group go with it.
pub(crate) fn remove(cloud: &Cloud, state: &mut State, key: &str) {
    let Some(gone) = state.remove::<Resource>(key) else { return };
    let below = format!("{key}/");
    let inner: Vec<String> = state
        .all::<Resource>()
        .range(below.clone()..)
        .take_while(|(inner, _)| inner.starts_with(&below))
        .filter(|(_, inner)| gone.kind == GROUP || inner.kind != "Microsoft.Authorization/roleAssignments")
        .map(|(inner, _)| inner.clone())
        .collect();
    for inner in inner {
        if let Some(inner) = state.remove::<Resource>(&inner) {
            forget(cloud, state, &inner);
        }
    }
    forget(cloud, state, &gone);
}

/// Drops what the data planes keep for a resource that is gone.
fn forget(cloud: &Cloud, state: &mut State, gone: &Resource) {
    let name = gone.name().to_lowercase();
    match gone.kind.as_str() {
        INSTANCE => close_instance(cloud, &name),
        ENDPOINT => {
            // The instance may have gone first, and its endpoints with it.
            if let Err(error) = cloud.twins.delete_endpoint(instance_of(gone), gone.name()) {
                tracing::debug!(endpoint = gone.id, %error, "the endpoint was not known any more");
            }
        }
        "Microsoft.Devices/IotHubs" => {
            let devices: Vec<String> = state
                .all::<Device>()
                .iter()
                .filter(|(_, device)| device.hub == name)
                .map(|(key, _)| key.clone())
                .collect();
            for device in devices {
                state.remove::<Device>(&device);
            }
        }
        COSMOS_CONTAINER => cosmos::forget(cloud, gone),
        "Microsoft.Web/sites" => {
            state.remove::<Package>(&name);
        }
        kind if kind.ends_with("/eventSubscriptions") => cloud.grid.look(),
        _ => {}
    }
}

/// Makes the twins' instances, and the containers of items, those that there are resources for: a kill may have come
/// between the two.
pub(crate) fn reconcile_instances(cloud: &Cloud, state: &State) {
    let resources = state.all::<Resource>().values();
    let ready = |resource: &&Resource| resource.operation.is_none() && resource.state == "Succeeded";
    resources.clone().filter(ready).for_each(|resource| open_data_plane(cloud, resource));
    for name in cloud.twins.instances() {
        let has_resource =
            resources.clone().any(|other| other.kind == INSTANCE && other.name().eq_ignore_ascii_case(&name));
        if !has_resource && name != STAND_ALONE {
            close_instance(cloud, &name);
        }
    }
    cosmos::reconcile(cloud, state);
}

/// Makes an instance or one of its endpoints known to the data plane; other resources have none to be known to.
fn open_data_plane(cloud: &Cloud, resource: &Resource) {
    let opened = match resource.kind.as_str() {
        INSTANCE => cloud.twins.create_instance(resource.name()),
        ENDPOINT => cloud.twins.put_endpoint(instance_of(resource), resource.name()),
        _ => return,
    };
    if let Err(error) = opened {
        tracing::error!(resource = resource.id, %error, "the data plane could not be opened");
    }
}

/// The instance that an endpoint belongs to.
fn instance_of(endpoint: &Resource) -> &str {
    endpoint.id.rsplit('/').nth(2).unwrap_or_default()
}

fn close_instance(cloud: &Cloud, name: &str) {
    if let Err(error) = cloud.twins.delete_instance(name) {
        tracing::error!(instance = name, %error, "the instance's twins could not be deleted");
    }
}

/// Adds the poll URLs and `Retry-After` to the answer that begins an operation.
pub(crate) fn poll_headers(
    cloud: &Cloud,
    kind: &Kind,
    resource: &Resource,
    operation: &str,
    version: &str,
    (headers, retry_after): (Headers, Option<u32>),
    mut answer: Answer,
) -> Answer {
    if headers != Headers::Location {
        answer = answer.header("azure-asyncoperation", &poll_url(cloud, kind, resource, operation, version, false));
    }
    if headers != Headers::AzureAsync {
        answer = answer.header("location", &poll_url(cloud, kind, resource, operation, version, true));
    }
    match wait(cloud, retry_after) {
        Some(seconds) => answer.header("retry-after", &seconds),
        None => answer,
    }
}

/// The `Retry-After` to send: 0 when time is instant, the recorded one scaled otherwise.
fn wait(cloud: &Cloud, recorded: Option<u32>) -> Option<String> {
    if !cloud.clock.is_realistic() {
        return Some("0".to_owned());
    }
    let scaled = cloud.clock.lasts(Duration::from_secs(recorded?.into()));
    Some(scaled.as_secs_f64().round().to_string())
}

fn poll_url(cloud: &Cloud, kind: &Kind, resource: &Resource, operation: &str, version: &str, results: bool) -> String {
    let base = cloud.hosts.base(Service::Arm);
    match kind.urls {
        Urls::Location(status, result) => {
            let segment = if results { result } else { status };
            let (namespace, location) = (kind.namespace(), location(resource));
            format!(
                "{base}/subscriptions/{SUBSCRIPTION}/providers/{namespace}/locations/{location}/{segment}/{operation}?api-version={version}"
            )
        }
        Urls::Resource => {
            let form = if results { "" } else { "&asyncinfo" };
            format!("{base}{}/operationResults/{operation}?api-version={version}{form}", resource.id)
        }
        Urls::Subscription => {
            format!("{base}/subscriptions/{SUBSCRIPTION}/operationresults/{operation}?api-version={version}")
        }
    }
}

fn location(resource: &Resource) -> String {
    resource.location().to_lowercase().replace(' ', "")
}

/// Answers a poll of an Azure-AsyncOperation URL (always 200) or of a Location URL.
pub(crate) fn poll(cloud: &Cloud, state: &mut State, id: &str, results: bool, url: &str) -> Result<Answer, Failure> {
    let missing = || Failure::not_found("OperationNotFound", format!("The operation '{id}' was not found."));
    let operation = look(cloud, state, id).ok_or_else(missing)?;
    let kind = types::find(&operation.kind).ok_or_else(missing)?;
    if !results {
        let answer = Answer::json(200, status(kind, &operation, url));
        return Ok(if operation.outcome == Outcome::Running { waiting(cloud, answer) } else { answer });
    }
    Ok(match operation.outcome {
        Outcome::Running => {
            let here = format!("{}{url}", cloud.hosts.base(Service::Arm));
            waiting(cloud, Answer::empty(202).header("location", &here))
        }
        Outcome::Failed => failure(&operation).answer(kind.shape),
        Outcome::Succeeded => match (operation.act, kind.delete) {
            (Act::Delete, End::Runs { gone, .. }) => Answer::empty(gone),
            _ => match state.get::<Resource>(&operation.resource) {
                Some(resource) => Answer::json(200, resource::show(cloud, state, kind, resource)),
                None => Answer::empty(204),
            },
        },
    })
}

fn waiting(cloud: &Cloud, answer: Answer) -> Answer {
    match wait(cloud, Some(10)) {
        Some(seconds) => answer.header("retry-after", &seconds),
        None => answer,
    }
}

fn failure(operation: &Operation) -> Failure {
    let code = operation.fails.as_deref().unwrap_or("InternalServerError");
    Failure::conflict(code, "The operation failed on demand.")
}

fn status(kind: &Kind, operation: &Operation, url: &str) -> Value {
    let word = match operation.outcome {
        Outcome::Succeeded => "Succeeded",
        Outcome::Failed => "Failed",
        Outcome::Running => running(kind),
    };
    let mut body = json!({
        "id": url.split('?').next().unwrap_or_default(),
        "name": operation.id,
        "status": word,
        "startTime": clock::timestamp(operation.started),
    });
    if let Some(ended) = operation.ended {
        body["endTime"] = clock::timestamp(ended).into();
    }
    if operation.outcome == Outcome::Failed {
        let failure = failure(operation);
        body["error"] = json!({ "code": failure.code, "message": failure.message });
    }
    body
}

/// How the provider says that an operation is not over.
fn running(kind: &Kind) -> &'static str {
    match kind.namespace() {
        "Microsoft.EventGrid" => "InProgress",
        "Microsoft.DocumentDB" => "Dequeued",
        _ => "Running",
    }
}

/// Whether the group that an id lies in is being deleted.
pub(crate) fn group_is_going(state: &State, id: &str) -> bool {
    group_of(id)
        .and_then(|group| state.get::<Resource>(&group.to_lowercase()))
        .is_some_and(|group| group.state == "Deleting")
}
