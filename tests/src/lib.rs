//! The whole system under test: crash sweeps, contracts, one file per command.

pub mod twinctl;
