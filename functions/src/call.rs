//! What a host hands to a function: a request or a batch of events, and the time that there is.

use std::time::Instant;

use async_trait::async_trait;
use serde_json::Value;

use crate::{answer::Answer, settings::Secret};

/// The largest body that a function takes, in bytes: a device's message is at most 256 KiB, its envelope adds little.
pub const BODY_LIMIT: usize = 300 * 1024;

/// One call of a function.
#[derive(Debug)]
pub struct Call {
    /// What it is about.
    pub what: What,
    /// When the caller gives up: an answer after this moment reaches nobody.
    pub deadline: Instant,
}

/// What a function is called with.
#[derive(Debug)]
pub enum What {
    /// A POST to a function with an HTTP trigger.
    Post {
        /// The value of `X-Inter-Cloud-Token`.
        token: Option<Secret>,
        /// The body as it came, at most [`BODY_LIMIT`] bytes.
        body: Vec<u8>,
    },
    /// Events of a subscription of Event Grid; most hosts hand over one at a time.
    Events(Vec<Value>),
    /// Events of a topic rule of IoT Core, which the function's policy admits.
    Rule(Vec<Value>),
    /// The query of a service that the function's policy admits: it shows no token.
    Query(Value),
}

/// A function: plain code over typed settings, the same under every host.
#[async_trait]
pub trait Handler: Send + Sync {
    /// Does the work and says how it went. Never panics on input, answers within the call's deadline.
    async fn call(&self, call: Call) -> Answer;
}
