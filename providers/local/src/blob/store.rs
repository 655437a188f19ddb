//! Blobs on disk: a file each, its properties in the first line, its bytes after that. The first line of an append blob stays
//! as it was when it was created: its size, its ETag and when it was written follow from the file.
//!
//! A container's folder bears the moment of its creation, so that a new container under an old name is empty. A blob's
//! file is named by the digest of its name; it is written beside and then renamed, so it is there whole or not at all.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use uuid::Uuid;

/// The blobs of one cloud.
#[derive(Debug)]
pub(crate) struct Store {
    dir: PathBuf,
    /// Held while a blob is replaced, so that conditions are judged on what is really replaced.
    writing: Mutex<()>,
}

/// A container as the store knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The storage account, in lower case.
    pub(crate) account: String,
    pub(crate) container: String,
    /// When the container was created.
    pub(crate) created: String,
}

/// A blob without its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Blob {
    pub(crate) name: String,
    pub(crate) size: u64,
    /// With its quotes.
    pub(crate) etag: String,
    pub(crate) content_type: String,
    /// Base64, as the header has it.
    pub(crate) md5: String,
    pub(crate) created: DateTime<Utc>,
    pub(crate) modified: DateTime<Utc>,
    /// Whether it is an append blob; otherwise it is a block blob.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_append: bool,
    /// Further headers that are given back as they came: `content-encoding`, `x-ms-meta-...`.
    pub(crate) headers: BTreeMap<String, String>,
}

/// What a client says of a blob that it writes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Draft {
    pub(crate) content_type: Option<String>,
    pub(crate) is_append: bool,
    pub(crate) headers: BTreeMap<String, String>,
}

/// An append blob, open for writing at its end.
#[derive(Debug)]
pub(crate) struct Appending {
    pub(crate) file: fs::File,
    /// Bytes of the blob before anything is written.
    pub(crate) size: u64,
}

impl Store {
    /// Blobs will lie in `blob` below `dir`.
    pub(crate) fn new(dir: &Path) -> Self {
        Self { dir: dir.join("blob"), writing: Mutex::new(()) }
    }

    /// Writes a blob if `may` agrees to what is there, else gives back its reason.
    pub(crate) fn put<E>(
        &self,
        place: &Place,
        name: &str,
        bytes: &[u8],
        draft: Draft,
        now: DateTime<Utc>,
        may: impl FnOnce(Option<&Blob>) -> Result<(), E>,
    ) -> io::Result<Result<Blob, E>> {
        let _writing = self.writing();
        let here = self.properties(place, name)?;
        if let Err(refused) = may(here.as_ref()) {
            return Ok(Err(refused));
        }
        let blob = Blob {
            name: name.to_owned(),
            size: bytes.len() as u64,
            etag: format!("\"0x{}\"", &Uuid::new_v4().simple().to_string()[..16].to_uppercase()),
            content_type: draft.content_type.unwrap_or_else(|| "application/octet-stream".to_owned()),
            md5: md5(bytes),
            created: here.map_or(now, |here| here.created),
            modified: now,
            is_append: draft.is_append,
            headers: draft.headers,
        };
        let path = self.path(place, name);
        fs::create_dir_all(self.folder(place))?;
        let beside = path.with_extension("new");
        let mut file = fs::File::create(&beside)?;
        let mut first = serde_json::to_vec(&blob)?;
        first.push(b'\n');
        file.write_all(&first)?;
        file.write_all(bytes)?;
        fs::rename(beside, path)?;
        Ok(Ok(blob))
    }

    /// A blob and its bytes.
    pub(crate) fn get(&self, place: &Place, name: &str) -> io::Result<Option<(Blob, Vec<u8>)>> {
        let Some(mut file) = open(&self.path(place, name))? else { return Ok(None) };
        let blob = header(&mut file)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(Some((blob, bytes)))
    }

    /// A blob and its file, at so many bytes of the blob.
    pub(crate) fn reader(&self, place: &Place, name: &str, from: u64) -> io::Result<Option<(Blob, fs::File)>> {
        let Some(mut file) = open(&self.path(place, name))? else { return Ok(None) };
        let blob = header(&mut file)?;
        let start = file.stream_position()?;
        let mut file = file.into_inner();
        file.seek(SeekFrom::Start(start + from))?;
        Ok(Some((blob, file)))
    }

    /// Opens an append blob at its end, cut to `size` bytes when that is given; the blob itself when it is none.
    pub(crate) fn append(
        &self,
        place: &Place,
        name: &str,
        size: Option<u64>,
    ) -> io::Result<Option<Result<Appending, Blob>>> {
        let _writing = self.writing();
        let path = self.path(place, name);
        let Some(mut file) = open(&path)? else { return Ok(None) };
        let blob = header(&mut file)?;
        if !blob.is_append {
            return Ok(Some(Err(blob)));
        }
        let start = file.stream_position()?;
        let file = fs::File::options().append(true).open(path)?;
        let size = size.map_or(blob.size, |size| size.min(blob.size));
        file.set_len(start + size)?;
        Ok(Some(Ok(Appending { file, size })))
    }

    /// A blob without its bytes.
    pub(crate) fn properties(&self, place: &Place, name: &str) -> io::Result<Option<Blob>> {
        open(&self.path(place, name))?.as_mut().map(header).transpose()
    }

    /// Deletes a blob if `may` agrees, else gives back its reason; says whether it was there.
    pub(crate) fn delete<E>(
        &self,
        place: &Place,
        name: &str,
        may: impl FnOnce(&Blob) -> Result<(), E>,
    ) -> io::Result<Result<bool, E>> {
        let _writing = self.writing();
        let Some(here) = self.properties(place, name)? else { return Ok(Ok(false)) };
        if let Err(refused) = may(&here) {
            return Ok(Err(refused));
        }
        fs::remove_file(self.path(place, name))?;
        Ok(Ok(true))
    }

    /// All blobs of a container, by name.
    pub(crate) fn list(&self, place: &Place) -> io::Result<Vec<Blob>> {
        let mut blobs = Vec::new();
        for path in files(&self.folder(place))? {
            let is_blob = path.extension().is_some_and(|extension| extension == "blob");
            // One that is deleted meanwhile is not listed.
            if let Some(mut file) = if is_blob { open(&path)? } else { None } {
                blobs.push(header(&mut file)?);
            }
        }
        blobs.sort_by(|one: &Blob, other| one.name.cmp(&other.name));
        Ok(blobs)
    }

    /// Deletes the folders of all containers but these.
    pub(crate) fn sweep(&self, places: &[Place]) -> io::Result<()> {
        let kept: Vec<PathBuf> = places.iter().map(|place| self.folder(place)).collect();
        for account in files(&self.dir)? {
            for folder in files(&account)?.into_iter().filter(|folder| !kept.contains(folder)) {
                fs::remove_dir_all(folder)?;
            }
        }
        Ok(())
    }

    fn writing(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn folder(&self, place: &Place) -> PathBuf {
        let created: String = place.created.chars().filter(char::is_ascii_digit).collect();
        self.dir.join(&place.account).join(format!("{}@{created}", place.container))
    }

    fn path(&self, place: &Place, name: &str) -> PathBuf {
        self.folder(place).join(format!("{:x}.blob", Sha256::digest(name)))
    }
}

/// A digest as `Content-MD5` has it.
pub(crate) fn md5(bytes: &[u8]) -> String {
    STANDARD.encode(Md5::digest(bytes))
}

fn open(path: &Path) -> io::Result<Option<BufReader<fs::File>>> {
    match fs::File::open(path) {
        Ok(file) => Ok(Some(BufReader::new(file))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn header(file: &mut BufReader<fs::File>) -> io::Result<Blob> {
    let mut first = Vec::new();
    file.read_until(b'\n', &mut first)?;
    let mut blob: Blob = serde_json::from_slice(&first)?;
    if blob.is_append {
        let written = file.get_ref().metadata()?;
        blob.size = written.len().saturating_sub(first.len() as u64);
        blob.modified = written.modified()?.into();
        blob.etag = format!("{}{:08X}\"", blob.etag.trim_end_matches('"'), blob.size);
    }
    Ok(blob)
}

/// What lies in a folder; nothing when there is no such folder.
fn files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(dir) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(created: &str) -> Place {
        Place { account: "acc".to_owned(), container: "c".to_owned(), created: created.to_owned() }
    }

    fn put(store: &Store, place: &Place, name: &str, bytes: &[u8]) -> Blob {
        let may = |_: Option<&Blob>| Ok::<_, ()>(());
        store.put(place, name, bytes, Draft::default(), Utc::now(), may).expect("writes").expect("may")
    }

    #[test]
    fn a_blob_is_replaced_whole_and_keeps_when_it_was_created() {
        let dir = tempfile::tempdir().expect("a scratch folder");
        let (store, place) = (Store::new(dir.path()), place("2026-01-01T00:00:00Z"));
        assert_eq!(store.get(&place, "a/b").expect("reads"), None);
        let first = put(&store, &place, "a/b", b"one\ntwo");
        let second = put(&store, &place, "a/b", b"\nthree");
        assert_eq!(second.created, first.created);
        assert_ne!(second.etag, first.etag);
        let store = Store::new(dir.path());
        assert_eq!(store.get(&place, "a/b").expect("reads"), Some((second, b"\nthree".to_vec())));
        assert_eq!(md5(b"hello"), "XUFAKrxLKna5cZ2REBfFkg==");
    }

    #[test]
    fn a_container_made_again_is_empty_and_the_old_one_is_swept() {
        let dir = tempfile::tempdir().expect("a scratch folder");
        let store = Store::new(dir.path());
        let (old, new) = (place("2026-01-01T00:00:00Z"), place("2026-01-02T00:00:00Z"));
        put(&store, &old, "b", b"1");
        put(&store, &old, "a", b"2");
        let names = |place| store.list(place).expect("lists").into_iter().map(|blob| blob.name).collect::<Vec<_>>();
        assert_eq!((names(&old), names(&new)), (vec!["a".to_owned(), "b".to_owned()], vec![]));
        store.sweep(std::slice::from_ref(&new)).expect("sweeps");
        assert_eq!(names(&old), Vec::<String>::new());
    }

    #[test]
    fn a_refusal_leaves_everything_as_it_was() {
        let dir = tempfile::tempdir().expect("a scratch folder");
        let (store, place) = (Store::new(dir.path()), place("2026-01-01T00:00:00Z"));
        let blob = put(&store, &place, "a", b"1");
        let refused = store.put(&place, "a", b"2", Draft::default(), Utc::now(), |here| Err(here.is_some()));
        assert_eq!(refused.expect("looks"), Err(true));
        assert_eq!(store.delete(&place, "a", |_| Err("no")).expect("looks"), Err("no"));
        assert_eq!(store.properties(&place, "a").expect("reads"), Some(blob));
        assert_eq!(store.delete(&place, "a", |_| Ok::<_, ()>(())).expect("deletes"), Ok(true));
        assert_eq!(store.delete(&place, "a", |_| Ok::<_, ()>(())).expect("looks"), Ok(false));
    }
}
