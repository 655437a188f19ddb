//! The failures: every attempt that failed, and what was given up.

use chrono::{DateTime, Utc};
use journal::FailureKind;

use super::escape::Text;
use super::summary::{kind, time};
use super::{code, table};
use crate::Timeline;
use crate::timeline::{Attempt, AttemptEnd, Failure, Step, Work};
use crate::words::duration;

/// One row before it is drawn.
struct Row<'a> {
    at: DateTime<Utc>,
    step: &'a Step,
    attempt: String,
    kind: FailureKind,
    message: &'a str,
    then: String,
}

pub(super) fn section(timeline: &Timeline) -> String {
    let mut rows: Vec<Row<'_>> = timeline.steps.iter().flat_map(of_step).collect();
    rows.sort_by_key(|row| row.at);
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.cells(timeline)).collect();
    let heads = ["When", "Step", "Attempt", "Kind", "Message", "Then"];
    let shown = match rows.as_slice() {
        [] => "<p>No attempt failed.</p>\n".to_owned(),
        rows => table("failures", "Every attempt that failed, oldest first", &heads, rows),
    };
    format!("<section aria-labelledby=\"failures\">\n<h2 id=\"failures\">Failures</h2>\n{shown}</section>\n")
}

impl Row<'_> {
    fn cells(&self, timeline: &Timeline) -> Vec<String> {
        vec![
            time(timeline, self.at),
            code(self.step.id.as_str()),
            self.attempt.clone(),
            kind(self.kind),
            format!("<span class=\"message\">{}</span>", Text(self.message)),
            self.then.clone(),
        ]
    }
}

fn of_step(step: &Step) -> Vec<Row<'_>> {
    let mut rows = of_work(step, &step.work, "");
    rows.extend(step.compensation.iter().flat_map(|it| of_work(step, &it.work, "undo, ")));
    rows
}

fn of_work<'a>(step: &'a Step, work: &'a Work, what: &str) -> Vec<Row<'a>> {
    let mut rows: Vec<Row<'_>> =
        work.failed_attempts().filter_map(|attempt| of_attempt(step, work, attempt, what)).collect();
    let told = |failure: &&Failure| work.failed_attempts().any(|attempt| given_up_by(failure, attempt));
    rows.extend(work.failure.as_ref().filter(|failure| !told(failure)).map(|failure| Row {
        at: failure.at,
        step,
        attempt: format!("{what}–"),
        kind: failure.kind,
        message: &failure.message,
        then: given_up(failure),
    }));
    rows
}

fn of_attempt<'a>(step: &'a Step, work: &Work, attempt: &'a Attempt, what: &str) -> Option<Row<'a>> {
    let AttemptEnd::Failed { kind, message } = &attempt.end else { return None };
    let at = attempt.time.until?;
    let failure = work.failure.as_ref().filter(|failure| given_up_by(failure, attempt));
    let then = match (failure, attempt.wait) {
        (Some(failure), _) => given_up(failure),
        (None, Some(wait)) => format!("waited {}", duration(wait.lasted(at))),
        (None, None) => "–".to_owned(),
    };
    Some(Row { at, step, attempt: format!("{what}{}", attempt.number), kind: *kind, message, then })
}

/// Whether this attempt was the one after which the step was given up.
fn given_up_by(failure: &Failure, attempt: &Attempt) -> bool {
    matches!(&attempt.end, AttemptEnd::Failed { message, .. } if *message == failure.message) && attempt.wait.is_none()
}

fn given_up(failure: &Failure) -> String {
    let code = failure.code.as_ref().map(|it| format!(" [{}]", code(it))).unwrap_or_default();
    format!("<strong>given up</strong>{code}")
}
