//! The outbox in a world that crashes at every point where something durable changes.

mod crashes;
mod rules;
mod world;
