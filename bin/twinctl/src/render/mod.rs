//! From values to text: pure functions, so that what people read can be tested.

pub(crate) mod drift;
pub(crate) mod failure;
pub(crate) mod journal;
pub(crate) mod meter;
pub(crate) mod plan;
pub(crate) mod problems;
pub(crate) mod progress;
pub(crate) mod run;
pub(crate) mod schedule;
pub(crate) mod simulate;
pub(crate) mod status;
pub(crate) mod summary;
pub(crate) mod table;
pub(crate) mod time;
pub(crate) mod twins;
pub(crate) mod verify;
