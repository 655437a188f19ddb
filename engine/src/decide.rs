//! What to do with what a look at the cloud showed: pure, total functions.
//!
//! Every question of ownership is answered here and nowhere else, so that it can be tested as a table.

use journal::{
    event::{Action, Outcome, Undo},
    state::Provenance,
};

use crate::step::{Fit, Observation, Ownership};

/// What the journal knows of a step's resource before the cloud is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Known {
    /// How it came to stand in the deployment, if it does.
    pub deployed: Option<Provenance>,
    /// The action that was intended and whose outcome is not on record.
    pub in_doubt: Option<Action>,
}

/// What to do about a step that the definition wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It is as wanted: record it with this outcome, touch nothing.
    Take(Outcome),
    /// Journal the intent, apply, record the outcome.
    Act {
        /// The intent.
        action: Action,
        /// What to record when it has succeeded.
        outcome: Outcome,
    },
    /// It is somebody else's: stop and say whose.
    Refuse {
        /// In words, for the message.
        owner: String,
    },
}

/// Whose a thing is, once mark and journal are taken together.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Whose {
    /// We made it, or are about to have made it.
    Ours,
    /// Somebody else made it and we hold it by the operator's word.
    Adopted,
    /// It carries our mark and the journal does not know why: adopted once, and forgotten by a rollback.
    Remembered,
    /// Somebody else made it as we want it; we only use it.
    Found,
    /// Nobody said that we may touch it.
    Foreign(String),
}

fn whose(known: Known, ownership: &Ownership) -> Whose {
    use Provenance::{Adopted, Created, Found};
    match (known.deployed, known.in_doubt, ownership) {
        // The operator's word, given and journaled: intending to adopt, or having adopted. What was as wanted then was
        // not touched, so that it still carries the mark of whoever made it, or none.
        (_, Some(Action::Adopt), _) | (Some(Adopted), ..) => Whose::Adopted,
        (Some(Found), ..) => Whose::Found,
        // Our mark, and no record of having made it: it was adopted by a run that is rolled back. Never delete it.
        (None, None | Some(Action::Delete), Ownership::Ours) => Whose::Remembered,
        (_, _, Ownership::Ours) => Whose::Ours,
        // No mark to read: the journal decides.
        (Some(Created), _, Ownership::Unmarkable)
        | (None, Some(Action::Create | Action::Update), Ownership::Unmarkable) => Whose::Ours,
        (None, _, Ownership::Unmarkable) => {
            Whose::Foreign("something that carries no mark and is not in our journal".into())
        }
        (_, _, Ownership::Unmarked) => Whose::Foreign("something without our mark".into()),
        (_, _, Ownership::Theirs(owner)) => Whose::Foreign(owner.clone()),
    }
}

/// Decides what a step that the definition wants has to do.
///
/// `adopt` is the operator's word that things made by others may be taken over.
#[must_use]
pub fn forward<T>(known: Known, seen: &Observation<T>, adopt: bool) -> Decision {
    let Observation::Present { ownership, fit, output } = seen else {
        return Decision::Act { action: Action::Create, outcome: Outcome::Created };
    };
    // Without its output a thing cannot be taken, whatever it looks like: apply again and get one.
    let exact = *fit == Fit::Exact && output.is_some();
    match whose(known, ownership) {
        Whose::Ours => ours(known.in_doubt, exact),
        Whose::Adopted => adopted(known.in_doubt, exact),
        Whose::Remembered if exact => Decision::Take(Outcome::Adopted),
        Whose::Remembered => Decision::Act { action: Action::Adopt, outcome: Outcome::Adopted },
        Whose::Found if exact => Decision::Take(Outcome::Found),
        Whose::Foreign(_) if exact && *ownership == Ownership::Unmarkable && !adopt => Decision::Take(Outcome::Found),
        Whose::Found | Whose::Foreign(_) if adopt && exact => Decision::Take(Outcome::Adopted),
        Whose::Found | Whose::Foreign(_) if adopt => Decision::Act { action: Action::Adopt, outcome: Outcome::Adopted },
        Whose::Found => {
            Decision::Refuse { owner: "somebody else (it was found as wanted, and has changed since)".into() }
        }
        Whose::Foreign(owner) => Decision::Refuse { owner },
    }
}

/// Ours: take it, finish what was begun, or bring it up to date.
fn ours(in_doubt: Option<Action>, exact: bool) -> Decision {
    match (in_doubt, exact) {
        (Some(Action::Create), true) => Decision::Take(Outcome::Created),
        (Some(Action::Update), true) => Decision::Take(Outcome::Updated),
        (_, true) => Decision::Take(Outcome::Unchanged),
        (Some(Action::Create), false) => Decision::Act { action: Action::Create, outcome: Outcome::Created },
        (_, false) => Decision::Act { action: Action::Update, outcome: Outcome::Updated },
    }
}

/// Adopted, now or earlier: it may be brought up to date, and stays adopted.
fn adopted(in_doubt: Option<Action>, exact: bool) -> Decision {
    match (in_doubt, exact) {
        (Some(Action::Adopt), true) => Decision::Take(Outcome::Adopted),
        (Some(Action::Adopt), false) => Decision::Act { action: Action::Adopt, outcome: Outcome::Adopted },
        (Some(Action::Update), true) => Decision::Take(Outcome::Updated),
        (_, true) => Decision::Take(Outcome::Unchanged),
        (_, false) => Decision::Act { action: Action::Update, outcome: Outcome::Updated },
    }
}

/// What to do about a step that left the definition, or whose deployment is being destroyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// Record it with this outcome, touch nothing.
    Take(Outcome),
    /// Journal the intent and delete it.
    Delete,
}

/// Whether a thing may be deleted at all; when not, the cloud need not be asked.
#[must_use]
pub fn deletable(known: Known) -> bool {
    match (known.deployed, known.in_doubt) {
        (Some(Provenance::Created), in_doubt) => in_doubt != Some(Action::Adopt),
        (Some(Provenance::Adopted | Provenance::Found), _) => false,
        (None, Some(Action::Create | Action::Update | Action::Delete)) => true,
        (None, Some(Action::Adopt) | None) => false,
    }
}

/// Decides what the removal of a step has to do.
#[must_use]
pub fn removal<T>(known: Known, seen: &Observation<T>) -> Removal {
    if !deletable(known) {
        return Removal::Take(Outcome::Left);
    }
    match seen {
        Observation::Absent if known.in_doubt == Some(Action::Delete) => Removal::Take(Outcome::Deleted),
        Observation::Absent => Removal::Take(Outcome::Left),
        Observation::Present { ownership: Ownership::Ours | Ownership::Unmarkable, .. } => Removal::Delete,
        Observation::Present { ownership: Ownership::Theirs(_) | Ownership::Unmarked, .. } => {
            Removal::Take(Outcome::Left)
        }
    }
}

/// How far a step got in the run that is rolled back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// Its outcome is on record.
    Completed(Outcome),
    /// Only its intent is.
    InDoubt(Action),
}

/// What the compensation of a step sets out to do, before the cloud is asked.
///
/// `stood` says whether the step stood in the deployment that the run found.
#[must_use]
pub fn undo(done: Done, stood: bool) -> Undo {
    match (done, stood) {
        (Done::Completed(Outcome::Created) | Done::InDoubt(Action::Create), _) => Undo::Delete,
        (Done::Completed(Outcome::Updated) | Done::InDoubt(Action::Update), true) => Undo::Restore,
        (Done::Completed(Outcome::Deleted) | Done::InDoubt(Action::Delete), true) => Undo::Recreate,
        // Nothing in the earlier deployment says that it should stand, or how.
        (
            Done::Completed(Outcome::Updated | Outcome::Deleted) | Done::InDoubt(Action::Update | Action::Delete),
            false,
        ) => Undo::Leave,
        (Done::InDoubt(Action::Adopt), _)
        | (
            Done::Completed(Outcome::Unchanged | Outcome::Found | Outcome::Adopted | Outcome::Left | Outcome::Passed),
            _,
        ) => Undo::Leave,
    }
}

/// What the look before a compensation leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undoing {
    /// Record this as done, touch nothing.
    Record(Undo),
    /// Compensate: delete it.
    Delete,
    /// Apply the earlier step.
    Apply,
    /// It is somebody else's by now.
    Refuse {
        /// In words, for the message.
        owner: String,
    },
}

/// Decides what a compensation has to do, from a look at the step that it deletes or brings back.
///
/// `certain` is false for a step in doubt, whose effect may never have happened: what is not ours there was never ours.
/// `repeated` says that this compensation was begun before, so that its effect may be what is seen.
#[must_use]
pub fn undoing<T>(undo: Undo, seen: &Observation<T>, certain: bool, repeated: bool) -> Undoing {
    let foreign = match seen {
        Observation::Present { ownership: Ownership::Theirs(owner), .. } => Some(owner.clone()),
        Observation::Present { ownership: Ownership::Unmarked, .. } => Some("something without our mark".into()),
        Observation::Absent | Observation::Present { .. } => None,
    };
    match (undo, seen, foreign) {
        (Undo::Leave, ..) => Undoing::Record(Undo::Leave),
        (Undo::Delete, Observation::Absent, _) => Undoing::Record(if repeated { Undo::Delete } else { Undo::Leave }),
        (Undo::Delete, _, Some(_)) if !certain => Undoing::Record(Undo::Leave),
        (_, _, Some(owner)) => Undoing::Refuse { owner },
        (Undo::Delete, ..) => Undoing::Delete,
        (Undo::Restore | Undo::Recreate, Observation::Present { fit: Fit::Exact, output: Some(_), .. }, _) => {
            Undoing::Record(undo)
        }
        (Undo::Restore | Undo::Recreate, ..) => Undoing::Apply,
    }
}

#[cfg(test)]
mod tests;
