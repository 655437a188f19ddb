//! When a failed attempt is repeated. The delays come from [`backoff`]; the loop and its records are the engine's.

use std::time::Duration;

use backoff::{ExponentialBackoff, backoff::Backoff};

use crate::step::{Failure, FailureKind, Policy};

/// The code of a refusal to touch what is somebody else's: never retried.
pub const NOT_OURS: &str = "not-ours";
/// The code of a step or gate whose time is up.
pub const DEADLINE: &str = "deadline";
/// The code of a gate that did not open in time.
pub const GATE_CLOSED: &str = "gate-closed";

/// How often a conflict ("another operation in progress") is retried before it is believed.
const CONFLICT_ATTEMPTS: u32 = 5;

/// The retries of one step within one run of the program.
#[derive(Debug)]
pub struct Retries {
    policy: Policy,
    delays: ExponentialBackoff,
    transient: u32,
    conflicts: u32,
}

impl Retries {
    /// Retries under a policy.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        let mut delays = ExponentialBackoff {
            initial_interval: policy.initial_delay,
            max_interval: policy.max_delay,
            multiplier: 2.0,
            randomization_factor: 0.5,
            // The deadline is the step's own, waits of other kinds included.
            max_elapsed_time: None,
            ..ExponentialBackoff::default()
        };
        delays.reset();
        Self { policy, delays, transient: 0, conflicts: 0 }
    }

    /// The wait before the next attempt; `None` when there is none.
    ///
    /// `remaining` is the time left until the step's deadline.
    pub fn after(&mut self, failure: &Failure, remaining: Duration) -> Option<Duration> {
        let allowed = match failure.kind {
            FailureKind::Permanent => false,
            FailureKind::Conflict => {
                self.conflicts += 1;
                failure.code.as_deref() != Some(NOT_OURS) && self.conflicts < CONFLICT_ATTEMPTS
            }
            FailureKind::Transient => {
                self.transient += 1;
                self.transient < self.policy.max_transient_attempts
            }
            FailureKind::Throttled | FailureKind::NotYet => true,
        };
        let delay = self.delay(failure);
        (allowed && delay < remaining).then_some(delay)
    }

    /// Exponential with jitter; never shorter than what the service asked for.
    fn delay(&mut self, failure: &Failure) -> Duration {
        let own = self.delays.next_backoff().unwrap_or(self.policy.max_delay).min(self.policy.max_delay);
        failure.retry_after.map_or(own, |asked| asked.max(own.min(self.policy.initial_delay)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(kind: FailureKind) -> Failure {
        Failure { kind, code: None, message: "no".into(), retry_after: None }
    }

    fn attempts(kind: FailureKind, code: Option<&str>) -> u32 {
        let mut retries = Retries::new(Policy { max_transient_attempts: 3, ..Policy::default() });
        let failure = Failure { code: code.map(Into::into), ..failure(kind) };
        (1..50).find(|_| retries.after(&failure, Duration::from_secs(60)).is_none()).unwrap_or(50)
    }

    #[test]
    fn each_kind_has_its_own_patience() {
        assert_eq!(attempts(FailureKind::Permanent, None), 1);
        assert_eq!(attempts(FailureKind::Conflict, Some(NOT_OURS)), 1);
        assert_eq!(attempts(FailureKind::Conflict, None), CONFLICT_ATTEMPTS);
        assert_eq!(attempts(FailureKind::Transient, None), 3);
        assert_eq!(attempts(FailureKind::Throttled, None), 50);
        assert_eq!(attempts(FailureKind::NotYet, None), 50);
    }

    #[test]
    fn delays_grow_and_stay_below_the_limit() {
        let policy = Policy {
            initial_delay: Duration::from_millis(100),
            max_delay: Duration::from_secs(1),
            ..Policy::default()
        };
        let mut retries = Retries::new(policy);
        let throttled = failure(FailureKind::Throttled);
        let delays: Vec<Duration> =
            (0..12).map(|_| retries.after(&throttled, Duration::from_secs(60)).expect("in time")).collect();
        assert!(delays[0] <= Duration::from_millis(150), "{delays:?}");
        assert!(delays[11] >= Duration::from_millis(500), "{delays:?}");
        assert!(delays.iter().all(|delay| *delay <= Duration::from_secs(1)), "{delays:?}");
    }

    #[test]
    fn the_service_is_given_the_time_that_it_asked_for() {
        let mut retries = Retries::new(Policy::default());
        let failure = Failure { retry_after: Some(Duration::from_secs(17)), ..failure(FailureKind::Throttled) };
        assert_eq!(retries.after(&failure, Duration::from_secs(60)), Some(Duration::from_secs(17)));
    }

    #[test]
    fn a_wait_that_would_pass_the_deadline_is_not_begun() {
        let mut retries = Retries::new(Policy::default());
        let failure = Failure { retry_after: Some(Duration::from_secs(17)), ..failure(FailureKind::NotYet) };
        assert_eq!(retries.after(&failure, Duration::from_secs(16)), None);
    }
}
