//! `twinctl resume`: goes on with the last run, from the journal alone.

use journal::RunStatus;
use serde_json::json;
use workflows::{
    definition::Definition,
    deploy::{Session, View},
};

use crate::{
    cli::{Global, Resume},
    connect,
    exit::Exit,
    explain,
    failure::{self, Failure},
    output::Output,
    place::Place,
    project, render,
    runs::{self, Stage, Work},
};

const TRIED: &str = "resume the last run";

/// Goes on.
pub(crate) async fn resume(global: &Global, options: &Resume, output: Output) -> failure::Result {
    let place = Place::new(global, &options.project.project)?;
    let nothing = || Failure::new(Exit::Error, TRIED).because("there is none").code("no-journal");
    let view = runs::latest(&place, global, TRIED)?.ok_or_else(nothing)?;
    let run = view.last_run().ok_or_else(nothing)?;
    if run.status.at_rest() {
        output.say(&format!("nothing to resume: run {} is {}", run.id, run.status));
        output.data(&json!({ "run": run.id, "result": "nothing-to-resume" }), String::new)?;
        return Ok(Exit::Done);
    }
    let definition = view.last_definition().map_err(|error| explain::deploy(TRIED, &error))?;
    tell_changes(&place, &definition, output);
    if options.plan {
        return plan(&view, output);
    }
    carry_on(&place, &view, &definition, options, output).await
}

async fn carry_on(
    place: &Place,
    view: &View,
    definition: &Definition,
    options: &Resume,
    output: Output,
) -> failure::Result {
    let failed = |error| explain::deploy(TRIED, &error);
    let session = Session::open(&runs::site(place, "resume"), view.deployment()).map_err(failed)?;
    let clouds = runs::clouds(place, &session, definition, options.yes, output).await?;
    let state = session.state();
    // Another process may have worked on it between our look and our lease; the lease decides.
    let Some(run) = state.last_run() else {
        return Err(Failure::new(Exit::Error, TRIED).because("there is none").code("no-journal"));
    };
    let rollback = is_rollback(run.status);
    let stage = Stage::open(output, runs::totals(definition).map_err(failed)?)?;
    let report = session.resume(&clouds, stage.how(options.execution, options.adopt, false)).await;
    let work = Work { tried: TRIED, place, session: &session, twin: &definition.twin_name, kind: run.kind, rollback };
    stage.close(work, report).await
}

/// What a resume would do, from the journal alone.
fn plan(view: &View, output: Output) -> failure::Result {
    let plan = view.resume_plan(&connect::nowhere()?).map_err(|error| explain::deploy(TRIED, &error))?;
    output.data(&render::plan::resume_plan_data(&plan), || render::plan::resume_plan(&plan))?;
    Ok(Exit::Done)
}

/// Says what the project's files hold now that the run does not take up.
fn tell_changes(place: &Place, definition: &Definition, output: Output) {
    let changes = project::changes(place, definition).unwrap_or_default();
    if changes.is_empty() {
        return;
    }
    let list: Vec<String> = changes.iter().map(|change| format!("  {change}\n")).collect();
    output.say(&format!(
        "the project has changed since the run started; `resume` keeps to the run's own definition, and the next `run` applies:\n{}",
        list.concat()
    ));
}

fn is_rollback(status: RunStatus) -> bool {
    matches!(status, RunStatus::RollingBack | RunStatus::RollbackInterrupted | RunStatus::PartiallyRolledBack)
}
