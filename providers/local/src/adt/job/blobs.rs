//! What jobs need of blob storage.

use std::fmt;
use std::io::{self, Read, Write};

/// Blob storage as jobs see it; blobs are named by their URIs.
pub trait Blobs: fmt::Debug + Send + Sync {
    /// Whether this is the URI of a blob, be it there or not.
    fn names_blob(&self, uri: &str) -> bool;

    /// Opens a blob for reading from a byte on.
    ///
    /// # Errors
    /// When there is no such blob, or it cannot be read.
    fn read(&self, uri: &str, from: u64) -> Result<Input, BlobError>;

    /// Opens an append blob for writing at its end, and creates it when it is not there. With `length` it is
    /// cut to so many bytes first.
    ///
    /// # Errors
    /// When its container is not there, or it is a blob of another type, or cannot be written.
    fn append(&self, uri: &str, length: Option<u64>) -> Result<Output, BlobError>;
}

/// A blob being read. What is written to the blob meanwhile does not show.
pub struct Input {
    /// Its bytes.
    pub bytes: Box<dyn Read + Send>,
    /// The ETag of what is read.
    pub etag: String,
}

/// An append blob being written; what was written survives the death of the process.
pub struct Output {
    /// Where to write.
    pub bytes: Box<dyn Write + Send>,
    /// How many bytes it has already.
    pub length: u64,
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input").field("etag", &self.etag).finish_non_exhaustive()
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").field("length", &self.length).finish_non_exhaustive()
    }
}

/// Why a blob cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// There is no storage account or container of that name, or no such blob in it.
    #[error("there is no blob {0}")]
    Missing(String),
    /// The blob is there, but no append blob.
    #[error("the blob {0} is no append blob")]
    Type(String),
    /// The system says no.
    #[error("the blob {uri} cannot be read or written: {source}")]
    Io {
        /// The blob.
        uri: String,
        /// What the system said.
        source: io::Error,
    },
}
