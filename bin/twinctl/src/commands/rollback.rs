//! `twinctl rollback`: undoes the last run, from the journal alone.

use journal::{RunStatus, StepId};
use serde_json::json;
use workflows::deploy::Session;

use crate::{
    cli::{Execution, Global, Rollback},
    exit::Exit,
    explain,
    failure::{self, Failure},
    output::Output,
    place::Place,
    runs::{self, Stage, Work},
};

const TRIED: &str = "roll back the last run";

/// Undoes.
pub(crate) async fn rollback(global: &Global, options: &Rollback, output: Output) -> failure::Result {
    let place = Place::new(global, &options.project.project)?;
    let skips = skips(options)?;
    let Some(view) = runs::latest(&place, global, TRIED)? else {
        return nothing("nothing was ever deployed from here", output);
    };
    if let Some(run) = view.last_run().filter(|run| run.status == RunStatus::RolledBack) {
        let stands = view.state().definition().is_some();
        let next = if stands { "; `twinctl destroy` removes what stands" } else { "" };
        return nothing(&format!("run {} is rolled back already{next}", run.id), output);
    }
    let failed = |error| explain::deploy(TRIED, &error);
    let definition = view.last_definition().map_err(failed)?;
    let session = Session::open(&runs::site(&place, "rollback"), view.deployment()).map_err(failed)?;
    let state = session.state();
    let Some(run) = state.last_run() else { return nothing("there is no run", output) };
    let clouds = runs::clouds(&place, &session, &definition, options.yes, output).await?;
    let stage = Stage::open(output, Vec::new())?;
    // One at a time by its nature: strictly in reverse order of completion.
    let how = stage.how(Execution { parallelism: std::num::NonZeroUsize::MIN }, false, false);
    let report = session.rollback(&clouds, &skips, how).await;
    let work = Work {
        tried: TRIED,
        place: &place,
        session: &session,
        twin: &definition.twin_name,
        kind: run.kind,
        rollback: true,
    };
    stage.close(work, report).await
}

/// The steps that are given up, each with its reason.
fn skips(options: &Rollback) -> Result<Vec<(StepId, String)>, Failure> {
    if options.skip.len() != options.reason.len() {
        return Err(Failure::new(Exit::Usage, "skip steps").hint("each `--skip STEP` needs its own `--reason TEXT`"));
    }
    Ok(options.skip.iter().map(StepId::new).zip(options.reason.iter().cloned()).collect())
}

fn nothing(why: &str, output: Output) -> failure::Result {
    output.say(&format!("nothing to roll back: {why}"));
    output.data(&json!({ "result": "nothing-to-roll-back" }), String::new)?;
    Ok(Exit::Done)
}
