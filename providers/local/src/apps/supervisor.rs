//! One app at run time: which process has its calls, when the next one is started, what happened so far.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio_util::task::task_tracker::TaskTrackerToken;
use uuid::Uuid;

use super::definition::Definition;
use super::environment::{self, Facts};
use super::log::Log;
use super::process::{self, Binding, Launch, Process};
use crate::cloud::Cloud;
use crate::listen::Service;
use crate::tls;

/// How long calls that a process works on may take to end before it is ended regardless.
const DRAIN: Duration = Duration::from_secs(30);
/// A call waits this long for a process that may not be started yet; beyond that it is told when to come again.
const WAIT: Duration = Duration::from_secs(2);
/// The longest pause between two starts of an app that crashes at once.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// An app.
#[derive(Debug)]
pub(super) struct App {
    name: String,
    dir: PathBuf,
    log: Arc<Log>,
    /// What it is, and the change of the cloud's state at which that was found out.
    known: Mutex<Option<(u64, Arc<Definition>)>>,
    slot: Mutex<Slot>,
    /// One start at a time.
    gate: Arc<tokio::sync::Mutex<()>>,
    /// Calls by function and status.
    calls: Mutex<BTreeMap<String, BTreeMap<u16, u64>>>,
}

#[derive(Debug, Default)]
struct Slot {
    process: Option<Arc<Process>>,
    starting: bool,
    starts: u64,
    /// Ends that nobody asked for since the last call that went well.
    crashes: u32,
    /// When the next start may be.
    not_before: Option<Instant>,
    last_exit: Option<String>,
    restarts: u64,
}

/// A process, held for one call.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) process: Arc<Process>,
    _call: TaskTrackerToken,
}

/// Why there is no process for a call.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Unavailable {
    /// The app has no package, or one that cannot run.
    #[error("{0}")]
    NotRunnable(String),
    /// The process could not be started.
    #[error(transparent)]
    Start(#[from] process::Error),
    /// It crashed too often to be started right now.
    #[error("the process crashed and is started again in {} ms", .0.as_millis())]
    BackingOff(Duration),
    /// The cloud stops.
    #[error("the cloud stops")]
    Stopping,
}

impl App {
    /// The app of that name, nothing started.
    pub(super) fn new(cloud: &Cloud, name: &str) -> Self {
        let dir = cloud.apps.dir.join("apps").join(name);
        let log = Arc::new(Log::new(&dir));
        let (known, slot, gate, calls) = Default::default();
        Self { name: name.to_owned(), dir, log, known, slot, gate, calls }
    }

    /// What it is now; `None` when there is no such app.
    pub(super) fn definition(&self, cloud: &Cloud) -> Option<Arc<Definition>> {
        let change = cloud.apps.change();
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, known)) = known.filter(|(at, _)| *at == change) {
            return Some(known);
        }
        let found = Definition::find(cloud, &self.name).map(Arc::new);
        let keep = found.clone().filter(|found| found.settled).map(|found| (change, found));
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = keep;
        found
    }

    /// A process that runs what the app is now; it is started when there is none.
    pub(super) async fn lease(self: &Arc<Self>, cloud: &Arc<Cloud>, now: &Definition) -> Result<Lease, Unavailable> {
        if let Some(lease) = self.running(now) {
            return Ok(lease);
        }
        let gate = Arc::clone(&self.gate).lock_owned().await;
        let (app, cloud) = (Arc::clone(self), Arc::clone(cloud));
        // A task of its own: a caller who hangs up must not leave a process half started.
        let started = tokio::spawn(async move {
            let _gate = gate;
            app.start(&cloud).await
        });
        started.await.unwrap_or(Err(Unavailable::Stopping))
    }

    fn running(&self, now: &Definition) -> Option<Lease> {
        let slot = self.slot();
        let process = slot.process.as_ref()?;
        let fits = process.exited().is_none() && self.binding(&slot, now).as_ref() == Some(&process.binding);
        fits.then(|| Lease { process: Arc::clone(process), _call: process.call() })
    }

    fn binding(&self, slot: &Slot, now: &Definition) -> Option<Binding> {
        let code = now.code.as_ref()?;
        Some(Binding { digest: code.digest.clone(), settings: now.etag.clone(), restarts: slot.restarts })
    }

    /// Starts a process and puts it in the place of the one before, which drains.
    async fn start(self: &Arc<Self>, cloud: &Arc<Cloud>) -> Result<Lease, Unavailable> {
        let gone = || Unavailable::NotRunnable("the app is gone".to_owned());
        let now = self.definition(cloud).ok_or_else(gone)?;
        if let Some(lease) = self.running(&now) {
            return Ok(lease);
        }
        self.wait_for_turn().await?;
        if cloud.stop.is_cancelled() {
            return Err(Unavailable::Stopping);
        }
        self.slot().starting = true;
        let started = self.launch(cloud, &now).await;
        let mut slot = self.slot();
        slot.starting = false;
        match started {
            Ok(process) => {
                let lease = Lease { _call: process.call(), process: Arc::clone(&process) };
                let before = slot.process.replace(Arc::clone(&process));
                drop(slot);
                before.into_iter().for_each(|before| self.retire(cloud, before));
                self.watch(cloud, process);
                Ok(lease)
            }
            Err(Unavailable::Start(error)) => {
                slot.crashed(cloud, &error.to_string());
                self.log.note(&cloud.clock.timestamp(), &error.to_string());
                tracing::warn!(app = self.name, %error, "an app's process could not be started");
                Err(error.into())
            }
            Err(error) => Err(error),
        }
    }

    async fn wait_for_turn(&self) -> Result<(), Unavailable> {
        let not_before = self.slot().not_before;
        let left = not_before.map_or(Duration::ZERO, |at| at.saturating_duration_since(Instant::now()));
        if left > WAIT {
            return Err(Unavailable::BackingOff(left));
        }
        tokio::time::sleep(left).await;
        Ok(())
    }

    async fn launch(&self, cloud: &Cloud, now: &Definition) -> Result<Arc<Process>, Unavailable> {
        let unable = |why: String| Unavailable::NotRunnable(why);
        let code = now.code.as_ref().ok_or_else(|| unable("the app has no package".to_owned()))?;
        let host = code.host.as_ref().map_err(|error| unable(error.to_string()))?;
        let binding = self.binding(&self.slot(), now).ok_or_else(|| unable("the app has no package".to_owned()))?;
        let hold = cloud.apps.store.hold(&code.digest).ok_or_else(|| unable("the package is missing".to_owned()))?;
        let port = process::free_port().map_err(|error| unable(format!("no port is free: {error}")))?;
        let (ca, instance) = (tls::ca_path(&cloud.apps.dir), Uuid::new_v4().simple().to_string());
        let facts = Facts {
            app: &self.name,
            instance: &instance,
            port,
            root: &code.root,
            identity_port: cloud.hosts.port(Service::Imds),
            identity_header: &Uuid::new_v4().simple().to_string(),
            ca: &ca,
        };
        let launch = Launch {
            program: host.program_in(&code.root),
            arguments: &host.arguments,
            folder: code.root.join(&host.folder),
            environment: environment::of(&now.settings, &facts, |name| std::env::var(name).ok()),
            port,
            binding,
            app: &self.dir,
            log: Arc::clone(&self.log),
            hold,
            ca: &ca,
        };
        self.slot().starts += 1;
        let process = Process::start(launch, &cloud.stop, &cloud.apps.tasks).await?;
        self.log.note(&cloud.clock.timestamp(), &format!("process {} of package {}", process.pid, code.digest));
        if let Err(error) = process.ready().await {
            process.drain(Duration::ZERO).await;
            return Err(error.into());
        }
        Ok(Arc::new(process))
    }

    /// Takes note of the end of a process.
    fn watch(self: &Arc<Self>, cloud: &Arc<Cloud>, process: Arc<Process>) {
        let (app, cloud) = (Arc::clone(self), Arc::clone(cloud));
        tokio::spawn(async move {
            let exit = process.ended().await;
            let mut slot = app.slot();
            if slot.process.as_ref().is_some_and(|current| Arc::ptr_eq(current, &process)) {
                slot.process = None;
            }
            app.log.note(&cloud.clock.timestamp(), &format!("process {} ended with {}", process.pid, exit.status));
            if exit.asked {
                slot.last_exit = Some(exit.status);
            } else {
                tracing::warn!(app = app.name, pid = process.pid, status = exit.status, "an app's process crashed");
                slot.crashed(&cloud, &exit.status);
            }
            drop(slot);
            // Its package may be nobody's now.
            cloud.apps.touch();
        });
    }

    /// Ends a process once its calls have ended.
    fn retire(&self, cloud: &Cloud, process: Arc<Process>) {
        cloud.apps.tasks.spawn(async move { process.drain(DRAIN).await });
    }

    /// Retires the process when it is not what the app is any more.
    pub(super) fn check(&self, cloud: &Cloud) {
        if self.slot().process.is_none() {
            return;
        }
        let now = self.definition(cloud);
        let mut slot = self.slot();
        let wanted = now.and_then(|now| self.binding(&slot, &now));
        let outdated = slot.process.as_ref().is_some_and(|process| wanted.as_ref() != Some(&process.binding));
        if outdated && let Some(process) = slot.process.take() {
            self.retire(cloud, process);
        }
    }

    /// Has the process replaced by the next call, as a restart of the app does.
    pub(super) fn restart(&self) {
        let mut slot = self.slot();
        slot.restarts += 1;
        slot.crashes = 0;
        slot.not_before = None;
    }

    /// Kills the process as a crash would; says which one it was.
    pub(super) fn kill(&self) -> std::io::Result<Option<u32>> {
        let Some(process) = self.slot().process.clone() else { return Ok(None) };
        Ok(process.kill()?.then_some(process.pid))
    }

    /// Counts a call.
    pub(super) fn count(&self, function: &str, status: u16) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        *calls.entry(function.to_owned()).or_default().entry(status).or_default() += 1;
    }

    /// Notes that the process has answered a call, whatever it said: it works.
    pub(super) fn proven(&self) {
        let mut slot = self.slot();
        slot.crashes = 0;
        slot.not_before = None;
    }

    /// Writes what a function has logged.
    pub(super) fn log(&self, lines: &[Value]) {
        for line in lines {
            self.log.write(format!("{}\n", line.as_str().map_or_else(|| line.to_string(), str::to_owned)).as_bytes());
        }
    }

    /// How it stands.
    pub(super) fn show(&self, cloud: &Cloud) -> Value {
        let now = self.definition(cloud);
        let slot = self.slot();
        let process = slot.process.as_ref().filter(|process| process.exited().is_none());
        let pause = slot.not_before.map(|at| at.saturating_duration_since(Instant::now()));
        let pause = pause.filter(|left| !left.is_zero());
        let state = match process {
            _ if slot.starting => "starting",
            Some(_) => "running",
            None if pause.is_some() => "backing-off",
            None => "not-started",
        };
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone();
        json!({
            "package": now.as_ref().and_then(|now| now.code.as_ref()).map(|code| &code.digest),
            "settings": now.as_ref().map(|now| &now.etag),
            "state": state,
            "pid": process.map(|process| process.pid),
            "port": process.map(|process| process.port),
            "inFlight": process.map_or(0, |process| process.busy()),
            "starts": slot.starts,
            "restarts": slot.starts.saturating_sub(1),
            "crashes": slot.crashes,
            "backoffMilliseconds": pause.map(|left| left.as_millis()),
            "lastExit": slot.last_exit,
            "calls": calls,
        })
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// Notes an end that nobody asked for; after the first one the next start is at once, then ever later.
    fn crashed(&mut self, cloud: &Cloud, how: &str) {
        self.crashes = self.crashes.saturating_add(1);
        self.last_exit = Some(how.to_owned());
        self.not_before = pause(self.crashes).map(|pause| Instant::now() + cloud.clock.paced(pause));
    }
}

/// The pause before the next start after so many crashes in a row: none, 1 s, 2 s, 4 s, ... one minute.
fn pause(crashes: u32) -> Option<Duration> {
    let doublings = crashes.checked_sub(2)?.min(16);
    Some(Duration::from_secs(1 << doublings).min(LONGEST_PAUSE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_minute() {
        let seconds = |crashes| pause(crashes).map(|pause| pause.as_secs());
        let all: Vec<_> = (0..10).map(seconds).collect();
        assert_eq!(all, [None, None, Some(1), Some(2), Some(4), Some(8), Some(16), Some(32), Some(60), Some(60)]);
        assert_eq!(seconds(u32::MAX), Some(60));
    }
}
