//! The whole system under test: crash sweeps, contracts, one file per command.

pub mod aws_world;
pub mod browser;
pub mod by_hand;
pub mod contract;
pub mod control;
pub mod listeners;
pub mod node;
pub mod outcome;
pub mod projects;
pub mod python;
pub mod strace;
pub mod twinctl;
pub mod world;
