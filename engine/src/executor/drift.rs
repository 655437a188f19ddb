//! Drift: is everything still as the last run left it? Looked at between runs, and put on record.

use journal::{
    event::{Drift, DriftKind, Event, StepId, Trigger},
    state::StreamState,
};

use super::Executor;
use crate::{
    error::Error,
    report::{Observed, Seen},
};

/// What a look at everything that stands showed, as it is on record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Drifted {
    /// What is not as it was left.
    pub steps: Vec<Drift>,
    /// What could not be looked at, and why.
    pub unseen: Vec<(StepId, String)>,
}

impl<E: Sync + ?Sized> Executor<'_, E> {
    /// Looks at everything that stands, and puts what it found on record.
    ///
    /// # Errors
    /// [`Error::Unfinished`] while a run is not at rest: what it left is not what is wanted; [`Error::NoRun`] when nothing
    /// stands; [`Error::Journal`] and [`Error::Definition`] as everywhere.
    pub async fn check_drift(&self, trigger: Option<Trigger>) -> Result<Drifted, Error> {
        self.demand_rest()?;
        let standing = self.recorder.state(|state| state.definition().cloned());
        let standing = standing.ok_or_else(|| Error::NoRun { what: "look for drift", why: "nothing stands".into() })?;
        let drifted = Drifted::of(&self.observe(&standing).await?);
        let (steps, unseen) = (drifted.steps.clone(), drifted.unseen.iter().map(|(step, _)| step.clone()).collect());
        let event = match steps.is_empty() {
            true => Event::NoDrift { unseen, trigger },
            false => Event::DriftFound { steps, unseen, trigger },
        };
        self.recorder.append_between_runs(event).await?;
        Ok(drifted)
    }

    /// Takes what was found as wanted from now on, on the operator's word.
    ///
    /// # Errors
    /// As [`Self::check_drift`]; [`Error::Unacceptable`] when something is not there, unfinished or not ours.
    pub async fn accept_drift(&self, steps: Vec<Drift>, reason: Option<String>) -> Result<(), Error> {
        self.demand_rest()?;
        let stands = |state: &StreamState, drift: &Drift| state.deployment.steps.contains_key(&drift.step);
        let other = steps
            .iter()
            .find(|drift| drift.seen != DriftKind::Differs || !self.recorder.state(|state| stands(state, drift)));
        if let Some(drift) = other {
            return Err(Error::Unacceptable { step: drift.step.clone(), seen: drift.seen });
        }
        self.recorder.append_between_runs(Event::DriftAccepted { steps, reason }).await
    }

    fn demand_rest(&self) -> Result<(), Error> {
        match self.recorder.last_run().filter(|run| !run.status.at_rest()) {
            Some(last) => Err(Error::Unfinished { run: last.id, status: last.status.to_string() }),
            None => Ok(()),
        }
    }
}

impl Drifted {
    fn of(observed: &[Observed]) -> Self {
        let mut drifted = Self::default();
        for Observed { step, seen, .. } in observed {
            let (kind, paths) = match seen {
                Seen::Exact => continue,
                Seen::Unknown(why) | Seen::Failed(why) => {
                    drifted.unseen.push((step.clone(), why.clone()));
                    continue;
                }
                Seen::Differs(paths) => (DriftKind::Differs, paths.clone()),
                Seen::Partial(missing) => (DriftKind::Partial, vec![missing.clone()]),
                Seen::Absent => (DriftKind::Absent, Vec::new()),
                Seen::NotOurs(owner) => (DriftKind::NotOurs, vec![owner.clone()]),
            };
            drifted.steps.push(Drift { step: step.clone(), seen: kind, paths });
        }
        drifted
    }
}
