//! One process of an app: started, found ready, given calls, drained, ended.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::leftover::{self, Identity, Record};
use super::log::Log;
use super::store::Hold;
use crate::tls;

/// How long a process may take until it answers: the real host's `InitializationTimeout`.
const READY: Duration = Duration::from_secs(30);
/// How long a process that is to end may take before it is killed.
const PATIENCE: Duration = Duration::from_secs(5);
/// The same when the whole cloud stops, which somebody waits for.
const HASTE: Duration = Duration::from_secs(1);

/// What a process is started from; a process whose app has another one now is out of date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Binding {
    /// The package.
    pub(super) digest: String,
    /// The ETag of the app's settings.
    pub(super) settings: String,
    /// How often somebody has asked for a restart.
    pub(super) restarts: u64,
}

/// What to start.
#[derive(Debug)]
pub(super) struct Launch<'a> {
    pub(super) program: PathBuf,
    pub(super) arguments: &'a [String],
    /// The working directory.
    pub(super) folder: PathBuf,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) port: u16,
    pub(super) binding: Binding,
    /// The app's own folder, for its record.
    pub(super) app: &'a Path,
    pub(super) log: Arc<Log>,
    /// Keeps the package while the process runs.
    pub(super) hold: Hold,
    /// The certificate that a client for it trusts.
    pub(super) ca: &'a Path,
}

/// Why there is no process to give a call to.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Error {
    /// It cannot be started.
    #[error("{program} cannot be started: {why}", program = program.display())]
    Spawn {
        /// The executable.
        program: PathBuf,
        /// What the system said.
        why: String,
    },
    /// It ended before it answered.
    #[error("the process ended with {0} before it answered")]
    Ended(String),
    /// It did not answer in time.
    #[error("the process did not answer within {seconds} s", seconds = READY.as_secs())]
    TooSlow,
}

/// A process that was started.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) pid: u32,
    pub(super) port: u16,
    pub(super) binding: Binding,
    /// For calls of this process alone: its connections go with it.
    pub(super) client: reqwest::Client,
    calls: TaskTracker,
    stop: CancellationToken,
    exit: watch::Receiver<Option<Exit>>,
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Exit {
    /// `exit status: 3`, `signal: 9 (SIGKILL)`.
    pub(super) status: String,
    /// Whether it was told to.
    pub(super) asked: bool,
}

impl Process {
    /// Starts it. `stop` ends it together with the whole cloud, `tasks` are waited for then.
    pub(super) async fn start(
        launch: Launch<'_>,
        stop: &CancellationToken,
        tasks: &TaskTracker,
    ) -> Result<Self, Error> {
        let program = launch.program.clone();
        let failed = |why: String| Error::Spawn { program: program.clone(), why };
        let client = client(launch.ca).map_err(failed)?;
        let (mut child, output) = spawn(&launch).await.map_err(|error| failed(error.to_string()))?;
        let Some(pid) = child.id() else { return Err(Error::Ended("no process id".to_owned())) };
        let identity = Identity::of(pid);
        let record = identity.map(|identity| Record::write(launch.app, &identity)).transpose().map_err(|error| {
            // It must not run without a record: nobody would end it after a kill. Dropping the child kills it.
            let _ = child.start_kill();
            failed(error.to_string())
        })?;
        let (told, exit) = watch::channel(None);
        let (end, cloud) = (stop.child_token(), stop.clone());
        let own = end.clone();
        // Not waited for: something that the process has let go of may hold the pipe for as long as it likes.
        tokio::spawn(keep_log(output, Arc::clone(&launch.log)));
        let kept = (record, launch.hold);
        tasks.spawn(async move {
            let exit = attend(child, pid, (own, cloud)).await;
            drop(kept);
            told.send_replace(Some(exit));
        });
        let calls = TaskTracker::new();
        Ok(Self { pid, port: launch.port, binding: launch.binding, client, calls, stop: end, exit })
    }

    /// Waits until it answers a `GET /`, however it does.
    pub(super) async fn ready(&self) -> Result<(), Error> {
        let start = Instant::now();
        let mut pause = Duration::from_millis(2);
        let mut exit = self.exit.clone();
        while start.elapsed() < READY {
            if let Some(exit) = self.exited() {
                return Err(Error::Ended(exit.status));
            }
            let probe = self.client.get(self.url("/")).timeout(READY.saturating_sub(start.elapsed())).send();
            tokio::select! {
                answer = probe => if answer.is_ok() { return Ok(()) },
                _ = exit.changed() => continue,
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(50));
        }
        Err(Error::TooSlow)
    }

    /// Where a path of it is.
    pub(super) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Counts a call as long as the token lives.
    pub(super) fn call(&self) -> TaskTrackerToken {
        self.calls.token()
    }

    /// How many calls it works on.
    pub(super) fn busy(&self) -> usize {
        self.calls.len()
    }

    /// How it ended, if it has.
    pub(super) fn exited(&self) -> Option<Exit> {
        self.exit.borrow().clone()
    }

    /// Waits until it has ended.
    pub(super) async fn ended(&self) -> Exit {
        let mut exit = self.exit.clone();
        let ended = exit.wait_for(Option::is_some).await.map(|exit| exit.clone());
        ended.ok().flatten().unwrap_or(Exit { status: "nobody looked after it".to_owned(), asked: true })
    }

    /// Waits until it has ended, but no longer than that.
    pub(super) async fn ended_within(&self, limit: Duration) {
        // Whether it has or not: the next look at it tells.
        let _ = tokio::time::timeout(limit, self.ended()).await;
    }

    /// Ends it as soon as it has no call to work on any more, at the latest after `patience`.
    pub(super) async fn drain(&self, patience: Duration) {
        self.calls.close();
        tokio::select! {
            () = self.calls.wait() => {}
            () = tokio::time::sleep(patience) => {}
            () = self.stop.cancelled() => {}
        }
        self.stop.cancel();
    }

    /// Kills it, now, as a crash would; false when it has ended already.
    pub(super) fn kill(&self) -> io::Result<bool> {
        if self.exited().is_some() {
            return Ok(false);
        }
        leftover::kill(self.pid).map(|()| true)
    }
}

/// A free port that no other program will be given by chance.
///
/// It lies below those that the system gives to connections and to whoever asks for any: between this look and the
/// moment when the process listens, only somebody who asks for this very number could take it.
pub(crate) fn free_port() -> io::Result<u16> {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")?;
    let first: u16 = range.split_whitespace().next().and_then(|text| text.parse().ok()).unwrap_or(0);
    let (low, high) = if first > 20_000 { (16_000, first) } else { (61_000, u16::MAX) };
    for _ in 0..64 {
        let [a, b, ..] = *uuid::Uuid::new_v4().as_bytes();
        let port = low + u16::from_be_bytes([a, b]) % (high - low);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr().map(|address| address.port())
}

fn client(ca: &Path) -> Result<reqwest::Client, String> {
    let config = tls::client_config(ca).map_err(|error| error.to_string())?;
    let client = reqwest::Client::builder().tls_backend_preconfigured(config).no_proxy();
    client.redirect(reqwest::redirect::Policy::none()).build().map_err(|error| error.to_string())
}

/// Starts the process in a group of its own, everything that it prints in one pipe.
async fn spawn(launch: &Launch<'_>) -> io::Result<(Child, io::PipeReader)> {
    let start = Instant::now();
    loop {
        let (output, writer) = io::pipe()?;
        let mut command = Command::new(&launch.program);
        command.args(launch.arguments).current_dir(&launch.folder).env_clear().envs(&launch.environment);
        command.stdin(Stdio::piped()).stdout(writer.try_clone()?).stderr(writer);
        match command.process_group(0).kill_on_drop(true).spawn() {
            // Somebody who forked while the file was written may have it open for a moment longer.
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && start.elapsed() < PATIENCE => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Err(error) => return Err(error),
            Ok(child) => return Ok((child, output)),
        }
    }
}

async fn keep_log(output: io::PipeReader, log: Arc<Log>) {
    let mut output = match tokio::net::unix::pipe::Receiver::from_owned_fd(output.into()) {
        Ok(output) => output,
        Err(error) => {
            tracing::warn!(%error, "what an app prints cannot be read");
            return;
        }
    };
    let mut buffer = vec![0; 16 * 1024];
    loop {
        match output.read(&mut buffer).await {
            Ok(0) => return,
            Ok(read) => log.write(&buffer[..read]),
            Err(error) => {
                tracing::warn!(%error, "what an app prints cannot be read any more");
                return;
            }
        }
    }
}

/// Waits for the end of a process, or brings it about when told to; what is left of its group ends with it.
async fn attend(mut child: Child, pid: u32, (own, cloud): (CancellationToken, CancellationToken)) -> Exit {
    // Held until the process has ended: a process that reads it learns when the cloud has died.
    let stdin = child.stdin.take();
    let (status, asked) = tokio::select! {
        status = child.wait() => (status, false),
        () = own.cancelled() => (end(&mut child, pid, &cloud).await, true),
    };
    if let Err(error) = leftover::kill(pid) {
        tracing::warn!(pid, %error, "what an app's process has started could not be ended");
    }
    drop(stdin);
    Exit { status: status.map_or_else(|error| error.to_string(), |status| status.to_string()), asked }
}

async fn end(child: &mut Child, pid: u32, cloud: &CancellationToken) -> io::Result<std::process::ExitStatus> {
    leftover::signal(pid, Signal::TERM)?;
    let hurried = async {
        cloud.cancelled().await;
        tokio::time::sleep(HASTE).await;
    };
    tokio::select! {
        status = child.wait() => return status,
        () = hurried => {}
        () = tokio::time::sleep(PATIENCE) => {}
    }
    leftover::kill(pid)?;
    child.wait().await
}
