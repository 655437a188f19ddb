//! What processes use, as `/proc` tells; zeros where there is none.

use std::{fs, time::Duration};

/// The unit of times in `/proc/{pid}/stat`; 100 per second on every Linux that matters.
const TICK: Duration = Duration::from_millis(10);

/// The highest resident memory of a process so far, in bytes.
pub(crate) fn peak_memory(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// The processor time of a process so far, its own and the system's on its behalf.
pub(crate) fn processor_time(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name, in parentheses, may hold anything; user and system time are the 12th and 13th field behind it.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    TICK * fields.skip(11).take(2).map(|ticks| ticks.parse().unwrap_or(0)).sum::<u32>()
}
