//! `twinctl drift`: is the cloud still as the last run left it? What is found, and what is done about it, is recorded.

use engine::Drifted;
use journal::{RunKind, event::Drift as Found};
use serde_json::{Value, json};
use workflows::{
    definition::Definition,
    deploy::{How, Session, View},
};

use super::status;
use crate::{
    cli::{Drift, Global},
    exit::Exit,
    explain,
    failure::{self, Failure},
    output::Output,
    place::Place,
    render,
    runs::{self, Stage, Work},
};

const TRIED: &str = "look for drift";

/// Looks, and puts back or accepts what differs where that was asked for.
pub(crate) async fn drift(global: &Global, options: &Drift, output: Output) -> failure::Result {
    let place = Place::new(global, &options.project.project)?;
    let nothing = || Failure::new(Exit::Error, TRIED).because("nothing is deployed").code("not-deployed");
    let view = runs::latest(&place, global, TRIED)?.ok_or_else(nothing)?;
    if let Some(run) = view.last_run().filter(|run| !run.status.at_rest()) {
        return Err(runs::unfinished(TRIED, run));
    }
    let digest = view.state().definition().ok_or_else(nothing)?;
    let definition = view.definition(digest).map_err(|error| explain::deploy(TRIED, &error))?;
    let at = At { place: &place, view: &view, definition: &definition, options, output };
    at.look().await
}

struct At<'a> {
    place: &'a Place,
    view: &'a View,
    definition: &'a Definition,
    options: &'a Drift,
    output: Output,
}

impl At<'_> {
    async fn look(self) -> failure::Result {
        let failed = |error| explain::deploy(TRIED, &error);
        let clouds = status::clouds(self.place, self.definition).await?;
        let session = Session::open(&runs::site(self.place, "drift"), self.view.deployment()).map_err(failed)?;
        let stage = Stage::open(self.output, Vec::new())?;
        let trigger = self.options.scheduled.trigger();
        let how = How { trigger, ..stage.how(self.options.execution, false, false) };
        let drifted = session.check_drift(&clouds, how).await.map_err(failed)?;
        drop(stage);
        for (step, why) in &drifted.unseen {
            self.output.say(&format!("warning: {step} could not be looked at: {why}"));
        }
        match (drifted.steps.is_empty(), self.options.accept, self.options.revert) {
            (true, ..) => {
                self.told(&drifted, "nothing", if drifted.unseen.is_empty() { Exit::Done } else { Exit::Error })
            }
            (false, true, _) => {
                let accepted = self.chosen(&drifted)?;
                let stage = Stage::open(self.output, Vec::new())?;
                let how = stage.how(self.options.execution, false, false);
                let reason = self.options.reason.clone();
                session.accept_drift(&clouds, accepted.clone(), reason, how).await.map_err(failed)?;
                self.told(&Drifted { steps: accepted, ..drifted }, "accepted", Exit::Done)
            }
            (false, false, true) => self.revert(&session, &drifted).await,
            (false, false, false) => self.told(&drifted, "found", Exit::Drift),
        }
    }

    /// What is to be accepted: the steps that were named, or all.
    fn chosen(&self, drifted: &Drifted) -> Result<Vec<Found>, Failure> {
        let wanted = &self.options.step;
        let is_found = |step: &&String| !drifted.steps.iter().any(|drift| drift.step.as_str() == step.as_str());
        if let Some(step) = wanted.iter().find(is_found) {
            let failure = Failure::new(Exit::Usage, format!("accept what was seen of `{step}`"));
            return Err(failure.because("it is as it was left, or no such step stands").code("unknown-step"));
        }
        let named = |drift: &&Found| wanted.is_empty() || wanted.iter().any(|step| drift.step.as_str() == step);
        Ok(drifted.steps.iter().filter(named).cloned().collect())
    }

    /// A new run of what stands brings back what differs.
    async fn revert(&self, session: &Session, drifted: &Drifted) -> failure::Result {
        self.output.say(&render::drift::text(drifted));
        let clouds = runs::clouds(self.place, session, self.definition, self.options.yes, self.output).await?;
        let failed = |error| explain::deploy("put back what differs", &error);
        let stage = Stage::open(self.output, runs::totals(self.definition).map_err(failed)?)?;
        let how = stage.how(self.options.execution, false, false);
        let report = session.deploy(&clouds, self.definition, how).await;
        let work = Work {
            tried: "put back what differs",
            place: self.place,
            session,
            twin: &self.definition.twin_name,
            kind: RunKind::Deploy,
            rollback: false,
        };
        stage.close(work, report).await
    }

    fn told(&self, drifted: &Drifted, result: &str, exit: Exit) -> failure::Result {
        self.output.data(&data(drifted, result), || render::drift::text(drifted))?;
        match result {
            "nothing" => self.output.say("everything that could be looked at is as it was left"),
            "accepted" => self.output.say("accepted: it counts as wanted while the step's own document stays the same"),
            _ => self
                .output
                .say("next: `twinctl drift --revert` puts it back, `twinctl drift --accept` takes it as wanted"),
        }
        Ok(exit)
    }
}

fn data(drifted: &Drifted, result: &str) -> Value {
    let unseen = |(step, why): &(journal::StepId, String)| json!({ "step": step, "why": why });
    json!({
        "result": result, "steps": drifted.steps, "unseen": drifted.unseen.iter().map(unseen).collect::<Vec<_>>(),
    })
}
