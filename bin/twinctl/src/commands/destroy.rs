//! `twinctl destroy`: removes everything that the deployment created; needs no project files.

use journal::{Digest, RunKind, StreamState};
use serde_json::json;
use workflows::deploy::Session;

use crate::{
    cli::{Destroy, Global},
    exit::Exit,
    explain,
    failure::{self, Failure},
    output::Output,
    place::Place,
    runs::{self, Stage, Work},
};

const TRIED: &str = "destroy the deployment";

/// Removes.
pub(crate) async fn destroy(global: &Global, options: &Destroy, output: Output) -> failure::Result {
    let place = Place::new(global, &options.project.project)?;
    let Some(view) = runs::latest(&place, global, TRIED)? else {
        return nothing("nothing was ever deployed from here", output);
    };
    let Some(digest) = standing(view.state()) else { return nothing("nothing stands", output) };
    let failed = |error| explain::deploy(TRIED, &error);
    let definition = view.definition(digest).map_err(failed)?;
    let session = Session::open(&runs::site(&place, "destroy"), view.deployment()).map_err(failed)?;
    let resumes = resumes(&session.state(), output)?;
    let clouds = runs::clouds(&place, &session, &definition, options.yes, output).await?;
    let stage = Stage::open(output, runs::totals(&definition).map_err(failed)?)?;
    let how = stage.how(options.execution, false, false);
    let report = match resumes {
        true => session.resume(&clouds, how).await,
        false => session.destroy(&clouds, how).await,
    };
    let work = Work {
        tried: TRIED,
        place: &place,
        session: &session,
        twin: &definition.twin_name,
        kind: RunKind::Destroy,
        rollback: false,
    };
    stage.close(work, report).await
}

/// The definition of what stands, or may stand because its run is unfinished.
fn standing(state: &StreamState) -> Option<&Digest> {
    let step = || state.deployment.steps.values().next().map(|step| &step.definition);
    let unfinished = || state.last_run().filter(|run| !run.status.at_rest()).map(|run| &run.definition);
    state.definition().or_else(step).or_else(unfinished)
}

/// Whether an unfinished destroy is to be gone on with; any other unfinished run is in the way.
fn resumes(state: &StreamState, output: Output) -> Result<bool, Failure> {
    match state.last_run().filter(|run| !run.status.at_rest()) {
        None => Ok(false),
        Some(run) if run.kind == RunKind::Destroy && run.status.resumable() => {
            output.say(&format!("going on with run {}, which is {}", run.id, run.status));
            Ok(true)
        }
        Some(run) => Err(runs::unfinished(TRIED, run)),
    }
}

fn nothing(why: &str, output: Output) -> failure::Result {
    output.say(&format!("nothing to destroy: {why}"));
    output.data(&json!({ "result": "nothing-to-destroy" }), String::new)?;
    Ok(Exit::Done)
}
