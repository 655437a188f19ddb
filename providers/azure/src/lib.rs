//! Azure: Resource Manager, Digital Twins, IoT Hub and function package clients.
//!
//! One handle ([`Azure`]) serves the real clouds and the local one: only base URL, credential and trusted roots differ.
//! Every request goes through azure_core's pipeline, so that policies ([`Options::per_try_policies`]) see every exchange;
//! where there are none, requests on twins go straight to the HTTP client: live data makes thousands a second.
//!
//! # Terms
//!
//! | term | meaning |
//! |---|---|
//! | plane | which service answers: Resource Manager, a twin instance, a hub, a deployment site; decides what a 403 means |
//! | id | a resource id, `/subscriptions/...`, as Resource Manager writes it |
//! | api version | the `api-version` of a request; all of ours stand in [`api`] |
//! | operation | a long-running operation: what to poll, as a value that survives a crash ([`arm::Operation`]) |
//! | mark | the tags by which we know a resource again as ours ([`mark::Mark`]) |
//! | principal | who we are: the object id and tenant that a token names ([`credentials::Principal`]) |
//! | pace | the client's own rate limit, kept below the service's ([`digital_twins::Limits`]) |
//!
//! # Invariants
//!
//! 1. One call is one request: nothing here retries. Whoever calls decides, by [`Kind`], and can record each attempt.
//! 2. Every request has a time-out; the pace only ever delays a request by what the service's rate demands.
//! 3. No secret and no query string enters an [`Error`], a log line or an [`arm::Operation`]'s message.
//! 4. A token leaves only over TLS (or to this machine) and only to the host that the client was made for.
//! 5. Host names come from what Azure returned, never from a pattern.

pub mod api;
pub mod arm;
mod auth;
pub mod blob;
pub mod cosmos;
pub mod credentials;
pub mod digital_twins;
mod error;
mod handle;
mod http;
pub mod iot_hub;
pub mod mark;
pub mod roles;
pub mod scm;
mod straight;
pub mod transport;

#[cfg(test)]
mod script;

pub use error::{Error, Kind};
pub use handle::{Azure, Observer, Options};

/// The pipeline's types that a policy of ours is written against.
pub use azure_core;
