//! The live path's binary: see the library of the same name.

use std::process::ExitCode;

fn main() -> ExitCode {
    twin_functions::main()
}
