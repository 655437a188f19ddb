//! The `twinctl` command line.

fn main() {}
