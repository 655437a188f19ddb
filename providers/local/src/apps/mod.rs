//! Function apps: their packages and processes, and the front that calls them.
//!
//! | term | means |
//! |---|---|
//! | definition | what an app is at this moment: its package, its settings, its keys |
//! | binding | which package and which settings a process was started from |
//! | lease | a process, held for one call |
//! | draining | a process whose app has another one: it ends when the last of its calls has ended |
//! | record | what is on disk about a process that runs, so that the next cloud can end it |
//!
//! Invariants:
//! - A call goes to a process of what the app is when the call arrives; the process before finishes its calls.
//! - A process ends with its cloud: told to when the cloud stops, killed by the next one (or by whoever stops or resets
//!   the folder) when the cloud was killed. One that heeds its standard input ends by itself then: the variable
//!   `TWINCTL_PARENT_STDIN` tells it that the end of it is the end of the cloud.
//! - Nothing of the cloud's own environment reaches a process but the way to programs, the language and the time zone;
//!   secrets reach it in its environment only, never in its arguments.

mod admin;
mod definition;
mod environment;
mod front;
mod function;
mod grid;
mod host;
mod invocation;
mod keys;
pub(crate) mod leftover;
mod log;
pub(crate) mod process;
mod route;
pub(crate) mod store;
mod supervisor;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::http::{Request, Response};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use crate::answer::Answer;
use crate::cloud::Cloud;

use self::store::Store;
use self::supervisor::App;

/// Tells a process that its standard input ends when its cloud does.
const PARENT_STDIN: &str = "TWINCTL_PARENT_STDIN";

/// The apps that run.
#[derive(Debug)]
pub(crate) struct Apps {
    /// The cloud's folder, absolute: processes have folders of their own to work in.
    dir: PathBuf,
    pub(crate) store: Store,
    /// Held while a package is unpacked and not yet recorded, and while packages are taken away.
    pub(crate) packages: tokio::sync::Mutex<()>,
    apps: Mutex<BTreeMap<String, Arc<App>>>,
    /// Counts the changes of the cloud's state.
    changes: watch::Sender<u64>,
    /// What looks after processes; waited for when the cloud stops.
    tasks: TaskTracker,
}

impl Apps {
    /// Opens what lies in the folder, and ends what an earlier cloud has left running.
    pub(crate) fn open(dir: &Path) -> io::Result<Self> {
        let dir = std::path::absolute(dir)?;
        let ended = leftover::end(&dir)?;
        if ended > 0 {
            tracing::info!(ended, "processes of an earlier cloud of this folder were ended");
        }
        let store = Store::new(&dir);
        let (packages, apps, tasks) = Default::default();
        Ok(Self { dir, store, packages, apps, changes: watch::Sender::new(0), tasks })
    }

    /// Says that the cloud's state has changed, and apps with it, perhaps.
    pub(crate) fn touch(&self) {
        self.changes.send_modify(|change| *change += 1);
    }

    fn change(&self) -> u64 {
        *self.changes.borrow()
    }

    /// The app of that name, if there is one or was one while this cloud has run.
    fn get(&self, cloud: &Cloud, name: &str) -> Option<Arc<App>> {
        let name = name.to_lowercase();
        if let Some(app) = self.known().get(&name) {
            return Some(Arc::clone(app));
        }
        let app = Arc::new(App::new(cloud, &name));
        app.definition(cloud)?;
        Some(Arc::clone(self.known().entry(name).or_insert(app)))
    }

    /// Has the process of an app replaced by the next call.
    pub(crate) fn restart(&self, name: &str) {
        if let Some(app) = self.known().get(&name.to_lowercase()) {
            app.restart();
        }
        self.touch();
    }

    fn known(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<App>>> {
        self.apps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a delivery of events ended, as a status of HTTP: 200 to 204 are successes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delivered {
    pub(crate) status: u16,
    /// What to write into the dead letter when it failed.
    pub(crate) outcome: String,
}

impl Delivered {
    /// The end that a status stands for, in the words of Event Grid's `lastDeliveryOutcome`.
    pub(crate) fn of(status: u16) -> Self {
        let outcome = match status {
            200..=204 => "Success",
            400 => "BadRequest",
            401 => "Unauthorized",
            403 => "Forbidden",
            404 => "NotFound",
            408 => "TimedOut",
            413 => "PayloadTooLarge",
            429 | 503 => "Busy",
            502 => "SocketError",
            _ => "GenericError",
        };
        Self { status, outcome: outcome.to_owned() }
    }
}

/// Serves a request to `https://{app}.web.localhost/`.
pub(crate) async fn http(cloud: &Arc<Cloud>, request: Request<Bytes>) -> Response<Body> {
    front::serve(cloud, request).await
}

/// Hands events of a subscription to a function of an app.
pub(crate) async fn deliver(cloud: &Arc<Cloud>, app: &str, function: &str, events: &[Value]) -> Delivered {
    grid::deliver(cloud, app, function, events).await
}

/// How every app stands, for the control interface.
pub(crate) fn show(cloud: &Cloud) -> Value {
    let names: Vec<String> = {
        let state = cloud.state();
        let sites = state.all::<crate::state::Resource>().values().filter(|found| found.kind == "Microsoft.Web/sites");
        sites.map(|site| site.name().to_lowercase()).collect()
    };
    let apps = names.iter().filter_map(|name| Some((name.clone(), cloud.apps.get(cloud, name)?.show(cloud))));
    Value::Object(apps.collect())
}

/// Kills the process of an app as a crash would, for the control interface.
pub(crate) fn kill(cloud: &Cloud, name: &str) -> Answer {
    let Some(app) = cloud.apps.get(cloud, name) else {
        return Answer::error(404, "NotFound", "There is no such app.");
    };
    match app.kill() {
        Ok(Some(pid)) => Answer::json(200, json!({ "pid": pid })),
        Ok(None) => Answer::error(409, "Conflict", "The app has no process now."),
        Err(error) => Answer::error(500, "InternalServerError", &error.to_string()),
    }
}

/// Looks after the processes until the cloud stops, then waits until they have ended.
pub(crate) async fn run(cloud: Arc<Cloud>) {
    let mut changes = cloud.apps.changes.subscribe();
    let mut kept = None;
    loop {
        let apps: Vec<Arc<App>> = cloud.apps.known().values().cloned().collect();
        apps.iter().for_each(|app| app.check(&cloud));
        let keep = (definition::packages(&cloud.state()), cloud.apps.store.held());
        if kept.as_ref() != Some(&keep) {
            collect(&cloud).await;
            kept = Some(keep);
        }
        tokio::select! {
            () = cloud.stop.cancelled() => break,
            _ = changes.changed() => {}
        }
    }
    cloud.apps.tasks.close();
    cloud.apps.tasks.wait().await;
}

/// Takes away the packages that no app has any more.
async fn collect(cloud: &Arc<Cloud>) {
    let _packages = cloud.apps.packages.lock().await;
    let keep = definition::packages(&cloud.state());
    let store = cloud.apps.store.clone();
    let collected = tokio::task::spawn_blocking(move || store.collect(&keep)).await;
    if let Err(error) = collected.map_err(io::Error::other).and_then(|collected| collected) {
        tracing::warn!(%error, "packages that no app has any more could not be taken away");
    }
}
