//! Function apps: processes that are started, called, replaced, crashed and ended; and the front that calls them.
//!
//! The handler that the apps run is this test program itself, told to be one by [`handler::handler_process`].

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its own functions too")]

#[path = "../cloud/mod.rs"]
mod cloud;

mod app;
mod calls;
mod crashes;
mod events;
mod handler;
mod orphans;
mod restarts;
mod twins;
