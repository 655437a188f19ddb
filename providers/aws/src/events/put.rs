//! Putting events on a bus.

use std::{ops::Range, time::SystemTime};

use aws_sdk_eventbridge::types::{PutEventsRequestEntry, PutEventsResultEntry};
use aws_smithy_runtime_api::http::Headers;

use crate::{Aws, Error, ErrorKind, error::failed};

/// The most entries of one request (PutEvents, `Entries`).
pub const MOST_ENTRIES: usize = 10;
/// The most bytes of one request, counted as [`Entry::size`] does (EventBridge User Guide, "Calculating PutEvents event entry
/// size").
pub const MOST_BYTES: usize = 256 * 1024;

/// What an entry's time counts for in its size, in bytes.
const TIME_BYTES: usize = 14;

/// One event to be put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Whose event it is; never begins with `aws.`.
    pub source: String,
    /// What kind of event it is, for rules to match.
    pub detail_type: String,
    /// A JSON object as text.
    pub detail: String,
    /// When it happened; the time of the request when there is none.
    pub time: Option<SystemTime>,
}

/// One entry that the bus did not take, while it may have taken others of the same request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Its place among the entries, from 0.
    pub index: usize,
    /// Why not.
    pub error: Error,
}

impl Entry {
    /// What it counts for in a request, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        let time = if self.time.is_some() { TIME_BYTES } else { 0 };
        time + self.source.len() + self.detail_type.len() + self.detail.len()
    }

    fn request(&self, bus: &str) -> PutEventsRequestEntry {
        PutEventsRequestEntry::builder()
            .event_bus_name(bus)
            .source(&self.source)
            .detail_type(&self.detail_type)
            .detail(&self.detail)
            .set_time(self.time.map(Into::into))
            .build()
    }
}

/// Cuts entries, in their order, into ranges that each fit one request.
///
/// An entry that is too large for any request has a range of its own, and [`Aws::put_events`] refuses it.
#[must_use]
pub fn batches(entries: &[Entry]) -> Vec<Range<usize>> {
    let mut batches: Vec<Range<usize>> = Vec::new();
    let mut bytes = 0;
    for (index, entry) in entries.iter().enumerate() {
        match batches.last_mut().filter(|batch| batch.len() < MOST_ENTRIES && bytes + entry.size() <= MOST_BYTES) {
            Some(batch) => {
                batch.end += 1;
                bytes += entry.size();
            }
            None => {
                batches.push(index..index + 1);
                bytes = entry.size();
            }
        }
    }
    batches
}

impl Aws {
    /// Puts events on a bus in one request, and tells which of them the bus did not take; empty: it took all.
    ///
    /// The same entry may be put again, and is then delivered again: EventBridge knows no idempotency key.
    ///
    /// # Errors
    /// When the request as a whole is refused or lost, in which case any of them may have been taken;
    /// [`ErrorKind::Permanent`] when it would break [`MOST_ENTRIES`] or [`MOST_BYTES`].
    pub async fn put_events(&self, bus: &str, entries: &[Entry]) -> Result<Vec<Refusal>, Error> {
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        demand_fit(entries)?;
        let requests = entries.iter().map(|entry| entry.request(bus)).collect();
        let request = self.events().put_events().set_entries(Some(requests));
        let answer = request.send().await.map_err(failed("events:PutEvents", bus))?;
        let results = answer.entries.unwrap_or_default();
        Ok((0..entries.len()).filter_map(|index| refusal(bus, index, results.get(index))).collect())
    }
}

fn demand_fit(entries: &[Entry]) -> Result<(), Error> {
    let bytes: usize = entries.iter().map(Entry::size).sum();
    if entries.len() <= MOST_ENTRIES && bytes <= MOST_BYTES {
        return Ok(());
    }
    Err(Error::permanent(format!(
        "put {} events of {bytes} bytes in one request: it takes {MOST_ENTRIES} and {MOST_BYTES} bytes at most",
        entries.len()
    )))
}

/// What is not said to be taken is not: an entry without an answer too.
fn refusal(bus: &str, index: usize, result: Option<&PutEventsResultEntry>) -> Option<Refusal> {
    let code = result.and_then(PutEventsResultEntry::error_code);
    if code.is_none() && result.is_some_and(|result| result.event_id().is_some()) {
        return None;
    }
    let message = result.and_then(PutEventsResultEntry::error_message);
    let error = Error::of_answer(format!("events:PutEvents {bus}"), 200, &Headers::new(), code, message);
    let error = if code.is_none() { error.with_kind(ErrorKind::Transient) } else { error };
    Some(Refusal { index, error })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(bytes: usize) -> Entry {
        Entry { source: String::new(), detail_type: String::new(), detail: "x".repeat(bytes), time: None }
    }

    #[test]
    fn batches_keep_order_and_limits() {
        assert_eq!(batches(&[]), []);
        assert_eq!(batches(&vec![entry(1); 23]), [0..10, 10..20, 20..23]);
        let sizes = [MOST_BYTES - 1, 1, 1, MOST_BYTES, MOST_BYTES + 1, 1];
        let entries: Vec<Entry> = sizes.into_iter().map(entry).collect();
        assert_eq!(batches(&entries), [0..2, 2..3, 3..4, 4..5, 5..6]);
        assert!(demand_fit(&entries[0..2]).is_ok());
        assert_eq!(demand_fit(&entries[4..5]).unwrap_err().kind(), ErrorKind::Permanent);
    }

    #[test]
    fn a_size_counts_what_eventbridge_counts() {
        let time = Some(SystemTime::UNIX_EPOCH);
        let entry = Entry { source: "twinctl".into(), detail_type: "tü".into(), detail: "{}".into(), time };
        assert_eq!(entry.size(), 14 + 7 + 3 + 2);
    }

    #[test]
    fn a_refused_entry_says_whether_it_is_worth_another_attempt() {
        let result = |code: &str| PutEventsResultEntry::builder().error_code(code).error_message("no").build();
        let kind = |code| refusal("bus", 3, Some(&result(code))).map(|refusal| (refusal.index, refusal.error.kind()));
        assert_eq!(kind("ThrottlingException"), Some((3, ErrorKind::Throttled)));
        assert_eq!(kind("InternalFailure"), Some((3, ErrorKind::Transient)));
        assert_eq!(kind("InternalException"), Some((3, ErrorKind::Transient)));
        assert_eq!(kind("NotAuthorizedForSourceException"), Some((3, ErrorKind::Permanent)));
        let taken = PutEventsResultEntry::builder().event_id("e").build();
        assert_eq!(refusal("bus", 0, Some(&taken)), None);
        let unsaid = refusal("bus", 1, None).map(|refusal| (refusal.index, refusal.error.kind()));
        assert_eq!(unsaid, Some((1, ErrorKind::Transient)));
    }
}
