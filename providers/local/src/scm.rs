//! Function package upload, the part of Kudu that a Flex Consumption app has.

use std::sync::Arc;

use axum::http::{Method, Request};
use bytes::Bytes;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::apps::store::{self, Stored};
use crate::arm::lifecycle;
use crate::cloud::Cloud;
use crate::effects::Effect;
use crate::faults::Kind as Fault;
use crate::state::{Act, Operation, Outcome, Package, Resource, State};
use crate::{arm, clock, query};

const SITE: &str = "Microsoft.Web/sites";
/// Seconds that a deployment takes when time is realistic.
const DEPLOYING: u32 = 30;

/// Serves the deployment interface of the app that the host name names.
pub(crate) async fn handle(cloud: &Arc<Cloud>, request: Request<Bytes>, hits: &[Fault]) -> Answer {
    if query::bearer(&request).is_none() {
        return Answer::empty(401);
    }
    let wanted = query::subject(&request, "scm");
    let Some(site) = site(&cloud.state(), wanted.as_deref()) else {
        return Answer::error(404, "NotFound", "There is no such app.");
    };
    let parts = query::segments(request.uri().path());
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match (request.method(), parts.as_slice()) {
        (&Method::POST, ["api", "publish" | "zipdeploy"]) => publish(cloud, &site, request.into_body(), hits).await,
        (&Method::GET, ["api", "deployments"]) => read(cloud, |state| deployments(cloud, state, &site)),
        (&Method::GET, ["api", "deployments", id]) => read(cloud, |state| deployment(cloud, state, &site, id)),
        _ => Answer::not_implemented("this request to the deployment service", &request),
    }
}

/// Looking at a deployment may end it, which is written before it is answered.
fn read(cloud: &Cloud, answer: impl FnOnce(&mut State) -> Answer) -> Answer {
    let mut state = cloud.state();
    let answer = answer(&mut state);
    arm::persist(cloud, &mut state, Vec::new()).unwrap_or(answer)
}

/// The app of that name, or the only one when no name is given.
fn site(state: &State, name: Option<&str>) -> Option<Resource> {
    let mut sites = state.all::<Resource>().values().filter(|resource| resource.kind == SITE);
    match name {
        Some(name) => sites.find(|site| site.name().eq_ignore_ascii_case(name)).cloned(),
        None => sites.next().filter(|_| sites.next().is_none()).cloned(),
    }
}

/// Takes a package: unpacked first, which takes its time, then recorded.
async fn publish(cloud: &Arc<Cloud>, site: &Resource, zip: Bytes, hits: &[Fault]) -> Answer {
    // Nobody may take away what is unpacked and not recorded yet.
    let _packages = cloud.apps.packages.lock().await;
    let store = cloud.apps.store.clone();
    let stored = match tokio::task::spawn_blocking(move || store.add(&zip)).await {
        Ok(Ok(stored)) => stored,
        Ok(Err(store::Error::Io(error))) => return not_stored(&error),
        Ok(Err(refusal)) => {
            return Answer::error(400, "BadRequest", &format!("The package cannot be used: {refusal}."));
        }
        Err(error) => return not_stored(&error),
    };
    let mut state = cloud.state();
    if !state.all::<Resource>().contains_key(&site.id.to_lowercase()) {
        return Answer::error(404, "NotFound", "There is no such app.");
    }
    let mut effects = Vec::new();
    let answer = record(cloud, &mut state, &mut effects, &site.name().to_lowercase(), stored, hits);
    arm::persist(cloud, &mut state, effects).unwrap_or(answer)
}

fn not_stored(error: &dyn std::error::Error) -> Answer {
    tracing::error!(%error, "a package could not be stored");
    Answer::error(500, "InternalServerError", "The package could not be stored.")
}

/// Begins the deployment of a package that is there; the app runs what it ran until that has ended.
fn record(
    cloud: &Cloud,
    state: &mut State,
    effects: &mut Vec<Effect>,
    app: &str,
    stored: Stored,
    hits: &[Fault],
) -> Answer {
    let here = state.get::<Package>(app).map(|here| here.deployment.clone());
    if here.is_some_and(|deployment| still_runs(cloud, state, &deployment)) {
        return Answer::error(409, "Conflict", "There is a deployment currently in progress.");
    }
    let before = state.get::<Package>(app).and_then(Package::served);
    let same = state.get::<Package>(app).is_some_and(|here| here.digest == stored.digest && here.live);
    let fails = hits.iter().find_map(|hit| match hit {
        Fault::OperationFails { code } => Some(code.clone()),
        _ => None,
    });
    let id = lifecycle::begin(cloud, state, app, SITE, Act::Publish, DEPLOYING, fails);
    let package = Package {
        app: app.to_owned(),
        digest: stored.digest,
        functions: stored.functions,
        deployment: id.clone(),
        live: same,
        received: cloud.clock.timestamp(),
        before: before.filter(|_| !same),
    };
    state.set(app, package);
    effects.push(Effect::new("scm", "Publish", format!("{app}/package")).unchanged(same));
    Answer::json(202, id.into()).header("retry-after", "0")
}

/// Looks at a deployment that runs, which may end it; says whether it goes on.
fn still_runs(cloud: &Cloud, state: &mut State, deployment: &str) -> bool {
    if is_running(state, deployment) {
        lifecycle::look(cloud, state, deployment);
    }
    is_running(state, deployment)
}

fn is_running(state: &State, deployment: &str) -> bool {
    state.get::<Operation>(deployment).is_some_and(|operation| operation.outcome == Outcome::Running)
}

fn deployments(cloud: &Cloud, state: &mut State, site: &Resource) -> Answer {
    let latest = state.get::<Package>(&site.name().to_lowercase()).map(|package| package.deployment.clone());
    let operation = latest.and_then(|id| lifecycle::look(cloud, state, &id));
    let value: Vec<Value> = operation.iter().map(|operation| show(site, operation)).collect();
    Answer::json(200, value.into())
}

fn deployment(cloud: &Cloud, state: &mut State, site: &Resource, id: &str) -> Answer {
    let app = site.name().to_lowercase();
    let latest = state.get::<Package>(&app).map(|package| package.deployment.clone());
    let id = if id == "latest" { latest.unwrap_or_default() } else { id.to_owned() };
    match lifecycle::look(cloud, state, &id).filter(|found| found.resource == app && found.act == Act::Publish) {
        Some(operation) => Answer::json(200, show(site, &operation)),
        None => Answer::error(404, "NotFound", &format!("Deployment '{id}' not found.")),
    }
}

/// A deployment as Kudu shows it: 2 deploying, 3 failed, 4 success.
fn show(site: &Resource, operation: &Operation) -> Value {
    let (status, complete) = match operation.outcome {
        Outcome::Running => (2, false),
        Outcome::Failed => (3, true),
        Outcome::Succeeded => (4, true),
    };
    json!({
        "id": operation.id,
        "status": status,
        "status_text": operation.fails.as_deref().filter(|_| status == 3).unwrap_or_default(),
        "author": "N/A",
        "deployer": "twinctl",
        "message": "",
        "progress": "",
        "received_time": clock::timestamp(operation.started),
        "start_time": clock::timestamp(operation.started),
        "end_time": operation.ended.map(clock::timestamp),
        "complete": complete,
        "active": status == 4,
        "is_temp": false,
        "is_readonly": true,
        "site_name": site.name(),
    })
}
