//! The durable, verifiable record of every deployment.
//!
//! # Terms
//!
//! | term | meaning |
//! |---|---|
//! | store | one folder on disk (`<state>/journal`): a sled database that holds every stream, and a write-ahead file |
//! | stream | the records of one deployment, numbered from 0 without gaps |
//! | record | one event with its sequence number, time, actor, run and two hashes |
//! | run | one attempt to bring a deployment to a definition; it may be interrupted, resumed, rolled back |
//! | definition | the parsed project without secrets, stored content-addressed beside the journal |
//! | head | sequence number and hash of the newest record of a stream |
//! | lease | the right to write: held by one process, gone when that process is gone |
//! | write-ahead file | where records become durable; the database has them for good from the next checkpoint on |
//! | checkpoint | the database is put on disk, and the write-ahead file emptied |
//! | signed checkpoint | a statement of what a stream held, to be kept elsewhere ([`checkpoint`]) |
//! | leaf, root, proof | of the Merkle tree over a stream's records ([`merkle`]) |
//! | index | what was done, run by run, so that listing needs no record; derived |
//! | base | what stands for the records that were pruned ([`Base`]) |
//! | in doubt | a step whose intent is on disk and whose outcome is not |
//! | schedule | when a project is deployed again, or looked at; all of them stand in the stream [`SCHEDULES`] |
//! | occurrence | one time of a schedule: open from its record of intent to that of its end |
//!
//! # The state folder
//!
//! | name | holds |
//! |---|---|
//! | `lock` | the lease (`flock`), and for humans who holds or last held it |
//! | `reader.sock` | where the owner serves readers; gone with the owner |
//! | `journal/` | the sled database |
//! | `journal/wal` | the write-ahead file: records that the database may not have on disk yet |
//! | `heads` | the newest durable record of each stream: shows when the database has lost its tail |
//! | `index` | the runs of each stream, as the last owner left them; derived |
//! | `checkpoint.key` | what checkpoints are signed with, once one was |
//! | `definitions/` | content-addressed definitions, named by the first record of their runs |
//!
//! # Invariants
//!
//! 1. A record is on disk (`fdatasync` of the write-ahead file) before [`Stream::append`] returns. That file is emptied
//!    only after `fdatasync` of the database; the two together are the whole journal at any time.
//! 2. Records never change; sequence numbers have no gaps; each record carries the hash of the one before it.
//! 3. An illegal transition is rejected when appended and when loaded ([`state`]).
//! 4. Reading never takes the lease, and never writes below the state folder.
//! 5. Nothing is repaired silently.
//! 6. Records leave only by a prune: exported first, recorded, and then all at once; what they added up to stays, covered
//!    by a record, so that chain, tree and state go on as if they were still there.
//!
//! This crate knows no step and no cloud: steps are names, documents are digests and opaque JSON.

pub mod checkpoint;
pub mod definitions;
pub mod event;
pub mod merkle;
pub mod read;
pub mod record;
pub mod state;
pub mod verify;

mod actor;
mod base;
mod check;
mod clock;
mod error;
mod heads;
mod index;
mod lease;
mod load;
mod protocol;
mod prune;
mod published;
#[cfg(test)]
mod scenario;
mod server;
mod sled_store;
mod store;
mod stream;
#[cfg(test)]
mod tests;
mod wal;
mod work;
mod writer;

pub use self::base::Base;
pub use self::clock::{Clock, FixedClock, SystemClock};
pub use self::definitions::Definitions;
pub use self::error::Error;
pub use self::event::{
    Action, Digest, Drift, DriftKind, Event, FailureKind, Missed, Outcome, Overlap, RunId, RunKind, SCHEDULES,
    ScheduleClock, ScheduleKind, ScheduleOutcome, ScheduleSpec, SkipReason, StepId, Trigger, Undo,
};
pub use self::index::Overview;
pub use self::lease::Owner;
pub use self::prune::Pruned;
pub use self::read::Reader;
pub use self::record::{Actor, Head, Record};
pub use self::state::{
    Deployed, Deployment, Ended, Open, Provenance, RunState, RunStatus, ScheduleState, StepState, StepStatus,
    StreamState,
};
pub use self::store::Store;
pub use self::stream::{Append, Stream};
