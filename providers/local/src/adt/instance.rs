//! One instance: its state, its file, and what was written there.

use std::path::{Path, PathBuf};

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::effects::{Effect, Log};
use crate::lines::Lines;

use super::Error;
use super::answer::Refusal;
use super::call::Version;
use super::change::Change;
use super::relationship;
use super::state::State;
use super::ticks::Ticks;

/// One instance. Whoever changes it holds it alone, so changes of a twin are in one order.
#[derive(Debug)]
pub(super) struct Instance {
    name: String,
    path: PathBuf,
    pub(super) state: State,
    lines: Lines,
    effects: Log,
    clock: Clock,
    deleted: bool,
}

impl Instance {
    /// Opens or creates the instance's file, replays it, and rewrites it when it has outgrown the state.
    pub(super) fn open(dir: &Path, name: &str, effects: Log, clock: Clock) -> Result<Self, Error> {
        let path = dir.join(format!("{name}.jsonl"));
        let (mut lines, changes) = Lines::open::<Change>(&path)?;
        let count = changes.len();
        let mut state = State::new();
        for change in changes {
            state.apply(change).map_err(|reason| Error::Replay { path: path.clone(), reason })?;
        }
        if state.size() < count {
            lines = Lines::rewrite(&path, &state.snapshot())?;
        }
        Ok(Self { name: name.to_owned(), path, state, lines, effects, clock, deleted: false })
    }

    /// Deletes the file; whoever still holds the instance can change it no more.
    pub(super) fn delete(&mut self) -> Result<(), Error> {
        self.deleted = true;
        std::fs::remove_file(&self.path).map_err(|source| Error::Write { path: self.path.clone(), source })
    }

    /// Adds or removes an endpoint; nothing is written when that changes nothing.
    pub(super) fn set_endpoint(&mut self, endpoint: &str, present: bool) -> Result<(), Error> {
        if self.state.endpoints.contains(endpoint) == present {
            return Ok(());
        }
        let name = endpoint.to_owned();
        let change = if present { Change::PutEndpoint(name) } else { Change::DeleteEndpoint(name) };
        self.lines.append(&change).map_err(|source| Error::Write { path: self.path.clone(), source })?;
        self.state.apply(change).map_err(|reason| Error::Replay { path: self.path.clone(), reason })
    }

    /// The present moment.
    pub(super) fn now(&self) -> Ticks {
        Ticks::of(self.clock.now())
    }

    /// Writes a change, then makes it, then records its effects: operation, and resource below the instance.
    pub(super) fn commit(&mut self, change: Change, effects: &[Done<'_>]) -> Result<(), Refusal> {
        if self.deleted {
            let message = "The instance was deleted.";
            return Err(Refusal::new(StatusCode::NOT_FOUND, "InstanceNotFound", message));
        }
        self.lines.append(&change).map_err(|error| Refusal::internal(&error))?;
        self.state.apply(change).map_err(|reason| Refusal::internal(&std::io::Error::other(reason)))?;
        for done in effects {
            let resource = format!("{}/{}", self.name, done.resource);
            let effect = Effect::new("adt", done.operation, resource).unchanged(done.unchanged);
            self.effects.record(effect).map_err(|error| Refusal::internal(&error))?;
        }
        Ok(())
    }

    /// The raw state as JSON.
    pub(super) fn dump(&self) -> Value {
        let state = &self.state;
        let mut models: Vec<_> = state.uploads.values().collect();
        models.sort_by(|one, other| one.id.cmp(&other.id));
        let models: Vec<_> = models
            .iter()
            .map(|one| {
                let uploaded = one.uploaded.of_model();
                json!({"id": *one.id, "decommissioned": one.decommissioned, "uploadTime": uploaded, "model": one.definition})
            })
            .collect();
        let twins: Vec<_> = state.twins.iter().map(|(id, twin)| twin.document(id, Version::V2023_10_31)).collect();
        let relationships: Vec<_> =
            state.relationships.iter().map(|((source, id), one)| relationship::document(source, id, one)).collect();
        let routes: Vec<_> = state
            .routes
            .iter()
            .map(|(id, route)| json!({"id": id, "endpointName": route.endpoint, "filter": route.filter}))
            .collect();
        json!({"models": models, "twins": twins, "relationships": relationships, "routes": routes, "endpoints": state.endpoints})
    }
}

/// An effect of a change, as the effect log names it.
#[derive(Debug)]
pub(super) struct Done<'a> {
    pub(super) operation: &'a str,
    pub(super) resource: String,
    pub(super) unchanged: bool,
}

impl<'a> Done<'a> {
    /// An effect that changed something.
    pub(super) fn new(operation: &'a str, resource: String) -> Self {
        Self { operation, resource, unchanged: false }
    }
}
