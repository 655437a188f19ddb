//! The functions between their hosts, over real sockets.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod apps;
mod host;
mod path;
mod support;
