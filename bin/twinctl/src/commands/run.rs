//! `twinctl run`: deploys a project, or goes on where an earlier run of the same definition was left.

mod scheduled;

use engine::Stop;
use journal::{Definitions, Digest, RunKind, RunState, RunStatus};
use workflows::{
    definition::{Definition, Target, TargetKind},
    deploy::{How, Session, deployment_id},
    layers,
    project::Project,
};

use crate::{
    cli::{Global, Run},
    connect::{self, Given},
    exit::Exit,
    explain,
    failure::{self, Failure},
    output::Output,
    place::Place,
    project,
    runs::{self, Stage, Work},
    signals,
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
    let course = course(&session, &definition, options, output)?;
    let settled = match course {
        Course::Over(exit) => return Ok(exit),
        Course::Resume | Course::Deploy => None,
        Course::SettleFirst { roll_back } => {
            let stop = signals::listen(output)?;
            let exit = settle(&place, &session, options, roll_back, &stop, output).await?;
            if exit != Exit::Done {
                return Ok(exit);
            }
            Some(stop)
        }
    };
    let clouds = runs::clouds(&place, &session, &definition, options.yes, output).await?;
    let stage = match settled {
        Some(stop) => Stage::after(output, totals, stop),
        None => Stage::open(output, totals)?,
    };
    let how = stage.how(options.execution, options.adopt, options.rollback_on_failure);
    let how = How { trigger: options.scheduled.trigger(), ..how };
    let report = match course == Course::Resume {
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

/// How a run begins, given what the deployment was left in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    /// With a new run.
    Deploy,
    /// By going on with the last one, which is all that there is to do.
    Resume,
    /// By bringing the last one to its end, or by undoing it; then with a new one.
    SettleFirst {
        /// Whether it is undone.
        roll_back: bool,
    },
    /// Not at all: what was asked for is over, and this is how it ended.
    Over(Exit),
}

fn course(session: &Session, definition: &Definition, options: &Run, output: Output) -> Result<Course, Failure> {
    match options.scheduled.trigger() {
        Some(trigger) => {
            let course = scheduled::course(&session.state(), &digest(definition), &trigger, options.scheduled.replace);
            scheduled::tell(course, &session.state(), output);
            Ok(course)
        }
        None if resumes(session, definition, output)? => Ok(Course::Resume),
        None => Ok(Course::Deploy),
    }
}

/// Brings the last run to its end with the definition that it carries, or undoes it.
async fn settle(
    place: &Place,
    session: &Session,
    options: &Run,
    roll_back: bool,
    stop: &Stop,
    output: Output,
) -> failure::Result {
    let failed = |error| explain::deploy(TRIED, &error);
    let state = session.state();
    let Some(run) = state.last_run() else { return Ok(Exit::Done) };
    let definition = session.definition(&run.definition).map_err(failed)?;
    let clouds = runs::clouds(place, session, &definition, options.yes, output).await?;
    let stage = Stage::after(output, runs::totals(&definition).map_err(failed)?, stop.clone());
    let how = stage.how(options.execution, false, false);
    let report = match roll_back {
        true => session.rollback(&clouds, &[], how).await,
        false => session.resume(&clouds, how).await,
    };
    let rollback = roll_back || !matches!(run.status, RunStatus::Running | RunStatus::Interrupted | RunStatus::Failed);
    let work = Work { tried: TRIED, place, session, twin: &definition.twin_name, kind: run.kind, rollback };
    stage.close(work, report).await
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
    digest(definition) == run.definition
}

fn digest(definition: &Definition) -> Digest {
    let json = serde_json::to_value(definition).expect("a definition has string keys only");
    Definitions::digest(&json)
}
