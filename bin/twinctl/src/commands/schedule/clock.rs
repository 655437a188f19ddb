//! The clock of a schedule that is not the daemon's: a rule of EventBridge, and the queue that it asks through.

use aws::Aws;
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
    let untranslatable = |error| Failure::of(Exit::Usage, "make the schedule a rule of EventBridge", &error);
    aws::events::schedule_expression(&spec.cron, &spec.timezone).map(drop).map_err(untranslatable)
}

/// AWS, where the schedule's clock is there; none when it is the daemon's own.
pub(super) async fn reach(place: &Place, spec: &ScheduleSpec) -> Result<Option<Aws>, Failure> {
    match spec.clock {
        ScheduleClock::Own => Ok(None),
        ScheduleClock::Eventbridge => connect::aws_alone(place, kind(spec)).await.map(Some),
    }
}

/// Makes the clock of a schedule, or brings it in line; one that is not enabled asks for nothing.
pub(super) async fn set(
    aws: Option<&Aws>,
    journal: Uuid,
    name: &str,
    spec: &ScheduleSpec,
    enabled: bool,
) -> Result<(), Failure> {
    let Some(aws) = aws else { return Ok(()) };
    let set = Clock::new(journal, name).set(aws, &spec.cron, &spec.timezone, enabled).await;
    set.map_err(|error| failed("set the schedule's clock in AWS", &error))
}

/// Removes it.
pub(super) async fn remove(aws: Option<&Aws>, journal: Uuid, name: &str) -> Result<(), Failure> {
    let Some(aws) = aws else { return Ok(()) };
    let removed = Clock::new(journal, name).remove(aws).await;
    removed.map_err(|error| failed("remove the schedule's clock from AWS", &error))
}

/// Where a schedule deploys to is where its clock is.
pub(crate) fn kind(spec: &ScheduleSpec) -> TargetKind {
    if spec.target == "cloud" { TargetKind::Cloud } else { TargetKind::Local }
}

fn failed(tried: &str, error: &notify::Error) -> Failure {
    let again = "the schedule is on record; `twinctl schedule unpause` sets its clock again, `remove` takes both away";
    Failure::of(Exit::Error, tried, error).hint(error.hint().unwrap_or(again))
}
