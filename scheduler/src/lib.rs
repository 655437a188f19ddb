//! Schedules: when a project is deployed again, each time once, whatever dies in between.
//!
//! # Terms
//!
//! | term | meaning |
//! |---|---|
//! | schedule | a cron pattern in a time zone, a project, and what becomes of times that cannot be kept |
//! | occurrence | one time that the pattern names; it is known by that time, whenever it is acted upon |
//! | due | the moment at which an occurrence is acted upon: its time and the jitter |
//! | jitter | how long a start is put off: the same after every restart, since it is derived from name and time |
//! | taken up | its record of intent (`schedule-due`) is on disk; the occurrence is open until `schedule-ended` |
//! | left out | decided against (`schedule-skipped`), for a reason that the schedule's policy names |
//! | missed | due while no daemon was up |
//! | contended | due while another occurrence for the same project was open |
//! | lease | the journal's: whoever works on a deployment holds it, so it is taken for moments only in here |
//!
//! # How an occurrence goes
//!
//! ```text
//! due ──policy──▶ left out (recorded)
//!  └─────────────▶ taken up (recorded) ──▶ child process ──▶ ended (recorded)
//! ```
//!
//! # Invariants
//!
//! 1. Occurrences of a schedule are decided on in their order, each once; the journal rejects anything else.
//! 2. What is taken up ends exactly once. After a crash the journal is looked at first: a run that came to rest is only
//!    recorded, an unfinished one is gone on with, one that never began is begun. A deployment's stream rejects a second
//!    run for the same occurrence.
//! 3. One thing is worked on at a time: the lease is the state folder's.
//! 4. What is decided depends on the journal, the time, and the moment at which the daemon came up; on nothing else.
//! 5. Every wait ends with a time, a change of the schedules, or the wish to stop.

pub mod metrics;
pub mod occurrence;
pub mod policy;

mod book;
mod clock;
mod daemon;
mod error;
mod instance;
mod outcome;
mod seams;
mod status;

pub use self::book::JournalBook;
pub use self::clock::SystemClock;
pub use self::daemon::Daemon;
pub use self::error::Error;
pub use self::instance::Instance;
pub use self::occurrence::{Pattern, PatternError};
pub use self::seams::{Appended, Book, Clock, Exit, Found, Job, Page, Runner};
pub use self::status::{Board, Seen, Status, Working};
