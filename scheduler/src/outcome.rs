//! What the end of a job means for its occurrence. The codes are those of `docs/exit-codes.md`.

use journal::{RunStatus, ScheduleKind, ScheduleOutcome};

use crate::seams::Exit;

const DONE: u8 = 0;
const INTERRUPTED: u8 = 11;
const ROLLED_BACK: u8 = 12;
const PARTIALLY_ROLLED_BACK: u8 = 13;
const LOCKED: u8 = 14;
const DRIFT: u8 = 16;
const STOPPED: u8 = 130;

/// What the end of a job means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Somebody else was at work: nothing was done, and it is tried again.
    Held,
    /// It did not come to its end.
    Stopped,
    /// It came to its end.
    Ended(ScheduleOutcome),
}

/// What the exit of a job of this kind means.
pub(crate) fn meaning(kind: ScheduleKind, exit: Exit) -> Meaning {
    use ScheduleOutcome::{Drift, Failed, Finished, NoDrift, PartiallyRolledBack, RolledBack};
    let code = match exit {
        Exit::Code(LOCKED) => return Meaning::Held,
        Exit::Killed | Exit::Code(INTERRUPTED | STOPPED) => return Meaning::Stopped,
        Exit::Code(code) => code,
    };
    Meaning::Ended(match (kind, code) {
        (ScheduleKind::Redeploy, DONE) => Finished,
        (ScheduleKind::Redeploy, ROLLED_BACK) => RolledBack,
        (ScheduleKind::Redeploy, PARTIALLY_ROLLED_BACK) => PartiallyRolledBack,
        (ScheduleKind::DriftCheck, DONE) => NoDrift,
        (ScheduleKind::DriftCheck, DRIFT) => Drift,
        _ => Failed,
    })
}

/// How an occurrence ended whose run is at rest; none while it is not.
pub(crate) fn at_rest(status: RunStatus) -> Option<ScheduleOutcome> {
    match status {
        RunStatus::Finished => Some(ScheduleOutcome::Finished),
        RunStatus::RolledBack => Some(ScheduleOutcome::RolledBack),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exits_mean_what_the_published_codes_say() {
        use Meaning::{Ended, Held, Stopped};
        use ScheduleOutcome::{Drift, Failed, Finished, NoDrift, PartiallyRolledBack, RolledBack};
        let (run, drift) = (ScheduleKind::Redeploy, ScheduleKind::DriftCheck);
        let table = [
            (run, 0, Ended(Finished)),
            (run, 1, Ended(Failed)),
            (run, 3, Ended(Failed)),
            (run, 10, Ended(Failed)),
            (run, 11, Stopped),
            (run, 12, Ended(RolledBack)),
            (run, 13, Ended(PartiallyRolledBack)),
            (run, 14, Held),
            (run, 16, Ended(Failed)),
            (run, 130, Stopped),
            (drift, 0, Ended(NoDrift)),
            (drift, 16, Ended(Drift)),
            (drift, 12, Ended(Failed)),
            (drift, 14, Held),
        ];
        for (kind, code, expected) in table {
            assert_eq!(meaning(kind, Exit::Code(code)), expected, "{kind:?} {code}");
        }
        assert_eq!(meaning(run, Exit::Killed), Stopped);
    }
}
