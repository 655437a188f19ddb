//! `twinctl journal at`: what was deployed at a time.

use chrono::{DateTime, Utc};
use journal::{Deployed, StepId, StreamState};
use serde_json::{Value, json};

use super::{Looking, unread};
use crate::{
    exit::Exit,
    failure,
    render::{
        journal::{short, word},
        table::table,
        time::moment,
    },
};

/// Shows it.
pub(super) fn at(at: Looking<'_>, time: DateTime<Utc>) -> failure::Result {
    let state = at.reader.state_at(at.stream, time).map_err(unread)?;
    at.output.data(&data(&state, time), || text(&state, time))?;
    Ok(Exit::Done)
}

fn data(state: &StreamState, time: DateTime<Utc>) -> Value {
    let run = state.last_run().map(|run| json!({ "run": run.id, "status": run.status, "actor": run.actor }));
    json!({
        "time": time, "head": state.head, "definition": state.deployment.definition, "last_run": run,
        "steps": state.deployment.steps,
    })
}

fn text(state: &StreamState, time: DateTime<Utc>) -> String {
    let stands = match &state.deployment.definition {
        Some(definition) => format!("definition {} stood", short(definition)),
        None => "no definition stood".to_owned(),
    };
    let run = state.last_run().map_or_else(String::new, |run| {
        format!("; the last run, {}, was {}", crate::render::journal::short_run(run.id), run.status)
    });
    let head = format!("at {} {stands}{run}\n", moment(time));
    if state.deployment.steps.is_empty() {
        return head + "nothing was deployed\n";
    }
    let rows: Vec<[String; 4]> = state.deployment.steps.iter().map(row).collect();
    head + &table(["step", "how", "definition", "output"], &rows)
}

fn row((id, deployed): (&StepId, &Deployed)) -> [String; 4] {
    let output = if deployed.output.is_null() { String::new() } else { deployed.output.to_string() };
    let shown: String = output.chars().take(80).collect();
    let cut = if shown.len() < output.len() { "..." } else { "" };
    [id.to_string(), word(&deployed.provenance), short(&deployed.definition), shown + cut]
}
