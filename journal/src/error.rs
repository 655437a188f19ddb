//! Why the journal could not be opened, read or written.

use std::path::PathBuf;

use crate::lease::Owner;
use crate::state::Illegal;
use crate::verify::Damage;

/// Why the journal could not be opened, read or written. Displays fit after "failed to ...:".
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process holds the lease and is alive.
    #[error("the journal is locked by {}", owner.as_deref().map_or_else(|| "another process".to_owned(), ToString::to_string))]
    Locked {
        /// Who, if the lease could be read.
        owner: Option<Box<Owner>>,
    },
    /// There is no journal in the state folder.
    #[error("there is no journal in {}", dir.display())]
    NoJournal {
        /// The state folder.
        dir: PathBuf,
    },
    /// There is no such stream.
    #[error("there is no stream {stream:?}")]
    NoStream {
        /// Its name.
        stream: String,
    },
    /// A stream's name is empty, too long or holds control characters.
    #[error("{stream:?} cannot name a stream")]
    BadStreamName {
        /// The name.
        stream: String,
    },
    /// The event may not happen now; nothing was written.
    #[error(transparent)]
    Illegal(#[from] Illegal),
    /// A stream holds a record that does not stand where it should.
    #[error("the stream {stream:?} is damaged: {damage}")]
    Damaged {
        /// The stream.
        stream: String,
        /// The first bad record.
        damage: Box<Damage>,
    },
    /// The store cannot be read at all.
    #[error("the journal is unreadable: {what}")]
    Unreadable {
        /// What the store said.
        what: String,
        /// What can be done about it.
        remedy: String,
    },
    /// A newer twinctl wrote here; this one reads what it can and refuses to write.
    #[error("the journal is of format {found}, newer than {known}, which this version writes")]
    NewerFormat {
        /// The version found.
        found: u32,
        /// The newest version known.
        known: u32,
    },
    /// Records may leave only between runs.
    #[error("run {run} is {status}, and records leave only between runs")]
    Unrested {
        /// The run.
        run: String,
        /// Where it stands.
        status: String,
    },
    /// The record would be larger than the journal takes.
    #[error("a record of {bytes} bytes is too large, {most} is the most")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        most: usize,
    },
    /// An earlier write failed, so what is on disk is not certain; the process must start anew.
    #[error("an earlier write to the journal failed: {0}")]
    Broken(String),
    /// The store was closed while the append waited.
    #[error("the journal is closed")]
    Closed,
    /// The owner of the journal did not answer within the deadline, or not in our protocol.
    #[error("the owner of the journal does not answer: {0}")]
    Owner(String),
    /// A definition is missing or is not what its digest says.
    #[error("the definition {digest} {what}")]
    Definition {
        /// Its digest.
        digest: String,
        /// What is wrong.
        what: String,
    },
    /// The file system said no.
    #[error("{what} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb: "write", "sync".
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

impl Error {
    /// Turns an I/O error into ours, naming the deed and the path.
    pub(crate) fn io(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { what, path, source }
    }

    /// What the user may do about it, if there is something.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Locked { .. } => {
                Some("wait until it ends, or stop it; reading (`status`, `journal ...`) works meanwhile".to_owned())
            }
            Self::NoJournal { .. } => Some("nothing was deployed from here yet; `run` starts the journal".to_owned()),
            Self::Unreadable { remedy, .. } => Some(remedy.clone()),
            Self::Damaged { .. } => {
                Some("`journal verify` says more; keep a copy of the state folder before anything else".to_owned())
            }
            Self::NewerFormat { .. } => Some("use the newer twinctl that wrote it".to_owned()),
            Self::Broken(_) => Some("free the disk or repair it, then `resume`".to_owned()),
            _ => None,
        }
    }
}
