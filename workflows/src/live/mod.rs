//! Live data as an operator sees it: send as a device does, look whether the twin follows.
//!
//! # Terms
//!
//! | term | meaning |
//! |---|---|
//! | device | a device of the deployment with the twin that it feeds ([`Device`]) |
//! | world | what devices send into and twins are read from ([`World`]); the clouds, or a test's own |
//! | line | a device's way into its hub, opened with the device's own key ([`Line`]) |
//! | message | values of a device under one time that no other message of it has ([`Message`]) |
//! | mark | that time: a twin that shows it as a property's source time has taken the message |
//! | acknowledged | the hub has the message and will hand it on |
//! | visible | the twin, read anew, shows the mark or a newer time |
//! | overtaken | the twin shows a newer time than the mark: somebody else sent meanwhile |
//! | look | one reading of one twin |
//! | settling | the time after the last message in which what is on its way may still arrive |
//!
//! # Invariants
//!
//! 1. Nothing here writes to a twin: values reach it through the real path or not at all.
//! 2. A message that was not acknowledged is sent again with the same id, time and values, so that a repeat is one.
//! 3. The messages of one device go out in order, one at a time.
//! 4. Every wait has a deadline, and memory depends on the number of devices, never on that of messages.
//! 5. Equal seeds and starting values make equal series.

mod delivery;
mod device;
mod graph;
mod latency;
mod message;
mod nearest;
mod random;
mod sending;
mod series;
mod sight;
mod simulate;
mod tree;
mod twin_maker;
mod units;
mod verify;
mod world;

#[cfg(test)]
mod fake;

pub use delivery::{Delivered, Refused};
pub use device::{Device, Measured, devices};
pub use graph::{Graph, Twin, TwinValue};
pub use latency::{Histogram, Percentiles};
pub use message::{Malformed, Message, Warning};
pub use nearest::nearest;
pub use sending::{Arrival, Sent, send};
pub use sight::Sight;
pub use simulate::{Counts, Missing, Plan, Summary, simulate};
pub use tree::{Mark, Row, rows};
pub use verify::{Cause, DeviceReport, Hops, Outcome, Report, verify};
pub use world::{Error, Line, Live, Pace, World};
