//! Why the scheduler cannot go on.

use std::path::{Path, PathBuf};

/// Why the scheduler cannot go on. Displays fit after "failed to ...:".
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another daemon serves the state folder.
    #[error("{} is served by {who} already", state.display())]
    Served {
        /// The state folder.
        state: PathBuf,
        /// Who, as far as it is known.
        who: String,
    },
    /// The journal.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// The file system said no.
    #[error("{what} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A task of ours was given up by the runtime, which is going down.
    #[error("the runtime is going down")]
    GoingDown,
}

impl Error {
    /// Turns an I/O error into ours, naming the deed and the path.
    pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io { what, path, source }
    }

    /// Whether trying again cannot help: somebody has to look at the journal.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Journal(
                journal::Error::Damaged { .. } | journal::Error::Unreadable { .. } | journal::Error::NewerFormat { .. }
            ) | Self::Served { .. }
                | Self::GoingDown
        )
    }
}
