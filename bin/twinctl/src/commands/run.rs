//! `twinctl run`: deploys a project, or goes on where an earlier run of the same definition was left.

use journal::{Definitions, RunKind, RunState};
use workflows::{
    definition::{Definition, Target, TargetKind},
    deploy::{Session, deployment_id},
    layers,
    project::Project,
};

use crate::{
    cli::{Global, Run},
    connect::{self, Given},
    explain,
    failure::{self, Failure},
    output::Output,
    place::Place,
    project,
    runs::{self, Stage, Work},
};

const TRIED: &str = "deploy the project";

/// Deploys.
pub(crate) async fn run(global: &Global, options: &Run, output: Output) -> failure::Result {
    let place = Place::new(global, &options.project.project)?;
    place.demand_project()?;
    let kind = project::kind(global.target);
    let project = project::load(&place, kind, output)?;
    let definition = define(&project, kind).await?;
    // Before a key is made: what cannot be deployed leaves nothing behind.
    layers::supported(&definition).map_err(|error| explain::deploy(TRIED, &error.into()))?;
    let definition = definition.with_tokens(&connect::key(&place.state)?);
    let totals = runs::totals(&definition).map_err(|error| explain::deploy(TRIED, &error))?;
    let session = Session::open(&runs::site(&place, "run"), &deployment_id(&definition))
        .map_err(|error| explain::deploy(TRIED, &error))?;
    let resumes = resumes(&session, &definition, output)?;
    let clouds = runs::clouds(&place, &session, &definition, options.yes, output).await?;
    let stage = Stage::open(output, totals)?;
    let how = stage.how(options.execution, options.adopt, options.rollback_on_failure);
    let report = match resumes {
        true => session.resume(&clouds, how).await,
        false => session.deploy(&clouds, &definition, how).await,
    };
    let work = Work {
        tried: TRIED,
        place: &place,
        session: &session,
        twin: &definition.twin_name,
        kind: RunKind::Deploy,
        rollback: false,
    };
    stage.close(work, report).await
}

/// The definition for the target, without tokens. The real clouds are asked who we are, since only the login may know the tenant.
pub(crate) async fn define(project: &Project, kind: TargetKind) -> Result<Definition, Failure> {
    Ok(project.define(target(project, kind).await?))
}

async fn target(project: &Project, kind: TargetKind) -> Result<Target, Failure> {
    match kind {
        TargetKind::Local => Ok(project::local_target(project.providers)),
        TargetKind::Cloud => {
            let real = connect::public(&project::used(project), &Given::of(project), None, None).await?;
            project::cloud_target(project, &real)
        }
    }
}

/// Whether an unfinished run of the same definition is to be gone on with; one of another definition is in the way.
fn resumes(session: &Session, definition: &Definition, output: Output) -> Result<bool, Failure> {
    let state = session.state();
    let Some(run) = state.last_run().filter(|run| !run.status.at_rest()) else { return Ok(false) };
    if run.status.resumable() && run.kind == RunKind::Deploy && is_of(run, definition) {
        output.say(&format!("going on with run {}, which is {}", run.id, run.status));
        return Ok(true);
    }
    let mut failure = runs::unfinished(TRIED, run);
    if run.kind == RunKind::Deploy && !is_of(run, definition) {
        let earlier = session.definition(&run.definition).map_err(|error| explain::deploy(TRIED, &error))?;
        let changes: Vec<String> = definition.diff(&earlier).iter().map(ToString::to_string).collect();
        failure = failure.because(format!("the project has changed since it started:\n{}", changes.join("\n")));
    }
    Err(failure)
}

fn is_of(run: &RunState, definition: &Definition) -> bool {
    let json = serde_json::to_value(definition).expect("a definition has string keys only");
    Definitions::digest(&json) == run.definition
}
