//! A month of schedules under a daemon that is killed again and again: between any two records, any two looks, any two
//! moments of a run. The journal is the real one, the clock is simulated, the deployments are made up.
//!
//! Each failure names its seed; `TWINCTL_MONTH_SEED` runs one seed alone.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its own functions too")]

mod check;
mod life;
mod sim;
mod world;

use chrono::{DateTime, Duration, TimeZone, Utc};
use journal::{Missed, Overlap, ScheduleKind, ScheduleSpec};

use crate::life::Month;

/// Two months with changes of the clock: October and March.
fn starts() -> [DateTime<Utc>; 2] {
    [(2026, 10, 5), (2027, 3, 5)].map(|(year, month, day)| Utc.with_ymd_and_hms(year, month, day, 11, 7, 31).unwrap())
}

fn spec(project: &str, kind: ScheduleKind, cron: &str, timezone: &str) -> ScheduleSpec {
    ScheduleSpec {
        project: project.into(),
        kind,
        cron: cron.into(),
        timezone: timezone.into(),
        jitter: 0,
        overlap: Overlap::Skip,
        missed: Missed::Skip,
        target: "local".into(),
        clock: journal::ScheduleClock::Own,
    }
}

/// Every policy, several of them on one project.
fn schedules() -> Vec<(&'static str, ScheduleSpec)> {
    let (factory, plant, vienna) = ("/projects/factory", "/projects/plant", "Europe/Vienna");
    let nightly = spec(factory, ScheduleKind::Redeploy, "30 2 * * *", vienna);
    let often = spec(factory, ScheduleKind::Redeploy, "0 */12 * * *", "UTC");
    let pressing = spec(factory, ScheduleKind::Redeploy, "15 3 * * *", vienna);
    let drift = spec(factory, ScheduleKind::DriftCheck, "45 3 * * *", "UTC");
    let other = spec(plant, ScheduleKind::Redeploy, "0 1,13 * * *", "America/New_York");
    vec![
        ("nightly", ScheduleSpec { missed: Missed::Once, jitter: 600, ..nightly }),
        ("often", ScheduleSpec { overlap: Overlap::Queue, missed: Missed::Once, ..often }),
        ("pressing", ScheduleSpec { overlap: Overlap::Replace, ..pressing }),
        ("drift", ScheduleSpec { missed: Missed::Once, ..drift }),
        ("other", ScheduleSpec { overlap: Overlap::Queue, jitter: 90, ..other }),
    ]
}

fn seeds() -> Vec<u64> {
    match std::env::var("TWINCTL_MONTH_SEED").ok().and_then(|text| text.parse().ok()) {
        Some(seed) => vec![seed],
        None => vec![1],
    }
}

#[test]
fn a_daemon_that_is_killed_for_a_month_misses_nothing_and_doubles_nothing() {
    for seed in seeds() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let start = starts()[(seed % 2) as usize];
        let month = runtime.block_on(async {
            let mut month = Month::new(seed, start, &schedules()).await;
            month.live(start + Duration::days(31)).await;
            month.settle().await;
            month
        });
        let counts = check::check(&month);
        eprintln!("seed {seed}: {} lives, {} kills, {counts}", month.ups.len(), month.kills);
        assert!(month.kills > 30, "seed {seed}: only {} kills", month.kills);
    }
}

/// Without kills (and over a change of the clock) nothing is missed, and what is left out is left out for others that were in its way.
#[test]
fn undisturbed_days_keep_every_time() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let start = starts()[0] + Duration::days(14);
    let month = runtime.block_on(async {
        let mut month = Month::new(7, start, &schedules()).await;
        month.undisturbed(start + Duration::days(9)).await;
        month.settle().await;
        month
    });
    let counts = check::check(&month);
    assert_eq!(counts.missed, 0, "{counts}");
    assert!(counts.taken_up > 40 && counts.stopped > 0, "{counts}");
}
