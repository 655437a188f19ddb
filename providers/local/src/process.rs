//! The cloud as a process of its own: started, found, stopped, wiped. One per folder.
//!
//! Truth is the folder's lock, which dies with its owner; `endpoints.json` counts only while the lock is held
//! and the process answers under the instance id that the file names.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::apps::leftover;
use crate::clock::Clock;
use crate::endpoints::Endpoints;
use crate::lock::{self, Attempt, Owner};
use crate::server;
use crate::tls;

/// How to start the serving process: it must end up in [`serve`] with options for the same folder.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The executable.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// How long to wait until it serves.
    pub deadline: Duration,
}

/// Whether a folder's cloud runs.
#[derive(Clone, Debug)]
pub enum Status {
    /// Nobody serves the folder.
    Stopped,
    /// A process holds the folder but does not answer yet, or not any more.
    Unresponsive(Option<Owner>),
    /// It serves.
    Running(Box<Endpoints>, Option<Owner>),
}

/// What managing the process can run into.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file in the folder cannot be used.
    #[error("use the local cloud's folder {dir}", dir = dir.display())]
    Folder {
        /// The folder.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The executable cannot be started.
    #[error("start {program}", program = program.display())]
    Spawn {
        /// The executable.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The process ended before it served.
    #[error("start the local cloud: it ended with {status}; the end of {log}: {tail}", log = log.display())]
    Died {
        /// Its exit status.
        status: String,
        /// Its log file.
        log: PathBuf,
        /// The last lines of the log.
        tail: String,
    },
    /// The process did not serve in time.
    #[error("reach the local cloud within {seconds} s of starting it; see {log}", log = log.display())]
    TooSlow {
        /// The deadline, in seconds.
        seconds: u64,
        /// Its log file.
        log: PathBuf,
    },
    /// The process does not end, not even when killed.
    #[error("stop the local cloud's process {pid}")]
    Immortal {
        /// The process.
        pid: u32,
    },
    /// No client for the cloud can be made.
    #[error("set up a client for the local cloud")]
    Tls(#[from] tls::Error),
    /// No client for the cloud can be made.
    #[error("set up a client for the local cloud")]
    Client(#[from] reqwest::Error),
}

/// Starts the cloud of `dir` unless it runs already; returns where it serves.
///
/// The process gets a session of its own and writes to `<dir>/cloud.log`, so it outlives its starter.
pub async fn up(dir: &Path, launch: &Launch) -> Result<Endpoints, Error> {
    if let Status::Running(endpoints, _) = status(dir).await? {
        return Ok(*endpoints);
    }
    fs::create_dir_all(dir).map_err(|source| folder(dir, source))?;
    let log = dir.join("cloud.log");
    let mut child = spawn(dir, &log, launch)?;
    let start = Instant::now();
    while start.elapsed() < launch.deadline {
        if let Status::Running(endpoints, _) = status(dir).await? {
            return Ok(*endpoints);
        }
        if let Some(ended) = child.try_wait().map_err(|source| folder(dir, source))? {
            // Losing a race against another starter is fine: that one's process will answer.
            if matches!(status(dir).await?, Status::Stopped) {
                return Err(Error::Died { status: ended.to_string(), tail: tail(&log), log });
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Err(Error::TooSlow { seconds: launch.deadline.as_secs(), log })
}

/// Looks whether the cloud of `dir` runs; changes nothing.
pub async fn status(dir: &Path) -> Result<Status, Error> {
    let Some(owner) = lock::holder(dir).map_err(|source| folder(dir, source))? else {
        return Ok(Status::Stopped);
    };
    // A file that is being replaced, or left by an older version, is as good as none.
    let Some(endpoints) = Endpoints::read(dir).unwrap_or_default() else {
        return Ok(Status::Unresponsive(owner));
    };
    Ok(match health(&endpoints).await {
        Some(instance) if instance == endpoints.instance => Status::Running(Box::new(endpoints), owner),
        _ => Status::Unresponsive(owner),
    })
}

/// Stops the cloud of `dir`: asks it to, then terminates it, then kills it. False when none ran.
pub async fn down(dir: &Path) -> Result<bool, Error> {
    match status(dir).await? {
        Status::Stopped => {
            end_leftovers(dir)?;
            return Ok(false);
        }
        Status::Running(endpoints, _) => ask_to_stop(&endpoints).await?,
        Status::Unresponsive(_) => {}
    }
    for (signal, patience) in [
        (None, Duration::from_secs(3)),
        (Some(rustix::process::Signal::TERM), Duration::from_secs(3)),
        (Some(rustix::process::Signal::KILL), Duration::from_secs(5)),
    ] {
        if let Some(signal) = signal {
            send(dir, signal)?;
        }
        if gone(dir, patience).await? {
            Endpoints::remove(dir).map_err(|source| folder(dir, source))?;
            end_leftovers(dir)?;
            return Ok(true);
        }
    }
    let pid = lock::holder(dir).map_err(|source| folder(dir, source))?.flatten().map_or(0, |owner| owner.pid);
    Err(Error::Immortal { pid })
}

/// Stops the cloud of `dir` and deletes its state and certificates; other files in the folder stay.
pub async fn reset(dir: &Path) -> Result<(), Error> {
    down(dir).await?;
    server::wipe(dir).map_err(|source| folder(dir, source))
}

/// Serves until told to stop by the control interface, SIGTERM or SIGINT; the body of the serving process.
pub async fn serve(options: server::Options) -> Result<(), server::Error> {
    // Refused only to a process that leads a session already, which is just as good.
    let _ = rustix::process::setsid();
    let running = server::start(options).await?;
    running.wait().await
}

fn spawn(dir: &Path, log: &Path, launch: &Launch) -> Result<Child, Error> {
    let out = fs::File::options().create(true).append(true).open(log).map_err(|source| folder(dir, source))?;
    let err = out.try_clone().map_err(|source| folder(dir, source))?;
    Command::new(&launch.program)
        .args(&launch.args)
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(err)
        .spawn()
        .map_err(|source| Error::Spawn { program: launch.program.clone(), source })
}

async fn health(endpoints: &Endpoints) -> Option<String> {
    let client = endpoints.client().ok()?.timeout(Duration::from_secs(2)).build().ok()?;
    let answer = client.get(endpoints.control.join("health").ok()?).send().await.ok()?;
    let body: serde_json::Value = answer.json().await.ok()?;
    Some(body["instance"].as_str()?.to_owned())
}

async fn ask_to_stop(endpoints: &Endpoints) -> Result<(), Error> {
    let client = endpoints.client()?.timeout(Duration::from_secs(2)).build()?;
    let stop = endpoints.control.join("stop").expect("a constant path joins");
    // Its answer may be lost with the process; whether it went is looked at afterwards.
    let _ = client.post(stop).send().await;
    Ok(())
}

fn send(dir: &Path, signal: rustix::process::Signal) -> Result<(), Error> {
    // The lock is held at this moment, so the pid in it belongs to a living owner.
    let owner = lock::holder(dir).map_err(|source| folder(dir, source))?.flatten();
    let pid = owner.and_then(|owner| i32::try_from(owner.pid).ok()).and_then(rustix::process::Pid::from_raw);
    match pid.map(|pid| rustix::process::kill_process(pid, signal)) {
        Some(Err(error)) if error != rustix::io::Errno::SRCH => Err(folder(dir, error.into())),
        _ => Ok(()),
    }
}

async fn gone(dir: &Path, patience: Duration) -> Result<bool, Error> {
    let start = Instant::now();
    loop {
        if lock::holder(dir).map_err(|source| folder(dir, source))?.is_none() {
            return Ok(true);
        }
        if start.elapsed() >= patience {
            return Ok(false);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Ends the processes of apps that a killed cloud has left; not while another cloud serves the folder.
fn end_leftovers(dir: &Path) -> Result<(), Error> {
    if !dir.join("apps").exists() {
        return Ok(());
    }
    let now = Clock::system(None).timestamp();
    if let Attempt::Taken(_lock) = lock::take(dir, now).map_err(|source| folder(dir, source))? {
        leftover::end(dir).map_err(|source| folder(dir, source))?;
    }
    Ok(())
}

fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(5)..].join(" | ")
}

fn folder(dir: &Path, source: io::Error) -> Error {
    Error::Folder { dir: dir.to_owned(), source }
}
