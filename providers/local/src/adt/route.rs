//! Event routes: which notifications go to which endpoint. Notifications take them in [`super::egress`].

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::answer::{Refusal, Reply};
use super::call::Call;
use super::change::{Change, Route};
use super::instance::{Done, Instance};
use super::query::Filter;
use super::state::State;
use super::{limits, page, twin};

/// `GET /eventroutes`
pub(super) fn list(state: &State, call: &Call<'_>) -> Result<Reply, Refusal> {
    let after = page::start(call).to_owned();
    let routes = state.routes.iter().filter(move |(id, _)| **id > after);
    let entries = routes.map(|(id, route)| (id.clone(), shown(id, route)));
    Ok(Reply::document(page::page(call, limits::LIST_PAGE, entries)?))
}

/// `GET /eventroutes/{id}`
pub(super) fn get(state: &State, id: &str) -> Result<Reply, Refusal> {
    Ok(Reply::document(shown(id, find(state, id)?)))
}

/// `PUT /eventroutes/{id}`: the endpoint must be there and active, the filter must parse.
pub(super) fn put(instance: &mut Instance, call: &Call<'_>, id: &str) -> Result<Reply, Refusal> {
    twin::check_id(id)
        .map_err(|_| Refusal::bad("EventRouteIdInvalid", format!("The event route id {id} is invalid.")))?;
    let body = call.json()?.unwrap_or_default();
    let text = |member: &str| body.get(member).and_then(Value::as_str).map(str::to_owned);
    let endpoint = text("endpointName").ok_or_else(|| Refusal::argument("The endpointName field is required."))?;
    if !instance.state.endpoints.contains(&endpoint) {
        return Err(Refusal::bad(
            "EventRouteEndpointInvalid",
            "The endpoint provided does not exist or is not active. Check that your endpoint is provisioned correctly. See \
             event route documentation (https://aka.ms/ADTv2Routes).",
        ));
    }
    let filter = text("filter").ok_or_else(|| Refusal::bad("EventRouteFilterInvalid", "The filter is required."))?;
    Filter::read(&filter).map_err(|problem| Refusal::bad("EventRouteFilterInvalid", problem))?;
    let before = instance.state.routes.get(id);
    if before.is_none() && instance.state.routes.len() >= limits::ROUTES {
        let message = format!("An instance can have at most {} event routes.", limits::ROUTES);
        return Err(Refusal::bad("LimitExceeded", message));
    }
    let route = Route { endpoint, filter };
    let unchanged = before == Some(&route);
    let done = Done { unchanged, ..Done::new("PutEventRoute", resource(id)) };
    instance.commit(Change::PutRoute(id.to_owned(), route), &[done])?;
    Ok(Reply::nothing())
}

/// `DELETE /eventroutes/{id}`
pub(super) fn delete(instance: &mut Instance, id: &str) -> Result<Reply, Refusal> {
    find(&instance.state, id)?;
    instance.commit(Change::DeleteRoute(id.to_owned()), &[Done::new("DeleteEventRoute", resource(id))])?;
    Ok(Reply::nothing())
}

fn find<'a>(state: &'a State, id: &str) -> Result<&'a Route, Refusal> {
    state.routes.get(id).ok_or_else(|| {
        let message = "There is no route available that matches the provided input. Check for all valid event routes by \
                       calling EventRoute_List. See Swagger example (https://aka.ms/RouteSwSmpl).";
        Refusal::new(StatusCode::NOT_FOUND, "EventRouteNotFound", message)
    })
}

fn shown(id: &str, route: &Route) -> Value {
    json!({"id": id, "endpointName": route.endpoint, "filter": route.filter})
}

fn resource(id: &str) -> String {
    format!("eventroutes/{id}")
}
