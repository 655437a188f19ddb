//! One step as a lane of the drawing.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use journal::{Outcome, StepStatus, Undo};

use super::escape::Text;
use super::scale::Scale;
use crate::timeline::{Attempt, AttemptEnd, Compensation, Period, Step, Work};
use crate::words::{clock, duration, word};

/// The height of a lane, and of a bar in it.
pub(super) const HEIGHT: f64 = 24.0;
const BAR: f64 = 11.0;
/// What is shorter than this would not be seen.
const THINNEST: f64 = 2.5;
/// The longest name that fits.
const NAME: usize = 29;

/// Where a lane is drawn.
pub(super) struct Place<'a> {
    pub(super) scale: &'a Scale,
    pub(super) now: DateTime<Utc>,
    pub(super) top: f64,
    pub(super) outcome_x: f64,
}

/// The lane of a step: its name, its bars, how it ended.
pub(super) fn lane(step: &Step, place: &Place<'_>) -> String {
    let doing = word(&step.outcome.unwrap_or(Outcome::Passed));
    let class = if step.outcome.is_some() { format!("do {doing}") } else { "do none".to_owned() };
    let mut lane = format!("<g class=\"lane\">{}", name(step, place));
    step.in_doubt.iter().for_each(|doubt| lane += &doubtful(doubt, place));
    lane += &work(&step.work, &class, "", place);
    if let Some(compensation) = &step.compensation {
        lane += &work(&compensation.work, "undo", "undo, ", place);
        lane += &skip(compensation, place);
    }
    lane + &ending(step, place) + "</g>\n"
}

/// How a step ended, in words: `created → deleted`.
pub(super) fn ended(step: &Step) -> String {
    let done = step.outcome.map(|outcome| word(&outcome));
    let done = done.unwrap_or_else(|| match (&step.work.failure, step.in_doubt.is_empty()) {
        (Some(_), _) => "failed".to_owned(),
        (None, false) => "in doubt".to_owned(),
        (None, true) => "not done".to_owned(),
    });
    match undone(step) {
        Some(undone) => format!("{done} → {undone}"),
        None => done,
    }
}

/// How the compensation of a step ended, in words.
pub(super) fn undone(step: &Step) -> Option<&'static str> {
    let compensation = step.compensation.as_ref()?;
    Some(match (step.status, compensation.undo) {
        (StepStatus::Skipped, _) => "kept",
        (StepStatus::UndoFailed, _) => "undo failed",
        (StepStatus::Undoing, _) => "being undone",
        (_, Some(Undo::Delete)) => "deleted",
        (_, Some(Undo::Restore)) => "restored",
        (_, Some(Undo::Recreate)) => "recreated",
        (_, Some(Undo::Leave) | None) => "left",
    })
}

fn name(step: &Step, place: &Place<'_>) -> String {
    let id = step.id.as_str();
    let short = id.strip_prefix(&step.layer).and_then(|rest| rest.strip_prefix('/')).unwrap_or(id);
    let shown: String = match short.char_indices().nth(NAME) {
        Some((end, _)) => format!("{}…", &short[..end]),
        None => short.to_owned(),
    };
    let y = place.top + HEIGHT / 2.0 + 4.0;
    format!("<text class=\"name\" x=\"10\" y=\"{y:.1}\"><title>{}</title>{}</text>", Text(id), Text(&shown))
}

fn ending(step: &Step, place: &Place<'_>) -> String {
    let (x, y) = (place.outcome_x, place.top + HEIGHT / 2.0 + 4.0);
    let bad = matches!(step.status, StepStatus::Failed | StepStatus::UndoFailed | StepStatus::InDoubt);
    let class = if bad { "end bad" } else { "end" };
    format!("<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>", ended(step))
}

/// Attempts as bars, the waits between them shaded, failures and breaks marked at their ends.
fn work(work: &Work, class: &str, what: &str, place: &Place<'_>) -> String {
    let mut drawn = String::new();
    for attempt in &work.attempts {
        drawn += &attempt_bar(attempt, class, what, place);
        drawn += &attempt.wait.map(|wait| wait_bar(&wait, attempt, place)).unwrap_or_default();
    }
    for attempt in &work.attempts {
        drawn += &mark(attempt, place);
    }
    work.checkpoints.iter().for_each(|it| drawn += &checkpoint(it.at, place));
    drawn
}

fn attempt_bar(attempt: &Attempt, class: &str, what: &str, place: &Place<'_>) -> String {
    let (how, detail) = match &attempt.end {
        AttemptEnd::Open => ("open", "under way".to_owned()),
        AttemptEnd::Succeeded => ("done", "done".to_owned()),
        AttemptEnd::Failed { kind, message } => ("failed", format!("failed, {}: {message}", word(kind))),
        AttemptEnd::BrokenOff => ("broken-off", "the run broke off under it".to_owned()),
    };
    let took = duration(attempt.time.lasted(place.now));
    let title = format!("{what}attempt {}, {} for {took}: {detail}", attempt.number, clock(attempt.time.from));
    bar(&format!("attempt {class} {how}"), &attempt.time, &title, place)
}

fn wait_bar(wait: &Period, attempt: &Attempt, place: &Place<'_>) -> String {
    let title = format!("waiting {} after attempt {}", duration(wait.lasted(place.now)), attempt.number);
    bar("wait", wait, &title, place)
}

fn bar(class: &str, time: &Period, title: &str, place: &Place<'_>) -> String {
    let (left, width) = extent(time, place);
    let y = place.top + (HEIGHT - BAR) / 2.0;
    let title = Text(title);
    format!(
        "<rect class=\"{class}\" x=\"{left:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{BAR}\" rx=\"2\">\
         <title>{title}</title></rect>"
    )
}

fn extent(time: &Period, place: &Place<'_>) -> (f64, f64) {
    let left = place.scale.x(time.from);
    (left, (place.scale.x(time.end(place.now)) - left).max(THINNEST))
}

/// A line below the bars: the intent was on disk, the outcome was not. It goes on across breaks.
fn doubtful(doubt: &Period, place: &Place<'_>) -> String {
    let (left, width) = extent(doubt, place);
    let (y, right) = (place.top + HEIGHT - 3.5, left + width);
    let title = format!("in doubt for {}", duration(doubt.lasted(place.now)));
    format!(
        "<line class=\"doubt\" x1=\"{left:.1}\" x2=\"{right:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"><title>{title}</title></line>"
    )
}

/// A cross where an attempt failed, a torn edge where the run broke off under it.
fn mark(attempt: &Attempt, place: &Place<'_>) -> String {
    let (x, y) = (place.scale.x(attempt.time.end(place.now)), place.top + HEIGHT / 2.0);
    let (class, path) = match attempt.end {
        AttemptEnd::Failed { .. } => ("cross", format!("M{:.1} {:.1}l7 7m0 -7l-7 7", x - 3.5, y - 3.5)),
        AttemptEnd::BrokenOff => ("torn", format!("M{x:.1} {:.1}l-3 3 3 3 -3 3 3 3 -3 3", y - 7.5)),
        AttemptEnd::Open | AttemptEnd::Succeeded => return String::new(),
    };
    format!("<path class=\"{class}\" d=\"{path}\"/>")
}

fn checkpoint(at: DateTime<Utc>, place: &Place<'_>) -> String {
    let (x, y) = (place.scale.x(at), place.top + HEIGHT / 2.0);
    let title = format!("checkpoint, {}", clock(at));
    format!("<circle class=\"checkpoint\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2\"><title>{title}</title></circle>")
}

/// A diamond where somebody left the compensation out.
fn skip(compensation: &Compensation, place: &Place<'_>) -> String {
    let Some(skip) = &compensation.skipped else { return String::new() };
    let (x, y) = (place.scale.x(skip.at), place.top + HEIGHT / 2.0);
    let title = format!("skipped by {}@{}: {}", skip.by.user, skip.by.host, skip.reason);
    let mut path = String::new();
    let _ = write!(path, "M{x:.1} {:.1}l6 6 -6 6 -6 -6z", y - 6.0);
    format!("<path class=\"skip\" d=\"{path}\"><title>{}</title></path>", Text(&title))
}
