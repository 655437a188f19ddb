//! What must hold of a month, from its records and from what the world saw.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use journal::{
    Event, Missed, Overlap, Reader, Record, SCHEDULES, ScheduleKind, ScheduleOutcome, ScheduleSpec, SkipReason, Trigger,
};
use scheduler::{Pattern, occurrence::jitter};

use crate::life::Month;

/// How many occurrences became what.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) taken_up: u64,
    pub(crate) by_hand: u64,
    pub(crate) missed: u64,
    pub(crate) overlapped: u64,
    pub(crate) replaced: u64,
    /// Those that were taken up, and made room for another one.
    pub(crate) stopped: u64,
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { taken_up, by_hand, missed, overlapped, replaced, stopped } = self;
        write!(
            f,
            "{taken_up} taken up, {by_hand} by hand, {missed} missed, {overlapped} overlapped, {replaced} replaced, {stopped} stopped for another"
        )
    }
}

/// From a record of intent to that of the end.
struct Span {
    schedule: String,
    at: DateTime<Utc>,
    project: String,
    /// When the intent was recorded; what is recorded at once was due before.
    recorded: DateTime<Utc>,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
}

/// Checks everything and counts.
pub(crate) fn check(month: &Month) -> Counts {
    let records = month.records();
    let specs: BTreeMap<&str, &ScheduleSpec> =
        month.schedules.iter().map(|(name, spec)| (name.as_str(), spec)).collect();
    let spans = spans(month.seed, &records, &specs);
    let mut counts = Counts::default();
    for (name, spec) in &specs {
        check_schedule(month, &records, name, spec, &spans, &mut counts);
    }
    check_world(month, &records, &specs);
    counts
}

fn due(name: &str, spec: &ScheduleSpec, at: DateTime<Utc>) -> DateTime<Utc> {
    at + jitter(name, at, spec.jitter)
}

/// Every intent with its one end.
fn spans(seed: u64, records: &[Record], specs: &BTreeMap<&str, &ScheduleSpec>) -> Vec<Span> {
    let mut open: BTreeMap<(String, DateTime<Utc>), Span> = BTreeMap::new();
    let mut spans = Vec::new();
    for record in records {
        match &record.event {
            Event::ScheduleDue { schedule, at, .. } => {
                let spec = specs[schedule.as_str()];
                let from = record.time.min(due(schedule, spec, *at));
                let (project, recorded) = (spec.project.clone(), record.time);
                let span = Span { schedule: schedule.clone(), at: *at, project, recorded, from, to: recorded };
                assert!(open.insert((schedule.clone(), *at), span).is_none(), "seed {seed}: {schedule} {at} twice");
            }
            Event::ScheduleEnded { schedule, at, .. } => {
                let mut span =
                    open.remove(&(schedule.clone(), *at)).expect("the journal allows no end without a begin");
                span.to = record.time;
                spans.push(span);
            }
            _ => {}
        }
    }
    assert!(open.is_empty(), "seed {seed}: never ended: {:?}", open.keys());
    spans
}

fn check_schedule(
    month: &Month,
    records: &[Record],
    name: &str,
    spec: &ScheduleSpec,
    spans: &[Span],
    counts: &mut Counts,
) {
    let pattern = Pattern::parse(&spec.cron, &spec.timezone).unwrap();
    let mut last = records.iter().find(|record| record.event.schedule() == Some(name)).unwrap().time;
    for record in records.iter().filter(|record| record.event.schedule() == Some(name)) {
        let what = || format!("seed {}: record {} of {name}, {:?}", month.seed, record.seq, record.event);
        match &record.event {
            Event::ScheduleEnded { outcome: ScheduleOutcome::Replaced, .. } => counts.stopped += 1,
            Event::ScheduleDue { manual: true, .. } => counts.by_hand += 1,
            Event::ScheduleDue { at, .. } => {
                assert_eq!(pattern.next(last), Some(*at), "{}: another time is next", what());
                assert!(due(name, spec, *at) <= record.time, "{}: too early", what());
                counts.taken_up += 1;
                last = *at;
                let after = due(name, spec, pattern.next(last).unwrap());
                check_taken_up(month, record, spec, (due(name, spec, *at), after), spans);
            }
            Event::ScheduleSkipped { at, until, times, reason, .. } => {
                let mut passed = Vec::new();
                while passed.last() != Some(&until.unwrap_or(*at)) {
                    last = pattern.next(last).unwrap();
                    passed.push(last);
                    assert!(passed.len() as u64 <= *times, "{}: it does not end there", what());
                }
                assert_eq!((passed[0], passed.len() as u64), (*at, *times), "{}", what());
                let after = due(name, spec, pattern.next(last).unwrap());
                check_reason(
                    month,
                    record,
                    spec,
                    *reason,
                    &passed.iter().map(|at| due(name, spec, *at)).collect::<Vec<_>>(),
                    after,
                    spans,
                );
                *count(counts, *reason) += times;
            }
            _ => {}
        }
    }
}

fn count(counts: &mut Counts, reason: SkipReason) -> &mut u64 {
    match reason {
        SkipReason::Missed => &mut counts.missed,
        SkipReason::Overlap => &mut counts.overlapped,
        SkipReason::Replaced => &mut counts.replaced,
    }
}

/// Whether the policy allows that it was taken up: due then, with the one after it due at the second time.
fn check_taken_up(
    month: &Month,
    record: &Record,
    spec: &ScheduleSpec,
    (due, after): (DateTime<Utc>, DateTime<Utc>),
    spans: &[Span],
) {
    let what = format!("seed {}: record {}, {:?}", month.seed, record.seq, record.event);
    let up = month.ups.iter().rev().find(|up| **up <= record.time).unwrap();
    if due < *up {
        assert_eq!(spec.missed, Missed::Once, "{what}: nobody was there at {due}");
        assert!(after >= *up, "{what}: the one after it was missed, too");
    }
    let Event::ScheduleDue { schedule, at, .. } = &record.event else { return };
    let mut others =
        spans.iter().filter(|span| span.project == spec.project && (&span.schedule, &span.at) != (schedule, at));
    let in_its_way = others.any(|span| (span.recorded..=span.to).contains(&due));
    assert!(!in_its_way || spec.overlap != Overlap::Skip, "{what}: something was in its way");
}

/// Whether the policy allows it, and the history bears it out. `after` is when the one after those left out was due.
fn check_reason(
    month: &Month,
    record: &Record,
    spec: &ScheduleSpec,
    reason: SkipReason,
    dues: &[DateTime<Utc>],
    after: DateTime<Utc>,
    spans: &[Span],
) {
    let what = format!("seed {}: record {}, {:?}", month.seed, record.seq, record.event);
    match reason {
        SkipReason::Missed => {
            let up = month.ups.iter().rev().find(|up| **up <= record.time).unwrap();
            assert!(dues.iter().all(|due| due < up), "{what}: the daemon was up");
            // What is caught up is the last of those that were missed.
            assert_eq!(after < *up, spec.missed == Missed::Once, "{what}: up since {up}, the next was due at {after}");
        }
        SkipReason::Overlap => {
            assert_eq!(spec.overlap, Overlap::Skip, "{what}");
            let covered = |due: &DateTime<Utc>| {
                spans.iter().any(|span| span.project == spec.project && (span.from..=span.to).contains(due))
            };
            assert!(dues.iter().all(covered), "{what}: nothing was in its way");
        }
        SkipReason::Replaced => {
            assert_eq!(spec.overlap, Overlap::Replace, "{what}");
            assert!(after <= record.time, "{what}: nothing took its place");
        }
    }
}

/// The world saw one run for each occurrence that ended well, and never two.
fn check_world(month: &Month, records: &[Record], specs: &BTreeMap<&str, &ScheduleSpec>) {
    let log = month.world.log.lock().unwrap();
    let times =
        |word: &str, trigger: &Trigger| log.iter().filter(|entry| entry.0 == word && entry.1 == *trigger).count();
    for record in records {
        let Event::ScheduleEnded { schedule, at, outcome, run, .. } = &record.event else { continue };
        if specs[schedule.as_str()].kind == ScheduleKind::DriftCheck {
            continue;
        }
        let trigger = Trigger { schedule: schedule.clone(), at: *at };
        let (begun, finished) = (times("begun", &trigger), times("finished", &trigger));
        let what = format!("seed {}: {schedule} {at} {outcome}: begun {begun}, finished {finished}", month.seed);
        assert!(begun <= 1 && finished <= 1, "{what}");
        if *outcome == ScheduleOutcome::Finished {
            assert_eq!((begun, finished), (1, 1), "{what}");
            assert!(run.is_some(), "{what}: the end names no run");
        }
    }
    let reader = Reader::open(&month.world.state).unwrap();
    for stream in reader.streams().unwrap().iter().filter(|stream| stream.stream != SCHEDULES) {
        reader.verify(&stream.stream, &journal::verify::Known::default()).unwrap();
    }
}
