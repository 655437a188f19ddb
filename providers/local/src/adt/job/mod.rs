//! Bulk jobs: import out of a blob, and deletion of everything.
//!
//! # Terms
//!
//! | term | meaning |
//! |---|---|
//! | job | the record of one import or deletion; kept in the instance's file like everything else |
//! | runner | what lets jobs run, each on a thread of its own, and stops them with the cloud |
//! | turn | up to [`TURN`] entities that are checked and committed together with the job's progress, as one line |
//! | progress | how far an import has got: in its input, in its log |
//! | finding | what is wrong with one line of the input |
//!
//! # Invariants
//!
//! 1. A turn is whole or absent: what it imported and the progress that says so are one line of the file. So a job that
//!    was killed goes on behind its last turn, and imports nothing twice.
//! 2. What a turn has to say is in the log before the turn is committed; the progress holds the log's length, to which it is
//!    cut when the job goes on. So nothing is logged twice or not at all.
//! 3. An instance is held for one turn at a time. Input is read and taken apart while it is not held.
//! 4. At most one job of an instance has not ended.
//!
//! # How an import ends
//!
//! Microsoft documents the input, the log of a job that succeeds, and that nothing is rolled back. Recorded in public is the
//! log of one job that failed: a line that is not what its section holds is an `UnsupportedFileFormat`, reported for the
//! section `Models`, and ends the job before anything is imported. Therefore the whole input is looked through first. An
//! entity that does not fit its model is logged with its line, counted, and passed over; the job goes on with the
//! others and ends as `failed`, since its status has no word for a part, and a caller that believed in
//! `succeeded` would miss them.

mod blobs;
mod deletion;
mod entry;
mod finding;
mod import;
mod input;
mod log;
mod models;
mod record;
mod routes;
mod runner;
mod seat;
mod section;
mod turn;

pub use blobs::{BlobError, Blobs, Input, Output};

pub(super) use record::{Family, Job};
pub(super) use routes::answer;
pub(super) use runner::Runner;

/// Entities of one turn.
const TURN: usize = 128;
