//! `twinctl journal records`: records, those that fit.

use journal::{Event, Record, RunId};

use super::{Looking, list::is_actor, unread};
use crate::{
    cli::{Filter, Records},
    exit::Exit,
    failure::{self, Failure},
    output::{self, Heard, Output},
    render,
};

/// Shows the records that fit.
pub(super) fn records(at: Looking<'_>, options: &Records) -> failure::Result {
    let form = match (options.jsonl, at.output.json) {
        (true, _) => Form::Lines,
        (false, true) => Form::Array,
        (false, false) => Form::Table,
    };
    print(at, &options.filter, form)
}

fn print(at: Looking<'_>, filter: &Filter, form: Form) -> failure::Result {
    let mut list = List { form, output: at.output, empty: true };
    each(at, filter, |record| list.push(record))?;
    list.end()?;
    Ok(Exit::Done)
}

/// Hands out the records that fit, until nobody listens any more.
pub(super) fn each(
    at: Looking<'_>,
    filter: &Filter,
    mut take: impl FnMut(&Record) -> Result<Heard, Failure>,
) -> Result<(), Failure> {
    let run = filter.run.as_deref().map(|wanted| at.run(wanted)).transpose()?;
    for record in at.reader.records(at.stream, 0).map_err(unread)? {
        let record = record.map_err(unread)?;
        if fits(&record, run, filter) && take(&record)? == Heard::Gone {
            break;
        }
    }
    Ok(())
}

fn fits(record: &Record, run: Option<RunId>, filter: &Filter) -> bool {
    let is = |wanted: &Option<String>, holds: &dyn Fn(&str) -> bool| wanted.as_deref().is_none_or(holds);
    run.is_none_or(|run| record.run == Some(run))
        && filter.between.holds(record.time)
        && is(&filter.step, &|step| record.event.step().is_some_and(|id| id.as_str() == step))
        && is(&filter.actor, &|wanted| is_actor(&record.actor, wanted))
        && is(&filter.outcome, &|wanted| has_outcome(&record.event, wanted))
        && is(&filter.resource, &|wanted| record.line().contains(wanted))
}

fn has_outcome(event: &Event, wanted: &str) -> bool {
    let word = match event {
        Event::StepCompleted { outcome, .. } => render::journal::word(outcome),
        Event::UndoCompleted { undo, .. } => render::journal::word(undo),
        _ => String::new(),
    };
    word == wanted || event.name() == wanted
}

/// How records are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Table,
    Array,
    Lines,
}

/// Records written as they come: a journal may be long.
struct List {
    form: Form,
    output: Output,
    empty: bool,
}

impl List {
    fn push(&mut self, record: &Record) -> Result<Heard, Failure> {
        let before = if std::mem::take(&mut self.empty) { "[" } else { "," };
        match self.form {
            Form::Table => output::part(&render::journal::record(record)),
            // The line is the canonical form that the hash is made of: passed on byte for byte.
            Form::Lines => output::part(&record.line()),
            Form::Array => output::part(&format!("{before}{}", record.line())),
        }
    }

    fn end(&self) -> Result<(), Failure> {
        match (self.form, self.empty) {
            (Form::Array, true) => output::raw("[]"),
            (Form::Array, false) => output::raw("]"),
            (Form::Table, true) => {
                self.output.say("no such records");
                Ok(())
            }
            (Form::Lines, _) | (Form::Table, false) => Ok(()),
        }
    }
}
