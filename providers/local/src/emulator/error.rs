//! What managing the emulator can run into.

use std::io;
use std::path::PathBuf;

/// What managing the emulator can run into.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file in its folder cannot be used.
    #[error("use the AWS emulator's folder {dir}", dir = dir.display())]
    Folder {
        /// The folder.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The local cloud beside it was never started: there is no certificate that Lambda functions could trust.
    #[error("find the local cloud's certificate {ca}", ca = ca.display())]
    NoCertificate {
        /// Where it would be.
        ca: PathBuf,
    },
    /// An executable cannot be started.
    #[error("start {program}", program = program.display())]
    Spawn {
        /// The executable.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The port that its URLs hold cannot be listened on.
    #[error("listen on 127.0.0.1:{port} for AWS")]
    Port {
        /// The port.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// Another emulator serves the folder.
    #[error("serve {dir}: {} does already", .pid.map_or("another process".to_owned(), |pid| format!("process {pid}")), dir = dir.display())]
    Taken {
        /// The folder.
        dir: PathBuf,
        /// Its process, where it is known.
        pid: Option<u32>,
    },
    /// The process ended before it served.
    #[error("start the AWS emulator: it ended with {status}; the end of {log}: {tail}", log = log.display())]
    Died {
        /// Its exit status.
        status: String,
        /// Its log file.
        log: PathBuf,
        /// The last lines of the log.
        tail: String,
    },
    /// The process did not serve in time; it is left alone.
    #[error("reach the AWS emulator within {seconds} s of starting it; see {log}", log = log.display())]
    TooSlow {
        /// The deadline, in seconds.
        seconds: u64,
        /// Its log file.
        log: PathBuf,
    },
    /// The process does not end, not even when killed.
    #[error("stop the AWS emulator's process {}", .pid.map_or("of unknown id".to_owned(), |pid| pid.to_string()))]
    Immortal {
        /// The process, where it is known.
        pid: Option<u32>,
    },
}
