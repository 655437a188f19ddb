//! The work on one step, or on its compensation: what it is, and how it grows, record by record.

use chrono::{DateTime, Duration, Utc};
use journal::FailureKind;
use serde::Serialize;
use serde_json::Value;

/// Work on a step, or on its compensation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Work {
    /// Its first record.
    pub started: DateTime<Utc>,
    /// When it came to an end, good or bad; absent while it has not.
    pub ended: Option<DateTime<Utc>>,
    /// When somebody worked at it.
    pub spells: Vec<Period>,
    /// Its attempts, oldest first.
    pub attempts: Vec<Attempt>,
    /// What it noted on the way.
    pub checkpoints: Vec<Checkpoint>,
    /// Why it was given up; absent when it was not, or ended well later.
    pub failure: Option<Failure>,
    /// The clouds' ids of the requests that it made, as far as its records name them.
    pub requests: Vec<String>,
}

/// A time with a beginning; its end is absent while it lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Period {
    /// Its beginning.
    pub from: DateTime<Utc>,
    /// Its end.
    pub until: Option<DateTime<Utc>>,
}

/// One try.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Attempt {
    /// Its number, counted from 1 as the journal counts: within the run, or within one rollback.
    pub number: u32,
    /// When.
    pub time: Period,
    /// How it ended.
    #[serde(flatten)]
    pub end: AttemptEnd,
    /// The wait after it; cut short where the run broke off.
    pub wait: Option<Period>,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "end", rename_all = "kebab-case")]
pub enum AttemptEnd {
    /// It is under way.
    Open,
    /// It did what it was to do.
    Succeeded,
    /// It failed.
    Failed {
        /// The kind of failure.
        kind: FailureKind,
        /// The cause chain.
        message: String,
    },
    /// The run broke off under it.
    BrokenOff,
}

/// Something that a step noted on the way.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Checkpoint {
    /// When.
    pub at: DateTime<Utc>,
    /// What; only the step knows what it means.
    pub data: Value,
}

/// Why a step, or its compensation, was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// When.
    pub at: DateTime<Utc>,
    /// The kind of the last failure.
    pub kind: FailureKind,
    /// The stable error code, if it has one.
    pub code: Option<String>,
    /// The cause chain.
    pub message: String,
}

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

impl Work {
    /// The attempts that failed.
    pub fn failed_attempts(&self) -> impl Iterator<Item = &Attempt> {
        self.attempts.iter().filter(|attempt| matches!(attempt.end, AttemptEnd::Failed { .. }))
    }
}

impl Period {
    /// Its end; `now` while it lasts. Never before its beginning, even when the clock was set back.
    #[must_use]
    pub fn end(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.until.unwrap_or(now).max(self.from)
    }

    /// How long it lasted, until `now` while it lasts.
    #[must_use]
    pub fn lasted(&self, now: DateTime<Utc>) -> Duration {
        self.end(now) - self.from
    }
}

/// A moment so many milliseconds later; a wait that no calendar holds ends with the calendar.
fn later(at: DateTime<Utc>, millis: u64) -> DateTime<Utc> {
    let wait = i64::try_from(millis).ok().and_then(Duration::try_milliseconds);
    wait.and_then(|wait| at.checked_add_signed(wait)).unwrap_or(DateTime::<Utc>::MAX_UTC)
}
