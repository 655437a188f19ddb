//! Why events could not be brought to a sink, or asks not be heard.

use std::path::PathBuf;

use crate::sink;

/// Why events could not be brought to a sink, or asks not be heard. Displays fit after "failed to ".
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The journal could not be read.
    #[error("read the journal: {0}")]
    Journal(#[from] journal::Error),
    /// The sink did not take a batch.
    #[error("send to {sink}: {source}")]
    Sink {
        /// Which sink.
        sink: String,
        /// Why not.
        source: sink::Error,
    },
    /// A cloud refused, or could not be reached.
    #[error("{0}")]
    Aws(#[from] aws::Error),
    /// The schedule is none that the cloud's clock can keep.
    #[error("translate the schedule: {0}")]
    Untranslatable(#[from] aws::events::Untranslatable),
    /// The schedule has no queue.
    #[error("find the queue {queue} of the schedule {schedule:?}")]
    NoQueue {
        /// The schedule.
        schedule: String,
        /// The queue's name.
        queue: String,
    },
    /// Another process brings events to the same sink.
    #[error("lock {}: another process sends to this sink", path.display())]
    Busy {
        /// The lock.
        path: PathBuf,
    },
    /// A file of ours holds what this version cannot read; nothing is guessed.
    #[error("read {}: {what}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The cursor belongs to another journal.
    #[error("go on from a cursor of journal {cursor}: the journal here is {here}")]
    OtherJournal {
        /// The journal that was sent from.
        cursor: uuid::Uuid,
        /// The journal that is here.
        here: uuid::Uuid,
    },
    /// The stream does not go on where the cursor stands: it was replaced, or put back to an earlier state.
    #[error("go on at record {seq} of the stream {stream:?}: what comes before it is not what was sent")]
    Forked {
        /// The stream.
        stream: String,
        /// Where the cursor stands.
        seq: u64,
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

    /// Whether only a person can help, so that another attempt would do harm or nothing.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Malformed { .. } | Self::OtherJournal { .. } | Self::Forked { .. })
    }

    /// What the user may do about it, if there is something.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Busy { .. } => Some("one daemon per state folder is enough; stop the other one"),
            Self::Malformed { .. } | Self::OtherJournal { .. } | Self::Forked { .. } => {
                Some("if the journal was replaced on purpose, move the sink's cursor away: it then begins anew")
            }
            _ => None,
        }
    }
}
