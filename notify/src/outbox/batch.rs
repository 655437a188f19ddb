//! From the records after a cursor to the next batch.

use chrono::{DateTime, Utc};
use journal::Record;
use uuid::Uuid;

use super::cursor::{Position, Span};
use crate::{Error, Event, lifecycle::Lifecycle};

/// The most events of a batch: what every sink takes at once.
pub(crate) const MOST_EVENTS: usize = 10;

/// Events of one stream, in order, and the cursor after them.
#[derive(Debug)]
pub(crate) struct Batch {
    /// The records that it was made of.
    pub(crate) span: Span,
    pub(crate) events: Vec<Event>,
    /// The place after it.
    pub(crate) after: Position,
    /// When its first record was appended.
    pub(crate) oldest: DateTime<Utc>,
}

impl Batch {
    /// Makes a batch of the records from a position on; `None` when there are none.
    ///
    /// The same records give the same batch. One that was on its way ends where it ended.
    ///
    /// # Errors
    /// [`Error::Forked`] when the records do not go on where the position stands.
    pub(crate) fn of(journal: Uuid, stream: &str, at: &Position, records: &[Record]) -> Result<Option<Self>, Error> {
        let Some(first) = records.first() else { return Ok(None) };
        let forked = || Error::Forked { stream: stream.to_owned(), seq: at.next };
        // A sink that nothing was sent to yet begins with what is left of a stream that was pruned.
        let begins = at.next == 0 && at.after.is_none();
        if !begins && first.seq != at.next || at.after.as_ref().is_some_and(|hash| *hash != first.prev) {
            return Err(forked());
        }
        let end = at.sending.map_or(u64::MAX, |span| span.last);
        let mut lifecycle = Lifecycle::new(journal, at.waiting.clone());
        let (mut events, mut last) = (Vec::new(), first);
        for record in records.iter().take_while(|record| record.seq <= end) {
            events.extend(lifecycle.event(record));
            last = record;
            if events.len() == MOST_EVENTS {
                break;
            }
        }
        let waiting = lifecycle.waiting().clone();
        let after = Position { next: last.seq + 1, after: Some(last.hash.clone()), waiting, sending: None };
        let span = Span { first: first.seq, last: last.seq };
        Ok(Some(Self { span, events, after, oldest: first.time }))
    }
}
