//! What an app's processes print: `apps/{app}/log`, and `log.1` with what was before it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Bytes after which the log is begun anew; the one before is kept, all earlier ones are not.
const LIMIT: u64 = 1024 * 1024;

/// The log of one app, shared by its processes.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    limit: u64,
    open: Mutex<Option<(File, u64)>>,
}

impl Log {
    /// The log in an app's folder; nothing is opened before the first line.
    pub(super) fn new(dir: &Path) -> Self {
        Self { path: dir.join("log"), limit: LIMIT, open: Mutex::default() }
    }

    /// Appends what a process printed. A log that cannot be written must not stop the app: that is only reported.
    pub(super) fn write(&self, bytes: &[u8]) {
        if let Err(error) = self.append(bytes) {
            tracing::warn!(log = %self.path.display(), %error, "what an app printed is lost");
        }
    }

    /// Appends a line of the cloud's own.
    pub(super) fn note(&self, at: &str, text: &str) {
        self.write(format!("-- {at} {text}\n").as_bytes());
    }

    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut file, mut size) = match open.take() {
            Some(open) => open,
            None => self.reopen()?,
        };
        if size > 0 && size + bytes.len() as u64 > self.limit {
            fs::rename(&self.path, self.path.with_extension("1"))?;
            (file, size) = self.reopen()?;
        }
        file.write_all(bytes)?;
        *open = Some((file, size + bytes.len() as u64));
        Ok(())
    }

    fn reopen(&self) -> io::Result<(File, u64)> {
        if let Some(dir) = self.path.parent() {
            fs::create_dir_all(dir)?;
        }
        let file = File::options().create(true).append(true).mode(0o600).open(&self.path)?;
        let size = file.metadata()?.len();
        Ok((file, size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_log_is_bounded_private_and_goes_on_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let log = || Log { limit: 10, ..Log::new(dir.path()) };
        log().write(b"first\n");
        log().write(b"2nd\n");
        log().write(b"third\n");
        let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
        assert_eq!((read("log").as_str(), read("log.1").as_str()), ("third\n", "first\n2nd\n"));
        let one = log();
        one.write(b"fourth\n");
        one.write(b"a line beyond the limit\n");
        assert_eq!((read("log").as_str(), read("log.1").as_str()), ("a line beyond the limit\n", "fourth\n"));
        let mode = fs::metadata(dir.path().join("log")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
