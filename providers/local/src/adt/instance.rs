//! One instance: its state, its file, and what was written there.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::effects::{Effect, Log};
use crate::lines::{self, Fresh, Lines};

use super::answer::Refusal;
use super::call::{Call, Version};
use super::change::Change;
use super::egress::{Egress, Outgoing};
use super::lag::Lagging;
use super::notification::{self, Notification};
use super::patch::Operation;
use super::state::State;
use super::ticks::Ticks;
use super::{Error, compact, relationship};

/// One instance. Whoever changes it holds it alone, so changes of a twin are in one order.
#[derive(Debug)]
pub(super) struct Instance {
    name: String,
    path: PathBuf,
    /// Changed by [`Instance::apply`] alone.
    pub(super) state: State,
    /// What queries see instead, when they lag behind.
    lagging: Option<RwLock<Lagging>>,
    lines: Lines,
    effects: Log,
    clock: Clock,
    pub(super) egress: Arc<Egress>,
    deleted: bool,
    /// Bytes of the file that are known to be superseded by nothing, about.
    live: u64,
    /// The length from which on the file is rewritten; the greatest there is while that is going on.
    compact_from: u64,
    /// Itself, for the thread that rewrites the file.
    shared: Weak<RwLock<Self>>,
}

impl Instance {
    /// Opens or creates the instance's file, replays it, and rewrites it when it has outgrown the state.
    pub(super) fn open(
        dir: &Path,
        name: &str,
        effects: Log,
        clock: Clock,
        egress: Arc<Egress>,
        query_lag: Duration,
    ) -> Result<Arc<RwLock<Self>>, Error> {
        let path = dir.join(format!("{name}.jsonl"));
        let (state, lines) = read(&path)?;
        let lagging = (!query_lag.is_zero()).then(|| Lagging::behind(&state, query_lag)).transpose();
        let lagging = lagging.map_err(|reason| Error::Replay { path: path.clone(), reason })?.map(RwLock::new);
        let live = lines.length();
        let compact_from = compact::limit(live);
        Ok(Arc::new_cyclic(|shared| {
            let (name, shared) = (name.to_owned(), shared.clone());
            RwLock::new(Self {
                name,
                path,
                state,
                lagging,
                lines,
                effects,
                clock,
                egress,
                deleted: false,
                live,
                compact_from,
                shared,
            })
        }))
    }

    /// Where its file lies.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// How many bytes its file has.
    pub(super) fn length(&self) -> u64 {
        self.lines.length()
    }

    /// Whether it was deleted while somebody still holds it.
    pub(super) fn is_deleted(&self) -> bool {
        self.deleted
    }

    /// Has the file rewritten from a length of so many bytes on.
    #[cfg(test)]
    pub(super) fn set_compact_from(&mut self, length: u64) {
        self.compact_from = length;
    }

    /// Puts a rewritten file in the place of the old one, of which the changes from the place of `old` on are missing.
    pub(super) fn exchange(&mut self, mut fresh: Fresh, old: &mut File) -> io::Result<()> {
        if self.deleted {
            return Ok(());
        }
        self.live = fresh.length();
        fresh.copy(old)?;
        self.lines = fresh.replace()?;
        self.compact_from = compact::limit(self.live);
        Ok(())
    }

    /// Lets the file grow on to twice its length before it is rewritten: the last attempt failed.
    pub(super) fn postpone(&mut self) {
        self.compact_from = self.length().saturating_mul(2);
    }

    /// Has the file rewritten as soon as it is larger than one that holds next to nothing: all was deleted.
    pub(super) fn expect_little(&mut self) {
        self.live = 0;
        // While it is being rewritten there is no such length.
        if self.compact_from != u64::MAX {
            self.compact_from = compact::limit(0);
        }
    }

    fn compact_if_due(&mut self) {
        if self.length() < self.compact_from {
            return;
        }
        self.compact_from = u64::MAX;
        if let Err(error) = compact::start(self.shared.clone()) {
            tracing::warn!(%error, "an instance's file could not be compacted");
            self.postpone();
        }
    }

    /// Deletes the file; whoever still holds the instance can change it no more.
    pub(super) fn delete(&mut self) -> Result<(), Error> {
        self.deleted = true;
        let removed = Fresh::forget(&self.path).and_then(|()| std::fs::remove_file(&self.path));
        removed.map_err(|source| Error::Write { path: self.path.clone(), source })
    }

    /// Adds or removes an endpoint; nothing is written when that changes nothing.
    pub(super) fn set_endpoint(&mut self, endpoint: &str, present: bool) -> Result<(), Error> {
        if self.state.endpoints.contains(endpoint) == present {
            return Ok(());
        }
        let name = endpoint.to_owned();
        let change = if present { Change::PutEndpoint(name) } else { Change::DeleteEndpoint(name) };
        self.lines.append(&change).map_err(|source| Error::Write { path: self.path.clone(), source })?;
        self.apply(change).map_err(|reason| Error::Replay { path: self.path.clone(), reason })
    }

    /// Makes a change that is written: at once in the state, later in what queries see.
    fn apply(&mut self, change: Change) -> Result<(), String> {
        let Some(lagging) = &mut self.lagging else { return self.state.apply(change) };
        self.state.apply(change.clone())?;
        lagging.get_mut().unwrap_or_else(PoisonError::into_inner).push(self.clock.now(), change);
        Ok(())
    }

    /// Commits several changes as one, of which so many add rather than replace; they have no effects of their own.
    pub(super) fn commit_turn(&mut self, changes: Vec<Change>, added: usize) -> io::Result<()> {
        if self.deleted {
            return Err(io::ErrorKind::NotFound.into());
        }
        let (count, before) = (changes.len() as u64, self.length());
        let change = Change::Turn(changes);
        self.lines.append(&change)?;
        self.apply(change).map_err(io::Error::other)?;
        // What is new has superseded nothing, so it is no reason to rewrite the file.
        self.live += (self.length() - before) * added as u64 / count.max(1);
        self.compact_from = self.compact_from.max(compact::limit(self.live));
        self.compact_if_due();
        Ok(())
    }

    /// The present moment.
    pub(super) fn now(&self) -> Ticks {
        Ticks::of(self.clock.now())
    }

    /// Asks the state that queries see.
    pub(super) fn query<T>(&self, ask: impl FnOnce(&State) -> T) -> T {
        let Some(lagging) = &self.lagging else { return ask(&self.state) };
        let now = self.clock.now();
        if lagging.read().unwrap_or_else(PoisonError::into_inner).is_due(now) {
            lagging.write().unwrap_or_else(PoisonError::into_inner).catch_up(now);
        }
        ask(lagging.read().unwrap_or_else(PoisonError::into_inner).state())
    }

    /// Writes a change, then makes it, then records its effects: operation, and resource below the instance.
    pub(super) fn commit(&mut self, change: Change, effects: &[Done<'_>]) -> Result<(), Refusal> {
        if self.deleted {
            let message = "The instance was deleted.";
            return Err(Refusal::new(StatusCode::NOT_FOUND, "InstanceNotFound", message));
        }
        self.lines.append(&change).map_err(|error| Refusal::internal(&error))?;
        self.apply(change).map_err(|reason| Refusal::internal(&io::Error::other(reason)))?;
        self.compact_if_due();
        for done in effects {
            let resource = format!("{}/{}", self.name, done.resource);
            let effect = Effect::new("adt", done.operation, resource).unchanged(done.unchanged);
            self.effects.record(effect).map_err(|error| Refusal::internal(&error))?;
        }
        Ok(())
    }

    /// The same for a change of which the world is told, if a route wants it.
    ///
    /// `patch` is what was asked for, where it was a patch. The notification is in the change's own line, and on its way
    /// before anybody hears that the change is made. Where it cannot be put on its way, it goes before the next one, or
    /// when the instance is opened again.
    pub(super) fn commit_and_tell(
        &mut self,
        call: &Call<'_>,
        change: Change,
        effects: &[Done<'_>],
        patch: Option<&[Operation]>,
    ) -> Result<(), Refusal> {
        if self.state.routes.is_empty() || !self.egress.is_open() {
            return self.commit(change, effects);
        }
        let Some(notification) = notification::of(&self.state, &change, patch, call, self.now()) else {
            return self.commit(change, effects);
        };
        let routes = self.egress.routes(&self.name, &self.state.routes, &notification);
        if routes.is_empty() {
            return self.commit(change, effects);
        }
        self.send().map_err(|error| Refusal::internal(&error))?;
        let outgoing = Outgoing { notification, routes };
        let committed = self.commit(Change::Tell(Some(Box::new(change)), Some(outgoing)), effects);
        if let Err(error) = self.send() {
            tracing::error!(instance = self.name, %error, "a notification could not be put on its way yet");
        }
        committed
    }

    /// Sends a notification that belongs to no change along the routes that want it.
    pub(super) fn tell(&self, notification: Notification) -> Result<(), Refusal> {
        let routes = self.egress.routes(&self.name, &self.state.routes, &notification);
        let sent = self.egress.send(&self.name, &mut Outgoing { notification, routes });
        sent.map_err(|error| Refusal::internal(&error))
    }

    /// Sends what may not have been sent before the process died, and notes that it was.
    pub(super) fn resume(&mut self) -> io::Result<()> {
        if self.state.outbox.is_some() {
            self.send()?;
            self.lines.append(&Change::Tell(None, None))?;
        }
        Ok(())
    }

    /// Sends what the last change is told with.
    fn send(&mut self) -> io::Result<()> {
        if let Some(outgoing) = &mut self.state.outbox {
            self.egress.send(&self.name, outgoing)?;
            self.state.outbox = None;
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

/// Replays a file, and rewrites it when more than an eighth of its changes are superseded.
fn read(path: &Path) -> Result<(State, Lines), Error> {
    let (lines, replayed) = std::thread::scope(|scope| {
        let (parsed, unapplied) = mpsc::sync_channel(BATCHES);
        let replaying = scope.spawn(move || Replayed::of(unapplied));
        let lines = parse(path, parsed);
        (lines, replaying.join())
    });
    let Replayed { state, count, misfit } = replayed.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    let lines = lines?;
    if let Some(reason) = misfit {
        return Err(Error::Replay { path: path.to_owned(), reason });
    }
    if count <= state.size() + state.size() / 8 {
        return Ok((state, lines));
    }
    let failed = |source| lines::Error::Io { path: path.to_owned(), source };
    let mut fresh = Fresh::beside(path).map_err(failed)?;
    state.snapshot().try_for_each(|change| fresh.append(&change)).map_err(failed)?;
    Ok((state, fresh.replace().map_err(failed)?))
}

/// Changes that are handed over at once, and how many such batches wait at most.
const BATCH: usize = 256;
const BATCHES: usize = 16;

/// Parses a file for another thread to apply: the two take about as long.
fn parse(path: &Path, parsed: SyncSender<Vec<Change>>) -> Result<Lines, lines::Error> {
    let mut batch = Vec::with_capacity(BATCH);
    let hand_over = |batch: Vec<Change>| {
        // Whoever applies them ends early only by a panic, which is seen when it is joined.
        let _ = parsed.send(batch);
    };
    let lines = Lines::replay(path, |_, line| {
        batch.push(serde_json::from_slice(line)?);
        if batch.len() == BATCH {
            hand_over(std::mem::replace(&mut batch, Vec::with_capacity(BATCH)));
        }
        Ok(())
    })?;
    hand_over(batch);
    Ok(lines)
}

/// What a file's changes come to.
struct Replayed {
    state: State,
    count: usize,
    /// What is wrong with the first change that does not fit; none after it was applied.
    misfit: Option<String>,
}

impl Replayed {
    fn of(batches: Receiver<Vec<Change>>) -> Self {
        let mut replayed = Self { state: State::new(), count: 0, misfit: None };
        for change in batches.into_iter().flatten() {
            replayed.count += change.size();
            if replayed.misfit.is_none() {
                replayed.misfit = replayed.state.apply(change).err();
            }
        }
        replayed
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
