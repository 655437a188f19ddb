//! The journal as a whole: written, read, killed, damaged.

mod damage;
mod golden;
mod index;
mod kill;
mod prune;
mod read;
mod store;
mod tampering;
mod wal;

use std::future::Future;
use std::path::Path;
use std::sync::Arc;

use crate::clock::FixedClock;
use crate::scenario::{actor, epoch};
use crate::{Record, Store, Stream};

/// Runs a future to its end on a runtime of its own.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(future)
}

fn open(state: &Path) -> Store {
    let clock = FixedClock::new(epoch(), chrono::Duration::milliseconds(1));
    Store::open_with(state, actor(), "twinctl run", Arc::new(clock)).unwrap()
}

/// Appends what the records say, anew.
fn replay(stream: &Stream, records: &[Record]) -> Vec<Record> {
    let append = async |record: &Record| stream.append(record.run, record.event.clone()).await.unwrap();
    block_on(async {
        let mut appended = Vec::new();
        for record in records {
            appended.push(append(record).await);
        }
        appended
    })
}
