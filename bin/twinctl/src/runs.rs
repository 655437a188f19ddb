//! What `run`, `resume`, `rollback` and `destroy` share: who works where, progress meanwhile, the summary afterwards.

use std::{
    io::{self, IsTerminal},
    sync::Arc,
    time::Instant,
};

use engine::{Stop, progress::Sink, report::Report};
use journal::{RunKind, RunState, RunStatus};
use workflows::{
    clouds::Clouds,
    definition::{Definition, Target, TargetKind},
    deploy::{self, How, Session, Site, View},
    layers::{self, LAYERS},
};

use crate::{
    cli::{Execution, Global},
    commands::cloud,
    connect, derived, environment,
    exit::Exit,
    explain,
    failure::{self, Failure},
    output::Output,
    place::Place,
    program, project,
    render::{
        self,
        progress::{Shown, Totals},
        summary::Summary,
    },
    signals, traces,
};

/// Where the state is and who is at work. The command is named without its arguments: a reason may be private.
pub(crate) fn site(place: &Place, command: &str) -> Site {
    Site { state_dir: place.state.clone(), actor: environment::actor(), command: format!("twinctl {command}") }
}

/// The deployment that was worked on last; none when nothing was ever deployed from this state folder.
pub(crate) fn latest(place: &Place, global: &Global, tried: &str) -> Result<Option<View>, Failure> {
    place.demand_readable_state()?;
    match View::latest(&place.state, global.target.map(|kind| project::kind(Some(kind)))) {
        Ok(view) => Ok(Some(view)),
        Err(deploy::Error::Nothing(_)) => Ok(None),
        Err(error) => Err(explain::deploy(tried, &error)),
    }
}

/// The clouds of a definition, ready to be changed: the local ones are started, for the real ones somebody says yes.
///
/// What stands may be on clouds that the definition has left: they are reached too, or nothing could be taken away there.
pub(crate) async fn clouds(
    place: &Place,
    session: &Session,
    definition: &Definition,
    yes: bool,
    output: Output,
) -> Result<Clouds, Failure> {
    let key = Some(connect::key(&place.state)?);
    derived::ignore(place, output);
    let target = &reach(session, definition)?;
    let clouds = match target.kind {
        TargetKind::Local => {
            let parts = cloud::start_parts(place, target, output).await?;
            connect::local(&parts, target, key)?
        }
        TargetKind::Cloud => {
            program::demand_for_clouds()?;
            let given = project::credentials(place);
            let real = connect::public(&connect::used(target), &given, Some(target), key).await?;
            confirm(&connect::describe(target, &real), yes, output)?;
            real.clouds
        }
    };
    Ok(clouds.with_device_keys(connect::device_keys(&place.state, &deploy::deployment_id(definition))))
}

/// Every account that a run of the definition may have to do with: its own, and those of what stands or stood before.
fn reach(session: &Session, definition: &Definition) -> Result<Target, Failure> {
    let mut target = definition.target.clone();
    let state = session.state();
    let previous = state.last_run().and_then(|run| run.previous.as_ref());
    for digest in state.definition().into_iter().chain(previous) {
        let earlier = session.definition(digest).map_err(|error| explain::deploy("read what stands", &error))?.target;
        target.azure = target.azure.or(earlier.azure);
        target.aws = target.aws.or(earlier.aws);
    }
    Ok(target)
}

/// Shows what is about to be changed and asks, unless the answer was given.
fn confirm(what: &str, yes: bool, output: Output) -> Result<(), Failure> {
    output.say(&format!("about to change {what}"));
    if yes {
        return Ok(());
    }
    let refused = || Failure::new(Exit::Usage, "go on without a confirmation").code("not-confirmed");
    if !io::stdin().is_terminal() {
        return Err(refused().because("standard input is not a terminal"));
    }
    output.say("type `yes` to go on:");
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(|error| Failure::of(Exit::Error, "read the answer", &error))?;
    if answer.trim() == "yes" { Ok(()) } else { Err(refused()) }
}

/// The failure of starting something new on top of a run that is not at rest.
pub(crate) fn unfinished(tried: &str, run: &RunState) -> Failure {
    let (exit, hint) = match run.status {
        RunStatus::Failed => (Exit::Failed, None),
        RunStatus::PartiallyRolledBack => (Exit::PartiallyRolledBack, Some("`twinctl rollback` goes on")),
        RunStatus::RollingBack | RunStatus::RollbackInterrupted => {
            (Exit::Interrupted, Some("`twinctl rollback` goes on"))
        }
        RunStatus::Running | RunStatus::Interrupted | RunStatus::Finished | RunStatus::RolledBack => {
            (Exit::Interrupted, None)
        }
    };
    let failure = Failure::new(exit, tried).because(format!("run {} is unfinished: {}", run.id, run.status));
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
    .code("unfinished-run")
}

/// How many steps each layer of a definition has.
pub(crate) fn totals(definition: &Definition) -> Result<Totals, deploy::Error> {
    let graph = layers::graph(definition)?;
    let of = |layer: &str| graph.nodes().iter().filter(|node| node.layer() == layer).count();
    let all = LAYERS.iter().map(|layer| ((*layer).to_owned(), of(layer)));
    Ok(all.filter(|(_, steps)| *steps > 0).collect())
}

/// What was worked on, and what for.
#[derive(Clone, Copy)]
pub(crate) struct Work<'a> {
    /// What was tried, as a fragment that fits after "failed to".
    pub(crate) tried: &'a str,
    /// Where.
    pub(crate) place: &'a Place,
    /// The deployment.
    pub(crate) session: &'a Session,
    /// Its twin.
    pub(crate) twin: &'a str,
    /// What the run is for.
    pub(crate) kind: RunKind,
    /// Whether a rollback was asked for.
    pub(crate) rollback: bool,
}

/// A run under way: listens for signals and shows progress from its opening to its close.
pub(crate) struct Stage {
    output: Output,
    shown: Shown,
    sink: Arc<dyn Sink>,
    stop: Stop,
    begun: Instant,
}

impl Stage {
    /// Opens the stage; `totals` says how many steps each layer has, if that is known.
    pub(crate) fn open(output: Output, totals: Totals) -> Result<Self, Failure> {
        Ok(Self::after(output, totals, signals::listen(output)?))
    }

    /// Opens the stage for a part of a command that listens for signals already.
    pub(crate) fn after(output: Output, totals: Totals, stop: Stop) -> Self {
        let shown = Shown::start(output, totals);
        let sink = shown.sink();
        Self { output, shown, sink, stop, begun: Instant::now() }
    }

    /// How the run is carried out.
    pub(crate) fn how(&self, execution: Execution, adopt: bool, rollback_on_failure: bool) -> How<'_> {
        How {
            parallelism: execution.parallelism,
            adopt,
            rollback_on_failure,
            trigger: None,
            progress: self.sink.as_ref(),
            stop: self.stop.clone(),
        }
    }

    /// Closes it: derived files up to date, the summary as data, what failed as errors, the trace sent.
    pub(crate) async fn close(self, work: Work<'_>, report: Result<Report, deploy::Error>) -> failure::Result {
        let Self { output, shown, begun, .. } = self;
        let Work { tried, place, session, twin, kind, rollback } = work;
        drop(shown);
        let report = report.map_err(|error| explain::deploy(tried, &error))?;
        derived::refresh(place, session, twin, output);
        let summary = Summary { report: &report, kind, rollback, took: begun.elapsed() };
        for error in summary.errors() {
            output.say(&render::failure::text(&error, output.error_color));
        }
        output.data(&summary.data(), || summary.text())?;
        traces::send(place, session, report.run, output).await;
        Ok(summary.exit())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use chrono::DateTime;
    use journal::{Actor, Digest, RunId};

    use super::*;

    fn run(status: RunStatus) -> RunState {
        RunState {
            id: RunId(uuid::Uuid::nil()),
            kind: RunKind::Deploy,
            definition: Digest("0".into()),
            previous: None,
            target: serde_json::Value::Null,
            adopt: false,
            triggers: Vec::new(),
            status,
            started: DateTime::UNIX_EPOCH,
            ended: None,
            actor: Actor { user: "ann".into(), host: "host".into(), process: 1, version: "0".into(), ci: None },
            epoch: 0,
            steps: BTreeMap::new(),
            outcomes: BTreeMap::new(),
        }
    }

    #[test]
    fn an_unfinished_run_has_the_exit_code_that_it_ended_with() {
        let codes = [
            (RunStatus::Failed, Exit::Failed),
            (RunStatus::Running, Exit::Interrupted),
            (RunStatus::RollbackInterrupted, Exit::Interrupted),
            (RunStatus::PartiallyRolledBack, Exit::PartiallyRolledBack),
        ];
        for (status, exit) in codes {
            assert_eq!(unfinished("deploy", &run(status)).exit, exit, "{status}");
        }
        let hint = unfinished("deploy", &run(RunStatus::PartiallyRolledBack)).hint.unwrap();
        assert!(hint.contains("rollback"), "{hint}");
    }
}
