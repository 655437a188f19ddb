//! The resource core: PUT, PATCH, GET, DELETE and lists, the same for every type of the tables.

use axum::http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::failure::Failure;
use super::id::{Collection, GROUP, Id};
use super::kind::{Begin, End, Kind, Reply, Runs, View};
use super::refusal::{busy, check_shape, no_group};
use super::{lifecycle, settings, types};
use crate::answer::Answer;
use crate::cloud::Cloud;
use crate::effects::Effect;
use crate::faults::Kind as Fault;
use crate::state::{Act, Held, Resource, State};

/// A request on a resource while it is being served.
pub(crate) struct Call<'a> {
    pub(crate) cloud: &'a Cloud,
    pub(crate) state: &'a mut State,
    pub(crate) hits: &'a [Fault],
    pub(crate) effects: &'a mut Vec<Effect>,
    pub(crate) method: &'a Method,
    pub(crate) version: &'a str,
    pub(crate) if_match: Option<&'a str>,
    pub(crate) if_none_match: Option<&'a str>,
}

/// A resource as GET shows it.
pub(crate) fn show(cloud: &Cloud, state: &State, kind: &Kind, resource: &Resource) -> Value {
    let mut shown = resource.body.clone();
    types::overlay(&mut shown, json!({ "id": resource.id, "name": resource.name(), "type": kind.name }));
    types::overlay(&mut shown, (kind.show)(View { cloud, state }, resource));
    shown
}

impl Call<'_> {
    fn view(&self) -> View<'_> {
        View { cloud: self.cloud, state: self.state }
    }

    fn shown(&self, kind: &Kind, key: &str) -> Value {
        self.state.get::<Resource>(key).map_or(Value::Null, |found| show(self.cloud, self.state, kind, found))
    }

    fn record(&mut self, operation: &str, resource: &str, unchanged: bool) {
        self.effects.push(Effect::new("arm", operation, resource).unchanged(unchanged));
    }

    /// The code of the long operation's failure, when this request is to end in one.
    fn fails(&self) -> Option<String> {
        self.hits.iter().find_map(|hit| match hit {
            Fault::OperationFails { code } => Some(code.clone()),
            _ => None,
        })
    }

    pub(crate) fn get(&mut self, kind: &Kind, id: &Id) -> Result<Answer, Failure> {
        self.settle(id);
        match self.state.get::<Resource>(&id.key()) {
            Some(_) => Ok(Answer::json(200, self.shown(kind, &id.key()))),
            None => Err(self.missing(kind, id)),
        }
    }

    /// Looks at the operations on the resource and on what it lies in.
    fn settle(&mut self, id: &Id) {
        for key in [id.group().map(|group| group.to_lowercase()), Some(id.key())].into_iter().flatten() {
            lifecycle::observe(self.cloud, self.state, &key);
        }
    }

    pub(crate) fn put(&mut self, kind: &Kind, id: &Id, mut body: Value) -> Result<Answer, Failure> {
        self.settle(id);
        clean(&mut body);
        self.check_place(kind, id)?;
        check_shape(kind, id, &body)?;
        self.check_preconditions(id)?;
        (kind.check)(self.view(), id, &body)?;
        match self.state.get::<Resource>(&id.key()).cloned() {
            None => self.create(kind, id, body),
            Some(here) => self.replace(kind, here, body),
        }
    }

    fn create(&mut self, kind: &Kind, id: &Id, mut body: Value) -> Result<Answer, Failure> {
        self.check_free(kind, id)?;
        let settings = settings::take(kind, &mut body);
        let now = self.cloud.clock.timestamp();
        let mut resource = Resource {
            id: id.text.clone(),
            kind: kind.name.to_owned(),
            body,
            minted: (kind.mint)(),
            state: "Succeeded".to_owned(),
            operation: None,
            created: now.clone(),
            changed: now,
            etag: Uuid::new_v4().to_string(),
        };
        let answer = self.start(kind, &mut resource, kind.create, (Act::Create, kind.creating));
        self.record("PutResource", &id.text, false);
        self.state.set(&id.key(), resource);
        settings::put(self.cloud, self.state, &id.text, settings);
        Ok(answer.finish(self, kind, &id.key()))
    }

    fn replace(&mut self, kind: &Kind, here: Resource, mut body: Value) -> Result<Answer, Failure> {
        let key = here.id.to_lowercase();
        let settings = settings::take(kind, &mut body);
        let same = body == here.body && settings::same(self.state, &here.id, settings.as_ref());
        if here.operation.is_some() {
            return self.repeat(kind, &here, same);
        }
        if here.body["location"].is_string() && here.location() != body["location"].as_str().unwrap_or_default() {
            let message = format!(
                "The resource '{}' already exists in location '{}'. A resource with the same name cannot be created elsewhere.",
                here.name(),
                here.location()
            );
            return Err(Failure::conflict("InvalidResourceLocation", message));
        }
        self.record("PutResource", &here.id, same);
        if same && here.state == "Succeeded" && self.fails().is_none() {
            return Ok(self.unchanged(kind, &key));
        }
        let failed = here.state == "Failed";
        let (begin, act) = if failed { (kind.create, Act::Create) } else { (kind.update, Act::Update) };
        let mut resource = Resource {
            body,
            changed: self.cloud.clock.timestamp(),
            etag: Uuid::new_v4().to_string(),
            state: "Succeeded".to_owned(),
            ..here
        };
        let answer = self.start(kind, &mut resource, begin, (act, kind.creating));
        let id = resource.id.clone();
        self.state.set(&key, resource);
        settings::put(self.cloud, self.state, &id, settings);
        Ok(answer.finish(self, kind, &key))
    }

    /// Nothing to do: answered at once with what is there, under the status that the type updates with.
    fn unchanged(&self, kind: &Kind, key: &str) -> Answer {
        let status = match kind.update {
            Begin::Done(status) => status,
            // Without a body 202 would leave the client waiting for an operation that there is none of.
            Begin::Runs(runs) if runs.status == 202 => 200,
            Begin::Runs(runs) => runs.status,
        };
        Answer::json(status, self.shown(kind, key))
    }

    /// A PUT while an operation runs: the same one again is answered as the first, another one is refused.
    fn repeat(&mut self, kind: &Kind, here: &Resource, same: bool) -> Result<Answer, Failure> {
        let begin = if here.state == "Updating" { kind.update } else { kind.create };
        match (begin, &here.operation) {
            (Begin::Runs(runs), Some(operation)) if same && here.state != "Deleting" => {
                self.record("PutResource", &here.id, true);
                let started = Started::Running(runs, operation.clone());
                Ok(started.finish(self, kind, &here.id.to_lowercase()))
            }
            _ => Err(busy(here)),
        }
    }

    /// Begins what a PUT or DELETE sets going; the resource is changed but not stored yet.
    fn start(&mut self, kind: &Kind, resource: &mut Resource, begin: Begin, (act, recorded): (Act, u32)) -> Started {
        match begin {
            Begin::Done(status) => Started::Done(status),
            Begin::Runs(runs) => {
                let key = resource.id.to_lowercase();
                let fails = self.fails();
                let operation = lifecycle::begin(self.cloud, self.state, &key, kind.name, act, recorded, fails);
                runs.state.clone_into(&mut resource.state);
                resource.operation = Some(operation.clone());
                Started::Running(runs, operation)
            }
        }
    }

    pub(crate) fn patch(&mut self, kind: &Kind, id: &Id, patch: Value) -> Result<Answer, Failure> {
        self.settle(id);
        let Some(status) = kind.patch else {
            return Err(Failure::new(405, "MethodNotAllowed", format!("{} cannot be patched.", kind.name)));
        };
        let Some(mut here) = self.state.get::<Resource>(&id.key()).cloned() else { return Err(self.missing(kind, id)) };
        if here.operation.is_some() {
            return Err(busy(&here));
        }
        self.check_preconditions(id)?;
        let mut body = here.body.clone();
        merge(&mut body, &patch);
        clean(&mut body);
        (kind.check)(self.view(), id, &body)?;
        let settings = settings::take(kind, &mut body);
        let same = body == here.body && settings::same(self.state, &here.id, settings.as_ref());
        self.record("PatchResource", &here.id, same);
        if !same {
            here.body = body;
            here.changed = self.cloud.clock.timestamp();
            here.etag = Uuid::new_v4().to_string();
            settings::put(self.cloud, self.state, &here.id, settings);
            self.state.set(&id.key(), here);
        }
        Ok(Answer::json(status, self.shown(kind, &id.key())))
    }

    pub(crate) fn delete(&mut self, kind: &Kind, id: &Id) -> Result<Answer, Failure> {
        self.settle(id);
        let key = id.key();
        let Some(mut here) = self.state.get::<Resource>(&key).cloned() else { return self.absent(kind, id) };
        if here.operation.is_some() {
            return self.delete_again(kind, &here);
        }
        self.check_preconditions(id)?;
        self.check_unused(&here)?;
        let shown = self.shown(kind, &key);
        match kind.delete {
            End::Never => Err(Failure::new(405, "MethodNotAllowed", format!("{} cannot be deleted.", kind.name))),
            End::Done { status, body, .. } => {
                self.hold(&key);
                self.record("DeleteResource", &here.id, false);
                lifecycle::remove(self.cloud, self.state, &key);
                Ok(if body == Reply::Resource { Answer::json(status, shown) } else { Answer::empty(status) })
            }
            End::Runs { runs, .. } => {
                self.hold(&key);
                self.record("DeleteResource", &here.id, false);
                let started = self.start(kind, &mut here, Begin::Runs(runs), (Act::Delete, kind.deleting));
                "Deleting".clone_into(&mut here.state);
                self.state.set(&key, here);
                Ok(started.finish(self, kind, &key))
            }
        }
    }

    fn absent(&self, kind: &Kind, id: &Id) -> Result<Answer, Failure> {
        if kind.name == GROUP {
            return Err(no_group(id.name()));
        }
        Ok(Answer::empty(if let End::Done { absent, .. } = kind.delete { absent } else { 204 }))
    }

    fn delete_again(&mut self, kind: &Kind, here: &Resource) -> Result<Answer, Failure> {
        match (kind.delete, &here.operation) {
            (End::Runs { runs, .. }, Some(operation)) if here.state == "Deleting" => {
                self.record("DeleteResource", &here.id, true);
                Ok(Started::Running(runs, operation.clone()).finish(self, kind, &here.id.to_lowercase()))
            }
            _ => Err(busy(here)),
        }
    }

    /// Keeps the name of what is being deleted taken, when a fault says so.
    fn hold(&mut self, key: &str) {
        for hit in self.hits {
            if let Fault::SoftDelete { refusals } = hit {
                self.state.set(key, Held { refusals: *refusals });
            }
        }
    }

    pub(crate) fn list(&mut self, kind: &Kind, collection: &Collection, filter: Option<&str>) -> Answer {
        let base = collection.base.to_lowercase();
        let part_of = |key: &str| key.starts_with(&format!("{base}/"));
        let scope = collection.scope.to_lowercase();
        let extends = kind.name == "Microsoft.Authorization/roleAssignments";
        let keys: Vec<String> = self
            .state
            .all::<Resource>()
            .iter()
            .filter(|(_, resource)| resource.kind == kind.name)
            .filter(|(key, resource)| match () {
                () if extends => around(&scope, key) && filtered(resource, filter),
                () if collection.names.is_empty() => key.starts_with(&format!("{scope}/")),
                () => part_of(key),
            })
            .map(|(key, _)| key.clone())
            .collect();
        for key in &keys {
            lifecycle::observe(self.cloud, self.state, key);
        }
        let value: Vec<Value> = keys.iter().map(|key| self.shown(kind, key)).filter(|shown| !shown.is_null()).collect();
        Answer::json(200, json!({ "value": value }))
    }
}

/// What a PUT or DELETE set going.
enum Started {
    Done(u16),
    Running(Runs, String),
}

impl Started {
    fn finish(self, call: &Call<'_>, kind: &Kind, key: &str) -> Answer {
        match self {
            Self::Done(status) => Answer::json(status, call.shown(kind, key)),
            Self::Running(runs, operation) => {
                let answer = match runs.body {
                    Reply::Resource => Answer::json(runs.status, call.shown(kind, key)),
                    Reply::Nothing if runs.status == 202 && call.method == Method::PUT => {
                        Answer::text(runs.status, String::new())
                    }
                    Reply::Nothing => Answer::empty(runs.status),
                    Reply::Enqueued => Answer::json(runs.status, json!({ "status": "Enqueued" })),
                };
                let Some(resource) = call.state.get::<Resource>(key) else { return answer };
                let headers = (runs.headers, runs.retry_after);
                lifecycle::poll_headers(call.cloud, kind, resource, &operation, call.version, headers, answer)
            }
        }
    }
}

/// Takes out what the service alone decides, which clients send back after a GET.
fn clean(body: &mut Value) {
    if let Some(object) = body.as_object_mut() {
        for name in ["id", "name", "type", "etag", "systemData"] {
            object.remove(name);
        }
        if let Some(properties) = object.get_mut("properties").and_then(Value::as_object_mut) {
            properties.remove("provisioningState");
        }
    }
}

/// JSON merge patch, RFC 7396.
fn merge(target: &mut Value, patch: &Value) {
    let Some(patch) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let Some(object) = target.as_object_mut() else { return };
    for (name, value) in patch {
        if value.is_null() {
            object.remove(name);
        } else {
            merge(object.entry(name).or_insert(Value::Null), value);
        }
    }
}

/// Whether a role assignment lies at, below or above a scope.
fn around(scope: &str, key: &str) -> bool {
    let at = key.rsplit_once("/providers/").map_or("", |(at, _)| at);
    at == scope || at.starts_with(&format!("{scope}/")) || scope.starts_with(&format!("{at}/"))
}

/// The filters that role assignments are listed with: `principalId eq '{id}'`; others leave all.
fn filtered(resource: &Resource, filter: Option<&str>) -> bool {
    let wanted = filter.and_then(|filter| filter.split_once("principalId eq '"));
    let wanted = wanted.and_then(|(_, rest)| rest.split('\'').next());
    wanted.is_none_or(|wanted| resource.body["properties"]["principalId"] == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_merge_patch_removes_what_is_null() {
        let mut body = json!({ "tags": { "a": "1", "b": "2" }, "sku": 1 });
        merge(&mut body, &json!({ "tags": { "a": null, "c": "3" } }));
        assert_eq!(body, json!({ "tags": { "b": "2", "c": "3" }, "sku": 1 }));
    }

    #[test]
    fn role_assignments_are_listed_at_their_scope_and_around_it() {
        let key = "/subscriptions/s/resourcegroups/g/providers/microsoft.authorization/roleassignments/x";
        assert!(around("/subscriptions/s/resourcegroups/g", key));
        assert!(around("/subscriptions/s", key));
        assert!(around("/subscriptions/s/resourcegroups/g/providers/a/b/c", key));
        assert!(!around("/subscriptions/s/resourcegroups/other", key));
    }
}
