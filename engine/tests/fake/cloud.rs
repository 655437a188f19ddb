//! A cloud in memory: marks, long operations, and a point to be killed at before and after every call.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use engine::{
    step::{Error, FailureKind, Mark},
    sweep::CrashPoints,
};
use serde_json::{Value, json};

/// What stands under a name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Thing {
    pub(crate) document: Value,
    /// Whose it is; nothing for what carries no mark.
    pub(crate) mark: Option<Mark>,
    /// Polls until its operation is over.
    pub(crate) busy: u32,
    /// Whether the operation is its deletion.
    pub(crate) going: bool,
}

/// How a call fails.
#[derive(Debug)]
struct Fault {
    kind: FailureKind,
    times: u32,
}

impl Fault {
    fn strike(&mut self) -> Option<FailureKind> {
        let strikes = self.times > 0;
        self.times = self.times.saturating_sub(1);
        strikes.then_some(self.kind)
    }
}

#[derive(Debug, Default)]
struct State {
    things: BTreeMap<String, Thing>,
    effects: Vec<String>,
    calls: Vec<String>,
    failing: BTreeMap<String, Fault>,
}

/// The cloud as its clients see it. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cloud {
    state: Arc<Mutex<State>>,
    points: CrashPoints,
}

impl Cloud {
    pub(crate) fn new(points: CrashPoints) -> Self {
        Self { state: Arc::default(), points }
    }

    /// One call: it can be lost on the way there, or its reply on the way back.
    async fn call<T>(&self, name: &str, serve: impl FnOnce(&mut State) -> T) -> Result<T, Error> {
        self.points.pass().await;
        let reply = self.with(|state| {
            state.calls.push(name.to_owned());
            match state.failing.get_mut(name).and_then(Fault::strike) {
                Some(kind) => Err(Error::failed(kind, format!("call {name}"))),
                None => Ok(serve(state)),
            }
        });
        self.points.pass().await;
        reply
    }

    pub(crate) async fn get(&self, name: &str) -> Result<Option<Thing>, Error> {
        self.call(&format!("get {name}"), |state| state.things.get(name).cloned()).await
    }

    /// Creates or replaces; the same again changes nothing.
    pub(crate) async fn put(&self, name: &str, document: &Value, mark: Option<&Mark>, polls: u32) -> Result<(), Error> {
        let put = |state: &mut State| {
            let earlier = state.things.get(name);
            if earlier.is_some_and(|thing| thing.document == *document && thing.mark.as_ref() == mark && !thing.going) {
                return;
            }
            let verb = if earlier.is_some() { "update" } else { "create" };
            state.effects.push(format!("{verb} {name} {document}"));
            let thing = Thing { document: document.clone(), mark: mark.cloned(), busy: polls, going: false };
            state.things.insert(name.into(), thing);
        };
        self.call(&format!("put {name}"), put).await
    }

    pub(crate) async fn delete(&self, name: &str, polls: u32) -> Result<(), Error> {
        let delete = |state: &mut State| {
            let Some(thing) = state.things.get_mut(name).filter(|thing| !thing.going) else { return };
            (thing.going, thing.busy) = (true, polls);
            state.effects.push(format!("delete {name}"));
            if polls == 0 {
                state.things.remove(name);
            }
        };
        self.call(&format!("delete {name}"), delete).await
    }

    /// Whether the long operation on a thing is over.
    pub(crate) async fn poll(&self, name: &str) -> Result<bool, Error> {
        let poll = |state: &mut State| {
            let Some(thing) = state.things.get_mut(name) else { return true };
            thing.busy = thing.busy.saturating_sub(1);
            let over = thing.busy == 0;
            if over && thing.going {
                state.things.remove(name);
            }
            over
        };
        self.call(&format!("poll {name}"), poll).await
    }

    /// Puts something there that nobody here made.
    pub(crate) fn plant(&self, name: &str, document: Value, mark: Option<Mark>) {
        self.with(|state| state.things.insert(name.into(), Thing { document, mark, busy: 0, going: false }));
    }

    /// Takes something away behind everybody's back.
    pub(crate) fn lose(&self, name: &str) {
        self.with(|state| state.things.remove(name));
    }

    /// Lets a call ("put a") fail a number of times.
    pub(crate) fn fail(&self, call: &str, kind: FailureKind, times: u32) {
        self.with(|state| state.failing.insert(call.into(), Fault { kind, times }));
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.with(|state| state.things.keys().cloned().collect())
    }

    pub(crate) fn document(&self, name: &str) -> Option<Value> {
        self.with(|state| state.things.get(name).map(|thing| thing.document.clone()))
    }

    pub(crate) fn effects(&self) -> Vec<String> {
        self.with(|state| state.effects.clone())
    }

    /// The effects since the last time, in short: "create a".
    pub(crate) fn take_effects(&self) -> Vec<String> {
        let short = |effect: String| effect.split(' ').take(2).collect::<Vec<_>>().join(" ");
        self.with(|state| std::mem::take(&mut state.effects)).into_iter().map(short).collect()
    }

    pub(crate) fn take_calls(&self) -> Vec<String> {
        self.with(|state| std::mem::take(&mut state.calls))
    }

    pub(crate) fn dump(&self) -> Value {
        let thing = |(name, thing): (&String, &Thing)| {
            (name.clone(), json!({ "document": thing.document, "mark": thing.mark, "busy": thing.busy > 0 }))
        };
        self.with(|state| state.things.iter().map(thing).collect::<serde_json::Map<_, _>>().into())
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
