//! AWS on this machine: the process of ministack, an emulator that others make; found, started, looked at, stopped.
//!
//! | term | means |
//! |---|---|
//! | emulator | ministack (PyPI, MIT): one process that serves AWS's interfaces on one port, and starts Lambda processes |
//! | folder | `aws` in the local cloud's folder; at most one emulator per folder, by a lock that dies with it |
//! | record | what the folder says about the emulator that was started last; it goes when the emulator is stopped |
//!
//! Invariants:
//! - Only loopback is listened on. The emulator's MQTT and SFTP listeners would bind every address; they are off.
//! - The port is chosen once and kept: function URLs and endpoints in journals hold it.
//! - The emulator outlives whoever started it. It keeps its state in memory and writes it down when it is stopped
//!   gracefully, and only then: one that was killed begins where it was last stopped, and that is told.
//! - Its Lambda processes are of its process group, and end with it: by [`down`], or before the next start.
//! - Nothing of the starter's environment reaches it, and with it the Lambda processes, but the way to programs.

mod environment;
mod error;
mod folder;
mod health;
pub mod install;
mod manage;
mod serve;

use std::path::PathBuf;

use url::Url;

pub use error::Error;
pub use manage::{down, ensure, reset, running, status};
pub use serve::serve;

/// The version of ministack that twinctl is made for and tested with.
pub const VERSION: &str = "1.5.33";

/// The region of whatever names none; every region is served.
pub const REGION: &str = "eu-central-1";

/// An emulator that serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aws {
    /// Where all of AWS's services are, HTTP on loopback; what `AWS_ENDPOINT_URL` is to be.
    pub endpoint: Url,
    /// The emulator's process, which leads a session and a process group of that number.
    pub pid: u32,
    /// The region of whatever names none.
    pub region: String,
    /// The version of ministack that answers.
    pub version: String,
}

impl Aws {
    /// Whether it is the version that twinctl is made for.
    pub fn is_expected(&self) -> bool {
        self.version == VERSION
    }
}

/// How a folder's emulator stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// There is none, and the last one, if any, was stopped gracefully.
    Stopped,
    /// There is none: the last one has ended without having been stopped by [`down`].
    Crashed(Crash),
    /// A process holds the folder but does not answer yet, or not any more; its id where it is known.
    Unresponsive(Option<u32>),
    /// It serves.
    Running(Aws),
}

/// What is left of an emulator that ended by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crash {
    /// Its process.
    pub pid: u32,
    /// Its log file.
    pub log: PathBuf,
    /// The last lines of the log.
    pub tail: String,
}
