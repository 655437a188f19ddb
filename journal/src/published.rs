//! What readers may see: the newest durable record of each stream.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::record::Head;

/// The durable heads, and a signal when they move. The database may hold more than they tell: records that are
/// written and not yet on disk, which nobody may see.
#[derive(Debug)]
pub(crate) struct Published {
    heads: Mutex<BTreeMap<String, Head>>,
    moved: Condvar,
}

impl Published {
    pub(crate) fn new(heads: BTreeMap<String, Head>) -> Self {
        Self { heads: Mutex::new(heads), moved: Condvar::new() }
    }

    /// Tells that these are on disk.
    pub(crate) fn publish(&self, heads: impl IntoIterator<Item = (String, Head)>) {
        self.heads.lock().unwrap_or_else(PoisonError::into_inner).extend(heads);
        self.moved.notify_all();
    }

    /// The streams and their heads.
    pub(crate) fn heads(&self) -> BTreeMap<String, Head> {
        self.heads.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many records of a stream are on disk.
    pub(crate) fn records(&self, stream: &str) -> u64 {
        let heads = self.heads.lock().unwrap_or_else(PoisonError::into_inner);
        heads.get(stream).map_or(0, |head| head.seq + 1)
    }

    /// Waits until a stream has more than `records` records, or for `at_most`; tells how many it has.
    pub(crate) fn wait(&self, stream: &str, records: u64, at_most: Duration) -> u64 {
        let count = |heads: &BTreeMap<String, Head>| heads.get(stream).map_or(0, |head| head.seq + 1);
        let heads = self.heads.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.moved.wait_timeout_while(heads, at_most, |heads| count(heads) <= records);
        count(&waited.unwrap_or_else(PoisonError::into_inner).0)
    }

    /// Wakes everybody who waits.
    pub(crate) fn wake(&self) {
        self.moved.notify_all();
    }
}
