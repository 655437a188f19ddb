//! The program on Lambda, as an emulator by others runs it: ministack, from PyPI.
//!
//! `TWINCTL_MINISTACK` is the path of its executable; without it there is nothing to test against, and the tests say so.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot go on has failed")]

mod cloud;
mod path;
mod storage;
