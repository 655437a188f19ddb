//! A schedule whose clock is EventBridge: one rule, one queue, and nothing else of AWS.
//!
//! The rule stands on the account's default bus, fires in UTC, and puts its event into the queue, where it waits for the
//! daemon for up to 14 days. Only that rule may send to the queue. Both carry the mark of the journal, and are named after it
//! and the schedule: the same schedule of the same journal has the same names, so everything here may be repeated.

use std::time::Duration;

use aws::{Aws, ErrorKind, Tags, events::schedule_expression};
use backoff::{ExponentialBackoff, backoff::Backoff as _};
use uuid::Uuid;

use crate::{
    Error,
    names::{digest, slug},
};

/// The tag that names the journal, as on everything that a run makes.
const JOURNAL_TAG: &str = "twinctl-journal";
/// The tag that names the schedule.
const SCHEDULE_TAG: &str = "twinctl-schedule";
/// How much of a schedule's name goes into names and tags, in characters: a rule's name may have 64.
const LONGEST: usize = 40;
/// How long what passes by itself is waited for.
const PATIENCE: Duration = Duration::from_secs(90);

/// A schedule of a journal, as EventBridge knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clock {
    journal: Uuid,
    schedule: String,
}

impl Clock {
    /// The clock of a schedule; asks nothing.
    #[must_use]
    pub fn new(journal: Uuid, schedule: impl Into<String>) -> Self {
        Self { journal, schedule: schedule.into() }
    }

    /// The schedule's name.
    #[must_use]
    pub fn schedule(&self) -> &str {
        &self.schedule
    }

    /// What both the rule and the queue are called.
    #[must_use]
    pub fn name(&self) -> String {
        let digest = digest(format!("{}\n{}", self.journal, self.schedule).as_bytes(), 5);
        format!("twinctl-{}-{digest}", slug(&self.schedule, LONGEST))
    }

    /// Makes the rule and its queue, or brings ours in line; a disabled rule asks for nothing.
    ///
    /// `cron` has five fields, and `time_zone` must mean UTC. What passes by itself is waited for, up to 90 s: AWS makes no
    /// queue within a minute after one of the same name was removed.
    ///
    /// # Errors
    /// [`Error::Untranslatable`] when a rule cannot fire at these times, before anything is made; [`Error::Aws`] with the code
    /// `not-ours` when something of another journal has the name.
    pub async fn set(&self, aws: &Aws, cron: &str, time_zone: &str, enabled: bool) -> Result<(), Error> {
        let expression = schedule_expression(cron, time_zone)?;
        let mut delays = ExponentialBackoff { max_elapsed_time: Some(PATIENCE), ..ExponentialBackoff::default() };
        delays.reset();
        loop {
            let Err(error) = self.try_set(aws, &expression, enabled).await else { return Ok(()) };
            let delay = if passes(error.kind()) { delays.next_backoff() } else { None };
            let Some(delay) = delay else { return Err(error.into()) };
            tracing::info!(clock = %self.name(), retry_in = ?delay, "waiting for AWS: {error}");
            tokio::time::sleep(delay).await;
        }
    }

    async fn try_set(&self, aws: &Aws, expression: &str, enabled: bool) -> Result<(), aws::Error> {
        let (name, tags) = (self.name(), self.tags());
        let rule = aws.put_schedule_rule(&name, expression, enabled, &tags).await?;
        let queue = aws.put_queue(&name, &rule, &tags).await?;
        aws.put_queue_target(&name, &queue.arn).await
    }

    /// Removes the rule and the queue, with the asks that nobody heard; nothing there is fine.
    ///
    /// # Errors
    /// [`Error::Aws`] with the code `not-ours` when what has the name is of another journal.
    pub async fn remove(&self, aws: &Aws) -> Result<(), Error> {
        let (name, tags) = (self.name(), self.tags());
        // First what sends.
        aws.delete_schedule_rule(&name, &tags).await?;
        Ok(aws.delete_queue(&name, &tags).await?)
    }

    fn tags(&self) -> Tags {
        [(JOURNAL_TAG, self.journal.to_string()), (SCHEDULE_TAG, slug(&self.schedule, LONGEST))]
            .map(|(name, value)| (name.to_owned(), value))
            .into()
    }
}

fn passes(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotYet | ErrorKind::Throttled | ErrorKind::Transient)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_same_for_ever_and_another_for_all_else() {
        let name = |journal: u128, schedule: &str| Clock::new(Uuid::from_u128(journal), schedule).name();
        assert_eq!(name(1, "nightly"), "twinctl-nightly-f6bbd3f0f1");
        let all = [name(1, "nightly"), name(2, "nightly"), name(1, "nightly."), name(1, "nightly/")];
        for (place, one) in all.iter().enumerate() {
            assert!(!all[place + 1..].contains(one), "{one}");
        }
        let long = name(1, &"ü".repeat(200));
        assert!(
            long.len() <= 64 && long.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'),
            "{long}"
        );
    }
}
