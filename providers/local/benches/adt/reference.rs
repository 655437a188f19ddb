//! What the machine can do at best.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// How much is appended at once: about a turn of an import.
const PIECE: usize = 48 * 1024;

/// How long it takes to append so many bytes to a file.
pub(crate) fn append(dir: &Path, bytes: u64) -> io::Result<Duration> {
    let path = dir.join("reference");
    let mut file = File::create(&path)?;
    let piece = vec![b'x'; PIECE];
    let started = Instant::now();
    for _ in 0..bytes / PIECE as u64 {
        file.write_all(&piece)?;
    }
    let took = started.elapsed();
    std::fs::remove_file(path)?;
    Ok(took)
}
