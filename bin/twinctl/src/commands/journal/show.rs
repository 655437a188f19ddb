//! `twinctl journal show`: one run, as it went.

use audit::Timeline;
use journal::Record;

use super::{Looking, records, unread};
use crate::{
    cli::{Filter, Show},
    exit::Exit,
    failure::{self, Failure},
    output, render,
};

/// Shows it; one step of it with every record.
pub(super) fn show(at: Looking<'_>, options: &Show) -> failure::Result {
    let mut timeline = timeline(at, options.run())?;
    if let Some(wanted) = &options.step {
        timeline.steps.retain(|step| step.id.as_str() == wanted);
        if timeline.steps.is_empty() {
            let failure = Failure::new(Exit::Usage, format!("find the step `{wanted}` in the run {}", timeline.run));
            return Err(failure.code("unknown-step"));
        }
    }
    at.output.data(&timeline, || render::run::text(&timeline))?;
    if options.step.is_some() && !at.output.json {
        output::part("\n")?;
        let filter = Filter { run: Some(options.run().to_owned()), step: options.step.clone(), ..Filter::default() };
        records::each(at, &filter, |record| output::part(&render::journal::record(record)))?;
    }
    Ok(Exit::Done)
}

/// The run that is meant, folded from its records.
pub(super) fn timeline(at: Looking<'_>, wanted: &str) -> Result<Timeline, Failure> {
    let records = records_of(at, wanted)?;
    Timeline::fold(&records).map_err(|error| Failure::of(Exit::Error, format!("show the run `{wanted}`"), &error))
}

fn records_of(at: Looking<'_>, wanted: &str) -> Result<Vec<Record>, Failure> {
    let run = at.run(wanted)?;
    let mut records = Vec::new();
    for record in at.reader.records(at.stream, 0).map_err(unread)? {
        let record = record.map_err(unread)?;
        if record.run == Some(run) {
            records.push(record);
        }
    }
    Ok(records)
}
