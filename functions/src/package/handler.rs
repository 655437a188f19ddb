//! The native program that a package carries.

use std::{
    fmt,
    fs::File,
    io::{self, Read},
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use sha2::{Digest, Sha256};

/// Bytes read at once while a program is hashed.
const CHUNK: usize = 1 << 20;

/// The program that an app's host starts; cheap to clone, read when it is asked for.
#[derive(Clone)]
pub struct Handler(Arc<Inner>);

struct Inner {
    source: Source,
    digest: OnceLock<String>,
}

enum Source {
    Bytes(Vec<u8>),
    File(PathBuf),
}

/// The program cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("read the functions' program {}", .path.display())]
pub struct Unreadable {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

impl Handler {
    /// A program in memory.
    #[must_use]
    pub fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self::of(Source::Bytes(bytes.into()))
    }

    /// A program in a file, which is not opened yet.
    #[must_use]
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::of(Source::File(path.into()))
    }

    fn of(source: Source) -> Self {
        Self(Arc::new(Inner { source, digest: OnceLock::new() }))
    }

    /// SHA-256 of the program in lower-case hexadecimal; computed once.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn digest(&self) -> Result<&str, Unreadable> {
        if let Some(digest) = self.0.digest.get() {
            return Ok(digest);
        }
        let digest = match &self.0.source {
            Source::Bytes(bytes) => super::hex(&Sha256::digest(bytes)),
            Source::File(path) => hash(path).map_err(|source| Unreadable { path: path.clone(), source })?,
        };
        Ok(self.0.digest.get_or_init(|| digest))
    }

    /// The program itself.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(&self) -> Result<Vec<u8>, Unreadable> {
        match &self.0.source {
            Source::Bytes(bytes) => Ok(bytes.clone()),
            Source::File(path) => std::fs::read(path).map_err(|source| Unreadable { path: path.clone(), source }),
        }
    }
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.source {
            Source::Bytes(bytes) => write!(f, "Handler({} bytes)", bytes.len()),
            Source::File(path) => write!(f, "Handler({})", path.display()),
        }
    }
}

fn hash(path: &std::path::Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(super::hex(&hasher.finalize())),
            read => hasher.update(&chunk[..read]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_and_its_bytes_have_one_digest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("handler");
        let program = vec![7; CHUNK + 3];
        std::fs::write(&path, &program).unwrap();
        assert_eq!(Handler::file(&path).digest().unwrap(), Handler::bytes(program.clone()).digest().unwrap());
        assert_eq!(Handler::file(&path).read().unwrap(), program);
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = Handler::file("/no/such/handler").digest().unwrap_err();
        assert_eq!(error.to_string(), "read the functions' program /no/such/handler");
    }
}
