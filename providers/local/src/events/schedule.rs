//! What becomes of a delivery that failed: another try after a pause, or none.
//!
//! All durations here are the real service's [D]; whoever waits for them paces them by the clock.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How long a destination has to acknowledge.
///
/// It bounds real work of a real process, so it is the same however fast the cloud's time runs.
pub(super) const ACKNOWLEDGEMENT: Duration = Duration::from_secs(30);

/// The pause after a delivery that broke off on our side.
pub(super) const BREATH: Duration = Duration::from_secs(10);

/// How long letters are gathered before they are written to a blob.
pub(super) const GATHERING: Duration = Duration::from_secs(5 * 60);

/// How long after giving up an event is dropped when its letter could not be written.
pub(super) const BURIAL: Duration = Duration::from_secs(4 * 60 * 60);

/// Seconds before the second, third, ... attempt; the last one stays.
const BACKOFF: [u64; 7] = [10, 30, 60, 300, 600, 1800, 3600];

/// How long and how often a subscription wants to be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Policy {
    /// Attempts, the first one included; 1 to 30.
    pub(super) attempts: u32,
    /// 1 minute to a day, counted from the publication.
    pub(super) time_to_live: Duration,
}

/// Why an event was given up, as dead letters spell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Reason {
    MaxDeliveryAttemptsExceeded,
    TimeToLiveExceeded,
    UndeliverableDueToHttpBadRequest,
    UndeliverableDueToHttpRequestEntityTooLarge,
}

/// What follows a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Again(Duration),
    GivenUp(Reason),
}

/// Judges the attempt that failed with `status`, the `attempts`-th of this delivery.
pub(super) fn verdict(status: u16, attempts: u32, policy: Policy) -> Verdict {
    match status {
        400 => return Verdict::GivenUp(Reason::UndeliverableDueToHttpBadRequest),
        413 => return Verdict::GivenUp(Reason::UndeliverableDueToHttpRequestEntityTooLarge),
        _ if attempts >= policy.attempts => return Verdict::GivenUp(Reason::MaxDeliveryAttemptsExceeded),
        _ => {}
    }
    let step = usize::try_from(attempts.saturating_sub(1)).map_or(usize::MAX, |step| step);
    let seconds = BACKOFF[step.min(BACKOFF.len() - 1)];
    Verdict::Again(Duration::from_secs(seconds.max(at_least(status))))
}

/// Seconds that are waited at least after this status.
fn at_least(status: u16) -> u64 {
    match status {
        401 | 403 | 404 => 300,
        408 => 120,
        503 => 30,
        _ => 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy = Policy { attempts: 30, time_to_live: Duration::from_secs(86_400) };

    fn pauses(status: u16) -> Vec<u64> {
        let pause = |attempts| match verdict(status, attempts, POLICY) {
            Verdict::Again(pause) => pause.as_secs(),
            Verdict::GivenUp(reason) => panic!("given up: {reason:?}"),
        };
        (1..=9).map(pause).collect()
    }

    #[test]
    fn pauses_grow_and_some_statuses_ask_for_longer_ones() {
        assert_eq!(pauses(500), [10, 30, 60, 300, 600, 1800, 3600, 3600, 3600]);
        assert_eq!(pauses(404), [300, 300, 300, 300, 600, 1800, 3600, 3600, 3600]);
        assert_eq!(pauses(408)[..4], [120, 120, 120, 300]);
        assert_eq!(pauses(503)[..3], [30, 30, 60]);
    }

    #[test]
    fn some_statuses_and_the_last_attempt_end_it() {
        let given_up = |status, attempts| match verdict(status, attempts, POLICY) {
            Verdict::GivenUp(reason) => Some(reason),
            Verdict::Again(_) => None,
        };
        assert_eq!(given_up(400, 1), Some(Reason::UndeliverableDueToHttpBadRequest));
        assert_eq!(given_up(413, 1), Some(Reason::UndeliverableDueToHttpRequestEntityTooLarge));
        assert_eq!(given_up(500, 29), None);
        assert_eq!(given_up(500, 30), Some(Reason::MaxDeliveryAttemptsExceeded));
    }
}
