//! What becomes of occurrences: pure, from the journal's schedules, the time, and when the daemon came up.
//!
//! | the occurrence was due | and | it is |
//! |---|---|---|
//! | before the daemon came up | `missed: skip` | left out |
//! | before the daemon came up | `missed: once` | left out, but for the last of them, which goes on below |
//! | while nothing was open for its project | | taken up |
//! | while something was open for its project | `overlap: skip` | left out |
//! | while something was open for its project | `overlap: queue` | taken up, and waits |
//! | while something was open for its project | `overlap: replace` | taken up; what is open ends as replaced |
//!
//! With `replace` several that are due at once are one: the last. Those before it are left out as replaced.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use journal::{Event, Missed, Overlap, ScheduleClock, ScheduleOutcome, ScheduleState, SkipReason};

use crate::occurrence::{Pattern, jitter};

/// The schedules by name.
pub type Schedules = BTreeMap<String, ScheduleState>;

/// When something is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Now.
    pub now: DateTime<Utc>,
    /// Since when the daemon is up.
    pub up_since: DateTime<Utc>,
}

/// An occurrence that is not decided on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coming {
    /// The time that the pattern names.
    pub at: DateTime<Utc>,
    /// When it is acted upon: never before the ones before it.
    pub due: DateTime<Utc>,
}

/// The occurrences of a schedule that are not decided on, in order. None while it is paused, when this version cannot read
/// its pattern, or when another clock than the daemon's tells them.
pub fn coming<'a>(name: &'a str, schedule: &'a ScheduleState) -> impl Iterator<Item = Coming> + 'a {
    let spec = &schedule.spec;
    let kept = spec.clock == ScheduleClock::Own && !schedule.paused;
    let pattern = Pattern::parse(&spec.cron, &spec.timezone).ok().filter(|_| kept);
    let first = Coming { at: schedule.from, due: DateTime::<Utc>::MIN_UTC };
    let next = move |last: &Coming| {
        let at = pattern.as_ref()?.next(last.at)?;
        Some(Coming { at, due: last.due.max(at + jitter(name, at, spec.jitter)) })
    };
    std::iter::successors(Some(first), next).skip(1)
}

/// When the next occurrence of any schedule is due.
#[must_use]
pub fn next_due(schedules: &Schedules) -> Option<DateTime<Utc>> {
    schedules.iter().filter_map(|(name, schedule)| coming(name, schedule).next()).map(|next| next.due).min()
}

/// When the next occurrence is due that replaces whatever is in progress for a project.
#[must_use]
pub fn next_replacing(schedules: &Schedules, project: &str) -> Option<DateTime<Utc>> {
    let replaces =
        |schedule: &ScheduleState| schedule.spec.overlap == Overlap::Replace && schedule.spec.project == project;
    let replacing = schedules.iter().filter(|(_, schedule)| replaces(schedule));
    replacing.filter_map(|(name, schedule)| coming(name, schedule).next()).map(|next| next.due).min()
}

/// The occurrence whose turn it is: of those that are open the one that was taken up first.
#[must_use]
pub fn first_open(schedules: &Schedules) -> Option<(&str, DateTime<Utc>)> {
    let open =
        schedules.iter().flat_map(|(name, schedule)| schedule.open.iter().map(move |(at, open)| (name, at, open)));
    open.min_by_key(|(.., open)| open.seq).map(|(name, at, _)| (name.as_str(), *at))
}

/// What is to be recorded now, in order: every occurrence that is due by now is decided on.
#[must_use]
pub fn decide(schedules: &Schedules, moment: Moment) -> Vec<Event> {
    let mut desk = Desk::new(schedules);
    let first = |(name, schedule): &(&String, &ScheduleState)| coming(name, schedule).next().map(|next| next.due);
    let mut order: Vec<_> = schedules.iter().filter_map(|entry| Some((first(&entry)?, entry))).collect();
    order.retain(|(due, _)| *due <= moment.now);
    order.sort_by_key(|(due, (name, _))| (*due, *name));
    for (_, (name, schedule)) in order {
        desk.decide(name, schedule, moment);
    }
    desk.events
}

/// What is to be recorded when another clock than the daemon's says that times of a schedule have come: each that is later
/// than what the schedule has decided on is decided on, those that passed while no daemon was up by the policy for these.
///
/// Such a clock replaces nothing: by the time that it asks, what is open may hold the lease.
#[must_use]
pub fn asked(schedules: &Schedules, name: &str, mut asks: Vec<DateTime<Utc>>, up_since: DateTime<Utc>) -> Vec<Event> {
    let Some(schedule) = schedules.get(name).filter(|schedule| !schedule.paused) else { return Vec::new() };
    asks.retain(|at| *at > schedule.from);
    asks.sort_unstable();
    asks.dedup();
    let (late, live): (Vec<_>, Vec<_>) = asks.into_iter().partition(|at| *at < up_since);
    let coming = |at: DateTime<Utc>| Coming { at, due: at.max(up_since) };
    let mut missed = Range::default();
    late.into_iter().map(coming).for_each(|coming| missed.push(coming));
    let caught_up = match schedule.spec.missed {
        Missed::Once => missed.pop(),
        Missed::Skip => None,
    };
    let mut desk = Desk::new(schedules);
    desk.events.extend(missed.skipped(name, SkipReason::Missed));
    let live = caught_up.into_iter().chain(live.into_iter().map(coming));
    match schedule.spec.overlap {
        Overlap::Skip => desk.skip(name, schedule, live),
        Overlap::Queue | Overlap::Replace => live.for_each(|coming| desk.take_up(name, schedule, coming)),
    }
    desk.events
}

/// Where decisions are taken, one schedule after the other.
struct Desk {
    events: Vec<Event>,
    projects: BTreeMap<String, Work>,
}

/// What is known of the work on a project.
#[derive(Default)]
struct Work {
    /// What is open: schedule, occurrence, since when.
    open: Vec<(String, DateTime<Utc>, DateTime<Utc>)>,
    /// When something was open that has ended.
    over: Vec<(DateTime<Utc>, DateTime<Utc>)>,
}

impl Work {
    /// Whether something was open at this time.
    fn covers(&self, due: DateTime<Utc>) -> bool {
        self.open.iter().any(|(.., since)| *since <= due)
            || self.over.iter().any(|(from, to)| (*from..=*to).contains(&due))
    }
}

impl Desk {
    fn new(schedules: &Schedules) -> Self {
        let mut projects: BTreeMap<String, Work> = BTreeMap::new();
        for (name, schedule) in schedules {
            let work = projects.entry(schedule.spec.project.clone()).or_default();
            work.open.extend(schedule.open.iter().map(|(at, open)| (name.clone(), *at, open.since)));
            work.over.extend(schedule.last.iter().map(|last| (last.since, last.ended)));
        }
        Self { events: Vec::new(), projects }
    }

    fn decide(&mut self, name: &str, schedule: &ScheduleState, moment: Moment) {
        let mut due = coming(name, schedule).take_while(|coming| coming.due <= moment.now).peekable();
        let mut missed = Range::default();
        while let Some(coming) = due.next_if(|coming| coming.due < moment.up_since) {
            missed.push(coming);
        }
        let caught_up = match schedule.spec.missed {
            Missed::Once => missed.pop(),
            Missed::Skip => None,
        };
        self.events.extend(missed.skipped(name, SkipReason::Missed));
        let live = caught_up.into_iter().chain(due);
        match schedule.spec.overlap {
            Overlap::Replace => self.replace(name, schedule, live),
            Overlap::Queue => live.for_each(|coming| self.take_up(name, schedule, coming)),
            Overlap::Skip => self.skip(name, schedule, live),
        }
    }

    fn work(&mut self, schedule: &ScheduleState) -> &mut Work {
        self.projects.entry(schedule.spec.project.clone()).or_default()
    }

    fn take_up(&mut self, name: &str, schedule: &ScheduleState, Coming { at, due }: Coming) {
        self.work(schedule).open.push((name.to_owned(), at, due));
        self.events.push(Event::ScheduleDue { schedule: name.to_owned(), at, manual: false });
    }

    fn skip(&mut self, name: &str, schedule: &ScheduleState, live: impl Iterator<Item = Coming>) {
        let mut skipped = Range::default();
        for coming in live {
            if self.work(schedule).covers(coming.due) {
                skipped.push(coming);
            } else {
                self.events.extend(std::mem::take(&mut skipped).skipped(name, SkipReason::Overlap));
                self.take_up(name, schedule, coming);
            }
        }
        self.events.extend(skipped.skipped(name, SkipReason::Overlap));
    }

    fn replace(&mut self, name: &str, schedule: &ScheduleState, live: impl Iterator<Item = Coming>) {
        let mut all = Range::default();
        live.for_each(|coming| all.push(coming));
        let Some(last) = all.pop() else { return };
        self.events.extend(all.skipped(name, SkipReason::Replaced));
        for (schedule, at, _) in std::mem::take(&mut self.work(schedule).open) {
            let outcome = ScheduleOutcome::Replaced;
            self.events.push(Event::ScheduleEnded { schedule, at, outcome, run: None, exit: None });
        }
        self.take_up(name, schedule, last);
    }
}

/// Occurrences one after the other, of which only the ends and the number matter.
#[derive(Default)]
struct Range {
    first: Option<Coming>,
    /// The last one, and the one before it.
    last: Option<(Coming, Option<Coming>)>,
    times: u64,
}

impl Range {
    fn push(&mut self, coming: Coming) {
        self.first = self.first.or(Some(coming));
        self.last = Some((coming, self.last.map(|(last, _)| last)));
        self.times += 1;
    }

    /// Takes the last one out; only once, since only two are known.
    fn pop(&mut self) -> Option<Coming> {
        let (last, before) = self.last.take()?;
        self.times -= 1;
        self.last = before.map(|before| (before, None));
        if self.last.is_none() {
            self.first = None;
        }
        Some(last)
    }

    fn skipped(self, name: &str, reason: SkipReason) -> Option<Event> {
        let (first, (last, _)) = self.first.zip(self.last)?;
        let until = (self.times > 1).then_some(last.at);
        Some(Event::ScheduleSkipped { schedule: name.to_owned(), at: first.at, until, times: self.times, reason })
    }
}

#[cfg(test)]
mod tests;
