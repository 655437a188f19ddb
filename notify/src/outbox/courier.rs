//! One round of the outbox: looks at the journal, and brings what is new in each stream.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use journal::{Record, read::StreamHead};
use uuid::Uuid;

use super::{
    Lag, Start,
    batch::Batch,
    cursor::{Cursor, Position},
    shelf::Shelf,
    source::{Sight, Source},
};
use crate::{Error, Event, Sink, sink};

/// The most records that are read at once, and so the most that a batch is made of; most are no events.
const MOST_RECORDS: usize = 500;
/// So many records without an event are passed before the cursor is saved for them: reading them again does no harm.
const UNSAVED: u64 = 1_000;

/// What goes between a journal and a sink.
pub(crate) struct Courier {
    source: Arc<dyn Source>,
    sink: Arc<dyn Sink>,
    shelf: Box<dyn Shelf>,
    start: Start,
    lag: Arc<Mutex<Lag>>,
    /// Absent until the first look of a sink that was never sent to.
    cursor: Option<Cursor>,
    /// By stream, the ids of what is left of a batch that was taken in part. A crash forgets it, and all of the batch goes again.
    left: BTreeMap<String, Vec<String>>,
    unsaved: u64,
}

impl Courier {
    pub(crate) fn new(
        source: Arc<dyn Source>,
        sink: Arc<dyn Sink>,
        shelf: Box<dyn Shelf>,
        start: Start,
        lag: Arc<Mutex<Lag>>,
    ) -> Result<Self, Error> {
        let cursor = shelf.load()?;
        Ok(Self { source, sink, shelf, start, lag, cursor, left: BTreeMap::new(), unsaved: 0 })
    }

    /// Brings at most one batch of each stream; tells whether there may be more.
    pub(crate) async fn round(&mut self) -> Result<bool, Error> {
        let outcome = self.try_round().await;
        self.note(|lag| lag.failures = if outcome.is_ok() { 0 } else { lag.failures.saturating_add(1) });
        outcome
    }

    /// Saves what was passed without a word, so that the next start need not read it.
    pub(crate) fn rest(&mut self) -> Result<(), Error> {
        if self.unsaved == 0 { Ok(()) } else { self.save() }
    }

    async fn try_round(&mut self) -> Result<bool, Error> {
        let sight = self.look().await?;
        if self.cursor.is_none() {
            self.begin(sight.as_ref())?;
        }
        let Some(sight) = sight else { return Ok(false) };
        self.cursor_mut().demand(sight.journal)?;
        self.measure(&sight.heads);
        let mut moved = false;
        for head in &sight.heads {
            moved |= self.step(sight.journal, head).await?;
        }
        self.measure(&sight.heads);
        Ok(moved)
    }

    fn begin(&mut self, sight: Option<&Sight>) -> Result<(), Error> {
        let heads = sight.map(|sight| sight.heads.as_slice()).unwrap_or_default();
        let cursor = Cursor::begin(sight.map(|sight| sight.journal), heads, self.start);
        // Before anything else happens: what comes from now on is not taken for the past by the next start.
        self.shelf.save(&cursor)?;
        self.cursor = Some(cursor);
        Ok(())
    }

    /// One batch of a stream; false when nothing is new in it.
    async fn step(&mut self, journal: Uuid, head: &StreamHead) -> Result<bool, Error> {
        let at = self.cursor_mut().position(&head.stream);
        if at.next > head.head.seq + 1 {
            return Err(Error::Forked { stream: head.stream.clone(), seq: at.next });
        }
        if at.next > head.head.seq {
            return Ok(false);
        }
        let records = self.records(&head.stream, &at).await?;
        let Some(batch) = Batch::of(journal, &head.stream, &at, &records)? else { return Ok(false) };
        if batch.events.is_empty() {
            self.pass(&head.stream, batch)?;
        } else {
            self.deliver(&head.stream, at, batch).await?;
        }
        Ok(true)
    }

    /// Goes by records that are no events.
    fn pass(&mut self, stream: &str, batch: Batch) -> Result<(), Error> {
        self.unsaved += batch.span.last - batch.span.first + 1;
        self.cursor_mut().put(stream, batch.after);
        if self.unsaved < UNSAVED { Ok(()) } else { self.save() }
    }

    /// Notes the batch as on its way, sends it, and notes the place after it.
    async fn deliver(&mut self, stream: &str, at: Position, batch: Batch) -> Result<(), Error> {
        if at.sending.is_none() {
            self.commit(stream, Position { sending: Some(batch.span), ..at })?;
        }
        self.note(|lag| lag.oldest = Some(batch.oldest));
        self.send(stream, batch.events).await?;
        // Should the place not be noted now, the next round finds nothing of the batch left to be sent.
        self.commit(stream, batch.after)?;
        self.left.remove(stream);
        self.note(|lag| lag.oldest = None);
        Ok(())
    }

    /// Sends what the sink has not taken yet.
    async fn send(&mut self, stream: &str, mut batch: Vec<Event>) -> Result<(), Error> {
        if let Some(left) = self.left.get(stream) {
            batch.retain(|event| left.contains(&event.id));
        }
        if batch.is_empty() {
            return Ok(());
        }
        let outcome = self.sink.send(&batch).await;
        let left = match &outcome {
            Ok(()) => Vec::new(),
            Err(sink::Error::Partly { left, .. }) => left.iter().filter_map(|&place| batch.get(place)).collect(),
            Err(sink::Error::Refused { .. }) => batch.iter().collect(),
        };
        let taken = batch.len() - left.len();
        self.left.insert(stream.to_owned(), left.into_iter().map(|event| event.id.clone()).collect());
        self.note(|lag| lag.sent += taken as u64);
        outcome.map_err(|source| Error::Sink { sink: self.sink.id(), source })
    }

    /// The journal's calls block: they get a thread of their own.
    async fn look(&self) -> Result<Option<Sight>, Error> {
        let source = Arc::clone(&self.source);
        let looked = tokio::task::spawn_blocking(move || source.look()).await;
        Ok(looked.expect("a look does not panic")?)
    }

    async fn records(&self, stream: &str, at: &Position) -> Result<Vec<Record>, Error> {
        let (source, stream, from) = (Arc::clone(&self.source), stream.to_owned(), at.next);
        let read = tokio::task::spawn_blocking(move || source.records(&stream, from, MOST_RECORDS)).await;
        Ok(read.expect("a read does not panic")?)
    }

    fn cursor_mut(&mut self) -> &mut Cursor {
        self.cursor.as_mut().expect("it is begun before it is used")
    }

    /// Moves the cursor once that is on disk.
    fn commit(&mut self, stream: &str, position: Position) -> Result<(), Error> {
        let mut cursor = self.cursor_mut().clone();
        cursor.put(stream, position);
        self.shelf.save(&cursor)?;
        (self.cursor, self.unsaved) = (Some(cursor), 0);
        Ok(())
    }

    /// Waits for the disk on the caller's thread, as the journal does.
    fn save(&mut self) -> Result<(), Error> {
        let cursor = self.cursor.as_ref().expect("it is begun before it is saved");
        self.shelf.save(cursor)?;
        self.unsaved = 0;
        Ok(())
    }

    fn measure(&mut self, heads: &[StreamHead]) {
        let cursor = self.cursor.as_ref().expect("it is begun before it is measured");
        let records = heads.iter().map(|head| cursor.behind(head)).sum();
        self.note(|lag| lag.records = records);
    }

    fn note(&self, change: impl FnOnce(&mut Lag)) {
        change(&mut self.lag.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
