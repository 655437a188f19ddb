//! AWS IoT TwinMaker (API version 2021-11-29): workspaces, component types, entities, tags, and values by connector.
//!
//! The twin of a project whose L4 is on AWS. TwinMaker pulls: it holds no time series itself, but asks the Lambda function of
//! a component's type for them.
//!
//! # Terms
//!
//! | term | meaning |
//! |---|---|
//! | caller | the account and region that a request's credentials are scoped to; each has workspaces of its own |
//! | plane | the half of the API that an operation belongs to; SDKs put it before the host name (`api.`, `data.`) |
//! | arn | the name of a resource in the whole of AWS; rows are kept under it |
//! | life | where a component type or entity is between its creation and its end |
//! | traits | what a component type has, its own and what it inherits |
//! | connector | a Lambda function that values are asked of |
//! | neighbour | the AWS emulator that connectors are called at |
//!
//! # Invariants
//!
//! 1. An answer leaves after its change is written (`write(2)`), as a line of the control plane's state.
//! 2. An error is one that the service model lists for the operation, but for what comes before any operation
//!    (credentials, bodies that are no JSON) and the tags' `ValidationException`.
//! 3. No lock is held while a connector works.
//!
//! # What is not here
//!
//! Scenes, sync and transfer jobs, queries, pricing plans, writes of values, the lists of an entity's components and properties,
//! composite components, property groups, schema initializers, native connectors, built-in types (`com.amazon.`) and expressions
//! answer 501. Roles and buckets of a workspace are not looked at.

mod ask;
mod caller;
mod component;
mod component_type;
mod connector;
mod definition;
mod entity;
mod history;
mod latest;
mod life;
mod neighbour;
mod page;
mod pattern;
mod quota;
mod record;
mod refusal;
mod route;
mod show;
mod tags;
mod traits;
mod tree;
mod value;
mod workspace;

use std::io;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, Response};
use bytes::Bytes;
use serde_json::{Map, Value};

pub(crate) use neighbour::{Neighbour, handle as neighbour};
pub(crate) use record::{ComponentType, Entity, Workspace};
pub(crate) use refusal::{failed, throttled};
pub(crate) use show::dump;

use crate::answer::Answer;
use crate::cloud::Cloud;
use crate::effects::Effect;
use crate::faults::Kind;
use crate::query;
use crate::state::State;
use ask::Ask;
use caller::Caller;
use refusal::Refusal;
use route::Route;

/// The name of this service in the effect log and in faults.
const SERVICE: &str = "twinmaker";

/// One request, its caller and operation known.
struct Call<'a> {
    cloud: &'a Cloud,
    request: &'a Request<Bytes>,
    caller: Caller,
    route: Route,
    body: Map<String, Value>,
    hits: &'a [Kind],
}

/// What an operation answers, and what it has done.
type Done = Result<(Value, Vec<Effect>), Refusal>;

impl Call<'_> {
    fn ask(&self) -> Ask<'_> {
        Ask::new(&self.body)
    }

    /// A part of the path that the service model gives a pattern.
    fn part(&self, name: &str, pattern: &pattern::Pattern) -> Result<String, Refusal> {
        let text = self.route.part(name);
        pattern.check(name, text)?;
        Ok(text.to_owned())
    }

    /// The refusal of what is not there, as far as the operation knows such.
    fn missing(&self, what: &str, id: &str) -> Refusal {
        let message = format!("The {what} {id} does not exist.");
        if self.route.finds { Refusal::not_found(message) } else { Refusal::invalid(message) }
    }

    fn effect(&self, arn: &str) -> Effect {
        Effect::new(SERVICE, self.route.operation, arn)
    }

    /// Refuses a request that uses a part of the API that is not here.
    fn without(&self, names: &[&str]) -> Result<(), Refusal> {
        match names.iter().find(|name| self.body.get(**name).is_some_and(|value| !value.is_null())) {
            Some(name) => Err(Refusal::not_implemented(&format!("`{name}` of {}", self.route.operation))),
            None => Ok(()),
        }
    }
}

/// Serves one request.
pub(crate) async fn handle(cloud: &Arc<Cloud>, request: &Request<Bytes>, hits: &[Kind]) -> Response<Body> {
    let answer = match serve(cloud, request, hits).await {
        Ok(body) => refusal::stamped(Answer::json(200, body)),
        Err(refusal) => refusal.answer(),
    };
    let mut response = answer.into_response();
    response.headers_mut().remove("x-ms-request-id");
    response
}

async fn serve(cloud: &Arc<Cloud>, request: &Request<Bytes>, hits: &[Kind]) -> Result<Value, Refusal> {
    let caller = caller::of(request)?;
    let route = route::find(request)?;
    let body = object(request)?;
    let call = Call { cloud, request, caller, route, body, hits };
    match call.route.operation {
        "GetPropertyValueHistory" => history::get(&call).await,
        "GetPropertyValue" => latest::get(&call).await,
        _ => {
            let mut state = cloud.state();
            let done = act(&call, &mut state);
            let effects = done.as_ref().map(|(_, effects)| effects.clone()).unwrap_or_default();
            persist(cloud, &mut state, effects).map_err(|error| Refusal::internal(&error))?;
            done.map(|(answer, _)| answer)
        }
    }
}

/// What the state alone answers.
fn act(call: &Call<'_>, state: &mut State) -> Done {
    match call.route.operation {
        "CreateWorkspace" => workspace::create(call, state),
        "GetWorkspace" => workspace::get(call, state),
        "UpdateWorkspace" => workspace::update(call, state),
        "DeleteWorkspace" => workspace::delete(call, state),
        "ListWorkspaces" => workspace::list(call, state),
        "CreateComponentType" => component_type::create(call, state),
        "GetComponentType" => component_type::get(call, state),
        "UpdateComponentType" => component_type::update(call, state),
        "DeleteComponentType" => component_type::delete(call, state),
        "ListComponentTypes" => component_type::list(call, state),
        "CreateEntity" => entity::create(call, state),
        "GetEntity" => entity::get(call, state),
        "UpdateEntity" => entity::update(call, state),
        "DeleteEntity" => entity::delete(call, state),
        "ListEntities" => entity::list(call, state),
        "TagResource" => tags::tag(call, state),
        "UntagResource" => tags::untag(call, state),
        "ListTagsForResource" => tags::list(call, state),
        other => Err(Refusal::not_implemented(other)),
    }
}

/// Writes the state, then the effects. What a look has ended is written too, refused or not.
fn persist(cloud: &Cloud, state: &mut State, effects: Vec<Effect>) -> io::Result<()> {
    state.commit()?;
    effects.into_iter().try_for_each(|effect| cloud.effects.record(effect).map(|_| ()))
}

/// The body's members; an empty body has none.
fn object(request: &Request<Bytes>) -> Result<Map<String, Value>, Refusal> {
    if request.body().is_empty() {
        return Ok(Map::new());
    }
    match query::json(request) {
        Some(Value::Object(members)) => Ok(members),
        _ => Err(Refusal::unreadable("The body is not a JSON object.")),
    }
}
