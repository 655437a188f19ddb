//! Reading: needs no lease, works while a run is in progress, and writes nothing below the state folder.
//!
//! While an owner lives, it serves the records over its socket. When nobody owns the journal, the reader works on a
//! copy in a temporary folder, since opening sled can write.

mod copy;
mod follow;
mod lines;
mod owner;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use self::copy::Copy;
pub use self::follow::Follow;
pub use self::lines::{Lines, Records};
use self::owner::Conversation;
use crate::definitions::Definitions;
use crate::error::Error;
use crate::heads;
use crate::lease::Owner;
use crate::load;
use crate::protocol::Request;
pub use crate::protocol::StreamHead;
use crate::record::Head;
use crate::state::StreamState;
use crate::store::DATABASE;
use crate::verify::{Damage, Failure, Report, verify};

/// How often a read starts again when owners come and go under it.
const ATTEMPTS: usize = 5;

/// The reading side of a state folder's journal.
#[derive(Debug, Clone)]
pub struct Reader {
    state: PathBuf,
    copy: Arc<Mutex<Option<Arc<Copy>>>>,
}

/// Where records come from.
enum Source {
    Owner(Conversation),
    Copy(Arc<Copy>),
}

impl Reader {
    /// Opens the journal of a state folder for reading. Nothing is created.
    ///
    /// # Errors
    /// [`Error::NoJournal`] when there is none; [`Error::Unreadable`] when it cannot be opened.
    pub fn open(state: &Path) -> Result<Self, Error> {
        let reader = Self { state: state.to_owned(), copy: Arc::default() };
        reader.source()?;
        Ok(reader)
    }

    /// Who holds the lease; absent when nobody does.
    #[must_use]
    pub fn owner(&self) -> Option<Owner> {
        Conversation::open(&self.state).ok().flatten().map(|conversation| conversation.greeting.owner)
    }

    /// The journal's id; absent while the journal has none yet.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn id(&self) -> Result<Option<uuid::Uuid>, Error> {
        match self.source()? {
            Source::Owner(conversation) => Ok(Some(conversation.greeting.id)),
            Source::Copy(copy) => copy.database().stored_id(),
        }
    }

    /// The streams and their newest records, by name.
    ///
    /// # Errors
    /// As [`Reader::open`], and [`Error::Owner`].
    pub fn streams(&self) -> Result<Vec<StreamHead>, Error> {
        match self.source()? {
            Source::Owner(conversation) => conversation.ask(&Request::Streams)?.streams(),
            Source::Copy(copy) => copy.streams(),
        }
    }

    /// The raw lines of a stream from record `from` on, as they are stored. Memory stays flat.
    ///
    /// # Errors
    /// As [`Reader::open`]; each line can fail as well.
    pub fn lines(&self, stream: &str, from: u64) -> Result<Lines, Error> {
        Lines::start(self.clone(), stream, from)
    }

    /// The records of a stream from record `from` on. Their hashes are not checked here: [`Reader::verify`] does.
    ///
    /// # Errors
    /// As [`Reader::lines`].
    pub fn records(&self, stream: &str, from: u64) -> Result<Records, Error> {
        Ok(Records::new(stream, from, self.lines(stream, from)?))
    }

    /// The records of a stream from `from` on, and those still to come, while owners come and go.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn follow(&self, stream: &str, from: u64) -> Result<Follow, Error> {
        self.source()?;
        Ok(Follow::new(self.clone(), stream, from))
    }

    /// What a stream adds up to, its hashes and transitions checked on the way.
    ///
    /// # Errors
    /// [`Error::Damaged`] with the first record that does not hold; as [`Reader::lines`].
    pub fn state(&self, stream: &str) -> Result<StreamState, Error> {
        let known = self.known_head(stream)?;
        load::fold_lines(self.lines(stream, 0)?, stream, known.as_ref())
    }

    /// The newest record that is known to have been on disk, from the file beside the store.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn known_head(&self, stream: &str) -> Result<Option<Head>, Error> {
        Ok(heads::known(&self.state)?.remove(stream))
    }

    /// Verifies a stream: every byte, link, place and transition, and that it reaches the heads that are known to
    /// have existed (the one beside the store, and the caller's, kept elsewhere).
    ///
    /// # Errors
    /// [`Error::Damaged`] with the first record that does not hold; as [`Reader::lines`].
    pub fn verify(&self, stream: &str, known: Option<&Head>) -> Result<Report, Error> {
        let damaged = |damage: Damage| Error::Damaged { stream: stream.to_owned(), damage: Box::new(damage) };
        let beside = self.known_head(stream)?;
        let known: Vec<Head> = known.cloned().into_iter().chain(beside).collect();
        verify(stream, self.lines(stream, 0)?, &known).map_err(|failure| match failure {
            Failure::Damage(damage) => damaged(damage),
            Failure::Source(error) => error,
        })
    }

    /// The definitions beside the journal.
    #[must_use]
    pub fn definitions(&self) -> Definitions {
        Definitions::of(&self.state)
    }

    /// The owner if one lives, else a copy that no owner has touched while it was made.
    fn source(&self) -> Result<Source, Error> {
        let mut failure = None;
        for _ in 0..ATTEMPTS {
            if let Some(conversation) = Conversation::open(&self.state)? {
                return Ok(Source::Owner(conversation));
            }
            if !self.state.join(DATABASE).is_dir() {
                return Err(Error::NoJournal { dir: self.state.clone() });
            }
            match self.copied() {
                Ok(Some(copy)) => return Ok(Source::Copy(copy)),
                Ok(None) => {}
                Err(error) => failure = Some(error),
            }
        }
        Err(failure.unwrap_or_else(|| Error::Owner("owners come and go too fast to read between them".to_owned())))
    }

    /// The copy made before when nothing has changed since, else a fresh one; none when an owner came meanwhile.
    fn copied(&self) -> Result<Option<Arc<Copy>>, Error> {
        let mut kept = self.copy.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(copy) = kept.as_ref().filter(|copy| copy.is_current(&self.state)) {
            return Ok(Some(Arc::clone(copy)));
        }
        let copy = Copy::make(&self.state)?.map(Arc::new);
        kept.clone_from(&copy);
        Ok(copy)
    }
}
