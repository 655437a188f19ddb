//! `twinctl journal diff`: what two runs did differently.

use std::collections::{BTreeMap, BTreeSet};

use journal::{Definitions, Digest, Event, StepId};
use serde::Serialize;
use serde_json::Value;
use workflows::definition::{Change, Definition};

use super::{Looking, unread};
use crate::{
    cli::Diff,
    exit::Exit,
    failure::{self, Failure},
    render::{journal::short, journal::word, table::table},
};

/// What a run did, as far as it is compared.
#[derive(Default)]
struct Did {
    definition: Option<Digest>,
    steps: BTreeMap<StepId, Step>,
}

/// How a step of a run ended.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
struct Step {
    outcome: String,
    document: Option<Digest>,
    output: Value,
}

/// A step that went differently.
#[derive(Debug, Serialize)]
struct Differs {
    step: StepId,
    from: Option<Step>,
    to: Option<Step>,
}

/// Compares two runs: their definitions, and how each step ended.
pub(super) fn diff(at: Looking<'_>, options: &Diff) -> failure::Result {
    let (from, to) = (did(at, &options.from)?, did(at, &options.to)?);
    let changes = changes(at, &from, &to)?;
    let ids: BTreeSet<&StepId> = from.steps.keys().chain(to.steps.keys()).collect();
    let step = |did: &Did, id: &StepId| did.steps.get(id).cloned();
    let steps: Vec<Differs> = ids
        .into_iter()
        .map(|id| Differs { step: id.clone(), from: step(&from, id), to: step(&to, id) })
        .filter(|differs| differs.from != differs.to)
        .collect();
    let data = serde_json::json!({
        "definitions": [from.definition, to.definition], "changes": changes, "steps": steps,
    });
    at.output.data(&data, || text(&changes, &steps))?;
    Ok(Exit::Done)
}

fn did(at: Looking<'_>, wanted: &str) -> Result<Did, Failure> {
    let run = at.run(wanted)?;
    let mut did = Did::default();
    for record in at.reader.records(at.stream, 0).map_err(unread)? {
        let record = record.map_err(unread)?;
        if record.run == Some(run) {
            did.take(record.event);
        }
    }
    Ok(did)
}

impl Did {
    fn take(&mut self, event: Event) {
        let Some(id) = event.step().cloned() else {
            if let Event::RunStarted { definition, .. } = event {
                self.definition = Some(definition);
            }
            return;
        };
        let step = self.steps.entry(id).or_default();
        match event {
            Event::StepStarted { document, .. } => step.document = Some(document),
            Event::StepCompleted { outcome, output, .. } => (step.outcome, step.output) = (word(&outcome), output),
            Event::StepFailed { .. } => step.outcome = "failed".to_owned(),
            Event::UndoCompleted { undo, .. } => step.outcome = format!("undone: {}", word(&undo)),
            Event::UndoFailed { .. } => step.outcome = "not undone".to_owned(),
            Event::UndoSkipped { .. } => step.outcome = "undo skipped".to_owned(),
            _ => {}
        }
    }
}

/// What changed between the definitions that the runs carry.
fn changes(at: Looking<'_>, from: &Did, to: &Did) -> Result<Vec<Change>, Failure> {
    let (Some(from), Some(to)) = (&from.definition, &to.definition) else { return Ok(Vec::new()) };
    if from == to {
        return Ok(Vec::new());
    }
    let read = |digest: &Digest| {
        let json = Definitions::of(&at.place.state).get(digest).map_err(unread)?;
        let unreadable = |error| Failure::of(Exit::Error, format!("read the definition {digest}"), &error);
        Definition::from_json(&json.to_string()).map_err(unreadable)
    };
    Ok(read(to)?.diff(&read(from)?))
}

fn text(changes: &[Change], steps: &[Differs]) -> String {
    let mut text = String::new();
    for change in changes {
        text += &format!("{change}\n");
    }
    if steps.is_empty() {
        return text + "every step ended the same way\n";
    }
    let rows: Vec<[String; 4]> = steps.iter().map(row).collect();
    text + &table(["step", "earlier", "later", "differs in"], &rows)
}

fn row(differs: &Differs) -> [String; 4] {
    let outcome = |step: &Option<Step>| step.as_ref().map_or_else(|| "-".to_owned(), |step| step.outcome.clone());
    let mut parts = Vec::new();
    if let (Some(from), Some(to)) = (&differs.from, &differs.to) {
        if let (Some(from), Some(to)) = (&from.document, &to.document)
            && from != to
        {
            parts.push(format!("document {} -> {}", short(from), short(to)));
        }
        if from.output != to.output {
            parts.push("output".to_owned());
        }
    }
    [differs.step.to_string(), outcome(&differs.from), outcome(&differs.to), parts.join(", ")]
}
