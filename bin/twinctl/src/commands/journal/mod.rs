//! `twinctl journal`: the record of every run, for people and for auditors.
//!
//! Reading writes nothing. Only three of the commands write: `checkpoint` makes the signing key on first use, `prune`
//! takes records out, and whatever has `--output` writes that file.

mod at;
mod checkpoint;
mod diff;
mod export;
mod list;
mod prove;
mod prune;
mod records;
mod report;
mod show;
mod tail;
mod verify;

use std::{io::Write as _, path::Path};

use journal::{Error, Reader, RunId, SCHEDULES, read::StreamHead};

use crate::{
    cli::{Global, Journal, JournalCommand},
    exit::Exit,
    explain,
    failure::{self, Failure},
    output::Output,
    place::Place,
};

/// Does one of the `journal` commands.
pub(crate) async fn journal(global: &Global, options: &Journal, output: Output) -> failure::Result {
    let place = Place::new(global, options.command.project())?;
    place.demand_readable_state()?;
    // Exports are verified wherever they are.
    if let JournalCommand::Verify(verification) = &options.command
        && !verification.file.is_empty()
    {
        return verify::files(&place, verification, output);
    }
    let reader = Reader::open(&place.state).map_err(unread)?;
    let named = options.stream.as_deref();
    if let JournalCommand::Verify(verification) = &options.command {
        return verify::journal(&place, &reader, named, verification, output);
    }
    if let JournalCommand::Key(_) = &options.command {
        return checkpoint::key(&place, &reader, output);
    }
    let stream = one_stream(&reader, named)?;
    let at = Looking { place: &place, reader: &reader, stream: &stream, output };
    match &options.command {
        JournalCommand::List(options) => list::list(at, options),
        JournalCommand::Show(options) => show::show(at, options),
        JournalCommand::Records(options) => records::records(at, options),
        JournalCommand::Tail(options) => tail::tail(at, options),
        JournalCommand::Diff(options) => diff::diff(at, options),
        JournalCommand::At { time, .. } => at::at(at, *time),
        JournalCommand::Checkpoint(options) => checkpoint::checkpoint(at, options),
        JournalCommand::Prove(options) => prove::prove(at, options),
        JournalCommand::Report(options) => report::report(at, options),
        JournalCommand::Export(options) => export::export(at, options),
        JournalCommand::Prune(options) => prune::prune(at, options).await,
        JournalCommand::Verify(_) | JournalCommand::Key(_) => unreachable!("these are done already"),
    }
}

/// What a command looks at.
#[derive(Clone, Copy)]
struct Looking<'a> {
    place: &'a Place,
    reader: &'a Reader,
    stream: &'a str,
    output: Output,
}

impl Looking<'_> {
    /// The run that is meant: by its id, the beginning of it, or `last`.
    fn run(self, wanted: &str) -> Result<RunId, Failure> {
        let runs = self.reader.overview(self.stream).map_err(unread)?.runs;
        let unknown =
            |why: &str| Failure::new(Exit::Usage, format!("find the run `{wanted}`")).because(why).code("unknown-run");
        if wanted == "last" {
            return runs.last().map(|run| run.id).ok_or_else(|| unknown("there is no run yet"));
        }
        let mut found = runs.iter().map(|run| run.id).filter(|run| run.to_string().starts_with(wanted));
        match (found.next(), found.next()) {
            (Some(run), None) => Ok(run),
            (Some(_), Some(_)) => Err(unknown("several begin so")),
            (None, _) => Err(unknown("none begins so")),
        }
    }
}

/// The stream that is meant: the named one, or the only deployment's.
pub(crate) fn one_stream(reader: &Reader, wanted: Option<&str>) -> Result<String, Failure> {
    let streams = reader.streams().map_err(unread)?;
    if let Some(name) = wanted {
        let known = streams.iter().any(|stream| stream.stream == name);
        return if known { Ok(name.to_owned()) } else { Err(choose(&format!("find the stream `{name}`"), &streams)) };
    }
    let mut deployments = streams.iter().filter(|stream| stream.stream != SCHEDULES);
    match (deployments.next(), deployments.next()) {
        (Some(only), None) => Ok(only.stream.clone()),
        _ => Err(choose("choose a stream", &streams)),
    }
}

fn choose(tried: &str, streams: &[StreamHead]) -> Failure {
    if streams.is_empty() {
        return Failure::new(Exit::Error, "read the journal").because("it holds no record yet").code("no-journal");
    }
    let names: Vec<&str> = streams.iter().map(|stream| stream.stream.as_str()).collect();
    Failure::new(Exit::Usage, tried).hint(format!("`--stream NAME`, one of: {}", names.join(", ")))
}

/// Writes a file that must not be there yet, or to standard output.
fn deliver(text: &str, to: Option<&Path>) -> Result<(), Failure> {
    let Some(path) = to else { return crate::output::raw(text) };
    let tried = || format!("write {}", path.display());
    let mut file = std::fs::File::create_new(path).map_err(|error| Failure::of(Exit::Error, tried(), &error))?;
    file.write_all(text.as_bytes()).map_err(|error| Failure::of(Exit::Error, tried(), &error))
}

fn unread(error: Error) -> Failure {
    explain::journal("read the journal", &error)
}
