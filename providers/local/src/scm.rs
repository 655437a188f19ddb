//! Function package upload, the part of Kudu that a Flex Consumption app has.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Cursor, Read};

use axum::http::{Method, Request};
use bytes::Bytes;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::answer::Answer;
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
pub(crate) fn handle(cloud: &Cloud, request: &Request<Bytes>, hits: &[Fault]) -> Answer {
    if query::bearer(request).is_none() {
        return Answer::empty(401);
    }
    let mut state = cloud.state();
    let wanted = query::subject(request, "scm");
    let Some(site) = site(&state, wanted.as_deref()) else {
        return Answer::error(404, "NotFound", "There is no such app.");
    };
    let parts = query::segments(request.uri().path());
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let mut effects = Vec::new();
    let answer = match (request.method(), parts.as_slice()) {
        (&Method::POST, ["api", "publish" | "zipdeploy"]) => {
            publish(cloud, &mut state, &mut effects, &site, request.body(), hits)
        }
        (&Method::GET, ["api", "deployments"]) => deployments(cloud, &mut state, &site),
        (&Method::GET, ["api", "deployments", id]) => deployment(cloud, &mut state, &site, id),
        _ => Answer::not_implemented("this request to the deployment service", request),
    };
    arm::persist(cloud, &mut state, effects).unwrap_or(answer)
}

/// The app of that name, or the only one when no name is given.
fn site(state: &State, name: Option<&str>) -> Option<Resource> {
    let mut sites = state.all::<Resource>().values().filter(|resource| resource.kind == SITE);
    match name {
        Some(name) => sites.find(|site| site.name().eq_ignore_ascii_case(name)).cloned(),
        None => sites.next().filter(|_| sites.next().is_none()).cloned(),
    }
}

fn publish(
    cloud: &Cloud,
    state: &mut State,
    effects: &mut Vec<Effect>,
    site: &Resource,
    zip: &Bytes,
    hits: &[Fault],
) -> Answer {
    let functions = match functions(zip) {
        Ok(functions) => functions,
        Err(error) => return Answer::error(400, "BadRequest", &format!("The package cannot be read: {error}.")),
    };
    let app = site.name().to_lowercase();
    if state.get::<Package>(&app).is_some_and(|here| is_running(state, &here.deployment)) {
        let deployment = state.get::<Package>(&app).map(|here| here.deployment.clone()).unwrap_or_default();
        lifecycle::look(cloud, state, &deployment);
        if is_running(state, &deployment) {
            return Answer::error(409, "Conflict", "There is a deployment currently in progress.");
        }
    }
    let digest = format!("{:x}", Sha256::digest(zip));
    if let Err(error) = store(cloud, &digest, zip) {
        tracing::error!(%error, "a package could not be stored");
        return Answer::error(500, "InternalServerError", "The package could not be stored.");
    }
    let same = state.get::<Package>(&app).is_some_and(|here| here.digest == digest && here.live);
    let fails = hits.iter().find_map(|hit| match hit {
        Fault::OperationFails { code } => Some(code.clone()),
        _ => None,
    });
    let id = lifecycle::begin(cloud, state, &app, SITE, Act::Publish, DEPLOYING, fails);
    let received = cloud.clock.timestamp();
    let package = Package { app: app.clone(), digest, functions, deployment: id.clone(), live: same, received };
    state.set(&app, package);
    effects.push(Effect::new("scm", "Publish", format!("{app}/package")).unchanged(same));
    Answer::json(202, id.into()).header("retry-after", "0")
}

fn is_running(state: &State, deployment: &str) -> bool {
    state.get::<Operation>(deployment).is_some_and(|operation| operation.outcome == Outcome::Running)
}

/// Stores the zip under its digest; the same bytes are stored once.
fn store(cloud: &Cloud, digest: &str, zip: &Bytes) -> io::Result<()> {
    let dir = cloud.dir.join("packages");
    let path = dir.join(format!("{digest}.zip"));
    if path.exists() {
        return Ok(());
    }
    fs::create_dir_all(&dir)?;
    let beside = dir.join(format!("{digest}.new"));
    fs::write(&beside, zip)?;
    fs::rename(beside, path)
}

/// Every `{function}/function.json` in the zip, by function.
fn functions(zip: &Bytes) -> Result<BTreeMap<String, Value>, zip::result::ZipError> {
    let mut archive = zip::ZipArchive::new(Cursor::new(zip))?;
    let mut functions = BTreeMap::new();
    for at in 0..archive.len() {
        let mut entry = archive.by_index(at)?;
        let Some(function) = entry.name().strip_suffix("/function.json").map(str::to_owned) else { continue };
        if function.contains('/') {
            continue;
        }
        let mut text = String::new();
        entry.read_to_string(&mut text)?;
        let document = serde_json::from_str(&text).map_err(io::Error::from)?;
        functions.insert(function, document);
    }
    Ok(functions)
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
