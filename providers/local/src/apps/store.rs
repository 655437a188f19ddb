//! Packages on disk: every file once, by its digest, and a folder of hard links per package.
//!
//! `packages/files/{sha-256}` holds the files (`.x` at the end of those that may be executed: links share their mode),
//! `packages/{digest of the zip}/` a package. A package is unpacked beside its place and then renamed into it, so
//! what has its name is whole; a kill on the way leaves only what the next collection takes away.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, Permissions};
use std::io::{self, Cursor, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zip::ZipArchive;
use zip::read::ZipFile;

use super::host;

/// Most entries of a package.
const ENTRIES: usize = 10_000;
/// Most bytes of a package's files together.
const TOTAL: u64 = 1024 * 1024 * 1024;
/// Most bytes of one of the documents that are read: `host.json`, `function.json`.
const DOCUMENT: u64 = 1024 * 1024;

/// The packages of a cloud.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    root: PathBuf,
    /// How many processes run each package.
    held: Arc<Mutex<BTreeMap<String, usize>>>,
}

/// Keeps a package while a process runs it.
#[derive(Debug)]
pub(crate) struct Hold {
    digest: String,
    held: Arc<Mutex<BTreeMap<String, usize>>>,
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let left = held.get(&self.digest).map_or(0, |count| count.saturating_sub(1));
        match left {
            0 => drop(held.remove(&self.digest)),
            left => drop(held.insert(self.digest.clone(), left)),
        }
    }
}

/// A package that is there.
#[derive(Debug)]
pub(crate) struct Stored {
    /// SHA-256 of the zip, hexadecimal.
    pub(crate) digest: String,
    /// Every `{function}/function.json`, by function.
    pub(crate) functions: BTreeMap<String, Value>,
}

/// Why a package is not there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The zip is damaged or uses what is not supported.
    #[error("it is no zip that can be read: {0}")]
    Zip(#[from] zip::result::ZipError),
    /// An entry is damaged.
    #[error("{path} cannot be unpacked: {source}")]
    Damaged {
        /// The entry.
        path: String,
        /// What is wrong with it.
        source: io::Error,
    },
    /// An entry would land outside of the package, or is neither a file nor a folder.
    #[error("{path} is {why}")]
    Entry {
        /// The entry.
        path: String,
        /// What it must not be.
        why: &'static str,
    },
    /// A document in it is no JSON.
    #[error("{path} is not JSON: {source}")]
    Document {
        /// The entry.
        path: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The root has no `host.json`.
    #[error("host.json is missing at its root")]
    NoHost,
    /// It is larger than the local cloud takes.
    #[error("it has more than {ENTRIES} entries or {TOTAL} bytes")]
    TooLarge,
    /// The folder of packages cannot be written.
    #[error("the package could not be stored")]
    Io(#[from] io::Error),
}

impl Store {
    /// The packages of the cloud in `dir`.
    pub(crate) fn new(dir: &Path) -> Self {
        Self { root: dir.join("packages"), held: Arc::default() }
    }

    /// Keeps a package from being taken away; `None` when it is not there.
    pub(crate) fn hold(&self, digest: &str) -> Option<Hold> {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner).entry(digest.to_owned()).or_default() += 1;
        let hold = Hold { digest: digest.to_owned(), held: Arc::clone(&self.held) };
        self.folder(digest).exists().then_some(hold)
    }

    /// Where a package is unpacked.
    pub(crate) fn folder(&self, digest: &str) -> PathBuf {
        self.root.join(digest)
    }

    /// Unpacks a package unless it is there already.
    ///
    /// The caller keeps collections away until it has recorded the digest.
    pub(crate) fn add(&self, zip: &[u8]) -> Result<Stored, Error> {
        let mut archive = ZipArchive::new(Cursor::new(zip))?;
        let functions = documents(&mut archive)?;
        check(&mut archive)?;
        let digest = format!("{:x}", Sha256::digest(zip));
        let (place, beside) = (self.folder(&digest), self.root.join(format!("{digest}.new")));
        if !place.exists() {
            remove(&beside)?;
            fs::create_dir_all(self.root.join("files"))?;
            fs::create_dir_all(&beside)?;
            self.unpack(&mut archive, &beside)?;
            fs::rename(&beside, &place)?;
        }
        Ok(Stored { digest, functions })
    }

    fn unpack(&self, archive: &mut Archive<'_>, beside: &Path) -> Result<(), Error> {
        let mut left = TOTAL;
        for at in 0..archive.len() {
            let mut entry = archive.by_index(at)?;
            let path = beside.join(entry.name());
            if entry.is_dir() {
                fs::create_dir_all(path)?;
                continue;
            }
            fs::create_dir_all(path.parent().unwrap_or(beside))?;
            let file = self.file(&mut entry, &mut left)?;
            fs::hard_link(file, path)?;
        }
        Ok(())
    }

    /// Stores the file of an entry under its digest, unless it is there; returns where it lies.
    fn file<R: Read>(&self, entry: &mut ZipFile<'_, R>, left: &mut u64) -> Result<PathBuf, Error> {
        let executable = entry.unix_mode().is_some_and(|mode| mode & 0o111 != 0);
        let files = self.root.join("files");
        let beside = files.join(format!("{}.new", Uuid::new_v4()));
        let mut out = File::options().create_new(true).write(true).open(&beside)?;
        let digest = copy(entry, &mut out, left)?;
        out.set_permissions(Permissions::from_mode(if executable { 0o555 } else { 0o444 }))?;
        drop(out);
        let place = files.join(format!("{digest}{}", if executable { ".x" } else { "" }));
        if place.exists() {
            fs::remove_file(&beside)?
        } else {
            fs::rename(&beside, &place)?
        }
        Ok(place)
    }

    /// The packages that are held.
    pub(crate) fn held(&self) -> BTreeSet<String> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// Takes away every package that is neither to be kept nor held, then every file that no package has.
    pub(crate) fn collect(&self, keep: &BTreeSet<String>) -> io::Result<()> {
        for entry in entries(&self.root)? {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name != "files" && !keep.contains(&name) && !self.held().contains(&name) {
                remove(&entry.path())?;
            }
        }
        for entry in entries(&self.root.join("files"))? {
            if entry.metadata()?.nlink() == 1 {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

type Archive<'a> = ZipArchive<Cursor<&'a [u8]>>;

/// Copies an entry, at most the bytes that are left; returns its digest.
fn copy<R: Read>(entry: &mut ZipFile<'_, R>, out: &mut File, left: &mut u64) -> Result<String, Error> {
    let path = entry.name().to_owned();
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 128 * 1024]);
    loop {
        let read = entry.read(&mut buffer).map_err(|source| Error::Damaged { path: path.clone(), source })?;
        if read == 0 {
            return Ok(format!("{:x}", hash.finalize()));
        }
        *left = left.checked_sub(read as u64).ok_or(Error::TooLarge)?;
        hash.update(&buffer[..read]);
        out.write_all(&buffer[..read])?;
    }
}

/// Reads the documents that every package has: `host.json`, which must be there, and those of the functions.
fn documents(archive: &mut Archive<'_>) -> Result<BTreeMap<String, Value>, Error> {
    let mut functions = BTreeMap::new();
    let mut has_host = false;
    for at in 0..archive.len() {
        let mut entry = archive.by_index(at)?;
        let path = entry.name().to_owned();
        let function = path.strip_suffix("/function.json").filter(|name| !name.contains('/'));
        if path != host::FILE && function.is_none() {
            continue;
        }
        let mut text = Vec::new();
        let read = entry.by_ref().take(DOCUMENT + 1).read_to_end(&mut text);
        read.map_err(|source| Error::Damaged { path: path.clone(), source })?;
        if text.len() as u64 > DOCUMENT {
            return Err(Error::TooLarge);
        }
        let document = serde_json::from_slice(&text);
        let document: Value = document.map_err(|source| Error::Document { path: path.clone(), source })?;
        match function {
            Some(name) => drop(functions.insert(name.to_owned(), document)),
            None => has_host = true,
        }
    }
    if has_host { Ok(functions) } else { Err(Error::NoHost) }
}

/// Makes sure that every entry is a file or folder inside the package, and that they do not stand in each other's way.
fn check(archive: &mut Archive<'_>) -> Result<(), Error> {
    if archive.len() > ENTRIES {
        return Err(Error::TooLarge);
    }
    let (mut files, mut folders, mut total) = (BTreeSet::new(), BTreeSet::new(), 0u64);
    for at in 0..archive.len() {
        let entry = archive.by_index_raw(at)?;
        let path = entry.name().to_owned();
        let refused = |why| Error::Entry { path: path.clone(), why };
        if let Some(why) = misplaced(&path) {
            return Err(refused(why));
        }
        if !matches!(entry.unix_mode().unwrap_or_default() & 0o170_000, 0 | 0o100_000 | 0o040_000) {
            return Err(refused("neither a file nor a folder"));
        }
        total = total.saturating_add(entry.size());
        folders.extend(path.match_indices('/').map(|(end, _)| path[..end].to_owned()));
        if !entry.is_dir() && !files.insert(path.clone()) {
            return Err(refused("there twice"));
        }
    }
    if total > TOTAL {
        return Err(Error::TooLarge);
    }
    match files.intersection(&folders).next() {
        Some(path) => Err(Error::Entry { path: path.clone(), why: "both a file and a folder" }),
        None => Ok(()),
    }
}

/// Why an entry of that name must not be unpacked.
fn misplaced(path: &str) -> Option<&'static str> {
    let parts = path.strip_suffix('/').unwrap_or(path);
    if path.starts_with('/') || path.contains(['\\', '\0']) {
        return Some("no relative path");
    }
    parts.split('/').any(|part| matches!(part, "" | "." | "..")).then_some("no plain path inside the package")
}

fn entries(dir: &Path) -> io::Result<Vec<fs::DirEntry>> {
    match fs::read_dir(dir) {
        Ok(entries) => entries.collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn remove(path: &Path) -> io::Result<()> {
    let gone = match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match gone {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
