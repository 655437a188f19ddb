//! How readers talk to the owner of the journal: lines over a Unix socket in the state folder.
//!
//! The owner greets with `h` and a [`Greeting`]; the reader asks with one [`Request`]; the owner answers with lines
//! that begin with `r` (a record as it is stored), `s` (a [`StreamHead`]) or `v` (a value as JSON), and ends with `.`, or
//! with `!` and a reason. An answer that follows a stream has no end; `~` now and then shows that the owner lives.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::lease::Owner;
use crate::record::Head;

/// The version of this protocol.
pub(crate) const PROTOCOL: u32 = 1;

/// The socket's name below the state folder.
pub(crate) const SOCKET: &str = "reader.sock";

/// What the owner says first.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Greeting {
    pub(crate) protocol: u32,
    pub(crate) owner: Owner,
    pub(crate) id: uuid::Uuid,
}

/// What a reader asks.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "get", rename_all = "kebab-case")]
pub(crate) enum Request {
    /// The streams and their heads.
    Streams,
    /// What stands for the records of a stream that were pruned.
    Base { stream: String },
    /// What was done in a stream, run by run.
    Overview { stream: String },
    /// The records of a stream.
    Records { stream: String, from: u64, follow: bool },
}

/// A stream and its newest record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamHead {
    /// The stream's name.
    pub stream: String,
    /// Its newest durable record.
    pub head: Head,
}

/// Binds the socket of a state folder, in place of one that an ended process left.
pub(crate) fn bind(state: &Path) -> std::io::Result<UnixListener> {
    match std::fs::remove_file(state.join(SOCKET)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let dir = File::open(state)?;
    UnixListener::bind(short_path(&dir))
}

/// Connects to the owner of a state folder, if there is one.
pub(crate) fn connect(state: &Path) -> std::io::Result<UnixStream> {
    let dir = File::open(state)?;
    UnixStream::connect(short_path(&dir))
}

/// The socket's path through the open folder: a socket's path may have 107 bytes at most, a state folder more.
fn short_path(dir: &File) -> String {
    format!("/proc/self/fd/{}/{SOCKET}", dir.as_raw_fd())
}
