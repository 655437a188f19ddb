//! The table of resources: one row per step.

use super::escape::Text;
use super::lane::{ended, undone};
use super::summary::time;
use super::{code, table};
use crate::Timeline;
use crate::timeline::{Step, Work};
use crate::words::{duration, word};

pub(super) fn section(timeline: &Timeline) -> String {
    let requests = timeline.steps.iter().any(|step| requests(step).next().is_some());
    let mut heads = vec!["Step", "Outcome", "Began", "Took", "Attempts", "Undone"];
    heads.extend(requests.then_some("Request ids"));
    let rows: Vec<Vec<String>> = timeline.steps.iter().map(|step| row(step, timeline, requests)).collect();
    format!(
        "<section aria-labelledby=\"resources\">\n<h2 id=\"resources\">Resources</h2>\n{}</section>\n",
        table("resources", "Every step of the run, in the order in which they began", &heads, &rows)
    )
}

fn row(step: &Step, timeline: &Timeline, with_requests: bool) -> Vec<String> {
    let outcome = step.outcome.map_or_else(|| ended_alone(step), |outcome| word(&outcome));
    let mut row = vec![
        code(step.id.as_str()),
        format!("<span class=\"outcome {}\">{outcome}</span>", outcome.replace(' ', "-")),
        time(timeline, step.work.started),
        duration(step.work.spells.iter().fold(chrono::Duration::zero(), |sum, it| sum + it.lasted(timeline.newest))),
        attempts(&step.work),
        undo(step),
    ];
    if with_requests {
        row.push(requests(step).map(|id| code(id)).collect::<Vec<_>>().join(" "));
    }
    row
}

/// How a step without an outcome ended, without its compensation.
fn ended_alone(step: &Step) -> String {
    let whole = ended(step);
    whole.split(" → ").next().unwrap_or_default().to_owned()
}

fn attempts(work: &Work) -> String {
    match (work.attempts.len(), work.failed_attempts().count()) {
        (all, 0) => all.to_string(),
        (all, failed) => format!("<span class=\"nowrap\">{all}, {failed} failed</span>"),
    }
}

fn undo(step: &Step) -> String {
    let Some(compensation) = &step.compensation else { return "–".to_owned() };
    let word = undone(step).unwrap_or_default();
    if let Some(skip) = &compensation.skipped {
        let by = format!("{}@{}", skip.by.user, skip.by.host);
        return format!("{word} on the word of {}: “{}”", Text(&by), Text(&skip.reason));
    }
    match compensation.work.failed_attempts().count() {
        0 => word.to_owned(),
        failed => format!("{word}, {failed} failed"),
    }
}

fn requests(step: &Step) -> impl Iterator<Item = &String> {
    let undone = step.compensation.iter().flat_map(|compensation| &compensation.work.requests);
    step.work.requests.iter().chain(undone)
}
