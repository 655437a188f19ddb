//! The durable queue: every event that some subscription still has to get, and how its deliveries stand.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use serde_json::value::RawValue;

use super::ledger::{Ending, Ledger};
use super::record::{Counts, Failure, Record, Standing};
use super::schedule::{self, Policy, Reason, Verdict};
use super::subscription::{Batch, Lane};
use crate::clock::Clock;
use crate::lines;

/// The queue; shared by all who publish and deliver.
#[derive(Debug)]
pub(super) struct Queue {
    ledger: Mutex<Ledger>,
    clock: Clock,
}

/// What a subscription asks of its deliveries.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) batch: Batch,
    pub(super) policy: Policy,
    /// Whether what is given up gets a dead letter.
    pub(super) has_letters: bool,
}

/// Events that are being delivered together.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) lane: Lane,
    pub(super) events: Vec<Value>,
    standings: BTreeMap<u64, Standing>,
}

/// Events that are to be written to one blob of dead letters.
#[derive(Debug)]
pub(super) struct Letters {
    pub(super) lane: Lane,
    pub(super) letters: Vec<Letter>,
    events: BTreeSet<u64>,
}

/// One event that was given up.
#[derive(Debug)]
pub(super) struct Letter {
    pub(super) event: Value,
    pub(super) published: DateTime<Utc>,
    pub(super) reason: Reason,
    pub(super) attempts: u32,
    pub(super) last: Option<Failure>,
}

/// How many events of a lane are where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Census {
    pub(super) waiting: usize,
    pub(super) in_flight: usize,
    /// Given up, their dead letters not written yet.
    pub(super) dying: usize,
    pub(super) oldest: Option<DateTime<Utc>>,
    pub(super) counts: Counts,
}

impl Queue {
    /// Opens or creates the file; all that is undelivered may be tried at once.
    pub(super) fn open(path: &Path, clock: Clock) -> Result<Self, lines::Error> {
        Ok(Self { ledger: Mutex::new(Ledger::open(path, clock.now())?), clock })
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ledger before a change that cannot be refused: a file that cannot be written anew is tried again later.
    fn tidied(&self) -> MutexGuard<'_, Ledger> {
        let mut ledger = self.ledger();
        if let Err(error) = ledger.tidy() {
            tracing::error!(%error, "the queue of events could not be written anew");
        }
        ledger
    }

    /// Keeps an event for these lanes; it survives the death of this process when this returns.
    pub(super) fn publish(&self, event: &Value, to: &[Lane]) -> io::Result<()> {
        let text = serde_json::value::to_raw_value(event)?;
        let mut ledger = self.ledger();
        ledger.tidy()?;
        let to = to.iter().map(|lane| ledger.number(lane)).collect::<io::Result<Vec<u32>>>()?;
        ledger.publish(self.clock.now(), text, &to)
    }

    /// The next events of a lane that may be tried now; those that are too old are given up.
    pub(super) fn take(&self, lane: &Lane, terms: Terms) -> Option<Taken> {
        let (mut ledger, now) = (self.tidied(), self.clock.now());
        let number = *ledger.numbers.get(lane)?;
        let (lasts, mut bytes) = (self.time_to_live(terms.policy), 0);
        let (mut events, mut standings, mut old) = (Vec::new(), BTreeMap::new(), Vec::new());
        while let Some((due, seq)) = ledger.first_due(number, now) {
            let text = &ledger.events.get(&seq).expect("an event is kept until every lane has it").text;
            let (size, is_old) = (text.get().len(), ledger.expires(seq, lasts) <= now);
            let is_full = events.len() >= terms.batch.events || bytes + size > terms.batch.bytes;
            if !is_old && !events.is_empty() && is_full {
                break;
            }
            if !is_old {
                bytes += size;
                events.push(parsed(text));
            }
            let Some(held) = ledger.lanes.get_mut(&number) else { break };
            let standing = held.waiting.remove(&(due, seq)).unwrap_or_default();
            if is_old {
                old.push((seq, standing));
            } else {
                held.in_flight.insert(seq, standing.clone());
                standings.insert(seq, standing);
            }
        }
        if !old.is_empty() {
            ledger.give_up(number, Reason::TimeToLiveExceeded, old, self.ending(terms, now));
        }
        (!events.is_empty()).then(|| Taken { lane: lane.clone(), events, standings })
    }

    /// These events have arrived.
    pub(super) fn delivered(&self, taken: &Taken) {
        let mut ledger = self.tidied();
        let Some((number, events)) = land(&mut ledger, taken) else { return };
        ledger.note(&Record::Delivered { lane: number, events: events.clone() });
        ledger.count(number, |counts| counts.delivered += events.len() as u64);
        ledger.settle(&events);
    }

    /// Their delivery has failed: they are tried again later, or given up.
    pub(super) fn failed(&self, taken: &Taken, status: u16, outcome: &str, terms: Terms) {
        let (mut ledger, now) = (self.tidied(), self.clock.now());
        let Some((number, events)) = land(&mut ledger, taken) else { return };
        let failure = Failure { at: now, status, outcome: outcome.to_owned() };
        ledger.note(&Record::Failed { lane: number, events: events.clone(), failure: failure.clone() });
        ledger.count(number, |counts| counts.failed += events.len() as u64);
        let (lasts, mut given_up) = (self.time_to_live(terms.policy), BTreeMap::<Reason, Vec<_>>::new());
        for seq in events {
            let mut standing = taken.standings.get(&seq).cloned().unwrap_or_default();
            standing.failed(failure.clone());
            match schedule::verdict(status, standing.attempts, terms.policy) {
                Verdict::Again(pause) => {
                    let due = (now + self.clock.paced(pause)).min(ledger.expires(seq, lasts));
                    if let Some(held) = ledger.lanes.get_mut(&number) {
                        held.waiting.insert((due, seq), standing);
                    }
                }
                Verdict::GivenUp(reason) => given_up.entry(reason).or_default().push((seq, standing)),
            }
        }
        for (reason, events) in given_up {
            ledger.give_up(number, reason, events, self.ending(terms, now));
        }
    }

    /// Their delivery broke off without an end, which is no attempt: they are tried again a little later.
    pub(super) fn broke_off(&self, taken: &Taken) {
        let (mut ledger, due) = (self.tidied(), self.clock.now() + self.clock.paced(schedule::BREATH));
        let Some((number, events)) = land(&mut ledger, taken) else { return };
        let Some(held) = ledger.lanes.get_mut(&number) else { return };
        for seq in events {
            held.waiting.insert((due, seq), taken.standings.get(&seq).cloned().unwrap_or_default());
        }
    }

    /// The dead letters of a lane whose time has come, and those that go into the same blob.
    pub(super) fn letters(&self, lane: &Lane) -> Option<Letters> {
        let (ledger, now) = (self.ledger(), self.clock.now());
        let held = ledger.lanes.get(ledger.numbers.get(lane)?)?;
        held.dying.first_key_value().filter(|((due, _), _)| *due <= now)?;
        let letter = |seq: u64, standing: &Standing| {
            let stored = ledger.events.get(&seq)?;
            let (reason, _) = standing.given_up?;
            let (event, last) = (parsed(&stored.text), standing.last.clone());
            Some(Letter { event, published: stored.published, reason, attempts: standing.attempts, last })
        };
        let events = held.dying.keys().map(|(_, seq)| *seq).collect();
        let letters = held.dying.iter().filter_map(|((_, seq), standing)| letter(*seq, standing)).collect();
        Some(Letters { lane: lane.clone(), letters, events })
    }

    /// The letters are written.
    pub(super) fn buried(&self, letters: &Letters) {
        let mut ledger = self.tidied();
        let Some((number, events)) = exhume(&mut ledger, letters) else { return };
        ledger.note(&Record::Buried { lane: number, events: events.clone() });
        ledger.count(number, |counts| counts.buried += events.len() as u64);
        ledger.settle(&events);
    }

    /// There is nowhere to write the letters to.
    pub(super) fn dropped(&self, letters: &Letters) {
        let mut ledger = self.tidied();
        if let Some((number, events)) = exhume(&mut ledger, letters) {
            ledger.drop_events(number, &events);
        }
    }

    /// The letters could not be written: later again, but not for ever.
    pub(super) fn unburied(&self, letters: &Letters) {
        let (mut ledger, now) = (self.tidied(), self.clock.now());
        let (due, patience) = (now + self.clock.paced(schedule::GATHERING), self.clock.paced(schedule::BURIAL));
        let Some(number) = ledger.numbers.get(&letters.lane).copied() else { return };
        let Some(held) = ledger.lanes.get_mut(&number) else { return };
        let (mut kept, mut lost) = (BTreeMap::new(), Vec::new());
        for ((_, seq), standing) in std::mem::take(&mut held.dying) {
            if standing.given_up.is_some_and(|(_, since)| now < since + patience) {
                kept.insert((due, seq), standing);
            } else {
                lost.push(seq);
            }
        }
        held.dying = kept;
        ledger.drop_events(number, &lost);
    }

    /// Forgets a lane whose subscription is gone, and what it was to get.
    pub(super) fn close(&self, lane: &Lane) {
        let mut ledger = self.tidied();
        if let Some(number) = ledger.numbers.get(lane).copied() {
            ledger.note(&Record::Closed { lane: number });
            ledger.close(number);
        }
    }

    /// The lanes that there are, in the order in which they came to be.
    pub(super) fn lanes(&self) -> Vec<Lane> {
        self.ledger().lanes.values().map(|held| held.lane.clone()).collect()
    }

    /// When the next event of a lane may be tried: a moment in the past when one may be already.
    pub(super) fn due(&self, lane: &Lane) -> Option<DateTime<Utc>> {
        let ledger = self.ledger();
        let held = ledger.lanes.get(ledger.numbers.get(lane)?)?;
        held.waiting.keys().next().map(|(due, _)| *due)
    }

    /// When the next letters of a lane may be written.
    pub(super) fn letters_due(&self, lane: &Lane) -> Option<DateTime<Utc>> {
        let ledger = self.ledger();
        let held = ledger.lanes.get(ledger.numbers.get(lane)?)?;
        held.dying.keys().next().map(|(due, _)| *due)
    }

    /// How a lane stands.
    pub(super) fn census(&self, lane: &Lane) -> Census {
        let ledger = self.ledger();
        let Some(held) = ledger.numbers.get(lane).and_then(|number| ledger.lanes.get(number)) else {
            return Census::default();
        };
        let queued = held.waiting.keys().chain(held.dying.keys()).map(|(_, seq)| seq);
        let oldest = queued.chain(held.in_flight.keys()).min();
        Census {
            waiting: held.waiting.len(),
            in_flight: held.in_flight.len(),
            dying: held.dying.len(),
            oldest: oldest.and_then(|seq| ledger.events.get(seq)).map(|stored| stored.published),
            counts: held.counts,
        }
    }

    fn time_to_live(&self, policy: Policy) -> Duration {
        self.clock.paced(policy.time_to_live)
    }

    fn ending(&self, terms: Terms, now: DateTime<Utc>) -> Ending {
        Ending { has_letters: terms.has_letters, due: now + self.clock.paced(schedule::GATHERING), now }
    }
}

fn parsed(text: &RawValue) -> Value {
    serde_json::from_str(text.get()).expect("the text was made of a value, or was read as one")
}

/// Takes a delivery out of the air; `None` when its lane is gone.
fn land(ledger: &mut Ledger, taken: &Taken) -> Option<(u32, Vec<u64>)> {
    let number = *ledger.numbers.get(&taken.lane)?;
    let held = ledger.lanes.get_mut(&number)?;
    Some((number, taken.standings.keys().copied().filter(|seq| held.in_flight.remove(seq).is_some()).collect()))
}

/// Takes letters out of their lane; `None` when it is gone.
fn exhume(ledger: &mut Ledger, letters: &Letters) -> Option<(u32, Vec<u64>)> {
    let number = *ledger.numbers.get(&letters.lane)?;
    let held = ledger.lanes.get_mut(&number)?;
    held.dying.retain(|(_, seq), _| !letters.events.contains(seq));
    Some((number, letters.events.iter().copied().collect()))
}
