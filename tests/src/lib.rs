//! The whole system under test: crash sweeps, contracts, one file per command.

pub mod by_hand;
pub mod contract;
pub mod projects;
pub mod twinctl;
pub mod world;
