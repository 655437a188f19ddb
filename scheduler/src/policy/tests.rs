//! The table of the policy, line by line, and what holds for every mixture.

use chrono::{Duration, TimeZone};
use journal::{Actor, Digest, Ended, Open, Record, SCHEDULES, ScheduleKind, ScheduleSpec, StreamState};
use proptest::prelude::*;

use super::*;

const PROJECT: &str = "/projects/factory";

/// The full hour of this number.
fn hour(number: i64) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 6, 1, 0, 0, 0).unwrap() + Duration::hours(number)
}

/// A schedule that names every full hour, added half an hour before the first.
fn hourly(overlap: Overlap, missed: Missed) -> ScheduleState {
    let spec = ScheduleSpec {
        project: PROJECT.into(),
        kind: ScheduleKind::Redeploy,
        cron: "0 * * * *".into(),
        timezone: "UTC".into(),
        jitter: 0,
        overlap,
        missed,
        target: "local".into(),
        clock: journal::ScheduleClock::Own,
    };
    let (added, from) = (hour(0) - Duration::minutes(30), hour(0) - Duration::minutes(30));
    ScheduleState {
        spec,
        added,
        paused: false,
        from,
        manual: None,
        open: BTreeMap::new(),
        last: None,
        ended: BTreeMap::new(),
        skipped: BTreeMap::new(),
    }
}

fn one(schedule: ScheduleState) -> Schedules {
    BTreeMap::from([("s".to_owned(), schedule)])
}

fn open_since(mut schedule: ScheduleState, at: DateTime<Utc>) -> ScheduleState {
    schedule.from = at;
    schedule.open.insert(at, Open { since: at, seq: 1, manual: false });
    schedule
}

/// What is decided, in short words: `due 1`, `skip 2-4 x3 missed`, `end 1 replaced`.
fn decided(schedules: &Schedules, up_since: DateTime<Utc>, now: DateTime<Utc>) -> Vec<String> {
    let number = |at: &DateTime<Utc>| (*at - hour(0)).num_hours();
    let short = |event: &Event| match event {
        Event::ScheduleDue { schedule, at, .. } => format!("{schedule} due {}", number(at)),
        Event::ScheduleSkipped { schedule, at, until, times, reason } => {
            format!("{schedule} skip {}-{} x{times} {reason}", number(at), number(&until.unwrap_or(*at)))
        }
        Event::ScheduleEnded { schedule, at, outcome, .. } => format!("{schedule} end {} {outcome}", number(at)),
        other => panic!("{other:?} is no decision"),
    };
    decide(schedules, Moment { now, up_since }).iter().map(short).collect()
}

#[test]
fn what_is_due_is_taken_up_and_the_rest_waits() {
    let schedules = one(hourly(Overlap::Skip, Missed::Skip));
    let up = hour(0) - Duration::minutes(5);
    assert_eq!(decided(&schedules, up, hour(0) - Duration::seconds(1)), [] as [&str; 0]);
    assert_eq!(decided(&schedules, up, hour(0)), ["s due 0"]);
    assert_eq!(next_due(&schedules), Some(hour(0)));
}

#[test]
fn what_was_missed_is_left_out_or_caught_up_once() {
    let now = hour(5) + Duration::minutes(10);
    for overlap in [Overlap::Skip, Overlap::Queue, Overlap::Replace] {
        let skip = one(hourly(overlap, Missed::Skip));
        assert_eq!(decided(&skip, now, now), ["s skip 0-5 x6 missed"]);
        let once = one(hourly(overlap, Missed::Once));
        assert_eq!(decided(&once, now, now), ["s skip 0-4 x5 missed", "s due 5"]);
    }
    let only = one(hourly(Overlap::Skip, Missed::Once));
    assert_eq!(decided(&only, hour(0) + Duration::minutes(1), hour(0) + Duration::minutes(1)), ["s due 0"]);
}

#[test]
fn what_comes_while_something_is_open_follows_the_overlap_policy() {
    let (up, now) = (hour(0), hour(3) + Duration::minutes(1));
    let of = |overlap| decided(&one(open_since(hourly(overlap, Missed::Once), hour(0))), up, now);
    assert_eq!(of(Overlap::Skip), ["s skip 1-3 x3 overlap"]);
    assert_eq!(of(Overlap::Queue), ["s due 1", "s due 2", "s due 3"]);
    assert_eq!(of(Overlap::Replace), ["s skip 1-2 x2 replaced", "s end 0 replaced", "s due 3"]);
}

#[test]
fn what_came_while_something_was_open_counts_after_its_end_too() {
    let mut schedule = hourly(Overlap::Skip, Missed::Once);
    schedule.from = hour(0);
    let (since, ended) = (hour(0), hour(1) + Duration::minutes(20));
    let outcome = ScheduleOutcome::Finished;
    schedule.last = Some(Ended { at: hour(0), since, ended, outcome, run: None, exit: None });
    assert_eq!(decided(&one(schedule), hour(0), hour(2)), ["s skip 1-1 x1 overlap", "s due 2"]);
}

#[test]
fn what_was_missed_while_something_is_open_is_missed_first() {
    let schedule = |overlap, missed| one(open_since(hourly(overlap, missed), hour(0)));
    let (up, now) = (hour(9) + Duration::minutes(1), hour(10) + Duration::minutes(1));
    assert_eq!(
        decided(&schedule(Overlap::Queue, Missed::Once), up, now),
        ["s skip 1-8 x8 missed", "s due 9", "s due 10"],
        "a long time without a daemon leaves no long queue"
    );
    assert_eq!(
        decided(&schedule(Overlap::Skip, Missed::Once), up, now),
        ["s skip 1-8 x8 missed", "s skip 9-10 x2 overlap"],
        "what is open is gone on with instead"
    );
    assert_eq!(
        decided(&schedule(Overlap::Replace, Missed::Skip), up, now),
        ["s skip 1-9 x9 missed", "s end 0 replaced", "s due 10"]
    );
}

#[test]
fn schedules_of_one_project_are_in_each_others_way_and_others_are_not() {
    let with = |overlap, project: &str| {
        let mut other = hourly(overlap, Missed::Skip);
        other.spec.project = project.to_owned();
        BTreeMap::from([("a".to_owned(), hourly(Overlap::Skip, Missed::Skip)), ("b".to_owned(), other)])
    };
    let up = hour(-1);
    assert_eq!(decided(&with(Overlap::Skip, PROJECT), up, hour(0)), ["a due 0", "b skip 0-0 x1 overlap"]);
    assert_eq!(decided(&with(Overlap::Queue, PROJECT), up, hour(0)), ["a due 0", "b due 0"]);
    assert_eq!(decided(&with(Overlap::Replace, PROJECT), up, hour(0)), ["a due 0", "a end 0 replaced", "b due 0"]);
    assert_eq!(decided(&with(Overlap::Skip, "/projects/plant"), up, hour(0)), ["a due 0", "b due 0"]);
}

#[test]
fn several_at_once_are_one_that_is_taken_up_and_others_in_its_way() {
    let (up, now) = (hour(-1), hour(2) + Duration::minutes(1));
    let of = |overlap| decided(&one(hourly(overlap, Missed::Skip)), up, now);
    assert_eq!(of(Overlap::Skip), ["s due 0", "s skip 1-2 x2 overlap"]);
    assert_eq!(of(Overlap::Queue), ["s due 0", "s due 1", "s due 2"]);
    assert_eq!(of(Overlap::Replace), ["s skip 0-1 x2 replaced", "s due 2"]);
}

#[test]
fn a_schedule_that_is_paused_or_cannot_be_read_names_nothing() {
    let mut paused = hourly(Overlap::Skip, Missed::Skip);
    paused.paused = true;
    let mut unread = hourly(Overlap::Skip, Missed::Skip);
    unread.spec.cron = "of a later version".into();
    let schedules = BTreeMap::from([("a".to_owned(), paused), ("b".to_owned(), unread)]);
    assert_eq!((decided(&schedules, hour(0), hour(9)), next_due(&schedules)), (Vec::new(), None));
}

#[test]
fn what_replaces_is_known_before_it_is_due() {
    let mut schedules = one(hourly(Overlap::Replace, Missed::Skip));
    assert_eq!(next_replacing(&schedules, PROJECT), Some(hour(0)));
    assert_eq!(next_replacing(&schedules, "/projects/plant"), None);
    schedules.get_mut("s").unwrap().spec.overlap = Overlap::Queue;
    assert_eq!(next_replacing(&schedules, PROJECT), None);
}

#[test]
fn jitter_puts_the_start_off_and_changes_no_occurrence() {
    let mut schedule = hourly(Overlap::Skip, Missed::Skip);
    schedule.spec.jitter = 600;
    let off = jitter("s", hour(0), 600);
    assert!(off > Duration::zero(), "another name is needed for this test");
    let schedules = one(schedule);
    assert_eq!(next_due(&schedules), Some(hour(0) + off));
    assert_eq!(decided(&schedules, hour(-1), hour(0)), [] as [&str; 0]);
    assert_eq!(decided(&schedules, hour(-1), hour(0) + off), ["s due 0"]);
}

#[test]
fn the_first_that_was_taken_up_has_its_turn_first() {
    let mut first = open_since(hourly(Overlap::Queue, Missed::Skip), hour(5));
    first.open.get_mut(&hour(5)).unwrap().seq = 3;
    let second = open_since(hourly(Overlap::Queue, Missed::Skip), hour(1));
    let schedules = BTreeMap::from([("a".to_owned(), first), ("b".to_owned(), second)]);
    assert_eq!(first_open(&schedules), Some(("b", hour(1))));
}

/// The fold of a stream of events at given times: what the journal would make of them, legality included.
struct Fold {
    state: StreamState,
    now: DateTime<Utc>,
}

impl Fold {
    fn push(&mut self, event: Event) {
        let seq = self.state.head.as_ref().map_or(0, |head| head.seq + 1);
        let hash = |seq: u64| Digest(format!("{seq:064}"));
        let actor = Actor { user: "u".into(), host: "h".into(), process: 1, version: "0".into(), ci: None };
        let stream = SCHEDULES.to_owned();
        let (time, prev) = (self.now, hash(seq.wrapping_sub(1)));
        let record = Record { v: 1, stream, seq, time, actor, run: None, event, prev, hash: hash(seq) };
        self.state.apply(&record).expect("what is decided is legal");
    }
}

fn overlaps() -> impl Strategy<Value = Overlap> {
    prop::sample::select(vec![Overlap::Skip, Overlap::Queue, Overlap::Replace])
}

proptest! {
    /// Whatever happens in which order, what is decided is legal, decides everything that is due, and nothing twice: the
    /// occurrences that are taken up or left out are all there are, each once.
    #[test]
    fn every_occurrence_is_decided_on_once(
        policies in prop::collection::vec((overlaps(), any::<bool>(), any::<bool>(), 0_u64..5400), 1..4),
        moves in prop::collection::vec((1_i64..20_000, 0_u8..6), 1..40),
    ) {
        let mut fold = Fold { state: StreamState::default(), now: hour(0) - Duration::minutes(30) };
        for (number, (overlap, once, same, jitter)) in policies.iter().enumerate() {
            let missed = if *once { Missed::Once } else { Missed::Skip };
            let mut spec = hourly(*overlap, missed).spec;
            spec.jitter = *jitter;
            if !same {
                spec.project = format!("/projects/{number}");
            }
            fold.push(Event::ScheduleAdded { schedule: format!("s{number}"), spec });
        }
        let mut up_since = fold.now;
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for (seconds, what) in moves {
            fold.now += Duration::seconds(seconds);
            let before = fold.state.schedules.clone();
            match what {
                0 => up_since = fold.now,
                1 | 2 => if let Some((name, at)) = first_open(&before) {
                    let (schedule, outcome) = (name.to_owned(), ScheduleOutcome::Finished);
                    fold.push(Event::ScheduleEnded { schedule, at, outcome, run: None, exit: None });
                },
                _ => {}
            }
            let moment = Moment { now: fold.now, up_since };
            for event in decide(&fold.state.schedules, moment) {
                let (Event::ScheduleDue { schedule, .. } | Event::ScheduleSkipped { schedule, .. } | Event::ScheduleEnded { schedule, .. }) = &event else { unreachable!() };
                *counts.entry(schedule.clone()).or_default() += match &event {
                    Event::ScheduleDue { .. } => 1,
                    Event::ScheduleSkipped { times, .. } => *times,
                    _ => 0,
                };
                fold.push(event);
            }
            prop_assert!(decide(&fold.state.schedules, moment).is_empty(), "once is enough");
            prop_assert!(next_due(&fold.state.schedules).is_none_or(|due| due > fold.now), "nothing that is due is left");
        }
        for (name, schedule) in &fold.state.schedules {
            let all = (schedule.from - hour(0)).num_hours() + i64::from(schedule.from >= hour(0));
            prop_assert_eq!(counts.get(name).copied().unwrap_or_default() as i64, all.max(0), "{}", name);
        }
    }
}

/// The decisions about what another clock asks for, at these hours, by a daemon that is up since `up`.
fn asked_at(state: &ScheduleState, hours: &[i64], up: i64) -> Vec<String> {
    let mut state = state.clone();
    state.spec.clock = ScheduleClock::Eventbridge;
    let word = |event: Event| match event {
        Event::ScheduleDue { at, .. } => format!("due {}", (at - hour(0)).num_hours()),
        Event::ScheduleSkipped { at, times, reason, .. } => {
            format!("{times} from {} {reason}", (at - hour(0)).num_hours())
        }
        other => other.name().to_owned(),
    };
    let asks = hours.iter().map(|number| hour(*number)).collect();
    asked(&one(state), "s", asks, hour(up)).into_iter().map(word).collect()
}

#[test]
fn what_another_clock_asks_is_decided_on_once() {
    let mut queue = hourly(Overlap::Queue, Missed::Once);
    queue.from = hour(10);
    assert_eq!(asked_at(&queue, &[12], 0), ["due 12"]);
    assert_eq!(asked_at(&queue, &[12, 12, 10, 9], 0), ["due 12"], "twice, or decided on before");
    assert_eq!(asked_at(&queue, &[14, 12, 13], 20), ["2 from 12 missed", "due 14"], "of those from downtime the last");
    queue.paused = true;
    assert!(asked_at(&queue, &[12], 0).is_empty());
    assert!(asked(&Schedules::new(), "s", vec![hour(12)], hour(0)).is_empty());
    assert_eq!(asked_at(&hourly(Overlap::Queue, Missed::Skip), &[12, 22], 20), ["1 from 12 missed", "due 22"]);
}

#[test]
fn what_another_clock_asks_while_something_is_open_is_left_out_where_that_is_the_policy() {
    assert_eq!(asked_at(&open_since(hourly(Overlap::Skip, Missed::Once), hour(11)), &[12], 0), ["1 from 12 overlap"]);
    assert_eq!(asked_at(&open_since(hourly(Overlap::Queue, Missed::Once), hour(11)), &[12], 0), ["due 12"]);
}

#[test]
fn a_schedule_of_another_clock_has_no_times_of_its_own() {
    let mut state = hourly(Overlap::Queue, Missed::Once);
    state.spec.clock = ScheduleClock::Eventbridge;
    assert_eq!(next_due(&one(state)), None);
}
