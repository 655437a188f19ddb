//! The runtime of AWS Lambda: we ask it for the next invocation, and give it the outcome.
//!
//! | event | made by | answer |
//! |---|---|---|
//! | a request, payload version 2.0 | the function's URL | always a response, the function's own status in it |
//! | what [`rule_sql`](crate::inbound::iot::rule_sql) selects, one or a list | the topic rule of IoT Core | the outcome; a failure is an error of the invocation, and Lambda sends the event again |
//! | a query, for the hot-reader alone | TwinMaker | the document; a failure is an error of the invocation |
//!
//! Events other than a request can only come from whoever the function's policy admits: Lambda itself puts a request
//! together, and nothing in one passes for another event.
//!
//! The client of the runtime is ours and not `lambda_runtime`'s: that brings a framework of middleware, decides itself what
//! an event that cannot be read is answered with, and has no way to end between two invocations.

pub mod event;
mod response;
mod runtime;
mod serve;

use std::time::Duration;

pub use runtime::Error;
pub use serve::{Ended, serve};

/// The times that the host gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// What is kept of an invocation's time to hand its outcome over in.
    pub margin: Duration,
    /// How long the runtime may be out of reach before it counts as gone.
    pub patience: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { margin: Duration::from_millis(500), patience: Duration::from_secs(5) }
    }
}
