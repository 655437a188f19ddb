//! The head of the page: how the run ended, who was at it, where it broke off.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use journal::{Actor, RunKind, RunStatus};

use super::chart::cause_word;
use super::escape::Text;
use super::{Proof, code, facts, table};
use crate::Timeline;
use crate::timeline::{Break, Cause, How};
use crate::words::{clock, count, duration, moment, word};

pub(super) fn header(timeline: &Timeline) -> String {
    let kind = match timeline.kind {
        RunKind::Deploy => "Deployment",
        RunKind::Destroy => "Destruction",
    };
    let class = match timeline.status {
        RunStatus::Finished => "good",
        RunStatus::Failed | RunStatus::PartiallyRolledBack => "bad",
        _ => "plain",
    };
    format!(
        "<header>\n<p class=\"kicker\">{kind} report</p>\n<h1>{stream} <span class=\"status {class}\">{status}</span></h1>\n\
         <p class=\"lede\">{lede}</p>\n</header>\n",
        stream = Text(&timeline.stream),
        status = timeline.status,
        lede = lede(timeline),
    )
}

/// One sentence for who reads no further.
fn lede(timeline: &Timeline) -> String {
    let mut outcomes: BTreeMap<&str, usize> = BTreeMap::new();
    let ends: Vec<String> = timeline.steps.iter().map(super::lane::ended).collect();
    ends.iter().for_each(|end| *outcomes.entry(end).or_default() += 1);
    let parts: Vec<String> = outcomes.iter().map(|(end, number)| format!("{number} {end}")).collect();
    let crashes = match timeline.crashes().count() {
        0 => String::new(),
        1 => " It survived a crash.".to_owned(),
        number => format!(" It survived {number} crashes."),
    };
    format!("{}: {}.{crashes}", count(timeline.steps.len(), "step"), parts.join(", "))
}

pub(super) fn section(timeline: &Timeline, proof: &Proof) -> String {
    let elapsed = duration(timeline.newest - timeline.started);
    let actors: Vec<String> = timeline.actors.iter().map(|actor| format!("<li>{}</li>", who(actor))).collect();
    let entries = [
        ("Run", Some(code(&timeline.run.to_string()))),
        ("Journal", Some(code(&proof.journal))),
        ("Started", Some(moment(timeline.started))),
        ("Ended", Some(timeline.ended.map_or_else(|| "not yet".to_owned(), moment))),
        ("Took", Some(format!("{elapsed}, of which {} of work", duration(timeline.worked())))),
        ("Asked for by", asked_for(timeline)),
        ("Target", Some(code(&timeline.target.to_string()))),
        ("Definition", Some(code(&timeline.definition.0))),
        ("Definition before", timeline.previous.as_ref().map(|previous| code(&previous.0))),
        ("Adoption", timeline.adopt.then(|| "things made by others were allowed to be taken over".to_owned())),
        ("At work", Some(format!("<ul>{}</ul>", actors.concat()))),
    ];
    format!("<section aria-labelledby=\"summary\">\n<h2 id=\"summary\">Summary</h2>\n{}</section>\n", facts(&entries))
}

/// The occurrences of schedules that it is for; nothing when somebody asked for it by hand.
fn asked_for(timeline: &Timeline) -> Option<String> {
    let one = |trigger: &journal::Trigger| format!("schedule {} for {}", Text(&trigger.schedule), moment(trigger.at));
    let all: Vec<String> = timeline.triggers.iter().map(one).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

/// The breaks, numbered as in the drawing; nothing when there were none.
pub(super) fn breaks(timeline: &Timeline) -> String {
    if timeline.breaks.is_empty() {
        return String::new();
    }
    let rows: Vec<Vec<String>> =
        timeline.breaks.iter().enumerate().map(|(place, it)| break_row(place + 1, it, timeline)).collect();
    let heads = ["No.", "What happened", "At work until then", "From", "Length", "Who went on"];
    let caption = "Times in which nobody worked on the run";
    format!(
        "<section aria-labelledby=\"breaks\">\n<h2 id=\"breaks\">Breaks</h2>\n{}</section>\n",
        table("breaks", caption, &heads, &rows)
    )
}

fn break_row(number: usize, it: &Break, timeline: &Timeline) -> Vec<String> {
    let what = match &it.cause {
        Cause::Crash => "crash: the process was gone without a record of its end".to_owned(),
        Cause::Interrupt { reason } => format!("interrupted: {}", Text(reason)),
        Cause::Rest { status } => format!("the run was {status}"),
    };
    let went_on = it.continued.as_ref().map_or_else(
        || "nobody yet".to_owned(),
        |continued| {
            let how = match continued.how {
                How::Resume => "resumed",
                How::Rollback => "rolled back",
            };
            let adopt = if continued.adopt { ", allowing to adopt" } else { "" };
            format!("{how} by {}{adopt}", who(&continued.by))
        },
    );
    vec![
        format!("<span class=\"mark {}\">{number}</span>", cause_word(&it.cause)),
        what,
        who(&it.actor),
        time(timeline, it.from),
        format!("<span class=\"nowrap\">{}</span>", duration(it.lasted(timeline.newest))),
        went_on,
    ]
}

/// A moment in a table: the time of day, with the day where it is not that of the run's start.
pub(super) fn time(timeline: &Timeline, at: DateTime<Utc>) -> String {
    let day = at.date_naive();
    let day = if day == timeline.started.date_naive() { String::new() } else { format!("{day} ") };
    format!("<time datetime=\"{}\">{day}{}</time>", at.to_rfc3339(), clock(at))
}

/// Who, escaped.
pub(super) fn who(actor: &Actor) -> String {
    let ci = actor.ci.as_ref().map(|ci| format!(", CI run {}", Text(ci))).unwrap_or_default();
    format!(
        "<span class=\"who\"><strong>{}@{}</strong>, process {}, twinctl {}{ci}</span>",
        Text(&actor.user),
        Text(&actor.host),
        actor.process,
        Text(&actor.version),
    )
}

/// The word of a kind of failure, as people say it.
pub(super) fn kind(kind: journal::FailureKind) -> String {
    word(&kind).replace('-', " ")
}
