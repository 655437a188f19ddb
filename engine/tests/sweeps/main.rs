//! The engine's sweeps over a cloud in memory.

#[allow(dead_code, reason = "each test binary uses its own part of the fakes")]
#[path = "../fake/mod.rs"]
mod fake;

mod random_graphs;
mod shapes;
