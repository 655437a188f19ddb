//! Running a deletion: relationships, then twins, then models.

use crate::adt::change::Change;
use crate::adt::instance::Instance;
use crate::adt::state::State;
use crate::adt::ticks::Ticks;

use super::TURN;
use super::record::{Failure, Job, Status};
use super::seat::{Seat, Stop};

/// Deletes everything until the deadline.
pub(super) fn run(seat: &Seat, deadline: Ticks) {
    loop {
        match seat.turn(|instance, job| turn(seat, instance, job, deadline)) {
            Ok(true) => {}
            Ok(false) | Err(Stop::Left) => return,
            Err(Stop::Cancelled) => return seat.end(Status::Cancelled, None, |_| ()),
            Err(Stop::Failed(failure)) => return seat.end(Status::Failed, Some(failure), |_| ()),
        }
    }
}

/// Deletes some; says whether there may be more. What is next is seen anew in every turn, since
/// others may write meanwhile: a twin goes only while there is no relationship.
fn turn(seat: &Seat, instance: &mut Instance, job: Job, deadline: Ticks) -> Result<bool, Stop> {
    let now = instance.now();
    if now >= deadline {
        let message = "The job was stopped at its timeout; what it had deleted stays deleted.";
        return Err(Stop::Failed(Failure::new("TimeoutReached", message)));
    }
    let mut changes = some(&instance.state);
    let more = !changes.is_empty();
    if more {
        changes.push(seat.record(Job { status: Status::Running, acted: now, ..job }));
    } else {
        instance.expect_little();
        changes.push(Change::DeleteModels);
        changes.push(seat.record(job.ended(Status::Succeeded, None, now)));
    }
    instance.commit_turn(changes, 0).map_err(|error| Stop::of("InternalServerError", &error))?;
    Ok(more)
}

fn some(state: &State) -> Vec<Change> {
    let relationships = state.relationships.keys().take(TURN);
    let changes: Vec<_> =
        relationships.map(|(source, id)| Change::DeleteRelationship(source.clone(), id.clone())).collect();
    if !changes.is_empty() {
        return changes;
    }
    state.twins.keys().take(TURN).map(|id| Change::DeleteTwin(id.clone())).collect()
}
