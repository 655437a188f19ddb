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
//! | removal | the deletion of what stood in the deployment and left the definition, or of everything in a destroy |
//! | to settle | to find out by a look whether a step in doubt took effect |
//! | held | kept by a rollback because a compensation failed that stands on it |
//!
//! # How a step goes
//!
//! `StepStarted` → observe → (already as wanted: `StepCompleted`) → `StepIntended` → apply, with `StepCheckpoint`s →
//! `StepCompleted`. Each name is a record that is on disk before the arrow is followed. A resume finds steps that are
//! in doubt and observes first: as wanted and ours means done, partial means apply again, not ours means stop. So does
//! every attempt after a failed one. [`decide`] holds the whole table.
//!
//! # Who does what
//!
//! | module | holds |
//! |---|---|
//! | [`step`], [`graph`] | what workflows write: steps, and graphs of them |
//! | [`decide`] | what to do with what was seen: pure tables |
//! | [`retry`] | when an attempt is repeated, and the stable error codes of the engine |
//! | [`executor`] | [`Executor`]: deploy, destroy, resume, rollback, plan, observe |
//! | [`requests`] | the clouds' own ids of what a step asked for |
//! | [`report`], [`progress`] | how a run ended, for decisions; what it does meanwhile, for people |
//! | `sweep` (feature) | crash sweeps and the like, over any world |
//!
//! # Invariants
//!
//! 1. No byte that can change a cloud leaves before the step's intent is on disk.
//! 2. State is a fold of the journal; the engine keeps nothing else. A journal that cannot be written stops everything
//!    at once, as a crash would.
//! 3. The engine knows no cloud; a step does not know how it is executed.
//! 4. Every wait has a deadline and is visible through [`progress`]; a stop cuts it short.
//! 5. What others made is never deleted, and changed only on the operator's word.
//! 6. An intent keeps its idempotency key however often it is repeated: UUIDv5 of run, step and action.
//! 7. No task is spawned: dropping an executor's future stops everything that it does, which is how crashes are tested.

pub mod decide;
mod error;
pub mod executor;
pub mod graph;
mod options;
pub mod progress;
pub mod report;
pub mod requests;
pub mod retry;
pub mod step;
#[cfg(feature = "sweep")]
pub mod sweep;

pub use self::error::{DefinitionError, Error};
pub use self::executor::{Definitions, Drifted, Executor, Seams};
pub use self::options::{Options, Stop};
