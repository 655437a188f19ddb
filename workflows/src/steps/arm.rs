//! One Azure resource: the step that most of a deployment is made of.
//!
//! Resource Manager is uniform (`PUT id`, `GET id`, `DELETE id`), so a resource needs no code of its own beyond the
//! document that it wants. Long-running operations are journaled as checkpoints: a resume polls on.

mod assigned;

use std::marker::PhantomData;

use async_trait::async_trait;
use azure::arm::{Operation, Poll, Submitted, Verb, Write};
use engine::step::{Change, Context, Error, FailureKind, Fit, Observation, Ownership, Policy, Step};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    failed, fit,
    kind::{Carries, Kind},
    outputs::FromArm,
    ownership,
};
use crate::clouds::Clouds;

/// One resource in Resource Manager, wanted as `body` says.
pub(crate) struct ArmResource<O> {
    kind: Kind,
    id: String,
    body: Value,
    output: PhantomData<fn() -> O>,
}

impl<O> ArmResource<O> {
    /// The resource `id` as `body` wants it.
    pub(crate) fn new(kind: Kind, id: impl Into<String>, body: Value) -> Self {
        Self { kind, id: id.into(), body, output: PhantomData }
    }
}

#[async_trait]
impl<O> Step<Clouds> for ArmResource<O>
where
    O: FromArm + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    type Output = O;

    fn document(&self) -> Value {
        json!({ "id": self.id, "apiVersion": self.kind.api_version, "body": self.body })
    }

    async fn observe(&self, cx: &Context<'_, Clouds>) -> Result<Observation<O>, Error> {
        let Some(found) = self.get(cx).await? else { return self.under_another_name(cx).await };
        Ok(Observation::Present {
            ownership: ownership::read(self.kind.carries, cx.mark, &found),
            fit: self.fit(&found),
            output: O::from_arm(&found).ok(),
        })
    }

    async fn apply(&self, cx: &Context<'_, Clouds>, _change: Change<'_>) -> Result<O, Error> {
        if let Some(operation) = last_operation(&cx.checkpoints) {
            return self.follow(cx, operation).await;
        }
        let mut current = self.get(cx).await?;
        if current.as_ref().is_some_and(|found| self.in_progress(cx, found)) {
            // A request of ours, whose reply was lost, is still being carried out: asking again would be a second one.
            let found =
                wait(cx, self.kind.title, Operation::under_way(Verb::Put, &self.id, self.kind.api_version)).await?;
            if found.as_ref().is_some_and(|found| self.fit(found) == Fit::Exact) {
                return self.read(cx, found).await;
            }
            current = self.get(cx).await?;
        }
        let body = self.marked(cx, current.as_ref());
        let if_match = current.as_ref().filter(|_| self.kind.etag).and_then(|found| found["etag"].as_str());
        let write = Write { key: Some(cx.key), if_match, ..Write::default() };
        let submitted = cx.env.azure.arm().put(&self.id, self.kind.api_version, &body, write).await.map_err(failed)?;
        match submitted {
            Submitted::Done(found) => self.read(cx, found).await,
            Submitted::Running(operation) => {
                checkpoint(cx, Some(&operation)).await?;
                self.follow(cx, operation).await
            }
        }
    }

    async fn compensate(&self, cx: &Context<'_, Clouds>) -> Result<(), Error> {
        if let Some(operation) = last_operation(&cx.undo_checkpoints) {
            return wait(cx, self.kind.title, operation).await.map(drop);
        }
        if self.kind.holds_others {
            self.nothing_left_inside(cx).await?;
        }
        let write = Write { key: Some(cx.key), ..Write::default() };
        let arm = cx.env.azure.arm();
        if let Submitted::Running(operation) =
            arm.delete(&self.id, self.kind.api_version, write).await.map_err(failed)?
        {
            checkpoint(cx, Some(&operation)).await?;
            wait(cx, self.kind.title, operation).await?;
        }
        Ok(())
    }

    fn policy(&self) -> Policy {
        self.kind.policy()
    }
}

impl<O: FromArm> ArmResource<O> {
    async fn get(&self, cx: &Context<'_, Clouds>) -> Result<Option<Value>, Error> {
        cx.env.azure.arm().get(&self.id, self.kind.api_version).await.map_err(failed)
    }

    /// Deleting a group deletes whatever is in it, also what others put there: only an empty one is deleted.
    async fn nothing_left_inside(&self, cx: &Context<'_, Clouds>) -> Result<(), Error> {
        let inside = cx.env.azure.arm().list(&format!("{}/resources", self.id), self.kind.api_version).await;
        match inside {
            Err(error) if error.kind() == azure::Kind::NotFound => Ok(()),
            inside => match inside.map_err(failed)?.first() {
                Some(left) => Err(self.not_empty(cx, left)),
                None => Ok(()),
            },
        }
    }

    /// The list lags behind deletions: what carries our mark is waited for. Anything else will not go by itself.
    fn not_empty(&self, cx: &Context<'_, Clouds>, left: &Value) -> Error {
        let (kind, why) = match ownership::read(Carries::Tags, cx.mark, left) {
            Ownership::Ours => (FailureKind::NotYet, "is still in it"),
            _ => (FailureKind::Conflict, "is in it and is not ours"),
        };
        let left = left["id"].as_str().unwrap_or("something");
        Error::failed(kind, format!("delete the {}: {left} {why}", self.kind.title)).with_code("group-not-empty")
    }

    fn fit(&self, found: &Value) -> Fit {
        match state(found) {
            State::Running(state) => Fit::Partial(format!("{} is {state}", self.kind.title)),
            State::Ended(state) => Fit::Partial(format!("{} ended as {state}", self.kind.title)),
            State::Ready => match fit::differences(&self.body, found) {
                paths if paths.is_empty() && O::from_arm(found).is_ok() => Fit::Exact,
                paths if paths.is_empty() => Fit::Partial(format!("{} is not ready", self.kind.title)),
                paths => Fit::Differs(paths),
            },
        }
    }

    /// Whether a request of ours, whose reply was lost, is still being carried out.
    fn in_progress(&self, cx: &Context<'_, Clouds>, found: &Value) -> bool {
        let ours = ownership::read(self.kind.carries, cx.mark, found) == Ownership::Ours;
        ours && matches!(state(found), State::Running(_))
    }

    /// The document with our mark, and with the tags that others have put there.
    fn marked(&self, cx: &Context<'_, Clouds>, current: Option<&Value>) -> Value {
        let mut body = self.body.clone();
        if let Some(tags) = current.and_then(|current| current["tags"].as_object()).filter(|tags| !tags.is_empty()) {
            let mut merged = tags.clone();
            merged.extend(self.body["tags"].as_object().cloned().unwrap_or_default());
            body["tags"] = Value::Object(merged);
        }
        ownership::put(self.kind.carries, cx.mark, &mut body);
        body
    }

    async fn follow(&self, cx: &Context<'_, Clouds>, operation: Operation) -> Result<O, Error> {
        let found = wait(cx, self.kind.title, operation).await?;
        self.read(cx, found).await
    }

    /// Reads the output from an answer, or from the resource itself where the answer does not have it.
    async fn read(&self, cx: &Context<'_, Clouds>, answer: Option<Value>) -> Result<O, Error> {
        if let Some(output) = answer.as_ref().and_then(|answer| O::from_arm(answer).ok()) {
            return Ok(output);
        }
        let found = self.get(cx).await?.ok_or_else(|| {
            Error::failed(FailureKind::NotYet, format!("read the {}: it cannot be seen yet", self.kind.title))
        })?;
        O::from_arm(&found).map_err(|missing| {
            Error::failed(FailureKind::NotYet, format!("read the {}: {missing} is not there yet", self.kind.title))
        })
    }
}

/// Where Azure says a resource stands.
enum State<'a> {
    Ready,
    Running(&'a str),
    Ended(&'a str),
}

/// Only three states are terminal; no state at all means done. An IoT hub says so a second time, in `state`.
fn state(found: &Value) -> State<'_> {
    let provisioning = found.pointer("/properties/provisioningState").and_then(Value::as_str);
    let hub = found
        .pointer("/properties/state")
        .and_then(Value::as_str)
        .filter(|_| found["type"] == "Microsoft.Devices/IotHubs");
    match (provisioning, hub) {
        (Some(ended @ ("Failed" | "Canceled")), _) => State::Ended(ended),
        (Some(running), _) if running != "Succeeded" => State::Running(running),
        (_, Some(running)) if running != "Active" => State::Running(running),
        _ => State::Ready,
    }
}

/// The operation that an earlier attempt was following, unless it is known to have ended.
fn last_operation(checkpoints: &[Value]) -> Option<Operation> {
    checkpoints.last().and_then(|data| serde_json::from_value(data["operation"].clone()).ok())
}

async fn checkpoint(cx: &Context<'_, Clouds>, operation: Option<&Operation>) -> Result<(), Error> {
    cx.checkpoint(json!({ "operation": operation })).await
}

async fn wait(cx: &Context<'_, Clouds>, title: &str, operation: Operation) -> Result<Option<Value>, Error> {
    loop {
        match cx.env.azure.arm().poll(&operation).await {
            Ok(Poll::Done(found)) => return Ok(found),
            Ok(Poll::Running { retry_after, status }) => cx.pause(format!("{title} ({status})"), retry_after).await?,
            Err(error) if ended(&error) => {
                // The next attempt must ask again rather than poll what has ended.
                checkpoint(cx, None).await?;
                return Err(failed(error));
            }
            Err(error) => return Err(failed(error)),
        }
    }
}

/// Whether an operation itself ended badly, or its record is gone; a failed look at it is neither.
fn ended(error: &azure::Error) -> bool {
    let operation_failed = error.status().is_none() && error.code().is_some();
    operation_failed || error.kind() == azure::Kind::NotFound
}
