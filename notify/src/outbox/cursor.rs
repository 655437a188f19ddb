//! How far a sink has got in each stream.

use std::collections::{BTreeMap, BTreeSet};

use journal::{Digest, Head, StepId, read::StreamHead};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Start;
use crate::Error;

/// The version of the file.
pub(crate) const VERSION: u32 = 1;

/// How far a sink has got. A stream that is not in it begins with its first record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cursor {
    pub(crate) version: u32,
    /// The journal, once there is one.
    pub(crate) journal: Option<Uuid>,
    pub(crate) streams: BTreeMap<String, Position>,
}

/// How far a sink has got in one stream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Position {
    /// The first record that was not sent.
    pub(crate) next: u64,
    /// The hash of the record before it: shows whether the stream is still the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<Digest>,
    /// The steps whose wait was told and goes on there.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) waiting: BTreeSet<StepId>,
    /// The batch that is on its way: it begins at `next`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sending: Option<Span>,
}

/// The records that a batch was made of, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Span {
    pub(crate) first: u64,
    pub(crate) last: u64,
}

impl Cursor {
    /// The cursor of a sink that was never sent to.
    pub(crate) fn begin(journal: Option<Uuid>, heads: &[StreamHead], start: Start) -> Self {
        let streams = match start {
            Start::Beginning => BTreeMap::new(),
            Start::Now => heads.iter().map(|head| (head.stream.clone(), Position::behind(&head.head))).collect(),
        };
        Self { version: VERSION, journal, streams }
    }

    /// Takes the journal that is here for the one that is sent from.
    ///
    /// # Errors
    /// [`Error::OtherJournal`] when it is another one.
    pub(crate) fn demand(&mut self, here: Uuid) -> Result<(), Error> {
        match self.journal {
            Some(cursor) if cursor != here => Err(Error::OtherJournal { cursor, here }),
            _ => {
                self.journal = Some(here);
                Ok(())
            }
        }
    }

    pub(crate) fn position(&self, stream: &str) -> Position {
        self.streams.get(stream).cloned().unwrap_or_default()
    }

    pub(crate) fn put(&mut self, stream: &str, position: Position) {
        self.streams.insert(stream.to_owned(), position);
    }

    /// The records of a stream that are after the cursor.
    pub(crate) fn behind(&self, head: &StreamHead) -> u64 {
        let next = self.streams.get(&head.stream).map_or(0, |position| position.next);
        (head.head.seq + 1).saturating_sub(next)
    }
}

impl Position {
    fn behind(head: &Head) -> Self {
        Self { next: head.seq + 1, after: Some(head.hash.clone()), ..Self::default() }
    }
}
