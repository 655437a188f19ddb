//! A cloud in memory, steps on it, and worlds made of them.

pub(crate) mod cloud;
pub(crate) mod specs;
pub(crate) mod steps;
pub(crate) mod worlds;
