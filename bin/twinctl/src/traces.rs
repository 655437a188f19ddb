//! The trace of a run that has come to an end, sent where the `OTEL_*` variables say.

use audit::{Timeline, trace};
use journal::{Reader, Record, RunId};
use workflows::deploy::Session;

use crate::{environment, output::Output, place::Place};

/// Sends it, if it is to be sent. That it was not is worth a warning, and never changes how the run ended.
pub(crate) async fn send(place: &Place, session: &Session, run: RunId, output: Output) {
    let warn = |error: &dyn std::fmt::Display| output.say(&format!("warning: failed to {error}"));
    let settings = match trace::Settings::read(environment::text) {
        Ok(Some(settings)) => settings,
        Ok(None) => return,
        Err(error) => return warn(&error),
    };
    if session.state().run(run).is_none_or(|run| run.ended.is_none()) {
        return;
    }
    match timeline(place, session.name().to_owned(), run).await {
        Ok(timeline) => match trace::export(&settings, &timeline).await {
            Ok(spans) => tracing::debug!(%run, spans, "the trace was sent"),
            Err(error) => warn(&error),
        },
        Err(error) => warn(&format!("read the run for its trace: {error}")),
    }
}

/// The run as its records tell it. Reading waits for the owner of the journal, who is this process.
async fn timeline(place: &Place, stream: String, run: RunId) -> Result<Timeline, String> {
    let state = place.state.clone();
    let read = move || {
        let records = Reader::open(&state)?.records(&stream, 0)?;
        let mut of_run = Vec::new();
        for record in records {
            let record: Record = record?;
            if record.run == Some(run) {
                of_run.push(record);
            }
        }
        Ok(of_run)
    };
    let records: Result<Vec<Record>, journal::Error> =
        tokio::task::spawn_blocking(read).await.map_err(|error| error.to_string())?;
    Timeline::fold(&records.map_err(|error| error.to_string())?).map_err(|error| error.to_string())
}
