//! A journal in memory that outlives the process that writes it: the real fold and hashes, without a disk.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use journal::{
    Append,
    event::{Digest, Event, RunId},
    record::{Actor, Record, VERSION, genesis},
    state::StreamState,
};

/// A journal in memory. Clones share the records.
#[derive(Debug, Clone, Default)]
pub struct Journal {
    inner: Arc<Mutex<(Vec<Record>, StreamState)>>,
}

const STREAM: &str = "memory";

impl Journal {
    /// The records so far.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    /// The fold of the records, made from nothing, as a process does that opens a journal.
    ///
    /// # Panics
    /// When the records do not fold, which would be a fault of the journal's.
    #[must_use]
    pub fn fold(&self) -> StreamState {
        let mut state = StreamState::default();
        for record in self.records() {
            state.apply(&record).expect("each record was legal when it was appended");
        }
        state
    }
}

#[async_trait]
impl Append for Journal {
    async fn append(&self, run: Option<RunId>, event: Event) -> Result<Record, journal::Error> {
        // As a disk does, it lets others go first.
        tokio::task::yield_now().await;
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let record = seal(&inner.1, run, event);
        inner.1.apply(&record)?;
        inner.0.push(record.clone());
        Ok(record)
    }
}

fn seal(state: &StreamState, run: Option<RunId>, event: Event) -> Record {
    let seq = state.head.as_ref().map_or(0, |head| head.seq + 1);
    let second = i64::try_from(seq).expect("a test writes few records");
    let mut record = Record {
        v: VERSION,
        stream: STREAM.into(),
        seq,
        time: DateTime::<Utc>::from_timestamp(second, 0).expect("a few seconds after the epoch"),
        actor: Actor { user: "sweep".into(), host: "memory".into(), process: 1, version: "0".into(), ci: None },
        run,
        event,
        prev: state.head.as_ref().map_or_else(|| genesis(STREAM), |head| head.hash.clone()),
        hash: Digest(String::new()),
    };
    record.hash = record.compute_hash();
    record
}
