//! A bus of EventBridge.
//!
//! An entry's source is `twinctl`, its detail type the event's type, its detail the whole CloudEvent: rules match
//! `{"source": ["twinctl"], "detail-type": ["twinctl.run.failed"], "detail": {"subject": ["factory"]}}`. EventBridge knows no
//! idempotency key and keeps no order: whoever receives knows an event by `detail.id`, and its place by `detail.data.seq`.

use async_trait::async_trait;
use aws::{
    Aws,
    events::{Entry, Refusal, batches},
};

use super::{Error, Sink};
use crate::{Event, durable::slug};

/// The source of all entries.
pub const SOURCE: &str = "twinctl";

/// A bus, in the account and region that the handle is for.
#[derive(Debug, Clone)]
pub struct EventBridge {
    aws: Aws,
    bus: String,
}

impl EventBridge {
    /// A bus by its name or ARN; sends nothing yet.
    #[must_use]
    pub fn new(aws: Aws, bus: impl Into<String>) -> Self {
        Self { aws, bus: bus.into() }
    }

    /// Puts what fits one request; gives the places in `entries` of what was not taken.
    async fn put(&self, entries: &[Entry]) -> Result<Vec<Refusal>, aws::Error> {
        let mut refusals = Vec::new();
        for range in batches(entries) {
            let start = range.start;
            match self.aws.put_events(&self.bus, &entries[range]).await {
                Ok(some) => refusals.extend(some.into_iter().map(|refusal| shifted(refusal, start))),
                Err(error) if start == 0 => return Err(error),
                // Earlier requests were taken: the rest is left.
                Err(error) => {
                    let left = start..entries.len();
                    refusals.extend(left.map(|index| Refusal { index, error: error.clone() }));
                    return Ok(refusals);
                }
            }
        }
        Ok(refusals)
    }
}

#[async_trait]
impl Sink for EventBridge {
    fn id(&self) -> String {
        format!("eventbridge-{}-{}", slug(self.aws.region(), 40), slug(&self.bus, 120))
    }

    async fn send(&self, batch: &[Event]) -> Result<(), Error> {
        let entries: Vec<Entry> = batch.iter().map(entry).collect();
        let refusals = self
            .put(&entries)
            .await
            .map_err(|error| Error::Refused { retry_after: error.retry_after(), reason: error.to_string() })?;
        let Some(first) = refusals.first() else { return Ok(()) };
        let (reason, retry_after) = (first.error.to_string(), first.error.retry_after());
        Err(Error::Partly { left: refusals.iter().map(|refusal| refusal.index).collect(), reason, retry_after })
    }
}

fn shifted(refusal: Refusal, start: usize) -> Refusal {
    Refusal { index: refusal.index + start, ..refusal }
}

fn entry(event: &Event) -> Entry {
    Entry {
        source: SOURCE.to_owned(),
        detail_type: event.kind.clone(),
        detail: serde_json::to_string(event).expect("events are plain data"),
        time: Some(event.time.into()),
    }
}
