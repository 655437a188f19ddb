//! The engine against a cloud in memory.

mod cloud;
mod foreign;
mod random_graphs;
mod rollbacks;
mod runs;
mod specs;
mod steps;
mod sweeps;
mod worlds;
