//! The binary as cargo built it says what it is. (An integration test of this package also makes `cargo test` build
//! the binary, which the system tests run.)

use std::process::Command;

#[test]
fn it_says_its_version() {
    let output = Command::new(env!("CARGO_BIN_EXE_twinctl")).arg("--version").output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stdout), concat!("twinctl ", env!("CARGO_PKG_VERSION"), "\n"));
}
