//! `twinctl journal list`.

use journal::{Actor, RunState};

use super::{Looking, unread};
use crate::{
    cli::{Between, List},
    exit::Exit,
    failure, output, render,
};

/// Lists the runs that fit.
pub(super) fn list(at: Looking<'_>, options: &List) -> failure::Result {
    let mut runs = at.reader.overview(at.stream).map_err(unread)?.runs;
    runs.retain(|run| fits(run, options));
    if options.jsonl {
        for run in render::journal::runs_data(&runs).as_array().into_iter().flatten() {
            output::part(&run.to_string())?;
        }
        return Ok(Exit::Done);
    }
    at.output.data(&render::journal::runs_data(&runs), || render::journal::runs(&runs))?;
    Ok(Exit::Done)
}

fn fits(run: &RunState, options: &List) -> bool {
    options.between.holds(run.started)
        && options.actor.as_deref().is_none_or(|wanted| is_actor(&run.actor, wanted))
        && options.outcome.as_deref().is_none_or(|wanted| render::journal::word(&run.status) == wanted)
}

impl Between {
    /// Whether a time lies in it.
    pub(super) fn holds(&self, time: chrono::DateTime<chrono::Utc>) -> bool {
        self.since.is_none_or(|since| since <= time) && self.until.is_none_or(|until| time < until)
    }
}

/// Whether it is this user, given as USER or USER@HOST.
pub(super) fn is_actor(actor: &Actor, wanted: &str) -> bool {
    wanted == actor.user || wanted == format!("{}@{}", actor.user, actor.host)
}
