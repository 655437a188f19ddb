//! The host's own interface: how it stands, which functions it has. Opened by the master key.

use std::sync::Arc;

use axum::http::{Method, Request};
use bytes::Bytes;
use serde_json::{Value, json};

use super::definition::Definition;
use super::function::{Function, Level, Trigger};
use super::invocation::VERSION;
use super::supervisor::App;
use crate::answer::Answer;
use crate::cloud::Cloud;
use crate::listen::Service;

/// Serves what lies below `/admin`; the path is in lower case.
pub(super) async fn serve(
    cloud: &Arc<Cloud>,
    app: &Arc<App>,
    now: &Definition,
    request: &Request<Bytes>,
    path: &[&str],
) -> Answer {
    if !now.keys.admit(Level::Admin, request) {
        return Answer::empty(401);
    }
    match (request.method(), path) {
        (&Method::GET, ["host", "status"]) => status(cloud, app, now).await,
        (&Method::GET | &Method::POST, ["host", "ping"]) => Answer::empty(200),
        (&Method::GET, ["functions"]) => {
            let functions = now.code.iter().flat_map(|code| &code.functions);
            Answer::json(200, functions.map(|function| show(cloud, now, function)).collect())
        }
        (&Method::GET, ["functions", name]) => {
            find(now, name).map_or(Answer::empty(404), |function| Answer::json(200, show(cloud, now, function)))
        }
        (&Method::GET, ["functions", name, "status"]) => {
            find(now, name).map_or(Answer::empty(404), |_| Answer::json(200, json!({})))
        }
        _ => Answer::not_implemented("this request to the function host", request),
    }
}

/// How the host stands; asking starts it, as any request does.
async fn status(cloud: &Arc<Cloud>, app: &Arc<App>, now: &Definition) -> Answer {
    let errors: Vec<String> = app.lease(cloud, now).await.err().iter().map(ToString::to_string).collect();
    let state = if errors.is_empty() { "Running" } else { "Error" };
    let mut shown = json!({ "id": now.name, "state": state, "version": VERSION, "versionDetails": VERSION });
    if !errors.is_empty() {
        shown["errors"] = errors.into();
    }
    Answer::json(200, shown)
}

/// A function of that name, in service or not.
fn find<'a>(now: &'a Definition, name: &str) -> Option<&'a Function> {
    let mut functions = now.code.iter().flat_map(|code| &code.functions);
    functions.find(|function| function.name.eq_ignore_ascii_case(name))
}

fn show(cloud: &Cloud, now: &Definition, function: &Function) -> Value {
    let host = cloud.hosts.of(Service::Web, "web", &now.name);
    let mut shown = json!({
        "name": function.name,
        "href": format!("https://{host}/admin/functions/{}", function.name),
        "config": function.document,
        "isDisabled": function.disabled,
        "isDirect": false,
        "isProxy": false,
        "language": "custom",
    });
    if let Trigger::Http { .. } = function.trigger {
        let binding = function.document["bindings"].as_array().into_iter().flatten();
        let route = binding.filter_map(|binding| binding["route"].as_str()).next().unwrap_or(&function.name);
        let prefix = now.code.as_ref().and_then(|code| code.host.as_ref().ok()).map_or("api", |host| &host.prefix);
        let base = if prefix.is_empty() { String::new() } else { format!("/{prefix}") };
        shown["invoke_url_template"] = format!("https://{host}{base}/{route}").into();
    }
    shown
}
