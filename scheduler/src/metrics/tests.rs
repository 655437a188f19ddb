//! The text, line by line.

use std::collections::BTreeMap;

use chrono::Duration;
use journal::{Ended, Missed, Overlap, ScheduleKind, ScheduleSpec, ScheduleState, SkipReason};

use super::*;

fn seen() -> Seen {
    let at = DateTime::UNIX_EPOCH + Duration::hours(3);
    let spec = ScheduleSpec {
        project: "/p".into(),
        kind: ScheduleKind::Redeploy,
        cron: "0 3 * * *".into(),
        timezone: "UTC".into(),
        jitter: 0,
        overlap: Overlap::Skip,
        missed: Missed::Once,
        target: "local".into(),
        clock: journal::ScheduleClock::Own,
    };
    let outcome = ScheduleOutcome::PartiallyRolledBack;
    let last = Ended { at, since: at, ended: at + Duration::seconds(9), outcome, run: None, exit: Some(13) };
    let state = ScheduleState {
        spec,
        added: DateTime::UNIX_EPOCH,
        paused: false,
        from: at,
        manual: None,
        open: BTreeMap::new(),
        last: Some(last),
        ended: BTreeMap::from([(outcome, 2)]),
        skipped: BTreeMap::from([(SkipReason::Missed, 7)]),
    };
    Seen { state, next: Some(at + Duration::days(1)) }
}

#[test]
fn the_text_holds_every_metric_once() {
    let schedules = BTreeMap::from([("nightly".to_owned(), seen())]);
    let up_since = DateTime::UNIX_EPOCH + Duration::seconds(5);
    let status =
        Status { up_since, schedules, working: None, waiting_for: None, trouble: Some("the disk is full".into()) };
    let text = text(&status);
    let values: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(
        values,
        [
            "twinctl_serve_start_time_seconds 5",
            "twinctl_serve_healthy 0",
            "twinctl_serve_working 0",
            "twinctl_schedule_paused{schedule=\"nightly\"} 0",
            "twinctl_schedule_open{schedule=\"nightly\"} 0",
            "twinctl_schedule_next_time_seconds{schedule=\"nightly\"} 97200",
            "twinctl_schedule_last_time_seconds{schedule=\"nightly\"} 10800",
            "twinctl_schedule_last_end_time_seconds{schedule=\"nightly\"} 10809",
            "twinctl_schedule_last_success{schedule=\"nightly\"} 0",
            "twinctl_schedule_ended_total{schedule=\"nightly\",outcome=\"partially_rolled_back\"} 2",
            "twinctl_schedule_skipped_total{schedule=\"nightly\",reason=\"missed\"} 7",
        ]
    );
    let families: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    assert_eq!(families.len(), 11, "{families:?}");
}
