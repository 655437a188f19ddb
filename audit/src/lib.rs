//! What auditors get out of the journal.
//!
//! # Terms
//!
//! | term | meaning |
//! |---|---|
//! | timeline | one run, folded from its records: what each step did, when, and where the work broke off |
//! | break | a time in which nobody worked on the run: from a crash, an interrupt or its end, until somebody went on |
//! | spell | a time in which a step was worked at; a step has several when the run broke off under it |
//! | attempt | one try of a step, with its failure if it had one |
//! | wait | the time between a failed attempt and the next |
//! | in doubt | a step whose intent is on disk and whose outcome is not |
//! | report | a timeline and its proof as one page |
//! | proof | what shows that the records of a report are those of the journal |
//!
//! # Invariants
//!
//! 1. Everything is a function of records: nothing here reads the clock, the environment or a file.
//! 2. What records say is data. It is escaped where it enters a page, and never decides where something is sent.
//! 3. Nothing is sent but by [`trace::export`], and only where its settings say so.

pub mod cloudevents;
pub mod report;
pub mod timeline;
pub mod trace;

mod words;

pub use self::report::Proof;
pub use self::timeline::Timeline;
