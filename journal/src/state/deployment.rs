//! What stands in the cloud according to the journal.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::event::{Digest, Drift, Outcome, StepId, Undo};

/// What stands in the cloud according to the journal, after rollbacks and destroys.
///
/// While a run is under way it already holds what the run completed so far. Things in doubt are not in it; they
/// are found in the run's steps.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Deployment {
    /// The definition of the last deploying run that finished and was not rolled back; absent when nothing stands.
    pub definition: Option<Digest>,
    /// One entry per step whose resource stands. Gates have none.
    pub steps: BTreeMap<StepId, Deployed>,
}

/// The resource of one step, as some run left it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deployed {
    /// The definition of the run that last completed the step: its graph rebuilds the step.
    pub definition: Digest,
    /// Digest of the document that the step wanted then.
    pub document: Digest,
    /// What later steps took from it.
    pub output: Value,
    /// How it came to be ours.
    pub provenance: Provenance,
    /// The paths in which it may differ from its document, on an operator's word.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub accepted: BTreeSet<String>,
}

/// How a resource came to belong to the deployment; it decides whether it may ever be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Provenance {
    /// We made it; it may be deleted.
    Created,
    /// Taken over on the operator's word; changed, never deleted.
    Adopted,
    /// Found as wanted; never changed, never deleted.
    Found,
}

impl Deployment {
    /// Takes what the cloud holds as wanted.
    pub(super) fn accept(&mut self, steps: &[Drift]) {
        for drift in steps {
            let entry = self.steps.get_mut(&drift.step).expect("what is accepted was checked to stand");
            entry.accepted.extend(drift.paths.iter().cloned());
        }
    }
}

impl Deployed {
    /// The entry after a step completed with `outcome`, given the one before it; absent when nothing (of ours) stands.
    pub(super) fn after(
        outcome: Outcome,
        before: Option<&Self>,
        (definition, document, output): (&Digest, &Digest, &Value),
    ) -> Option<Self> {
        let provenance = match outcome {
            Outcome::Deleted | Outcome::Left | Outcome::Passed => return None,
            Outcome::Created => Provenance::Created,
            Outcome::Found => Provenance::Found,
            Outcome::Adopted => Provenance::Adopted,
            Outcome::Updated | Outcome::Unchanged => before.map_or(Provenance::Created, |entry| entry.provenance),
        };
        // What was accepted was accepted of this document.
        let earlier = before.filter(|entry| outcome == Outcome::Unchanged && entry.document == *document);
        let accepted = earlier.map(|entry| entry.accepted.clone()).unwrap_or_default();
        let (definition, document, output) = (definition.clone(), document.clone(), output.clone());
        Some(Self { definition, document, output, provenance, accepted })
    }

    /// The entry after a compensation ended as `undo`, given the step's outcome in the run (absent when it was in
    /// doubt or never acted), the entry before the run and what the compensation put out.
    pub(super) fn after_undo(
        undo: Undo,
        outcome: Option<Outcome>,
        before: Option<Self>,
        output: &Value,
    ) -> Option<Self> {
        match undo {
            Undo::Delete => None,
            Undo::Restore | Undo::Recreate => before.map(|mut entry| {
                if !output.is_null() {
                    entry.output = output.clone();
                }
                entry
            }),
            // A look showed that nothing was there to undo: what this run had made or removed is gone.
            Undo::Leave => match outcome {
                Some(Outcome::Created | Outcome::Updated | Outcome::Deleted) => None,
                _ => before,
            },
        }
    }
}
