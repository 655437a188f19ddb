//! The local cloud: Azure's own HTTP interfaces, served on loopback.

pub mod adt;
pub mod clock;
pub mod effects;
pub mod lines;
