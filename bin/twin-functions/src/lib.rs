//! The live path's one binary.

use std::{ffi::OsStr, path::Path, process::ExitCode};

/// Whether a program called by this name is meant to be this one; `twinctl` asks, since it can play both.
#[must_use]
pub fn is_meant(argv0: &OsStr) -> bool {
    Path::new(argv0).file_name().is_some_and(|name| name == "handler" || name == "twin-functions")
}

/// Runs the host of a function app until it is told to stop.
#[must_use]
pub fn main() -> ExitCode {
    ExitCode::SUCCESS
}
