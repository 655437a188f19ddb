//! What runs tell the world, and how the world asks for a run: events out of the journal, asks in by a cloud's clock.
//!
//! # Terms
//!
//! | term | meaning |
//! |---|---|
//! | lifecycle event | what a record means to somebody outside: a run started, a step failed; a CloudEvent ([`Event`]) |
//! | sink | where events go: a bus of EventBridge, a webhook ([`Sink`]) |
//! | outbox | what brings a state folder's events to one sink ([`Outbox`]) |
//! | cursor | how far a sink has got in each stream, and the batch that is on its way |
//! | batch | events of one stream that are sent together, in order |
//! | lag | how far a sink is behind the journal ([`Lag`]) |
//! | clock | a rule of EventBridge that stands for a schedule, and its queue ([`clock`]) |
//! | ask | what the clock says when it is time ([`asks`]) |
//!
//! # Invariants
//!
//! 1. The journal is the outbox: no event is stored beside it, and what a record becomes depends on records alone. The same
//!    record gives the same event, with the same id, however often it is sent.
//! 2. On the wire an event goes at least once; by its id, exactly once. A batch is noted as on its way before it is sent, and
//!    as sent after; a process that ends in between sends the same batch again. Nothing is ever skipped.
//! 3. Within a stream, batches go in the journal's order, the next after the one before was taken.
//! 4. A failing sink is tried again for as long as it fails, and blocks no run: runs know of no sink.
//! 5. An ask is deleted from its queue only after the caller has said that it is durable.
//! 6. No secret is logged, nor part of an error, a cursor or a `Debug` output.
//!
//! The environment is not read, and there is no command line here.

pub mod asks;
pub mod clock;
pub mod lifecycle;
pub mod sink;

mod durable;
mod error;
mod names;
mod outbox;
#[cfg(test)]
mod testing;

pub use error::Error;
pub use lifecycle::Event;
pub use outbox::{Lag, Outbox, Pace, Start, still_needed};
pub use sink::{Sink, eventbridge::EventBridge, webhook::Webhook};
