//! Single runs of the engine against a cloud in memory.

#[allow(dead_code, reason = "each test binary uses its own part of the fakes")]
#[path = "../fake/mod.rs"]
mod fake;

mod foreign;
mod forward;
mod plans;
mod rollbacks;
