//! The Lambda host against a runtime that follows a script.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod aws;
mod host;
mod runtime;
