//! Reading: needs no lease, works while a run is in progress, and writes nothing below the state folder.
//!
//! While an owner lives, it serves the records over its socket. When nobody owns the journal, the reader works on a
//! copy in a temporary folder, since opening sled can write.

mod copy;
mod follow;
mod lines;
mod owner;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};

use self::copy::Copy;
pub use self::follow::Follow;
pub use self::lines::{Lines, Records};
use self::owner::{Answer, Conversation};
use crate::base::Base;
use crate::check::Depth;
use crate::definitions::Definitions;
use crate::error::Error;
use crate::event::Digest;
use crate::heads;
use crate::index::{Index, Overview};
use crate::lease::Owner;
use crate::load;
use crate::merkle::{self, Leaves};
use crate::protocol::Request;
pub use crate::protocol::StreamHead;
use crate::record::Head;
use crate::state::{Illegal, StreamState};
use crate::store::DATABASE;
use crate::verify::{self, Damage, DamageKind, Known, Report};

/// How often a read starts again when owners come and go under it.
const ATTEMPTS: usize = 10;

/// How long it lets an owner that came meanwhile get on with its work.
const MOMENT: Duration = Duration::from_millis(5);

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
    /// Opens the journal of a state folder for reading. Nothing is created, and nothing is read yet.
    ///
    /// # Errors
    /// [`Error::NoJournal`] when there is none.
    pub fn open(state: &Path) -> Result<Self, Error> {
        if !state.join(DATABASE).is_dir() {
            return Err(Error::NoJournal { dir: state.to_owned() });
        }
        Ok(Self { state: state.to_owned(), copy: Arc::default() })
    }

    /// Who holds the lease; absent when nobody does.
    #[must_use]
    pub fn owner(&self) -> Option<Owner> {
        Conversation::open(&self.state).ok().flatten().map(|conversation| conversation.greeting.owner)
    }

    /// The journal's id; absent while the journal has none yet.
    ///
    /// # Errors
    /// [`Error::Unreadable`] when the store cannot be opened; [`Error::Owner`].
    pub fn id(&self) -> Result<Option<uuid::Uuid>, Error> {
        match self.source()? {
            Source::Owner(conversation) => Ok(Some(conversation.greeting.id)),
            Source::Copy(copy) => copy.database().stored_id(),
        }
    }

    /// The streams and their newest records, by name.
    ///
    /// # Errors
    /// As [`Reader::id`].
    pub fn streams(&self) -> Result<Vec<StreamHead>, Error> {
        if let Some(index) = self.index() {
            let head = |(stream, head): (&String, &Head)| StreamHead { stream: stream.clone(), head: head.clone() };
            return Ok(index.heads().map(head).collect());
        }
        self.ask(&Request::Streams, Answer::streams, Copy::streams)
    }

    /// What was done in a stream, run by run: from the index where there is one, so nothing is verified.
    ///
    /// # Errors
    /// As [`Reader::state`].
    pub fn overview(&self, stream: &str) -> Result<Overview, Error> {
        let known = match self.index() {
            Some(mut index) => index.0.remove(stream),
            None => self.ask(&Request::Overview { stream: stream.to_owned() }, Answer::value, |_| Ok(None))?,
        };
        known.map_or_else(|| Ok(Overview::of(&self.state(stream)?)), Ok)
    }

    /// The index, while nobody is at work and nothing has changed since it was written.
    fn index(&self) -> Option<Index> {
        let index = Index::read(&self.state)?;
        (self.owner().is_none()).then_some(index)
    }

    /// What stands for the records of a stream that were pruned, if some were.
    ///
    /// # Errors
    /// As [`Reader::id`]; [`Error::Damaged`] when it cannot be read.
    pub fn base(&self, stream: &str) -> Result<Option<Base>, Error> {
        self.ask(&Request::Base { stream: stream.to_owned() }, Answer::value, |copy| copy.base(stream))
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
        Ok(Records::new(stream, self.lines(stream, from)?))
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
        let base = self.base(stream)?;
        load::fold_lines(base.as_ref(), self.lines(stream, 0)?, stream, known.as_ref())
    }

    /// What a stream added up to at a time: the records up to it. Their hashes are not checked here.
    ///
    /// # Errors
    /// [`Error::Damaged`] for a record that cannot follow the one before, or when the time lies in what was pruned; as
    /// [`Reader::lines`].
    pub fn state_at(&self, stream: &str, time: DateTime<Utc>) -> Result<StreamState, Error> {
        let bad = |seq, kind| load::damaged(stream, Damage { seq, kind });
        let mut state = match self.base(stream)? {
            Some(base) => base.state().map_err(|reason| bad(base.size(), DamageKind::BadBase { reason }))?,
            None => StreamState::default(),
        };
        let first = state.head.as_ref().map_or(0, |head| head.seq + 1);
        if state.time.is_some_and(|newest| newest > time) {
            return Err(bad(0, DamageKind::Pruned { first }));
        }
        for record in self.records(stream, 0)? {
            let record = record?;
            if record.time > time {
                break;
            }
            let illegal = |illegal: Illegal| bad(record.seq, DamageKind::IllegalTransition { reason: illegal.reason });
            state.apply(&record).map_err(illegal)?;
        }
        Ok(state)
    }

    /// The leaves of a stream's Merkle tree, from which proofs are made.
    ///
    /// # Errors
    /// As [`Reader::lines`].
    pub fn leaves(&self, stream: &str) -> Result<Leaves, Error> {
        let mut leaves = Leaves::after(self.base(stream)?.map(|base| base.tree().clone()).unwrap_or_default());
        for line in self.lines(stream, 0)? {
            leaves.push(merkle::leaf(&line?));
        }
        Ok(leaves)
    }

    /// The newest record that is known to have been on disk, from the file beside the store.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn known_head(&self, stream: &str) -> Result<Option<Head>, Error> {
        Ok(heads::known(&self.state)?.remove(stream))
    }

    /// Verifies a stream: every byte, link, place and transition, and that it agrees with what is known of it (the head
    /// beside the store, and what the caller knows from elsewhere), and the index with it.
    ///
    /// # Errors
    /// [`Error::Damaged`] with the first record that does not hold; as [`Reader::lines`].
    pub fn verify(&self, stream: &str, known: &Known) -> Result<Report, Error> {
        let mut known = known.clone();
        known.heads.extend(self.known_head(stream)?);
        let (base, noted) = (self.base(stream)?, self.index());
        let fold = verify::fold(stream, base.as_ref(), self.lines(stream, 0)?, Depth::Everything, &known);
        let fold = fold.map_err(|failure| load::failed(stream, failure))?;
        let noted = noted.and_then(|mut index| index.0.remove(stream));
        if noted.is_some_and(|noted| noted.head == fold.state.head && noted != Overview::of(&fold.state)) {
            return Err(load::damaged(stream, Damage { seq: fold.due(), kind: DamageKind::OtherIndex }));
        }
        Ok(fold.report())
    }

    /// Verifies that the definitions which the runs of a stream carry are there, and are what their digests say.
    ///
    /// # Errors
    /// [`Error::Definition`] with the first that is not; as [`Reader::overview`].
    pub fn verify_definitions(&self, stream: &str) -> Result<(), Error> {
        let runs = self.overview(stream)?.runs;
        let named: BTreeSet<&Digest> = runs.iter().map(|run| &run.definition).collect();
        named.into_iter().try_for_each(|digest| self.definitions().get(digest).map(drop))
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
                Ok(None) => std::thread::sleep(MOMENT),
                Err(error) => failure = Some(error),
            }
        }
        Err(failure.unwrap_or_else(|| Error::Owner("owners come and go too fast to read between them".to_owned())))
    }

    /// What the owner answers, asked again when it ends meanwhile; or what the copy tells.
    fn ask<T>(
        &self,
        request: &Request,
        of_owner: impl Fn(Answer) -> Result<Option<T>, Error>,
        of_copy: impl Fn(&Copy) -> Result<T, Error>,
    ) -> Result<T, Error> {
        for _ in 0..ATTEMPTS {
            match self.source()? {
                Source::Owner(conversation) => {
                    if let Some(answer) = of_owner(conversation.ask(request)?)? {
                        return Ok(answer);
                    }
                }
                Source::Copy(copy) => return of_copy(&copy),
            }
        }
        Err(Error::Owner("it ended while it answered, again and again".to_owned()))
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
