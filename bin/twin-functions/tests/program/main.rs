//! The program itself, as a process.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod lambda;
mod life;
mod outgoing;
mod server;
mod support;
