//! How a simulation goes, and how it went.

use std::time::Duration;

use workflows::live::{Counts, Missing, Percentiles, Summary};

use super::time::{duration, latency};
use crate::{exit::Exit, failure::Failure};

/// The counts so far, as one line.
pub(crate) fn counts(counts: &Counts, settle: Duration) -> String {
    let mut line =
        format!("sent {}, acknowledged {}, visible {}", counts.sent(), counts.acknowledged(), counts.visible());
    if counts.retries() > 0 {
        line += &format!(", retries {}", counts.retries());
    }
    if counts.is_settling() {
        line += &format!("; waiting for what is on its way (at most {})", duration(settle));
    }
    line
}

/// The summary.
pub(crate) fn text(summary: &Summary) -> String {
    let Summary { sent, acknowledged, visible, retries, .. } = summary;
    let silent = match summary.silent {
        0 => String::new(),
        silent => format!(", {silent} without a turn to send"),
    };
    let slow = match summary.rate < summary.asked_rate * 0.9 {
        true => format!(" ({} asked for: a device waits for each acknowledgment)", summary.asked_rate),
        false => String::new(),
    };
    let seconds = Duration::from_secs_f64(summary.seconds);
    let mut text = format!("devices       {}{silent}\n", summary.devices);
    text += &format!("sent          {sent} in {}, {:.1} per second{slow}\n", duration(seconds), summary.rate);
    text += &format!("acknowledged  {acknowledged}{}\n", latencies(summary.acknowledged_after));
    text += &format!("visible       {visible}{}\n", latencies(summary.visible_after));
    text += &format!("retries       {retries}\n");
    let ended = match summary.live {
        true => "every twin shows the last value of every property".to_owned(),
        false if summary.missing == 1 => "1 property does not show its last value".to_owned(),
        false => format!("{} properties do not show their last values", summary.missing),
    };
    text + &format!("\n{ended}\n")
}

fn latencies(said: Option<Percentiles>) -> String {
    let text = |millis: f64| latency(Duration::from_secs_f64(millis / 1e3));
    said.map_or_else(String::new, |said| {
        format!(
            ", after {} (p50), {} (p90), {} (p99), {} (most)",
            text(said.p50),
            text(said.p90),
            text(said.p99),
            text(said.max)
        )
    })
}

/// What is missing; none when nothing is.
pub(crate) fn failure(summary: &Summary) -> Option<Failure> {
    if summary.live {
        return None;
    }
    let failure = Failure::new(Exit::NotVisible, "see the last value of every property");
    let mut failure = summary.lagging.iter().map(line).fold(failure, Failure::because);
    if summary.missing > summary.lagging.len() {
        failure = failure.because(format!("and {} more", summary.missing - summary.lagging.len()));
    }
    Some(failure.hint("`twinctl verify` tells where messages are lost").code("live-data-missing"))
}

fn line(missing: &Missing) -> String {
    match &missing.property {
        Some(property) => format!("{} of {}: {}", property, missing.device, missing.why),
        None => format!("{}: {}", missing.device, missing.why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary() -> Summary {
        let after = Percentiles { count: 40, p50: 2.0, p90: 12.0, p99: 1_200.0, max: 61_000.0 };
        Summary {
            live: true,
            interrupted: false,
            devices: 3,
            silent: 1,
            sent: 40,
            acknowledged: 40,
            visible: 40,
            retries: 2,
            seconds: 20.0,
            rate: 2.0,
            asked_rate: 2.0,
            acknowledged_after: Some(after),
            visible_after: None,
            seed: 7,
            missing: 0,
            lagging: Vec::new(),
        }
    }

    #[test]
    fn a_summary_reads_from_top_to_bottom() {
        assert_eq!(
            text(&summary()),
            "devices       3, 1 without a turn to send\n\
             sent          40 in 20s, 2.0 per second\n\
             acknowledged  40, after 2.0ms (p50), 12ms (p90), 1.20s (p99), 1m 01s (most)\n\
             visible       40\n\
             retries       2\n\n\
             every twin shows the last value of every property\n"
        );
        assert!(failure(&summary()).is_none());
        let slow = text(&Summary { asked_rate: 50.0, ..summary() });
        assert!(slow.contains("2.0 per second (50 asked for"), "{slow}");
    }

    #[test]
    fn what_is_missing_is_named() {
        let lagging = Missing {
            device: "a".into(),
            twin: "a".into(),
            property: Some("temperature".into()),
            why: "the twin does not show the last value".into(),
        };
        let summary = Summary { live: false, missing: 1, lagging: vec![lagging], ..summary() };
        assert!(text(&summary).ends_with("\n1 property does not show its last value\n"));
        let failure = failure(&summary).unwrap();
        assert_eq!(failure.causes, ["temperature of a: the twin does not show the last value"]);
        assert_eq!(failure.exit, Exit::NotVisible);
    }
}
