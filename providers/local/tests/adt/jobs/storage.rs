//! Blobs in a folder, and an input that can be held back.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use local::adt::{BlobError, Blobs, Input, Output};

pub(crate) const INPUT: &str = "https://acc.blob.localhost/c/in.ndjson";
pub(crate) const OUTPUT: &str = "https://acc.blob.localhost/c/out.ndjson";

/// How many bytes of the input may be imported.
#[derive(Debug, Default)]
struct Gate {
    open: Mutex<u64>,
    moved: Condvar,
}

/// A container in a folder. Reading an input for the second time, which is when it is imported, stops at the gate.
#[derive(Clone, Debug)]
pub(crate) struct Storage {
    dir: PathBuf,
    gate: Arc<Gate>,
    reads: Arc<Mutex<usize>>,
}

impl Storage {
    pub(crate) fn new(dir: &Path) -> Self {
        let storage = Self { dir: dir.to_owned(), gate: Arc::default(), reads: Arc::default() };
        storage.open_gate(u64::MAX);
        storage
    }

    /// Counts what is read next as the first time.
    pub(crate) fn rewind(&self) {
        *self.reads.lock().unwrap() = 0;
    }

    /// Lets so many bytes of the input be imported.
    pub(crate) fn open_gate(&self, bytes: u64) {
        *self.gate.open.lock().unwrap() = bytes;
        self.gate.moved.notify_all();
    }

    pub(crate) fn write(&self, uri: &str, text: &str) {
        fs::write(self.path(uri), text).unwrap();
    }

    pub(crate) fn text(&self, uri: &str) -> String {
        fs::read_to_string(self.path(uri)).unwrap_or_default()
    }

    fn path(&self, uri: &str) -> PathBuf {
        self.dir.join(uri.rsplit('/').next().unwrap())
    }
}

impl Blobs for Storage {
    fn names_blob(&self, uri: &str) -> bool {
        uri.starts_with("https://acc.blob.localhost/c/")
    }

    fn read(&self, uri: &str, from: u64) -> Result<Input, BlobError> {
        let mut file = File::open(self.path(uri)).map_err(|_| BlobError::Missing(uri.to_owned()))?;
        file.seek(SeekFrom::Start(from)).unwrap();
        *self.reads.lock().unwrap() += 1;
        let is_first = *self.reads.lock().unwrap() == 1;
        let etag = file.metadata().unwrap().len().to_string();
        let gate = Arc::clone(&self.gate);
        let gated = Gated { file, at: from, gate: (!is_first).then_some(gate) };
        Ok(Input { bytes: Box::new(gated), etag })
    }

    fn append(&self, uri: &str, length: Option<u64>) -> Result<Output, BlobError> {
        if uri.ends_with("block") {
            return Err(BlobError::Type(uri.to_owned()));
        }
        let file = File::options().append(true).create(true).open(self.path(uri)).unwrap();
        if let Some(length) = length {
            file.set_len(length).unwrap();
        }
        let length = file.metadata().unwrap().len();
        Ok(Output { bytes: Box::new(file), length })
    }
}

struct Gated {
    file: File,
    at: u64,
    gate: Option<Arc<Gate>>,
}

impl Read for Gated {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut most = buffer.len();
        if let Some(gate) = &self.gate {
            let open = gate.open.lock().unwrap();
            let at = self.at;
            let wait = gate.moved.wait_timeout_while(open, Duration::from_secs(60), |open| *open <= at).unwrap();
            if wait.1.timed_out() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            most = most.min(usize::try_from(*wait.0 - at).unwrap_or(usize::MAX));
        }
        let read = self.file.read(&mut buffer[..most])?;
        self.at += read as u64;
        Ok(read)
    }
}
