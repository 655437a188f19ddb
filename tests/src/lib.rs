//! The whole system under test: crash sweeps, contracts, one file per command.

pub mod contract;
pub mod projects;
pub mod twinctl;
pub mod world;
