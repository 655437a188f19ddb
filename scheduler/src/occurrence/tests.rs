//! The times that patterns name, also where clocks change.

use proptest::prelude::*;

use super::*;

const VIENNA: &str = "Europe/Vienna";

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// The times after `after`, as far as asked for, in the zone.
fn times(cron: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
    let pattern = Pattern::parse(cron, zone).unwrap();
    let mut last = at(after);
    let mut times = Vec::new();
    for _ in 0..count {
        last = pattern.next(last).unwrap();
        times.push(last.with_timezone(&pattern.zone).format("%m-%d %H:%M%z").to_string());
    }
    times
}

#[test]
fn a_time_of_the_day_is_one_of_the_zone() {
    assert_eq!(
        times("0 3 * * *", VIENNA, "2026-01-01T12:00:00Z", 2),
        ["01-02 03:00+0100", "01-03 03:00+0100"],
        "winter"
    );
    assert_eq!(
        times("0 3 * * *", VIENNA, "2026-07-01T01:00:00Z", 1),
        ["07-02 03:00+0200"],
        "exactly then is not after"
    );
    assert_eq!(times("@daily", "UTC", "2026-07-01T01:00:00Z", 1), ["07-02 00:00+0000"]);
}

/// Spring: 29 March 2026, 02:00 +01:00 becomes 03:00 +02:00.
#[test]
fn a_time_that_is_left_out_is_kept_after_the_gap() {
    let eve = "2026-03-28T12:00:00Z";
    assert_eq!(times("30 2 * * *", VIENNA, eve, 2), ["03-29 03:00+0200", "03-30 02:30+0200"]);
    assert_eq!(times("30 2,14 * * *", VIENNA, eve, 3), ["03-28 14:30+0100", "03-29 03:00+0200", "03-29 14:30+0200"]);
    assert_eq!(times("0 2,3 * * *", VIENNA, eve, 2), ["03-29 03:00+0200", "03-30 02:00+0200"], "once, not twice");
    assert_eq!(times("*/20 2 * * *", VIENNA, eve, 2), ["03-29 03:00+0200", "03-30 02:00+0200"]);
}

#[test]
fn what_goes_by_elapsed_time_has_no_times_in_the_gap() {
    let eve = "2026-03-29T00:00:00Z";
    assert_eq!(times("30 * * * *", VIENNA, eve, 3), ["03-29 01:30+0100", "03-29 03:30+0200", "03-29 04:30+0200"]);
    assert_eq!(times("0 */2 * * *", VIENNA, eve, 2), ["03-29 04:00+0200", "03-29 06:00+0200"]);
}

/// Autumn: 25 October 2026, 03:00 +02:00 becomes 02:00 +01:00.
#[test]
fn a_time_that_is_repeated_is_kept_once() {
    let eve = "2026-10-24T12:30:00Z";
    assert_eq!(times("30 2 * * *", VIENNA, eve, 2), ["10-25 02:30+0200", "10-26 02:30+0100"]);
    assert_eq!(times("30 2,14 * * *", VIENNA, eve, 3), ["10-25 02:30+0200", "10-25 14:30+0100", "10-26 02:30+0100"]);
    let between = "2026-10-25T01:15:00Z";
    assert_eq!(times("30 2 * * *", VIENNA, between, 1), ["10-26 02:30+0100"], "also from the second half");
}

#[test]
fn what_goes_by_elapsed_time_goes_on_through_the_repeated_hour() {
    let eve = "2026-10-24T23:45:00Z";
    assert_eq!(
        times("30 * * * *", VIENNA, eve, 4),
        ["10-25 02:30+0200", "10-25 02:30+0100", "10-25 03:30+0100", "10-25 04:30+0100"]
    );
}

#[test]
fn gaps_and_repetitions_of_other_zones_are_known() {
    // Half an hour on Lord Howe Island; a whole day on Samoa, which had no 30 December 2011.
    assert_eq!(times("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00:00Z", 1), ["10-04 02:30+1100"]);
    assert_eq!(times("0 12 * * *", "Pacific/Apia", "2011-12-29T23:00:00Z", 1), ["12-31 00:00+1400"]);
}

#[test]
fn what_cannot_be_read_is_said() {
    let error = |cron: &str, zone: &str| Pattern::parse(cron, zone).unwrap_err().to_string();
    assert_eq!(error("0 3 * * *", "Europe/Viena"), "there is no time zone \"Europe/Viena\"; is Europe/Vienna meant?");
    assert_eq!(error("0 3 * * *", "somewhere"), "there is no time zone \"somewhere\"");
    assert_eq!(error("0 3 30 2 *", "UTC"), "\"0 3 30 2 *\" never comes");
    assert!(error("0 25 * * *", "UTC").starts_with("\"0 25 * * *\" is no cron pattern: "));
    assert!(error("0 0 3 * * *", "UTC").contains("is no cron pattern"), "seconds are not for deployments");
    assert!(error("", "UTC").contains("is no cron pattern"));
}

#[test]
fn jitter_is_the_same_every_time_and_spread() {
    let night = at("2026-01-02T03:00:00Z");
    let of = |name: &str, most| jitter(name, night, most).num_seconds();
    assert_eq!(of("nightly", 0), 0);
    assert_eq!(of("nightly", 600), of("nightly", 600));
    let spread: std::collections::BTreeSet<i64> = (0..50).map(|number| of(&format!("s{number}"), 600)).collect();
    assert!(spread.len() > 40 && spread.iter().all(|seconds| (0..=600).contains(seconds)), "{spread:?}");
}

fn crons() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "0 3 * * *",
        "30 2 * * *",
        "*/7 * * * *",
        "0 */3 * * *",
        "5,35 1-3 * * *",
        "0 0 1 * *",
        "15 2 * * SUN",
        "@hourly",
        "*/20 2,3 * * *",
    ])
}

fn zones() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        VIENNA,
        "UTC",
        "America/New_York",
        "Australia/Lord_Howe",
        "America/Sao_Paulo",
        "Asia/Tehran",
    ])
}

proptest! {
    /// From wherever it is asked for, the same times come in the same order: none is lost, none is doubled.
    #[test]
    fn every_way_leads_over_the_same_times(cron in crons(), zone in zones(), start in 1_500_000_000_i64..1_900_000_000, step in 1_i64..40_000) {
        let pattern = Pattern::parse(cron, zone).unwrap();
        let start = DateTime::from_timestamp(start, 0).unwrap();
        let mut last = start;
        for _ in 0..6 {
            let next = pattern.next(last).unwrap();
            prop_assert!(next > last);
            let between = last + Duration::seconds(step % (next - last).num_seconds().max(1));
            prop_assert_eq!(pattern.next(between), Some(next), "{} was passed by", next);
            prop_assert_eq!(pattern.next(next - Duration::milliseconds(500)), Some(next));
            last = next;
        }
    }
}
