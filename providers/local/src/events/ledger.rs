//! What the queue keeps, in memory and in its file, under one lock.
//!
//! The file is written anew when it is mostly about events that everybody has: it is never much longer than [`SLACK`]
//! and twice what is still needed. That happens only at the start of a change, when memory holds all there is.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;

use super::record::{Counts, Record, Standing};
use super::schedule::Reason;
use super::subscription::Lane;
use crate::lines::{self, Lines};

/// Bytes that the file may hold beyond twice what is needed.
pub(super) const SLACK: u64 = 4 * 1024 * 1024;

/// What a line holds beside the event, about.
const FRAME: u64 = 120;

#[derive(Debug)]
pub(super) struct Ledger {
    path: PathBuf,
    lines: Lines,
    /// A write failed: the file's end is not to be trusted until it is written anew.
    torn: bool,
    /// Bytes that the file holds, about.
    written: u64,
    /// Bytes of what is needed still, about.
    needed: u64,
    opened: DateTime<Utc>,
    next: u64,
    next_lane: u32,
    pub(super) events: BTreeMap<u64, Stored>,
    pub(super) lanes: BTreeMap<u32, Held>,
    pub(super) numbers: HashMap<Lane, u32>,
}

/// An event that somebody has to get.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) published: DateTime<Utc>,
    pub(super) text: Box<RawValue>,
    /// Lanes that have to get it.
    owed: usize,
}

/// A lane's undelivered events.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) lane: Lane,
    pub(super) counts: Counts,
    /// By the moment from which they may be tried.
    pub(super) waiting: BTreeMap<(DateTime<Utc>, u64), Standing>,
    pub(super) in_flight: BTreeMap<u64, Standing>,
    /// Given up, by the moment from which their letters may be written.
    pub(super) dying: BTreeMap<(DateTime<Utc>, u64), Standing>,
}

/// What happens to what is given up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ending {
    pub(super) has_letters: bool,
    /// When the letters may be written.
    pub(super) due: DateTime<Utc>,
    pub(super) now: DateTime<Utc>,
}

impl Ledger {
    /// Opens or creates the file; all that is undelivered may be tried at once.
    pub(super) fn open(path: &Path, now: DateTime<Utc>) -> Result<Self, lines::Error> {
        let (lines, records) = Lines::open::<Record<Box<RawValue>>>(path)?;
        let mut ledger = Self {
            path: path.to_owned(),
            lines,
            torn: false,
            written: 0,
            needed: 0,
            opened: now,
            next: 1,
            next_lane: 1,
            events: BTreeMap::new(),
            lanes: BTreeMap::new(),
            numbers: HashMap::new(),
        };
        records.into_iter().for_each(|record| ledger.replay(record));
        ledger.rewrite()?;
        Ok(ledger)
    }

    /// Applies a line that was read; what it is about may be settled or closed already.
    fn replay(&mut self, record: Record<Box<RawValue>>) {
        match record {
            Record::Lane { lane, subscription, created, counts } => {
                let held = Lane { key: subscription.into(), created: created.into() };
                self.open_lane(lane, held, counts);
            }
            Record::Event { seq, published, to, event } => self.keep(seq, published, event, &to, self.opened),
            Record::Delivered { lane, events } => {
                self.count(lane, |counts| counts.delivered += events.len() as u64);
                self.forget(lane, &events);
            }
            Record::Buried { lane, events } => {
                self.count(lane, |counts| counts.buried += events.len() as u64);
                self.forget(lane, &events);
            }
            Record::Dropped { lane, events } => {
                self.count(lane, |counts| counts.dropped += events.len() as u64);
                self.forget(lane, &events);
            }
            Record::Failed { lane, events, failure } => {
                self.count(lane, |counts| counts.failed += events.len() as u64);
                for seq in events {
                    self.restand(lane, seq, |standing| standing.failed(failure.clone()));
                }
            }
            Record::GivenUp { lane, events, reason } => {
                let given_up = Some((reason, self.opened));
                events.iter().for_each(|seq| self.restand(lane, *seq, |standing| standing.given_up = given_up));
            }
            Record::Standing { lane, event, standing } => self.restand(lane, event, |here| *here = standing),
            Record::Closed { lane } => self.close(lane),
        }
    }

    fn open_lane(&mut self, number: u32, lane: Lane, counts: Counts) {
        self.next_lane = self.next_lane.max(number.saturating_add(1));
        self.numbers.insert(lane.clone(), number);
        let (waiting, in_flight, dying) = Default::default();
        self.lanes.insert(number, Held { lane, counts, waiting, in_flight, dying });
    }

    /// Takes events out of a lane wherever they are in it, and settles those that were there.
    fn forget(&mut self, number: u32, events: &[u64]) {
        let Some(held) = self.lanes.get_mut(&number) else { return };
        let opened = self.opened;
        let is_there =
            |seq: &u64| held.waiting.remove(&(opened, *seq)).is_some() || held.dying.remove(&(opened, *seq)).is_some();
        let there: Vec<u64> = events.iter().copied().filter(is_there).collect();
        self.settle(&there);
    }

    /// Changes how an event stands while lines are replayed: everything is due at the moment of opening then.
    fn restand(&mut self, number: u32, seq: u64, change: impl FnOnce(&mut Standing)) {
        let key = (self.opened, seq);
        let Some(held) = self.lanes.get_mut(&number) else { return };
        if let Some(mut standing) = held.waiting.remove(&key) {
            change(&mut standing);
            let to = if standing.given_up.is_some() { &mut held.dying } else { &mut held.waiting };
            to.insert(key, standing);
        }
    }

    /// The lane's number; a new lane is written down first.
    pub(super) fn number(&mut self, lane: &Lane) -> io::Result<u32> {
        if let Some(number) = self.numbers.get(lane) {
            return Ok(*number);
        }
        let (number, counts) = (self.next_lane, Counts::default());
        let (subscription, created) = (lane.key.to_string(), lane.created.to_string());
        self.append(&Record::Lane { lane: number, subscription, created, counts }, lane.key.len())?;
        self.open_lane(number, lane.clone(), counts);
        Ok(number)
    }

    /// Writes an event down and keeps it for these lanes.
    pub(super) fn publish(&mut self, now: DateTime<Utc>, text: Box<RawValue>, to: &[u32]) -> io::Result<()> {
        let seq = self.next;
        let record = Record::Event { seq, published: now, to: to.to_vec(), event: &*text };
        self.append(&record, text.get().len())?;
        self.keep(seq, now, text, to, now);
        Ok(())
    }

    fn keep(&mut self, seq: u64, published: DateTime<Utc>, text: Box<RawValue>, to: &[u32], due: DateTime<Utc>) {
        self.next = self.next.max(seq.saturating_add(1));
        let mut owed = 0;
        for number in to {
            if let Some(held) = self.lanes.get_mut(number) {
                held.waiting.insert((due, seq), Standing::default());
                owed += 1;
            }
        }
        if owed > 0 {
            self.needed += text.get().len() as u64 + FRAME;
            self.events.insert(seq, Stored { published, text, owed });
        }
    }

    /// One lane less has to get these; what nobody has to get any more goes.
    pub(super) fn settle(&mut self, events: &[u64]) {
        for seq in events {
            let Some(stored) = self.events.get_mut(seq) else { continue };
            stored.owed = stored.owed.saturating_sub(1);
            if stored.owed == 0 {
                let size = stored.text.get().len() as u64 + FRAME;
                self.needed = self.needed.saturating_sub(size);
                self.events.remove(seq);
            }
        }
    }

    /// Forgets a lane and all that it was to get.
    pub(super) fn close(&mut self, number: u32) {
        let Some(held) = self.lanes.remove(&number) else { return };
        self.numbers.remove(&held.lane);
        let queued = held.waiting.keys().chain(held.dying.keys()).map(|(_, seq)| *seq);
        let events: Vec<u64> = queued.chain(held.in_flight.keys().copied()).collect();
        self.settle(&events);
    }

    /// When an event has been kept for as long as it is to live; while the cloud was not running it did not age.
    pub(super) fn expires(&self, seq: u64, lasts: Duration) -> DateTime<Utc> {
        self.events.get(&seq).map_or(self.opened, |stored| stored.published.max(self.opened)) + lasts
    }

    /// The first event of a lane that may be tried, and since when.
    pub(super) fn first_due(&self, number: u32, now: DateTime<Utc>) -> Option<(DateTime<Utc>, u64)> {
        self.lanes.get(&number)?.waiting.keys().next().copied().filter(|(due, _)| *due <= now)
    }

    /// Leaves events, which are in their lane no more, to their letters, or drops them.
    pub(super) fn give_up(&mut self, number: u32, reason: Reason, events: Vec<(u64, Standing)>, ending: Ending) {
        let seqs: Vec<u64> = events.iter().map(|(seq, _)| *seq).collect();
        if !ending.has_letters {
            return self.drop_events(number, &seqs);
        }
        self.note(&Record::GivenUp { lane: number, events: seqs, reason });
        let Some(held) = self.lanes.get_mut(&number) else { return };
        for (seq, mut standing) in events {
            standing.given_up = Some((reason, ending.now));
            held.dying.insert((ending.due, seq), standing);
        }
    }

    /// Counts and settles events that are in their lane no more.
    pub(super) fn drop_events(&mut self, number: u32, events: &[u64]) {
        if events.is_empty() {
            return;
        }
        self.note(&Record::Dropped { lane: number, events: events.to_vec() });
        self.count(number, |counts| counts.dropped += events.len() as u64);
        self.settle(events);
    }

    pub(super) fn count(&mut self, number: u32, count: impl FnOnce(&mut Counts)) {
        if let Some(held) = self.lanes.get_mut(&number) {
            count(&mut held.counts);
        }
    }

    /// Writes down what has happened anyway: lost, it would only be done again after a restart.
    pub(super) fn note(&mut self, record: &Record<&RawValue>) {
        if let Err(error) = self.append(record, 0) {
            tracing::error!(%error, "how a delivery ended could not be written down");
        }
    }

    /// Appends a line; `size` is that of what is large in it.
    fn append(&mut self, record: &Record<&RawValue>, size: usize) -> io::Result<()> {
        if self.torn {
            return Err(io::Error::other("an earlier write failed"));
        }
        let written = self.lines.append(record);
        self.torn = written.is_err();
        self.written += size as u64 + FRAME;
        written
    }

    /// Writes the file anew when that is due; to be called before a change, while memory holds all there is.
    pub(super) fn tidy(&mut self) -> io::Result<()> {
        if self.torn || self.written > SLACK + 2 * self.needed {
            self.rewrite().map_err(io::Error::other)?;
        }
        Ok(())
    }

    /// Writes the file anew, with what is needed only.
    fn rewrite(&mut self) -> Result<(), lines::Error> {
        let mut records = Vec::new();
        let mut to: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
        let mut standings = Vec::new();
        for (number, held) in &self.lanes {
            let (subscription, created) = (held.lane.key.to_string(), held.lane.created.to_string());
            records.push(Record::Lane { lane: *number, subscription, created, counts: held.counts });
            let queued = held.waiting.iter().chain(&held.dying).map(|((_, seq), standing)| (seq, standing));
            for (seq, standing) in queued.chain(&held.in_flight) {
                to.entry(*seq).or_default().push(*number);
                if *standing != Standing::default() {
                    standings.push(Record::Standing { lane: *number, event: *seq, standing: standing.clone() });
                }
            }
        }
        for (seq, to) in to {
            let Some(stored) = self.events.get(&seq) else { continue };
            records.push(Record::Event { seq, published: stored.published, to, event: &*stored.text });
        }
        records.append(&mut standings);
        self.lines = Lines::rewrite(&self.path, &records)?;
        self.torn = false;
        self.written = self.needed;
        Ok(())
    }
}
