//! The clock of a schedule that is not the daemon's: a rule of EventBridge, and the queue that it asks through.

use journal::{Overlap, ScheduleClock, ScheduleSpec};
use notify::clock::Clock;
use uuid::Uuid;
use workflows::definition::TargetKind;

use crate::{connect, exit::Exit, failure::Failure, place::Place};

/// What cannot be is refused before anything is made.
pub(super) fn demand_possible(spec: &ScheduleSpec) -> Result<(), Failure> {
    if spec.clock == ScheduleClock::Own {
        return Ok(());
    }
    if spec.jitter > 0 {
        return Err(Failure::new(Exit::Usage, "add the schedule").because("a rule of EventBridge knows no jitter"));
    }
    if spec.overlap == Overlap::Replace {
        return Err(Failure::new(Exit::Usage, "add the schedule")
            .because("a clock in AWS asks; it cannot stop what is in progress")
            .hint("`--overlap skip` or `--overlap queue`"));
    }
    Ok(())
}

/// Makes the clock of a schedule, or brings it in line; one that is not enabled asks for nothing.
pub(super) async fn set(
    place: &Place,
    journal: Uuid,
    name: &str,
    spec: &ScheduleSpec,
    enabled: bool,
) -> Result<(), Failure> {
    if spec.clock == ScheduleClock::Own {
        return Ok(());
    }
    let aws = connect::aws_alone(place, kind(spec)).await?;
    let set = Clock::new(journal, name).set(&aws, &spec.cron, &spec.timezone, enabled).await;
    set.map_err(|error| failed("set the schedule's clock in AWS", &error))
}

/// Removes it.
pub(super) async fn remove(place: &Place, journal: Uuid, name: &str, spec: &ScheduleSpec) -> Result<(), Failure> {
    if spec.clock == ScheduleClock::Own {
        return Ok(());
    }
    let aws = connect::aws_alone(place, kind(spec)).await?;
    let removed = Clock::new(journal, name).remove(&aws).await;
    removed.map_err(|error| failed("remove the schedule's clock from AWS", &error))
}

/// Where a schedule deploys to is where its clock is.
pub(crate) fn kind(spec: &ScheduleSpec) -> TargetKind {
    if spec.target == "cloud" { TargetKind::Cloud } else { TargetKind::Local }
}

fn failed(tried: &str, error: &notify::Error) -> Failure {
    let exit = if matches!(error, notify::Error::Untranslatable(_)) { Exit::Usage } else { Exit::Error };
    let failure = Failure::of(exit, tried, error);
    match error.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
