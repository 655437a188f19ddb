//! Durable workflows: steps, the graph, the executor, recovery, rollback.
//!
//! # Terms
//!
//! | term | meaning |
//! |---|---|
//! | step | one idempotent unit of work on one resource: observe, apply, compensate ([`step::Step`]) |
//! | environment | what steps act through (the clouds' clients); opaque to this crate, the type parameter `E` |
//! | node | a step that is not built yet: its id, its layer, the steps whose outputs it takes, and how to build it |
//! | graph | nodes in an order in which each comes after those it takes from; pure, made from a definition alone |
//! | handle | the typed promise of a step's output; only adding a node yields one, so cycles and missing inputs cannot be built |
//! | gate | a node that changes nothing: it observes other nodes and answers yes or no |
//! | ownership mark | what a resource carries so that we know it again: deployment, journal, step |
//! | checkpoint | what a step journals so that a resume goes on (a poll URL, a finished batch) |
//! | in doubt | the intent is journaled, the outcome is not: settled by observing, never by guessing |
//! | compensation | undoing what this run did: delete what it created, restore what it changed, leave what it found |
//! | saga | the run as a whole: steps forward, compensations backward |
//!
//! # How a step goes
//!
//! `StepStarted` → observe → (already as wanted: `StepCompleted`) → `StepIntended` → apply, with `StepCheckpoint`s →
//! `StepCompleted`. Each name is a record that is on disk before the arrow is followed. A resume finds steps that are
//! in doubt and observes first: as wanted and ours means done, partial means apply again, not ours means stop.
//!
//! # Invariants
//!
//! 1. No byte leaves for a cloud before the step's record is on disk.
//! 2. State is a fold of the journal; the engine keeps nothing else.
//! 3. The engine knows no cloud; a step does not know how it is executed.
//! 4. Every wait has a deadline and is visible through [`progress`].

pub mod decide;
mod error;
pub mod executor;
pub mod graph;
mod options;
pub mod progress;
pub mod report;
pub mod retry;
pub mod step;
#[cfg(feature = "sweep")]
pub mod sweep;

pub use self::error::{DefinitionError, Error};
pub use self::executor::{Definitions, Executor, Seams};
pub use self::options::{Options, Stop};
