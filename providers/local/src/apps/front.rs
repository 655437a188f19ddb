//! The HTTP front of apps: routes of functions, the page of the app, and the ways of the host itself.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, Response, header};
use bytes::Bytes;
use serde_json::{Map, Value};

use super::definition::Definition;
use super::function::{Function, Trigger};
use super::invocation::{self, Callee, Failed};
use super::supervisor::{App, Unavailable};
use super::{admin, grid};
use crate::answer::Answer;
use crate::cloud::Cloud;
use crate::query;

/// How long the front of the real cloud waits for an answer.
const LIMIT: Duration = Duration::from_secs(230);

/// What is said when there is no process to give a call to.
const NOT_RUNNING: &str = "Function host is not running.";

/// Serves a request to `https://{app}.web.localhost/`.
pub(super) async fn serve(cloud: &Arc<Cloud>, request: Request<Bytes>) -> Response<Body> {
    let name = query::subject(&request, "web").unwrap_or_default();
    let found = cloud.apps.get(cloud, &name).and_then(|app| Some((app.definition(cloud)?, app)));
    let Some((now, app)) = found else {
        return Answer::text(404, "404 Web Site not found.".to_owned()).into_response();
    };
    let segments = query::segments(request.uri().path());
    let lower: Vec<String> = segments.iter().map(|segment| segment.to_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    match lower.as_slice() {
        [] if request.method() == Method::GET || request.method() == Method::HEAD => page(&now),
        ["admin", path @ ..] => admin::serve(cloud, &app, &now, &request, path).await.into_response(),
        ["runtime", "webhooks", "eventgrid"] => grid::webhook(cloud, &app, &now, &request).await.into_response(),
        _ => match find(&now, request.method(), &segments) {
            Some((function, parameters)) => invoke(cloud, &app, &now, function, &request, parameters).await,
            None => Answer::empty(404).into_response(),
        },
    }
}

/// The function whose route and methods fit. One whose method does not fit is not there, as on the real host.
fn find<'a>(now: &'a Definition, method: &Method, segments: &[String]) -> Option<(&'a Function, Map<String, Value>)> {
    let code = now.code.as_ref()?;
    let prefix = code.host.as_ref().map_or("api", |host| host.prefix.as_str());
    let prefix: Vec<&str> = prefix.split('/').filter(|part| !part.is_empty()).collect();
    let (before, rest) = segments.split_at_checked(prefix.len())?;
    if !before.iter().zip(&prefix).all(|(is, wanted)| is.eq_ignore_ascii_case(wanted)) {
        return None;
    }
    code.functions.iter().filter(|function| !function.disabled).find_map(|function| {
        let Trigger::Http { route, methods, .. } = &function.trigger else { return None };
        let fits = methods.is_empty() || methods.iter().any(|known| known == method.as_str());
        Some((function, route.fit(rest).filter(|_| fits)?))
    })
}

async fn invoke(
    cloud: &Arc<Cloud>,
    app: &Arc<App>,
    now: &Definition,
    function: &Function,
    request: &Request<Bytes>,
    parameters: Map<String, Value>,
) -> Response<Body> {
    let admitted = match &function.trigger {
        Trigger::Http { level, .. } => now.keys.admit(*level, request),
        _ => false,
    };
    if !admitted {
        return Answer::empty(401).into_response();
    }
    let callee = Callee { cloud, app, now };
    let forwards = now.code.as_ref().and_then(|code| code.host.as_ref().ok()).is_some_and(|host| host.forwards);
    let called = if forwards && function.is_plain_http() {
        invocation::forward(callee, request, LIMIT).await
    } else {
        let value = invocation::request_value(request, parameters);
        let outcome = invocation::call(callee, function, value, LIMIT).await;
        outcome.map(|outcome| outcome.into_response(function))
    };
    let response = called.unwrap_or_else(|failed| failure(app, function, &failed).into_response());
    app.count(&function.name, response.status().as_u16());
    response
}

fn not_running(error: &Unavailable) -> Answer {
    let answer = Answer::text(503, NOT_RUNNING.to_owned());
    match error {
        Unavailable::BackingOff(left) => answer.header("retry-after", &left.as_secs().saturating_add(1).to_string()),
        _ => answer,
    }
}

/// Says nothing of what went wrong to the caller; that is for the app's log.
fn failure(app: &App, function: &Function, failed: &Failed) -> Answer {
    app.log(&[format!("the call of {} failed: {failed}", function.name).into()]);
    match failed {
        Failed::Unavailable(error) => not_running(error),
        Failed::Status(_) | Failed::Form(_) => Answer::empty(500),
        Failed::Broken(_) => Answer::text(502, "The function host ended during the call.".to_owned()),
        Failed::TimedOut(_) => Answer::text(504, "The function host did not answer in time.".to_owned()),
    }
}

/// The page that says that the app is there.
fn page(now: &Definition) -> Response<Body> {
    let text = format!(
        "<!DOCTYPE html><html lang=\"en\"><head><title>{name}</title></head>\
         <body><h1>Your Functions 4.0 app is up and running</h1><p>{name}</p></body></html>\n",
        name = now.name
    );
    let mut response = Answer::text(200, text).into_response();
    let kind = axum::http::HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
