//! Repeating what may pass by itself, within a deadline. The delays come from [`backoff`].

use std::time::{Duration, Instant};

use backoff::{ExponentialBackoff, backoff::Backoff};
use tokio::time::timeout_at;

use crate::answer::{Answer, Code};

/// The longest that one attempt may take: what is lost on the way is sent again, which is safe, since every receiver
/// takes the same thing twice.
const ATTEMPT: Duration = Duration::from_secs(10);
const FIRST_DELAY: Duration = Duration::from_millis(100);
const LONGEST_DELAY: Duration = Duration::from_secs(2);

/// A failed attempt.
#[derive(Debug)]
pub(crate) struct Setback {
    /// What to say when it was the last one.
    pub(crate) answer: Answer,
    /// Whether it may pass by itself.
    pub(crate) passes: bool,
}

/// Attempts until one succeeds, one fails for good, or the next would come after the deadline.
pub(crate) async fn until<T, F>(deadline: Instant, mut attempt: impl FnMut() -> F) -> Result<T, Answer>
where
    F: Future<Output = Result<T, Setback>>,
{
    let mut delays = delays();
    let mut last = Answer::new(Code::TimedOut, "there was no time left");
    loop {
        let now = Instant::now();
        if now >= deadline {
            return Err(last);
        }
        match timeout_at(deadline.min(now + ATTEMPT).into(), attempt()).await {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(setback)) if !setback.passes => return Err(setback.answer),
            Ok(Err(setback)) => last = setback.answer,
            Err(_) => last = Answer::new(Code::TimedOut, "the service behind the function did not answer in time"),
        }
        let own = delays.next_backoff().unwrap_or(LONGEST_DELAY);
        let delay = last.retry_after.map_or(own, |asked| asked.max(own.min(FIRST_DELAY)));
        if Instant::now() + delay >= deadline {
            return Err(last);
        }
        tokio::time::sleep(delay).await;
    }
}

fn delays() -> ExponentialBackoff {
    let mut delays = ExponentialBackoff {
        initial_interval: FIRST_DELAY,
        max_interval: LONGEST_DELAY,
        multiplier: 2.0,
        randomization_factor: 0.5,
        // The deadline is the call's own.
        max_elapsed_time: None,
        ..ExponentialBackoff::default()
    };
    delays.reset();
    delays
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setback(code: Code, passes: bool, retry_after: Option<Duration>) -> Setback {
        Setback { answer: Answer::new(code, "no").retry_after(retry_after), passes }
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[tokio::test]
    async fn what_passes_is_repeated_and_the_rest_is_not() {
        for (failures, passes, wanted) in [(2, true, Ok(3)), (1, false, Err(Code::Upstream))] {
            let mut attempts = 0;
            let ended = until(soon(), || {
                attempts += 1;
                let ended = if attempts > failures { Ok(attempts) } else { Err(setback(Code::Upstream, passes, None)) };
                std::future::ready(ended)
            });
            assert_eq!(ended.await.map_err(|answer| answer.code), wanted);
        }
    }

    #[tokio::test]
    async fn a_wait_that_would_pass_the_deadline_is_not_begun() {
        let asked = Some(Duration::from_secs(3600));
        let mut attempts = 0;
        let ended = until::<(), _>(soon(), || {
            attempts += 1;
            std::future::ready(Err(setback(Code::Throttled, true, asked)))
        });
        let answer = ended.await.unwrap_err();
        assert_eq!((answer.code, answer.retry_after, attempts), (Code::Throttled, asked, 1));
    }

    #[tokio::test]
    async fn an_attempt_ends_with_the_deadline() {
        let soon = Instant::now() + Duration::from_millis(20);
        let ended = until::<(), _>(soon, std::future::pending).await;
        assert_eq!(ended.unwrap_err().code, Code::TimedOut);
        let ended = until::<(), _>(soon, || async { panic!("there is no time for an attempt") }).await;
        assert_eq!(ended.unwrap_err().code, Code::TimedOut);
    }
}
