//! The Azure Digital Twins data plane, api-versions 2020-10-31 to 2023-10-31.
//!
//! # Terms
//!
//! | term | meaning |
//! |---|---|
//! | instance | one graph with its models, as ARM deploys it; its name is the first label of its host |
//! | call | one request: version, path, headers and body taken apart |
//! | refusal | the error answer that the service gives: status, code, message |
//! | part | the properties of a twin, or of one of its components, with their times |
//! | draft | a twin being written: changed freely, then checked as a whole against its model |
//! | change | one line of an instance's file; the fold of all lines is its state |
//! | notification | what the world is told of one change, or of one telemetry message |
//! | route | which notifications go to which endpoint; what an endpoint is, only the [`Outlet`] knows |
//! | outbox | the last notification, as long as it may not be on its way |
//! | job | an import or deletion in bulk, which works in turns; its terms are in `job` |
//!
//! # Invariants
//!
//! 1. An answer leaves after its change is written (`write(2)`): the state survives the death of the process, not
//!    a power failure.
//! 2. A change is whole or absent: one change is one line, and a torn last line is cut when the file is opened.
//! 3. Nothing is stored that the model does not allow at that moment.
//! 4. Every mutation is in the effect log, once, in the order in which it happened; of a job, that it was asked for.
//! 5. An instance's file is at most 64 MB, or four times what is live, beyond which it is rewritten while in use; until
//!    the new file is whole the old one stands.
//! 6. What was answered is told, at least once. A notification stands in the line of the change that it is of, so there is
//!    neither without the other; and it is with the [`Outlet`], which writes it down, before the answer leaves and before
//!    the next one is written. So a kill leaves one notification in doubt at most, the last: it is sent once more, under
//!    the same id, when the way out is opened next.
//! 7. An outlet that cannot write costs no notification: the change is made and answered, its notification waits in the
//!    outbox, and the next change that a route wants is refused (500) until it has left. Telemetry is no change and stands
//!    in no line: what cannot be written down is refused, and was not sent.
//!
//! # What is told
//!
//! Where the documentation leaves it open: a patch is told of as it was asked for, even where it writes what was there
//! already, since the property's time is new; an empty one is not. Who writes a twin or relationship over another one
//! updates it: what differs is told as a patch, and nothing if nothing does.
//!
//! # What is not here
//!
//! Rates are limited and queries lag only on request. Jobs send no notifications.

mod answer;
mod call;
mod change;
mod compact;
mod component;
mod condition;
mod dispatch;
mod draft;
mod egress;
mod instance;
mod job;
mod lag;
mod limits;
mod model;
mod name;
mod notification;
mod page;
mod part;
mod patch;
mod query;
mod rates;
mod relationship;
mod route;
mod state;
mod telemetry;
mod ticks;
mod twin;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use axum::http::{Request, Response};
use bytes::Bytes;
use serde_json::Value;

use crate::clock::Clock;
use crate::{effects, lines};

use egress::Egress;
use instance::Instance;
use job::Runner;
use rates::Limiter;

pub use egress::{Fate, Outlet};
pub use job::{BlobError, Blobs, Input, Output};
pub use notification::Notification;

/// What keeping the instances' files can run into.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Names are 1 to 63 letters, digits and hyphens, as ARM has them.
    #[error("use \"{0}\" as the name of an instance: 1 to 63 letters, digits and hyphens are allowed")]
    Name(String),
    /// There is no such instance.
    #[error("find the instance \"{0}\"")]
    Unknown(String),
    /// An instance's file cannot be opened or read.
    #[error(transparent)]
    Lines(#[from] lines::Error),
    /// An instance's file holds a change that does not fit the ones before it.
    #[error("replay {path}: {reason}", path = path.display())]
    Replay {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// The folder or a file in it cannot be written.
    #[error("write below {path}", path = path.display())]
    Write {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// All instances of this cloud; cheap to clone, every clone serves the same instances.
#[derive(Clone, Debug)]
pub struct Service {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    dir: PathBuf,
    effects: effects::Log,
    clock: Clock,
    egress: Arc<Egress>,
    query_lag: Duration,
    limits: OnceLock<Limiter>,
    jobs: Arc<Runner>,
    instances: RwLock<BTreeMap<String, Arc<RwLock<Instance>>>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.jobs.halt();
    }
}

impl Service {
    /// Opens every instance kept in `<dir>/adt`, replaying and compacting its file. Queries see every write at once.
    ///
    /// # Errors
    /// When the folder cannot be written or a file in it is damaged; a last line torn by a kill is cut instead.
    pub fn open(dir: &Path, effects: effects::Log, clock: Clock) -> Result<Self, Error> {
        Self::open_lagging(dir, effects, clock, Duration::ZERO)
    }

    /// The same with queries that see the state of so long ago, but never one from before this opening.
    ///
    /// Unless that is zero, every instance is in memory twice.
    ///
    /// # Errors
    /// Those of [`Service::open`].
    pub fn open_lagging(dir: &Path, effects: effects::Log, clock: Clock, query_lag: Duration) -> Result<Self, Error> {
        let dir = dir.join("adt");
        std::fs::create_dir_all(&dir).map_err(|source| Error::Write { path: dir.clone(), source })?;
        let (mut instances, egress) = (BTreeMap::new(), Arc::<Egress>::default());
        for name in names_in(&dir)? {
            let (effects, clock) = (effects.clone(), clock.clone());
            let instance = Instance::open(&dir, &name, effects, clock, Arc::clone(&egress), query_lag)?;
            instances.insert(name, instance);
        }
        let jobs = Arc::new(Runner::new(clock.clone()));
        let (limits, instances) = (OnceLock::new(), RwLock::new(instances));
        Ok(Self { inner: Arc::new(Inner { dir, effects, clock, egress, query_lag, limits, jobs, instances }) })
    }

    /// Opens the way out for notifications, once: what was to be sent when the process died is sent now.
    ///
    /// Without a way out event routes are kept, and nothing takes them.
    pub fn connect(&self, outlet: Arc<dyn Outlet>) {
        self.inner.egress.connect(outlet);
        for (name, instance) in &*self.inner.instances.read().unwrap_or_else(PoisonError::into_inner) {
            if let Err(error) = instance.write().unwrap_or_else(PoisonError::into_inner).resume() {
                tracing::error!(instance = name, %error, "a notification could not be put on its way yet");
            }
        }
    }

    /// Limits the rates of every instance as the real service does, from now on.
    pub fn limit(&self) {
        self.inner.limits.get_or_init(|| Limiter::new(self.inner.clock.clone()));
    }

    /// What became of the notifications of every route since the start: `[{instance, route, endpoint, sent, lost, reason}]`,
    /// the last only where some were lost.
    pub fn routed(&self) -> Value {
        self.inner.egress.show()
    }

    /// Tells where the blobs are that jobs read and write, and lets the jobs go on that had not ended when the instances
    /// were opened. Only the first time counts; before it no import is taken.
    pub fn attach(&self, blobs: Arc<dyn Blobs>) {
        self.inner.jobs.attach(blobs);
        let instances = self.inner.instances.read().unwrap_or_else(PoisonError::into_inner);
        instances.values().for_each(|instance| self.inner.jobs.resume(instance));
    }

    /// Stops all jobs within moments and returns when none runs any more; they go on when the folder is opened again.
    pub fn halt(&self) {
        self.inner.jobs.halt();
    }

    /// Creates an empty instance; one that exists is left as it is. Names do not differ by case.
    pub fn create_instance(&self, name: &str) -> Result<(), Error> {
        let key = key(name)?;
        let mut instances = self.inner.instances.write().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Vacant(place) = instances.entry(key) {
            let Inner { dir, effects, clock, egress, query_lag, .. } = &*self.inner;
            let (effects, clock) = (effects.clone(), clock.clone());
            let instance = Instance::open(dir, place.key(), effects, clock, Arc::clone(egress), *query_lag)?;
            place.insert(instance);
        }
        Ok(())
    }

    /// Deletes an instance with all it holds and says whether there was one.
    pub fn delete_instance(&self, name: &str) -> Result<bool, Error> {
        let mut instances = self.inner.instances.write().unwrap_or_else(PoisonError::into_inner);
        let Some(instance) = instances.get(&name.to_ascii_lowercase()) else { return Ok(false) };
        instance.write().unwrap_or_else(PoisonError::into_inner).delete()?;
        instances.remove(&name.to_ascii_lowercase());
        Ok(true)
    }

    /// The names of all instances, sorted, in lower case.
    pub fn instances(&self) -> Vec<String> {
        self.inner.instances.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// Makes an endpoint known to an instance, so that event routes may name it; ARM calls this once it is active.
    pub fn put_endpoint(&self, instance: &str, endpoint: &str) -> Result<(), Error> {
        self.change_endpoint(instance, endpoint, true)
    }

    /// Forgets an endpoint of an instance; routes that name it stay. An unknown endpoint is no error.
    pub fn delete_endpoint(&self, instance: &str, endpoint: &str) -> Result<(), Error> {
        self.change_endpoint(instance, endpoint, false)
    }

    fn change_endpoint(&self, instance: &str, endpoint: &str, present: bool) -> Result<(), Error> {
        let found = self.find(instance).ok_or_else(|| Error::Unknown(instance.to_owned()))?;
        let mut found = found.write().unwrap_or_else(PoisonError::into_inner);
        found.set_endpoint(endpoint, present)
    }

    /// Answers one request of the data plane; never blocks for longer than a write to the file, or a bounded query, takes.
    ///
    /// Links in the answer start with the request's own scheme and authority when its URI is absolute; otherwise
    /// with `X-Forwarded-Proto` (`https` without it) and `Host`.
    pub fn handle(&self, instance: &str, request: Request<Bytes>) -> Response<Bytes> {
        match self.find(instance) {
            Some(found) => {
                let key = instance.to_ascii_lowercase();
                let limits = self.inner.limits.get().map(|limits| (limits, &*key));
                dispatch::answer(&found, &self.inner.jobs, limits, &request)
            }
            None => answer::no_such_instance(instance),
        }
    }

    /// The raw state of every instance by name: models sorted by id; twins, relationships, routes, endpoints.
    ///
    /// Jobs are not shown: they say how the state came to be. Times and ETags are as stored; twins have the shape of api-version 2023-10-31.
    pub fn dump(&self) -> Value {
        let instances = self.inner.instances.read().unwrap_or_else(PoisonError::into_inner);
        let dump = |instance: &Arc<RwLock<Instance>>| instance.read().unwrap_or_else(PoisonError::into_inner).dump();
        instances.iter().map(|(name, instance)| (name.clone(), dump(instance))).collect()
    }

    fn find(&self, name: &str) -> Option<Arc<RwLock<Instance>>> {
        let instances = self.inner.instances.read().unwrap_or_else(PoisonError::into_inner);
        instances.get(&name.to_ascii_lowercase()).cloned()
    }
}

/// What a caller without a token that counts is answered.
pub(crate) fn unauthorized() -> Response<Bytes> {
    answer::unauthorized()
}

/// The key of a name: what names the file, too, so nothing but letters, digits and hyphens may pass.
fn key(name: &str) -> Result<String, Error> {
    let fits = (1..=63).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if fits { Ok(name.to_ascii_lowercase()) } else { Err(Error::Name(name.to_owned())) }
}

fn names_in(dir: &Path) -> Result<Vec<String>, Error> {
    let failed = |source| Error::Write { path: dir.to_owned(), source };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let file = entry.map_err(failed)?.file_name();
        names.extend(file.to_str().and_then(|file| file.strip_suffix(".jsonl")).map(str::to_owned));
    }
    names.sort();
    Ok(names)
}
