//! The daemon's status in the text format of Prometheus (version 0.0.4).
//!
//! Counters are folds of the journal, so a restart does not set them back.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use journal::ScheduleOutcome;

use crate::status::{Seen, Status};

/// The content type that the text is served under.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The metrics as text.
#[must_use]
pub fn text(status: &Status) -> String {
    let mut page = Page(String::new());
    page.family("twinctl_serve_start_time_seconds", "gauge", "When the daemon came up.");
    page.value("twinctl_serve_start_time_seconds", &[], status.up_since.timestamp());
    page.family("twinctl_serve_healthy", "gauge", "Whether the daemon can do its work.");
    page.value("twinctl_serve_healthy", &[], i64::from(status.trouble.is_none()));
    page.family("twinctl_serve_working", "gauge", "Whether an occurrence is being worked on.");
    page.value("twinctl_serve_working", &[], i64::from(status.working.is_some()));
    page.gauges(status);
    page.counters(status);
    page.0
}

struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// Names of schedules and the words for outcomes hold nothing that would need an escape.
    fn value(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        let labels: Vec<String> = labels.iter().map(|(label, value)| format!("{label}=\"{value}\"")).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }

    /// One gauge of every schedule that has it.
    fn gauge(&mut self, status: &Status, (name, help): (&str, &str), of: impl Fn(&Seen) -> Option<i64>) {
        self.family(name, "gauge", help);
        for (schedule, seen) in &status.schedules {
            if let Some(value) = of(seen) {
                self.value(name, &[("schedule", schedule)], value);
            }
        }
    }

    fn gauges(&mut self, status: &Status) {
        let seconds = |at: DateTime<Utc>| at.timestamp();
        self.gauge(status, ("twinctl_schedule_paused", "Whether it is paused."), |seen| Some(seen.state.paused.into()));
        self.gauge(status, ("twinctl_schedule_open", "Occurrences that are taken up and have not ended."), |seen| {
            i64::try_from(seen.state.open.len()).ok()
        });
        self.gauge(status, ("twinctl_schedule_next_time_seconds", "The next time that it names."), |seen| {
            seen.next.map(seconds)
        });
        self.gauge(status, ("twinctl_schedule_last_time_seconds", "The occurrence that ended last."), |seen| {
            seen.state.last.as_ref().map(|last| seconds(last.at))
        });
        self.gauge(status, ("twinctl_schedule_last_end_time_seconds", "When that occurrence ended."), |seen| {
            seen.state.last.as_ref().map(|last| seconds(last.ended))
        });
        self.gauge(status, ("twinctl_schedule_last_success", "Whether it finished, or found no drift."), |seen| {
            seen.state.last.as_ref().map(|last| is_success(last.outcome).into())
        });
    }

    fn counters(&mut self, status: &Status) {
        self.family("twinctl_schedule_ended_total", "counter", "Occurrences that ended, by outcome.");
        for (schedule, seen) in &status.schedules {
            for (outcome, count) in &seen.state.ended {
                let outcome = outcome.to_string().replace(' ', "_");
                self.value("twinctl_schedule_ended_total", &[("schedule", schedule), ("outcome", &outcome)], count);
            }
        }
        self.family("twinctl_schedule_skipped_total", "counter", "Occurrences that were left out, by reason.");
        for (schedule, seen) in &status.schedules {
            for (reason, count) in &seen.state.skipped {
                let labels = [("schedule", schedule.as_str()), ("reason", &reason.to_string())];
                self.value("twinctl_schedule_skipped_total", &labels, count);
            }
        }
    }
}

fn is_success(outcome: ScheduleOutcome) -> bool {
    matches!(outcome, ScheduleOutcome::Finished | ScheduleOutcome::NoDrift)
}

#[cfg(test)]
mod tests;
