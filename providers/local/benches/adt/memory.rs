//! What a process uses, as `/proc` tells; zero where there is none.

use std::fs;

/// Its resident memory, in bytes.
pub(crate) fn resident(pid: u32) -> u64 {
    line(pid, "VmRSS:")
}

/// Its highest resident memory so far, in bytes.
pub(crate) fn peak(pid: u32) -> u64 {
    line(pid, "VmHWM:")
}

fn line(pid: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) * 1024
}
