//! `twinctl journal export`: the records for other tools.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
};

use journal::Record;

use super::{Looking, records, verify::journal_id};
use crate::{
    cli::{Export, ExportFormat},
    exit::Exit,
    failure::{self, Failure},
    output::Heard,
};

/// Writes the records that fit, a line each.
pub(super) fn export(at: Looking<'_>, options: &Export) -> failure::Result {
    let id = journal_id(at.reader)?;
    let line = |record: &Record| match options.format {
        ExportFormat::Jsonl => record.line(),
        ExportFormat::Cloudevents => audit::cloudevents::event(id, record).to_string(),
    };
    let Some(path) = &options.output else {
        let mut out = BufWriter::new(io::stdout().lock());
        records::each(at, &options.filter, |record| heard(writeln!(out, "{}", line(record))))?;
        heard(out.flush())?;
        return Ok(Exit::Done);
    };
    let tried = || format!("write {}", path.display());
    let unwritten = |error: io::Error| Failure::of(Exit::Error, tried(), &error);
    let mut out = BufWriter::new(File::create_new(path).map_err(unwritten)?);
    let mut count = 0_u64;
    records::each(at, &options.filter, |record| {
        count += 1;
        writeln!(out, "{}", line(record)).map_err(unwritten)?;
        Ok(Heard::Yes)
    })?;
    let file = out.into_inner().map_err(|error| unwritten(error.into_error()))?;
    file.sync_all().map_err(unwritten)?;
    at.output.say(&format!("{count} records written to {}", path.display()));
    Ok(Exit::Done)
}

fn heard(written: io::Result<()>) -> Result<Heard, Failure> {
    match written {
        Ok(()) => Ok(Heard::Yes),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Heard::Gone),
        Err(error) => Err(Failure::of(Exit::Error, "write the output", &error)),
    }
}
