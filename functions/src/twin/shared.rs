//! What the callers of a writer and its tasks share.

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::BuildHasher,
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::time::Instant;

use super::{
    Options,
    batch::{Job, Outcome},
    memory::{Memories, Memory},
    names::SharedNames,
    outcome::{Failure, Names},
    store::{Store, StoreError},
    worker::Worker,
};

/// How many parts share the work of locking; a lock is held for some hash look-ups at most.
const SHARDS: usize = 16;

pub(super) struct Shared {
    pub(super) store: Arc<dyn Store>,
    pub(super) options: Options,
    pub(super) names: SharedNames,
    hasher: RandomState,
    /// Requests that have failed since one last succeeded.
    failures: AtomicU64,
    shards: [Mutex<Shard>; SHARDS],
}

struct Shard {
    /// The twins that a task is at work on.
    lanes: HashMap<Arc<str>, Lane>,
    /// The others.
    memories: Memories,
}

/// Those who came while the twin's task was busy.
#[derive(Default)]
struct Lane {
    waiting: Vec<Job>,
    /// Until when the instance wants no more requests on the twin.
    closed: Option<Instant>,
}

impl Shared {
    pub(super) fn new(store: Arc<dyn Store>, options: Options) -> Self {
        let capacity = options.remembered / SHARDS;
        let shard = || Mutex::new(Shard { lanes: HashMap::new(), memories: Memories::new(capacity) });
        let shards = std::array::from_fn(|_| shard());
        Self {
            store,
            options,
            names: SharedNames::default(),
            hasher: RandomState::new(),
            failures: AtomicU64::new(0),
            shards,
        }
    }

    fn shard(&self, twin: &str) -> MutexGuard<'_, Shard> {
        let place = self.hasher.hash_one(twin) as usize % SHARDS;
        self.shards[place].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a job in: answers it from memory, joins it to the twin's task, or starts one.
    pub(super) fn submit(self: &Arc<Self>, twin: &Arc<str>, job: Job) -> Option<Outcome> {
        let now = Instant::now();
        let mut shard = self.shard(twin);
        if let Some(lane) = shard.lanes.get_mut(twin) {
            if let Some(outcome) = turned_away(lane.closed, now, &job) {
                return Some(outcome);
            }
            lane.waiting.push(job);
            return None;
        }
        let (twin, memory) = shard.memories.take(twin).unwrap_or_else(|| (Arc::clone(twin), Memory::default()));
        if let Some(outcome) = remembered(&memory, &job).or_else(|| turned_away(memory.closed, now, &job)) {
            shard.memories.put(twin, memory, now);
            return Some(outcome);
        }
        shard.lanes.insert(Arc::clone(&twin), Lane { waiting: Vec::new(), closed: memory.closed });
        drop(shard);
        tokio::spawn(Worker::new(Arc::clone(self), twin, memory, job).run());
        None
    }

    /// Those who came meanwhile.
    pub(super) fn waiting(&self, twin: &str) -> Vec<Job> {
        self.shard(twin).lanes.get_mut(twin).map(|lane| mem::take(&mut lane.waiting)).unwrap_or_default()
    }

    /// Turns away from now on who cannot wait until then.
    pub(super) fn close(&self, twin: &str, until: Instant) {
        if let Some(lane) = self.shard(twin).lanes.get_mut(twin) {
            lane.closed = Some(until);
        }
    }

    /// Ends a twin's task, unless somebody has come.
    pub(super) fn finish(&self, twin: &Arc<str>, memory: &mut Memory) -> Option<Vec<Job>> {
        let mut shard = self.shard(twin);
        match shard.lanes.get_mut(twin) {
            Some(lane) if !lane.waiting.is_empty() => return Some(mem::take(&mut lane.waiting)),
            _ => shard.lanes.remove(twin),
        };
        shard.memories.put(Arc::clone(twin), mem::take(memory), Instant::now());
        None
    }

    /// Gives up a twin's task; those who wait for it are told by their channel's end.
    pub(super) fn abandon(&self, twin: &str) {
        let lane = self.shard(twin).lanes.remove(twin);
        drop(lane);
    }

    /// Logs the first, the second, the fourth failure in a row: an outage must not flood the log.
    pub(super) fn failed(&self, twin: &str, error: &StoreError) {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
        if failures.is_power_of_two() {
            tracing::warn!(twin, failures, error = %error, "twin not written yet");
        }
    }

    pub(super) fn succeeded(&self) {
        // Reading is cheap while nothing fails; writing would move the line between processors at each request.
        if self.failures.load(Ordering::Relaxed) > 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
    }

    #[cfg(test)]
    pub(super) fn tasks(&self) -> usize {
        let lanes = |shard: &Mutex<Shard>| shard.lock().unwrap_or_else(PoisonError::into_inner).lanes.len();
        self.shards.iter().map(lanes).sum()
    }
}

/// The twin's values are never followed by older ones, so what it was enough for, it still is.
fn remembered(memory: &Memory, job: &Job) -> Option<Outcome> {
    let known = memory.known.as_ref()?;
    job.is_done(known).then(|| Ok((false, Names::default())))
}

fn turned_away(closed: Option<Instant>, now: Instant, job: &Job) -> Option<Outcome> {
    let closed = closed.filter(|until| *until > now && *until >= job.deadline)?;
    Some(Err(Failure::Throttled { retry_after: closed - now }))
}
