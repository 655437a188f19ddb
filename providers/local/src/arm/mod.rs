//! Azure Resource Manager: one table-driven core, a table per provider, and the few things that fit no table.

pub(crate) mod actions;
pub(crate) mod failure;
pub(crate) mod functions;
pub(crate) mod id;
pub(crate) mod kind;
pub(crate) mod lifecycle;
pub(crate) mod names;
pub(crate) mod refusal;
pub(crate) mod resource;
pub(crate) mod settings;
pub(crate) mod tenancy;
pub(crate) mod types;

use axum::http::{Method, Request};
use bytes::Bytes;
use serde_json::{Value, json};

use self::failure::{Failure, Shape};
use self::id::{Collection, Id, Path};
use self::kind::Kind;
use self::resource::Call;
use crate::answer::Answer;
use crate::cloud::Cloud;
use crate::effects::Effect;
use crate::endpoints::{SUBSCRIPTION, TENANT};
use crate::faults::Kind as Fault;
use crate::listen::Service;
use crate::state::State;
use crate::{query, token};

/// Serves one request: what it changes is written before it is answered.
pub(crate) fn handle(cloud: &Cloud, request: &Request<Bytes>, hits: &[Fault]) -> Answer {
    let Some(bearer) = query::bearer(request) else { return unauthorised(cloud) };
    let mut state = cloud.state();
    token::remember_caller(&mut state, bearer);
    let mut effects = Vec::new();
    let path = id::parse(request.uri().path(), query::value(request, "asyncinfo").is_some());
    let shape = shape_of(&path);
    let answer = match route(cloud, &mut state, &mut effects, request, &path, hits) {
        Ok(Some(answer)) => answer,
        Ok(None) => Answer::not_implemented("this request to Resource Manager", request),
        Err(failure) => failure.answer(shape),
    };
    persist(cloud, &mut state, effects).unwrap_or(answer)
}

/// Writes state, then effects, and lets events take the ways that it has now; an answer is returned in the place of the real one when that fails.
pub(crate) fn persist(cloud: &Cloud, state: &mut State, effects: Vec<Effect>) -> Option<Answer> {
    let mut written = state.commit();
    for effect in effects {
        written = written.and_then(|()| cloud.effects.record(effect).map(|_| ()));
    }
    cloud.grid.renew(state);
    cloud.apps.touch();
    let error = written.err()?;
    tracing::error!(%error, "the state could not be written");
    Some(Answer::error(500, "InternalServerError", "The local cloud could not write its state."))
}

fn unauthorised(cloud: &Cloud) -> Answer {
    let authority = format!("{}/{TENANT}", cloud.hosts.base(Service::Login));
    let challenge =
        format!("Bearer authorization_uri=\"{authority}\", error=\"invalid_token\", error_description=\"missing\"");
    let message = "Authentication failed. The 'Authorization' header is missing.";
    Answer::error(401, "AuthenticationFailed", message).header("www-authenticate", &challenge)
}

/// Errors about what a provider serves have that provider's shape.
fn shape_of(path: &Path) -> Shape {
    let kind = match path {
        Path::Resource(id) => types::find(&id.kind),
        Path::Collection(collection) => types::find(strip_action(&collection.kind)),
        _ => None,
    };
    kind.map_or(Shape::Wrapped, |kind| kind.shape)
}

fn strip_action(kind: &str) -> &str {
    kind.rsplit_once('/').map_or(kind, |(kind, _)| kind)
}

type Routed = Result<Option<Answer>, Failure>;

fn route(
    cloud: &Cloud,
    state: &mut State,
    effects: &mut Vec<Effect>,
    request: &Request<Bytes>,
    path: &Path,
    hits: &[Fault],
) -> Routed {
    let version = query::value(request, "api-version").ok_or_else(|| {
        let message = "The api-version query parameter (?api-version=) is required for all requests.";
        Failure::bad_request("MissingApiVersionParameter", message)
    })?;
    check_subscription(request.uri().path())?;
    let method = request.method();
    match path {
        Path::Operation { id, results } => {
            let url = request.uri().path_and_query().map_or("", |url| url.as_str());
            lifecycle::poll(cloud, state, id, *results, url).map(Some)
        }
        Path::Resource(id)
            if id.kind.eq_ignore_ascii_case("Microsoft.Web/sites/functions") && method == Method::GET =>
        {
            let site = id.parent().unwrap_or_default();
            functions::get(cloud, state, &site, id.name()).map(Some)
        }
        Path::Resource(id) => {
            let Some(kind) = types::find(&id.kind) else { return Ok(tenancy::role_definition(request, id)) };
            check_version(kind, &version)?;
            let call = Call {
                cloud,
                state,
                hits,
                effects,
                method,
                version: &version,
                if_match: query::header(request, "if-match"),
                if_none_match: query::header(request, "if-none-match"),
            };
            on_resource(call, kind, id, request)
        }
        Path::Collection(collection) if method == Method::POST => {
            let body = query::json(request).unwrap_or(Value::Null);
            actions::post(cloud, state, effects, collection, &body).transpose()
        }
        Path::Collection(collection) if method == Method::GET => {
            on_collection(cloud, state, request, collection, (hits, &version))
        }
        _ => Ok(tenancy::serve(cloud, state, request, path)),
    }
}

fn on_resource(mut call: Call<'_>, kind: &Kind, id: &Id, request: &Request<Bytes>) -> Routed {
    let body = || {
        let message = "The request content was invalid and could not be deserialized.";
        query::json(request).ok_or_else(|| Failure::bad_request("InvalidRequestContent", message))
    };
    match *call.method {
        Method::GET => call.get(kind, id).map(Some),
        Method::HEAD => Ok(Some(call.get(kind, id).map_or(Answer::empty(404), |_| Answer::empty(204)))),
        Method::PUT => call.put(kind, id, body()?).map(Some),
        Method::PATCH => call.patch(kind, id, body()?).map(Some),
        Method::DELETE => call.delete(kind, id).map(Some),
        _ => Ok(None),
    }
}

fn on_collection(
    cloud: &Cloud,
    state: &mut State,
    request: &Request<Bytes>,
    collection: &Collection,
    (hits, version): (&[Fault], &str),
) -> Routed {
    let filter = query::value(request, "$filter");
    if collection.kind.eq_ignore_ascii_case("Microsoft.Web/sites/functions") {
        return functions::list(cloud, state, &collection.base).map(Some);
    }
    let Some(kind) = types::find(&collection.kind) else {
        return Ok(tenancy::role_definitions(collection, filter.as_deref()));
    };
    check_version(kind, version)?;
    let mut effects = Vec::new();
    let method = request.method();
    let mut call =
        Call { cloud, state, hits, effects: &mut effects, method, version, if_match: None, if_none_match: None };
    Ok(Some(call.list(kind, collection, filter.as_deref())))
}

fn check_subscription(path: &str) -> Result<(), Failure> {
    let mut parts = query::segments(path).into_iter();
    let subscription = match parts.next() {
        Some(first) if first.eq_ignore_ascii_case("subscriptions") => parts.next(),
        _ => None,
    };
    match subscription {
        Some(other) if !other.eq_ignore_ascii_case(SUBSCRIPTION) => {
            let message = format!("The subscription '{other}' could not be found.");
            Err(Failure::not_found("SubscriptionNotFound", message))
        }
        _ => Ok(()),
    }
}

fn check_version(kind: &Kind, version: &str) -> Result<(), Failure> {
    if kind.versions.contains(&version) {
        return Ok(());
    }
    let (namespace, name) = kind.name.split_once('/').unwrap_or_default();
    let message = format!(
        "No registered resource provider found for API version '{version}' for type '{name}' of '{namespace}'. The supported api-versions are '{}'.",
        kind.versions.join(", ")
    );
    Err(Failure::bad_request("NoRegisteredProviderFound", message))
}

/// The subscription as ARM shows it.
fn subscription() -> Value {
    json!({
        "id": format!("/subscriptions/{SUBSCRIPTION}"),
        "subscriptionId": SUBSCRIPTION,
        "tenantId": TENANT,
        "displayName": "twinctl local cloud",
        "state": "Enabled",
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01", "quotaId": "PayAsYouGo_2014-09-01", "spendingLimit": "Off",
        },
        "authorizationSource": "RoleBased",
    })
}
