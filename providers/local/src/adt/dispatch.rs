//! Which operation a call is.

use std::sync::{Arc, PoisonError, RwLock};

use axum::http::header::AUTHORIZATION;
use axum::http::{Request, Response};
use bytes::Bytes;

use super::answer::{self, Refusal, Reply};
use super::call::{Call, Version};
use super::instance::Instance;
use super::job::{self, Runner};
use super::rates::Limiter;
use super::{component, model, query, relationship, route, telemetry, twin};

/// Answers a request to an instance, within its rate limits if it has some.
pub(super) fn answer(
    instance: &Arc<RwLock<Instance>>,
    jobs: &Arc<Runner>,
    limits: Option<(&Limiter, &str)>,
    request: &Request<Bytes>,
) -> Response<Bytes> {
    if !request.headers().contains_key(AUTHORIZATION) {
        return answer::unauthorized();
    }
    match Call::of(request) {
        Err(refusal) => refusal.into_response(Version::V2020_10_31),
        Ok(call) => match limits.map(|(limiter, name)| limiter.admit(name, &call)).transpose() {
            Err(refusal) => refusal.into_response(call.version),
            Ok(turn) => {
                let response = match dispatch(instance, jobs, &call) {
                    Ok(reply) => reply.into_response(),
                    Err(refusal) => refusal.into_response(call.version),
                };
                turn.inspect(|turn| turn.charge(&response));
                response
            }
        },
    }
}

fn dispatch(instance: &Arc<RwLock<Instance>>, jobs: &Arc<Runner>, call: &Call<'_>) -> Result<Reply, Refusal> {
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    let read = || instance.read().unwrap_or_else(PoisonError::into_inner);
    let write = || instance.write().unwrap_or_else(PoisonError::into_inner);
    match (call.method.as_str(), &path[..]) {
        ("POST", ["models"]) => model::add(&mut write(), call),
        ("GET", ["models"]) => model::list(&read().state, call),
        ("GET", ["models", id]) => model::get(&read().state, call, id),
        ("PATCH", ["models", id]) => model::update(&mut write(), call, id),
        ("DELETE", ["models", id]) => model::delete(&mut write(), id),
        ("POST", ["query"]) => read().query(|state| query::run(state, call)),
        ("GET", ["digitaltwins", id]) => twin::get(&read().state, call, id),
        ("PUT", ["digitaltwins", id]) => twin::put(&mut write(), call, id),
        ("PATCH", ["digitaltwins", id]) => twin::update(instance, call, id, None),
        ("DELETE", ["digitaltwins", id]) => twin::delete(&mut write(), call, id),
        ("POST", ["digitaltwins", id, "telemetry"]) => telemetry::send(&read(), call, id, None),
        ("GET", ["digitaltwins", id, "components", name]) => component::get(&read().state, call, id, name),
        ("PATCH", ["digitaltwins", id, "components", name]) => twin::update(instance, call, id, Some(name)),
        ("POST", ["digitaltwins", id, "components", name, "telemetry"]) => {
            telemetry::send(&read(), call, id, Some(name))
        }
        ("GET", ["digitaltwins", id, "relationships"]) => relationship::list(&read().state, call, id),
        ("GET", ["digitaltwins", id, "incomingrelationships"]) => relationship::incoming(&read().state, call, id),
        ("GET", ["digitaltwins", source, "relationships", id]) => relationship::get(&read().state, source, id),
        ("PUT", ["digitaltwins", source, "relationships", id]) => relationship::put(&mut write(), call, source, id),
        ("PATCH", ["digitaltwins", source, "relationships", id]) => {
            relationship::update(&mut write(), call, source, id)
        }
        ("DELETE", ["digitaltwins", source, "relationships", id]) => {
            relationship::delete(&mut write(), call, source, id)
        }
        ("GET", ["eventroutes"]) => route::list(&read().state, call),
        ("GET", ["eventroutes", id]) => route::get(&read().state, id),
        ("PUT", ["eventroutes", id]) => route::put(&mut write(), call, id),
        ("DELETE", ["eventroutes", id]) => route::delete(&mut write(), id),
        (_, ["jobs", path @ ..]) => job::answer(instance, jobs, call, path),
        (method, path) => Err(Refusal::not_implemented(format_args!("{method} /{}", path.join("/")))),
    }
}
