//! The live path's binary: see the library of the same name.

use std::process::ExitCode;

/// Leaner than the system's: live data is many small allocations, a good part of what a call costs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    twin_functions::main()
}
