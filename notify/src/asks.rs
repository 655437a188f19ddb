//! The daemon's ear: hears from a schedule's queue when it is time.
//!
//! EventBridge and SQS both deliver at least once, so the same event may come twice, also much later. An ask is told to the
//! caller once per event:
//!
//! - within a process, asks that are told and not acknowledged are remembered;
//! - across processes, the events that were acknowledged: `<state>/outbox/asks-<name>.json`, the newest thousand;
//! - in the one gap between the two, where a process ends after its caller has noted the ask in the journal and before
//!   [`Ear::acknowledge`], the ask is told again, with the same [`Ask::at`]: the journal, which has that occurrence, is the
//!   judge.
//!
//! The message is deleted only when the ask is acknowledged; until then it comes again.

use std::{
    collections::{BTreeMap, VecDeque},
    path::{Path, PathBuf},
    time::Duration,
};

use aws::{Aws, events::Message};
use chrono::{DateTime, SubsecRound as _, TimeDelta, Timelike as _, Utc};
use serde::{Deserialize, Serialize};

use crate::{Error, clock::Clock, durable};

/// How many acknowledged events are remembered.
const REMEMBERED: usize = 1_000;
/// The source and the kind of what a schedule rule sends.
const SCHEDULED: (&str, &str) = ("aws.events", "Scheduled Event");

/// A schedule's clock says that it is time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The schedule.
    pub schedule: String,
    /// The time that the rule fired for, to the minute: a rule fires at whole minutes, and may do so twice for one of them.
    pub at: DateTime<Utc>,
    /// EventBridge's id of the event.
    pub event: String,
}

/// What hears the asks of one schedule.
#[derive(Debug)]
pub struct Ear {
    aws: Aws,
    clock: Clock,
    queue_url: String,
    ledger: PathBuf,
    heard: Heard,
    /// By event, what deletes the message of an ask that is not acknowledged.
    open: BTreeMap<String, String>,
    waiting: VecDeque<Ask>,
}

/// The acknowledged events, oldest first.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Heard {
    events: VecDeque<String>,
}

/// What EventBridge puts into the queue, as far as it matters.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Firing {
    id: String,
    source: String,
    detail_type: String,
    time: DateTime<Utc>,
    resources: Vec<String>,
}

impl Ear {
    /// The ear of a state folder for a schedule whose clock is set.
    ///
    /// # Errors
    /// [`Error::NoQueue`] when the clock is not set; [`Error::Malformed`] when what was heard before cannot be read.
    pub async fn open(aws: Aws, state: &Path, clock: Clock) -> Result<Self, Error> {
        let name = clock.name();
        let Some(queue) = aws.queue(&name).await? else {
            return Err(Error::NoQueue { schedule: clock.schedule().to_owned(), queue: name });
        };
        let ledger = durable::folder(state)?.join(format!("{}{name}.json", crate::outbox::LEDGER));
        let heard = durable::read(&ledger)?.unwrap_or_default();
        let (open, waiting) = (BTreeMap::new(), VecDeque::new());
        Ok(Self { aws, clock, queue_url: queue.url, ledger, heard, open, waiting })
    }

    /// The next ask, as soon as it is there; none when so long (20 s at most) has passed without one. May be dropped.
    ///
    /// # Errors
    /// [`Error::Aws`]; trying again is safe.
    pub async fn next(&mut self, wait: Duration) -> Result<Option<Ask>, Error> {
        if self.waiting.is_empty() {
            for message in self.aws.receive(&self.queue_url, wait).await? {
                self.take(message).await?;
            }
        }
        Ok(self.waiting.pop_front())
    }

    /// Takes an ask off the queue, when it is durable in the journal.
    ///
    /// # Errors
    /// When that cannot be noted, or the message not be deleted: it may be repeated.
    pub async fn acknowledge(&mut self, ask: &Ask) -> Result<(), Error> {
        if !self.heard.has(&ask.event) {
            let mut heard = self.heard.clone();
            heard.add(&ask.event);
            durable::replace(&self.ledger, &heard)?;
            self.heard = heard;
        }
        if let Some(receipt) = self.open.get(&ask.event) {
            self.aws.delete_message(&self.queue_url, receipt).await?;
            self.open.remove(&ask.event);
        }
        Ok(())
    }

    async fn take(&mut self, message: Message) -> Result<(), Error> {
        let Some(ask) = self.ask(&message.body) else {
            // Its content is not told: anybody in the account could have put anything there.
            tracing::warn!(queue = %self.queue_url, "what is no firing of the schedule's rule is taken off the queue");
            return Ok(self.aws.delete_message(&self.queue_url, &message.receipt).await?);
        };
        if self.heard.has(&ask.event) {
            return Ok(self.aws.delete_message(&self.queue_url, &message.receipt).await?);
        }
        // One that comes again has a new receipt, and the old one is good no more.
        if self.open.insert(ask.event.clone(), message.receipt).is_none() {
            self.waiting.push_back(ask);
        }
        Ok(())
    }

    fn ask(&self, body: &str) -> Option<Ask> {
        let firing: Firing = serde_json::from_str(body).ok()?;
        let rule = format!(":rule/{}", self.clock.name());
        let ours = firing.resources.iter().any(|resource| resource.ends_with(&rule));
        let scheduled = (firing.source.as_str(), firing.detail_type.as_str()) == SCHEDULED;
        let at = to_minute(firing.time);
        (ours && scheduled).then(|| Ask { schedule: self.clock.schedule().to_owned(), at, event: firing.id })
    }
}

impl Heard {
    fn has(&self, event: &str) -> bool {
        self.events.iter().any(|known| known == event)
    }

    fn add(&mut self, event: &str) {
        if self.events.len() >= REMEMBERED {
            self.events.pop_front();
        }
        self.events.push_back(event.to_owned());
    }
}

fn to_minute(time: DateTime<Utc>) -> DateTime<Utc> {
    time.trunc_subsecs(0) - TimeDelta::seconds(i64::from(time.second()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_firing_belongs_to_its_minute() {
        let time = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        assert_eq!(to_minute(time("2026-01-02T03:04:59.9Z")), time("2026-01-02T03:04:00Z"));
        assert_eq!(to_minute(time("2026-01-02T03:04:00Z")), time("2026-01-02T03:04:00Z"));
    }

    #[test]
    fn the_newest_events_are_remembered() {
        let mut heard = Heard::default();
        (0..=REMEMBERED).for_each(|number| heard.add(&number.to_string()));
        assert_eq!(heard.events.len(), REMEMBERED);
        assert!(!heard.has("0") && heard.has("1") && heard.has(&REMEMBERED.to_string()));
    }
}
