//! One run as people read it: how it went, and its steps.

use audit::timeline::{AttemptEnd, Break, Cause, How, Step, Timeline, Work};
use chrono::{DateTime, Utc};
use journal::Actor;

use super::{
    journal::{short, word},
    table::table,
    time::{between, duration, moment},
};

/// The run.
pub(crate) fn text(run: &Timeline) -> String {
    let mut text =
        format!("run {}: {} of definition {}, {}\n", run.run, word(&run.kind), short(&run.definition), run.status);
    let took = duration(between(run.started, run.ended.unwrap_or(run.newest)));
    let worked = duration(run.worked().to_std().unwrap_or_default());
    let worked = if run.breaks.is_empty() { String::new() } else { format!(", of which somebody worked {worked}") };
    text += &format!(
        "started {} by {}, took {took}{worked}\n",
        moment(run.started),
        run.actors.first().map(who).unwrap_or_default()
    );
    for trigger in &run.triggers {
        text += &format!("asked for by the schedule {} for {}\n", trigger.schedule, moment(trigger.at));
    }
    run.breaks.iter().for_each(|it| text += &break_line(it));
    text += &format!("records {} to {}\n\n", run.from, run.to);
    let rows: Vec<[String; 7]> = run.steps.iter().map(|step| row(step, run.started)).collect();
    text += &table(["step", "outcome", "after", "took", "attempts", "waited", "undone"], &rows);
    run.steps.iter().for_each(|step| text += &remarks(step));
    text
}

fn who(actor: &Actor) -> String {
    let ci = actor.ci.as_ref().map(|run| format!(", CI run {run}")).unwrap_or_default();
    format!("{}@{}, process {}, twinctl {}{ci}", actor.user, actor.host, actor.process, actor.version)
}

fn break_line(it: &Break) -> String {
    let cause = match &it.cause {
        Cause::Crash => "its process was gone".to_owned(),
        Cause::Interrupt { reason } => format!("interrupted ({reason})"),
        Cause::Rest { status } => status.to_string(),
    };
    let continued = it.continued.as_ref().map_or_else(
        || "; nobody has gone on".to_owned(),
        |continued| {
            let how = match continued.how {
                How::Resume => "resumed",
                How::Rollback => "rolled back from",
            };
            format!("; {how} {} by {}", moment(continued.at), who(&continued.by))
        },
    );
    format!("{cause} after {}{continued}\n", moment(it.from))
}

fn row(step: &Step, started: DateTime<Utc>) -> [String; 7] {
    let outcome = step.outcome.as_ref().map_or_else(|| step.status.to_string(), word);
    let undone =
        step.compensation.as_ref().map_or_else(String::new, |it| match (&it.skipped, &it.undo, &it.work.failure) {
            (Some(_), ..) => "skipped".to_owned(),
            (None, _, Some(_)) => "failed".to_owned(),
            (None, Some(undo), None) => word(undo),
            (None, None, None) => "under way".to_owned(),
        });
    [
        step.id.to_string(),
        outcome,
        duration(between(started, step.work.started)),
        step.work.ended.map_or_else(String::new, |ended| duration(between(step.work.started, ended))),
        step.work.attempts.len().to_string(),
        waited(&step.work),
        undone,
    ]
}

/// The time spent waiting between attempts.
fn waited(work: &Work) -> String {
    let waits =
        work.attempts.iter().filter_map(|attempt| attempt.wait).map(|wait| between(wait.from, wait.end(wait.from)));
    match waits.sum::<std::time::Duration>() {
        none if none.is_zero() => String::new(),
        time => duration(time),
    }
}

/// What there is to say about a step beyond its row.
fn remarks(step: &Step) -> String {
    let mut text = attempts(step, &step.work, "");
    if let Some(failure) = &step.work.failure {
        text += &format!("{}: gave up: {}\n", step.id, failure.message);
    }
    if !step.work.requests.is_empty() {
        text += &format!("{}: the cloud's requests {}\n", step.id, step.work.requests.join(", "));
    }
    let Some(undone) = &step.compensation else { return text };
    text += &attempts(step, &undone.work, "undoing, ");
    if let Some(failure) = &undone.work.failure {
        text += &format!("{}: gave up undoing it: {}\n", step.id, failure.message);
    }
    if let Some(skip) = &undone.skipped {
        text += &format!(
            "{}: not undone, on the word of {} at {}: {}\n",
            step.id,
            who(&skip.by),
            moment(skip.at),
            skip.reason
        );
    }
    text
}

fn attempts(step: &Step, work: &Work, doing: &str) -> String {
    let line = |attempt: &audit::timeline::Attempt| match &attempt.end {
        AttemptEnd::Failed { kind, message } => {
            format!("{}: {doing}attempt {}, {}: {message}\n", step.id, attempt.number, word(kind))
        }
        _ => String::new(),
    };
    work.attempts.iter().map(line).collect()
}
