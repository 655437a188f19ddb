//! The work on one step as it grows, record by record.

use chrono::{DateTime, Duration, Utc};
use journal::FailureKind;
use serde_json::Value;

use super::{Attempt, AttemptEnd, Checkpoint, Failure, Period, Work};

/// What a record says of an attempt that failed.
pub(super) struct Failed<'a> {
    pub(super) number: u32,
    pub(super) kind: FailureKind,
    pub(super) message: &'a str,
    pub(super) retry_in_ms: Option<u64>,
}

impl Work {
    pub(super) fn new(at: DateTime<Utc>) -> Self {
        Self {
            started: at,
            ended: None,
            spells: Vec::new(),
            attempts: Vec::new(),
            checkpoints: Vec::new(),
            failure: None,
            requests: Vec::new(),
        }
    }

    /// A process takes it up; nothing changes where it is at it already.
    pub(super) fn take_up(&mut self, at: DateTime<Utc>) {
        if self.spells.last().is_some_and(|spell| spell.until.is_none()) {
            return;
        }
        self.ended = None;
        self.spells.push(Period { from: at, until: None });
        self.open_attempt(at);
    }

    /// A rollback counts its attempts from 1 again.
    pub(super) fn take_up_anew(&mut self, at: DateTime<Utc>) {
        let before = self.spells.len();
        self.take_up(at);
        if let (true, Some(attempt)) = (self.spells.len() > before, self.attempts.last_mut()) {
            attempt.number = 1;
        }
    }

    pub(super) fn note(&mut self, at: DateTime<Utc>, data: &Value) {
        self.checkpoints.push(Checkpoint { at, data: data.clone() });
    }

    /// An attempt has failed; with a wait, another one follows it.
    pub(super) fn fail_attempt(&mut self, at: DateTime<Utc>, failed: &Failed<'_>) {
        let Some(attempt) = self.attempts.last_mut() else { return };
        attempt.number = failed.number;
        attempt.time.until = Some(at);
        attempt.end = AttemptEnd::Failed { kind: failed.kind, message: failed.message.to_owned() };
        if let Some(wait) = failed.retry_in_ms {
            let next = later(at, wait);
            attempt.wait = Some(Period { from: at, until: Some(next) });
            self.open_attempt(next);
        }
    }

    pub(super) fn succeed(&mut self, at: DateTime<Utc>) {
        self.end(at, &AttemptEnd::Succeeded);
        self.ended = Some(at);
        self.failure = None;
    }

    /// It is given up.
    pub(super) fn fail(&mut self, failure: Failure) {
        let (kind, message) = (failure.kind, failure.message.clone());
        self.end(failure.at, &AttemptEnd::Failed { kind, message });
        self.ended = Some(failure.at);
        self.failure = Some(failure);
    }

    /// The run broke off.
    pub(super) fn break_off(&mut self, at: DateTime<Utc>) {
        self.end(at, &AttemptEnd::BrokenOff);
    }

    /// Ends what is under way; an attempt that was still being waited for never took place.
    fn end(&mut self, at: DateTime<Utc>, how: &AttemptEnd) {
        let Some(spell) = self.spells.last_mut().filter(|spell| spell.until.is_none()) else { return };
        spell.until = Some(at.max(spell.from));
        let Some(attempt) = self.attempts.last_mut().filter(|attempt| attempt.end == AttemptEnd::Open) else { return };
        let never_took_place = attempt.time.from > at && *how != AttemptEnd::Succeeded;
        if never_took_place {
            self.attempts.pop();
        } else {
            // A timer may fire a moment early, and a clock may be set back.
            attempt.time.from = attempt.time.from.min(at);
            attempt.time.until = Some(at);
            attempt.end = how.clone();
        }
        self.cut_wait(at);
    }

    fn cut_wait(&mut self, at: DateTime<Utc>) {
        let waits = self.attempts.iter_mut().filter_map(|attempt| attempt.wait.as_mut());
        waits.for_each(|wait| wait.until = wait.until.map(|until| until.min(at)));
    }

    fn open_attempt(&mut self, at: DateTime<Utc>) {
        let number = self.attempts.last().map_or(0, |attempt| attempt.number) + 1;
        let time = Period { from: at, until: None };
        self.attempts.push(Attempt { number, time, end: AttemptEnd::Open, wait: None });
    }
}

/// A moment so many milliseconds later; a wait that no calendar holds ends with the calendar.
fn later(at: DateTime<Utc>, millis: u64) -> DateTime<Utc> {
    let wait = i64::try_from(millis).ok().and_then(Duration::try_milliseconds);
    wait.and_then(|wait| at.checked_add_signed(wait)).unwrap_or(DateTime::<Utc>::MAX_UTC)
}
