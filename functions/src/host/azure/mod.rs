//! Azure Functions' custom handler: HTTP on loopback, called by the Functions host alone.
//!
//! | request | form | answer |
//! |---|---|---|
//! | `GET /` | the host's probe | 200 |
//! | `POST /{function}` | `Data`/`Metadata`, HTTP trigger | 200, the function's own answer in `Outputs.res` |
//! | `POST /{function}` | `Data`/`Metadata`, event trigger | the answer's status: other than 2xx fails the invocation, and Event Grid sends the event again |
//! | `POST /api/{function}` | the request as it came (`enableForwardingHttpRequest`) | the function's own answer |
//! | `GET /admin/status` | ours | counts of calls by function and code |
//!
//! Event triggers are not served below `/api/`: what arrives there may come from anywhere, and events carry no token.

pub mod invocation;
pub(super) mod log;
mod respond;
mod serve;

use std::time::Duration;

pub use serve::{Ended, serve};

use crate::answer::Answer;

/// The times that the host gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// For a call by Event Grid, which gives up after 30 s and sends the event again.
    pub event_time: Duration,
    /// For a call by HTTP.
    pub post_time: Duration,
    /// For the calls in flight when the host is told to stop.
    pub drain: Duration,
}

impl Default for Options {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { event_time: seconds(25), post_time: seconds(30), drain: seconds(30) }
    }
}

/// The header `Retry-After`: whole seconds, rounded up, so that nobody comes too early.
pub(super) fn retry_after(answer: &Answer) -> Option<String> {
    let after = answer.retry_after?;
    Some((after.as_secs() + u64::from(after.subsec_nanos() > 0)).to_string())
}
