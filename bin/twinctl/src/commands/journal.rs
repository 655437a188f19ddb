//! `twinctl journal`: reads the record, and writes nothing.

use std::time::Duration;

use journal::{Error, Head, Reader, Record, RunId, SCHEDULES, event::Digest, read::StreamHead};
use serde_json::{Value, json};

use crate::{
    cli::{Global, Journal, JournalCommand},
    exit::Exit,
    explain,
    failure::{self, Failure},
    output::{self, Heard, Output},
    place::Place,
    render,
};

/// How long a follower waits before it looks around again; it goes on until it is stopped.
const PATIENCE: Duration = Duration::from_secs(5);

/// Does one of the `journal` commands.
pub(crate) fn journal(global: &Global, options: &Journal, output: Output) -> failure::Result {
    let place = Place::new(global, options.command.project())?;
    place.demand_readable_state()?;
    let reader = Reader::open(&place.state).map_err(unread)?;
    let stream = options.stream.as_deref();
    match &options.command {
        JournalCommand::List(_) => list(&reader, &one_stream(&reader, stream)?, output),
        JournalCommand::Show { run, step, .. } => {
            show(&reader, &one_stream(&reader, stream)?, run.as_deref(), step.as_deref(), output)
        }
        JournalCommand::Verify { head, .. } => verify(&reader, stream, head.as_deref(), output),
        JournalCommand::Tail { lines, follow, .. } => {
            tail(&reader, &one_stream(&reader, stream)?, *lines as u64, *follow, output)
        }
    }
}

/// The stream that is meant: the named one, or that of the only deployment.
pub(crate) fn one_stream(reader: &Reader, wanted: Option<&str>) -> Result<String, Failure> {
    let streams = reader.streams().map_err(unread)?;
    let mut deployments = streams.iter().filter(|stream| stream.stream != SCHEDULES);
    match wanted {
        Some(name) if streams.iter().any(|stream| stream.stream == name) => Ok(name.to_owned()),
        Some(name) => Err(choose(&format!("find the stream `{name}`"), &streams)),
        None => match (deployments.next(), deployments.next()) {
            (Some(only), None) => Ok(only.stream.clone()),
            _ => Err(choose("choose a stream", &streams)),
        },
    }
}

fn choose(tried: &str, streams: &[StreamHead]) -> Failure {
    if streams.is_empty() {
        return Failure::new(Exit::Error, "read the journal").because("it holds no record yet").code("no-journal");
    }
    let names: Vec<&str> = streams.iter().map(|stream| stream.stream.as_str()).collect();
    Failure::new(Exit::Usage, tried).hint(format!("`--stream NAME`, one of: {}", names.join(", ")))
}

fn list(reader: &Reader, stream: &str, output: Output) -> failure::Result {
    let state = reader.state(stream).map_err(unread)?;
    output.data(&render::journal::runs_data(&state.runs), || render::journal::runs(&state.runs))?;
    Ok(Exit::Done)
}

fn show(reader: &Reader, stream: &str, run: Option<&str>, step: Option<&str>, output: Output) -> failure::Result {
    let run = run.map(|wanted| find_run(reader, stream, wanted)).transpose()?;
    let wanted = |record: &Record| {
        run.is_none_or(|run| record.run == Some(run))
            && step.is_none_or(|step| record.event.step().is_some_and(|id| id.as_str() == step))
    };
    let mut list = Array::new(output);
    for record in reader.records(stream, 0).map_err(unread)? {
        let record = record.map_err(unread)?;
        if wanted(&record) && list.push(&record)? == Heard::Gone {
            return Ok(Exit::Done);
        }
    }
    list.end()?;
    Ok(Exit::Done)
}

/// Records as one JSON array, or a line each, written as they come: a journal may be long.
struct Array {
    output: Output,
    empty: bool,
}

impl Array {
    fn new(output: Output) -> Self {
        Self { output, empty: true }
    }

    fn push(&mut self, record: &Record) -> Result<Heard, Failure> {
        let before = if std::mem::take(&mut self.empty) { "[" } else { "," };
        if !self.output.json {
            return output::part(&render::journal::record(record));
        }
        // The line is the canonical form that the hash is made of: passed on byte for byte.
        output::part(&format!("{before}{}", record.line()))
    }

    fn end(&self) -> Result<(), Failure> {
        match (self.output.json, self.empty) {
            (true, true) => output::raw("[]"),
            (true, false) => output::raw("]"),
            (false, true) => {
                self.output.say("no such records");
                Ok(())
            }
            (false, false) => Ok(()),
        }
    }
}

fn find_run(reader: &Reader, stream: &str, wanted: &str) -> Result<RunId, Failure> {
    let state = reader.state(stream).map_err(unread)?;
    let unknown =
        |why: &str| Failure::new(Exit::Usage, format!("find the run `{wanted}`")).because(why).code("unknown-run");
    if wanted == "last" {
        return state.last_run().map(|run| run.id).ok_or_else(|| unknown("there is no run yet"));
    }
    let mut found = state.runs.iter().map(|run| run.id).filter(|run| run.to_string().starts_with(wanted));
    match (found.next(), found.next()) {
        (Some(run), None) => Ok(run),
        (Some(_), Some(_)) => Err(unknown("several begin so")),
        (None, _) => Err(unknown("none begins so")),
    }
}

fn verify(reader: &Reader, stream: Option<&str>, head: Option<&str>, output: Output) -> failure::Result {
    let known = head.map(parse_head).transpose()?;
    let streams = match (stream, &known) {
        // A head belongs to one stream.
        (Some(_), _) | (None, Some(_)) => vec![one_stream(reader, stream)?],
        (None, None) => reader.streams().map_err(unread)?.into_iter().map(|stream| stream.stream).collect(),
    };
    let mut reports = Vec::new();
    for stream in &streams {
        match reader.verify(stream, known.as_ref()) {
            Ok(report) => reports.push(json!({ "stream": stream, "records": report.records, "head": report.head })),
            Err(error) => return Err(unverified(stream, &error)),
        }
    }
    output.data(&json!({ "whole": true, "streams": reports }), || reports.iter().map(whole).collect())?;
    Ok(Exit::Done)
}

/// One line per stream; the head in the form that `--head` takes.
fn whole(report: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let head = match &report["head"] {
        Value::Null => String::new(),
        head => format!(", head {}:{}", head["seq"], text(&head["hash"])),
    };
    format!("{}: {} records, whole{head}\n", text(&report["stream"]), report["records"])
}

fn unverified(stream: &str, error: &Error) -> Failure {
    let failure = explain::journal(format!("verify the stream `{stream}`"), error);
    match error {
        // It is verifying that found it: the hint to verify would lead in a circle.
        Error::Damaged { .. } => {
            failure.hint("keep a copy of the state folder as it is, and restore one that verifies")
        }
        _ => failure,
    }
}

fn parse_head(text: &str) -> Result<Head, Failure> {
    let bad =
        || Failure::new(Exit::Usage, format!("read the head `{text}`")).hint("SEQ:HASH, as `journal verify` prints it");
    let (seq, hash) = text.split_once(':').ok_or_else(bad)?;
    let is_digest = hash.len() == 64 && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    match seq.parse() {
        Ok(seq) if is_digest => Ok(Head { seq, hash: Digest(hash.to_owned()) }),
        _ => Err(bad()),
    }
}

fn tail(reader: &Reader, stream: &str, lines: u64, follow: bool, output: Output) -> failure::Result {
    let state = reader.state(stream).map_err(unread)?;
    let next = state.head.map_or(0, |head| head.seq + 1);
    let from = next.saturating_sub(lines);
    // As `show` does: the canonical line, which the hash is made of.
    let print = |record: &Record| match output.json {
        true => output::part(&record.line()),
        false => output::part(&render::journal::record(record)),
    };
    if !follow {
        for record in reader.records(stream, from).map_err(unread)? {
            if print(&record.map_err(unread)?)? == Heard::Gone {
                break;
            }
        }
        return Ok(Exit::Done);
    }
    let mut records = reader.follow(stream, from).map_err(unread)?;
    loop {
        let Some(record) = records.next(PATIENCE).map_err(unread)? else { continue };
        if print(&record)? == Heard::Gone {
            return Ok(Exit::Done);
        }
    }
}

fn unread(error: Error) -> Failure {
    explain::journal("read the journal", &error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_it_is_printed() {
        let hash = "ab".repeat(32);
        let head = parse_head(&format!("12:{hash}")).unwrap();
        assert_eq!((head.seq, head.hash.0.as_str()), (12, hash.as_str()));
        for bad in ["12", "x:ab", "12:ab", &format!("12:{}", "AB".repeat(32))] {
            assert_eq!(parse_head(bad).unwrap_err().exit, Exit::Usage, "{bad}");
        }
    }

    #[test]
    fn a_whole_stream_prints_its_head_as_it_is_taken() {
        let report = json!({ "stream": "factory", "records": 3, "head": { "seq": 2, "hash": "ab" } });
        assert_eq!(whole(&report), "factory: 3 records, whole, head 2:ab\n");
    }
}
