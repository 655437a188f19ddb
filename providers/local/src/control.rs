//! The control interface: what the real cloud does not have. Faults never reach it.

use axum::http::{Method, Request};
use bytes::Bytes;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::cloud::Cloud;
use crate::faults::Fault;
use crate::{apps, dump, events, query, twinmaker};

/// Serves one request.
///
/// `GET /health`, `GET /effects[?since=N]`, `GET /dump`, `GET /events`, `GET|PUT|DELETE /faults`, `GET|PUT|DELETE /aws`, `GET /apps`, `POST /apps/{app}/kill`,
/// `GET|PUT|DELETE /recording`, `POST /stop`.
pub(crate) fn handle(cloud: &Cloud, request: &Request<Bytes>) -> Answer {
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/health") => {
            Answer::json(200, json!({ "instance": cloud.instance, "pid": std::process::id() }))
        }
        (&Method::GET, "/effects") => effects(cloud, request),
        (&Method::GET, "/events") => Answer::json(200, events::show(cloud)),
        (&Method::GET, "/dump") => Answer::json(200, dump::whole(cloud)),
        (&Method::GET, "/faults") => faults(cloud),
        (&Method::PUT, "/faults") => match serde_json::from_slice::<Vec<Fault>>(request.body()) {
            Ok(wanted) => {
                cloud.faults.replace(wanted);
                faults(cloud)
            }
            Err(error) => Answer::error(400, "BadRequest", &format!("The faults cannot be read: {error}")),
        },
        (&Method::DELETE, "/faults") => {
            cloud.faults.replace(Vec::new());
            Answer::empty(204)
        }
        (&Method::GET, "/apps") => Answer::json(200, apps::show(cloud)),
        (&Method::GET | &Method::PUT | &Method::DELETE, "/aws") => twinmaker::neighbour(cloud, request),
        (&Method::GET, "/recording") => recording(cloud),
        (&Method::PUT, "/recording") => record(cloud, request),
        (&Method::DELETE, "/recording") => {
            cloud.recording.stop();
            Answer::empty(204)
        }
        (&Method::POST, path) if killed(path).is_some() => apps::kill(cloud, killed(path).unwrap_or_default()),
        (&Method::POST, "/stop") => {
            cloud.stop.cancel();
            Answer::empty(202)
        }
        _ => Answer::not_implemented("this request to the control interface", request),
    }
}

/// The app that `/apps/{app}/kill` is for.
fn killed(path: &str) -> Option<&str> {
    path.strip_prefix("/apps/")?.strip_suffix("/kill").filter(|app| !app.contains('/'))
}

fn effects(cloud: &Cloud, request: &Request<Bytes>) -> Answer {
    let since = query::value(request, "since").and_then(|since| since.parse().ok()).unwrap_or(0);
    match cloud.effects.json_since(since) {
        Ok(entries) => Answer::json_text(200, entries),
        Err(error) => Answer::error(500, "InternalServerError", &error.to_string()),
    }
}

fn recording(cloud: &Cloud) -> Answer {
    Answer::json(200, json!({ "file": cloud.recording.file() }))
}

fn record(cloud: &Cloud, request: &Request<Bytes>) -> Answer {
    #[derive(serde::Deserialize)]
    struct Wanted {
        file: std::path::PathBuf,
    }
    let wanted: Wanted = match serde_json::from_slice(request.body()) {
        Ok(wanted) => wanted,
        Err(error) => return Answer::error(400, "BadRequest", &format!("The recording cannot be read: {error}")),
    };
    match cloud.recording.start(&wanted.file) {
        Ok(()) => recording(cloud),
        Err(error) => Answer::error(400, "BadRequest", &format!("{}: {error}", wanted.file.display())),
    }
}

fn faults(cloud: &Cloud) -> Answer {
    let list: Vec<Value> = cloud.faults.list().iter().filter_map(|fault| serde_json::to_value(fault).ok()).collect();
    Answer::json(200, list.into())
}
