//! The failures: every attempt that failed, and what was given up.

use chrono::{DateTime, Utc};

use super::escape::Text;
use super::summary::{kind, time};
use super::{code, table};
use crate::Timeline;
use crate::timeline::{Attempt, AttemptEnd, Failure, Step, Work};
use crate::words::duration;

pub(super) fn section(timeline: &Timeline) -> String {
    let mut rows: Vec<(DateTime<Utc>, Vec<String>)> = timeline.steps.iter().flat_map(of_step).collect();
    rows.sort_by_key(|(at, _)| *at);
    let rows: Vec<Vec<String>> = rows.into_iter().map(|(_, row)| row).collect();
    let shown = match rows.as_slice() {
        [] => "<p>No attempt failed.</p>\n".to_owned(),
        rows => table("failures", "Every attempt that failed, oldest first", &HEADS, rows),
    };
    format!("<section aria-labelledby=\"failures\">\n<h2 id=\"failures\">Failures</h2>\n{shown}</section>\n")
}

const HEADS: [&str; 6] = ["When", "Step", "Attempt", "Kind", "Message", "Then"];

fn of_step(step: &Step) -> Vec<(DateTime<Utc>, Vec<String>)> {
    let mut rows = of_work(step, &step.work, "");
    rows.extend(step.compensation.iter().flat_map(|it| of_work(step, &it.work, "undo, ")));
    rows
}

fn of_work(step: &Step, work: &Work, what: &str) -> Vec<(DateTime<Utc>, Vec<String>)> {
    let mut rows: Vec<_> = work.failed_attempts().filter_map(|attempt| of_attempt(step, work, attempt, what)).collect();
    let told = |failure: &&Failure| work.failed_attempts().any(|attempt| given_up_by(failure, attempt));
    if let Some(failure) = work.failure.as_ref().filter(|failure| !told(failure)) {
        let cells = [format!("{what}–"), kind(failure.kind), message(&failure.message), given_up(failure)];
        rows.push((failure.at, row(failure.at, step, cells)));
    }
    rows
}

fn of_attempt(step: &Step, work: &Work, attempt: &Attempt, what: &str) -> Option<(DateTime<Utc>, Vec<String>)> {
    let AttemptEnd::Failed { kind: failed, message: text } = &attempt.end else { return None };
    let at = attempt.time.until?;
    let failure = work.failure.as_ref().filter(|failure| given_up_by(failure, attempt));
    let then = match (failure, attempt.wait) {
        (Some(failure), _) => given_up(failure),
        (None, Some(wait)) => format!("waited {}", duration(wait.lasted(at))),
        (None, None) => "–".to_owned(),
    };
    let cells = [format!("{what}{}", attempt.number), kind(*failed), message(text), then];
    Some((at, row(at, step, cells)))
}

fn row(at: DateTime<Utc>, step: &Step, cells: [String; 4]) -> Vec<String> {
    [time(at), code(step.id.as_str())].into_iter().chain(cells).collect()
}

/// Whether this attempt was the one after which the step was given up.
fn given_up_by(failure: &Failure, attempt: &Attempt) -> bool {
    matches!(&attempt.end, AttemptEnd::Failed { message, .. } if *message == failure.message) && attempt.wait.is_none()
}

fn given_up(failure: &Failure) -> String {
    let code = failure.code.as_ref().map(|it| format!(" [{}]", code(it))).unwrap_or_default();
    format!("<strong>given up</strong>{code}")
}

fn message(text: &str) -> String {
    format!("<span class=\"message\">{}</span>", Text(text))
}
