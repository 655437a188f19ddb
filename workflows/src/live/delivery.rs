//! Sending until it is acknowledged: what a device does on a bad line.

use std::{future::Future, time::Duration};

use azure::Kind;
use chrono::{DateTime, Utc};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::{Line, Message, random::Random};

/// The wait before the second attempt; doubled for each further one.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// The longest wait between two attempts, unless the service asks for more.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Why something was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    /// What it means for whoever asked.
    pub kind: Kind,
    /// The HTTP status, when a service answered.
    pub status: Option<u16>,
    /// Why, in words.
    pub message: String,
    /// What the service asks to wait.
    pub retry_after: Option<Duration>,
}

impl Refused {
    /// A refusal that trying again does not help.
    #[must_use]
    pub fn permanent(message: impl Into<String>) -> Self {
        Self { kind: Kind::Permanent, status: None, message: message.into(), retry_after: None }
    }

    /// No answer until the deadline.
    pub(super) fn late() -> Self {
        Self { kind: Kind::Transient, status: None, message: "no answer until the deadline".into(), retry_after: None }
    }

    /// Whether the same again may be taken.
    #[must_use]
    pub fn passes(&self) -> bool {
        matches!(self.kind, Kind::Transient | Kind::Throttled | Kind::NotYet)
    }
}

impl From<azure::Error> for Refused {
    fn from(error: azure::Error) -> Self {
        Self {
            kind: error.kind(),
            status: error.status(),
            message: error.to_string(),
            retry_after: error.retry_after(),
        }
    }
}

impl From<aws::Error> for Refused {
    fn from(error: aws::Error) -> Self {
        let kind = match error.kind() {
            aws::ErrorKind::Transient => Kind::Transient,
            aws::ErrorKind::Throttled => Kind::Throttled,
            aws::ErrorKind::NotYet => Kind::NotYet,
            aws::ErrorKind::Conflict => Kind::Conflict,
            aws::ErrorKind::NotFound => Kind::NotFound,
            aws::ErrorKind::Permanent => Kind::Permanent,
        };
        Self { kind, status: error.status(), message: error.to_string(), retry_after: error.retry_after() }
    }
}

/// A message that was acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivered {
    /// When the acknowledgment came.
    pub at: DateTime<Utc>,
    /// How long that took, from the first attempt on.
    pub after: Duration,
    /// How often it was sent.
    pub attempts: u32,
}

/// Sends a message until it is acknowledged, refused for good, or the deadline has passed. `retried` hears of each
/// attempt that failed and is made again.
pub(super) async fn deliver(
    line: &dyn Line,
    message: &Message,
    until: Instant,
    retried: impl FnMut(&Refused),
) -> Result<Delivered, Refused> {
    let begun = Instant::now();
    let ((), attempts) = persevere(&message.id, until, || line.send(message), retried).await?;
    Ok(Delivered { at: Utc::now(), after: begun.elapsed(), attempts })
}

/// Tries until it succeeds, is refused for good, or the deadline has passed; the number of attempts is returned too.
/// Waits are spread by `seed`, so that many who failed together do not come back together.
pub(super) async fn persevere<T, F: Future<Output = Result<T, Refused>>>(
    seed: &str,
    until: Instant,
    mut attempt: impl FnMut() -> F,
    mut failed: impl FnMut(&Refused),
) -> Result<(T, u32), Refused> {
    let mut random = Random::of(0, seed);
    let mut attempts = 1;
    loop {
        let refused = match timeout_at(until, attempt()).await {
            Ok(Ok(done)) => return Ok((done, attempts)),
            Ok(Err(refused)) => refused,
            Err(_) => Refused::late(),
        };
        let again = Instant::now() + wait(attempts, &refused, &mut random);
        if !refused.passes() || again >= until {
            return Err(refused);
        }
        failed(&refused);
        sleep_until(again).await;
        attempts += 1;
    }
}

fn wait(attempts: u32, refused: &Refused, random: &mut Random) -> Duration {
    let doubled = FIRST_WAIT.saturating_mul(1 << attempts.saturating_sub(1).min(10)).min(LONGEST_WAIT);
    let spread = doubled.mul_f64(0.5 + random.unit() / 2.0);
    refused.retry_after.map_or(spread, |asked| asked + spread)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn throttled() -> Refused {
        Refused { kind: Kind::Throttled, retry_after: Some(Duration::from_secs(3)), ..Refused::late() }
    }

    #[tokio::test(start_paused = true)]
    async fn what_passes_is_tried_again_and_what_does_not_is_not() {
        let tries = Cell::new(0);
        let third = || async {
            tries.set(tries.get() + 1);
            if tries.get() < 3 { Err(throttled()) } else { Ok("there") }
        };
        let until = Instant::now() + Duration::from_secs(60);
        let heard = Cell::new(0);
        let done = persevere("a", until, third, |_| heard.set(heard.get() + 1)).await;
        assert_eq!((done, heard.get()), (Ok(("there", 3)), 2));
        let refused = persevere("a", until, || async { Err::<(), _>(Refused::permanent("no")) }, |_| {}).await;
        assert_eq!(refused.unwrap_err().message, "no");
    }

    #[tokio::test(start_paused = true)]
    async fn the_deadline_ends_it_also_in_the_middle_of_an_attempt() {
        let begun = Instant::now();
        let until = begun + Duration::from_secs(2);
        let silent = || std::future::pending::<Result<(), Refused>>();
        assert_eq!(persevere("a", until, silent, |_| {}).await, Err(Refused::late()));
        assert_eq!(persevere("a", until, || async { Err::<(), _>(throttled()) }, |_| {}).await, Err(throttled()));
        assert_eq!(begun.elapsed(), Duration::from_secs(2));
    }

    #[test]
    fn waits_grow_to_a_limit_and_keep_to_what_is_asked() {
        let mut random = Random::of(1, "a");
        let waits: Vec<Duration> = (1..40).map(|attempt| wait(attempt, &Refused::late(), &mut random)).collect();
        assert!(waits[0] <= FIRST_WAIT && waits.iter().all(|wait| *wait <= LONGEST_WAIT));
        assert!(waits[38] >= LONGEST_WAIT / 2);
        assert!(wait(1, &throttled(), &mut random) > Duration::from_secs(3));
    }
}
