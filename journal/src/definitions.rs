//! Definitions: content-addressed documents beside the journal, named by the records that need them.
//!
//! `<state>/definitions/<sha256>.json` holds the canonical JSON, and `sha256sum` of the file is its digest.
//! A definition is on disk before any record can name it.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::error::Error;
use crate::event::Digest;
use crate::record::{canonical, sha256};

/// The definitions of one state folder.
#[derive(Debug, Clone)]
pub struct Definitions {
    dir: PathBuf,
}

impl Definitions {
    /// The definitions below a state folder. Nothing is touched until one is put.
    #[must_use]
    pub fn of(state: &Path) -> Self {
        Self { dir: state.join("definitions") }
    }

    /// The digest that a definition has, stored or not.
    #[must_use]
    pub fn digest(definition: &Value) -> Digest {
        sha256("", canonical(definition).as_bytes())
    }

    /// Stores a definition and returns its digest once it is on disk. Storing it again changes nothing.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be written; [`Error::Definition`] when what stands there is not it.
    pub fn put(&self, definition: &Value) -> Result<Digest, Error> {
        let text = canonical(definition);
        let digest = sha256("", text.as_bytes());
        let path = self.path(&digest);
        if path.exists() {
            self.get(&digest)?;
        } else {
            self.write(&path, text.as_bytes())?;
        }
        Ok(digest)
    }

    /// The definition with this digest, checked against it.
    ///
    /// # Errors
    /// [`Error::Definition`] when it is missing or is not what its digest says.
    pub fn get(&self, digest: &Digest) -> Result<Value, Error> {
        let wrong = |what: String| Error::Definition { digest: digest.0.clone(), what };
        if digest.0.len() != 64 || !digest.0.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(wrong("has no digest for a name".to_owned()));
        }
        let path = self.path(digest);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(wrong(format!("is not in {}", self.dir.display())));
            }
            Err(error) => return Err(Error::io("read", &path)(error)),
        };
        if sha256("", text.as_bytes()) != *digest {
            return Err(wrong("is not what its digest says".to_owned()));
        }
        serde_json::from_str(&text).map_err(|error| wrong(format!("is not JSON: {error}")))
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.dir.join(format!("{digest}.json"))
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), Error> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.dir)
            .map_err(Error::io("create", &self.dir))?;
        let draft = self.dir.join(format!(".draft-{}", uuid::Uuid::new_v4()));
        let written = write_synced(&draft, bytes).and_then(|()| std::fs::rename(&draft, path));
        if let Err(error) = written {
            // Nothing names the draft; failing to remove it as well would hide why it could not be written.
            let _ = std::fs::remove_file(&draft);
            return Err(Error::io("write", path)(error));
        }
        sync_dir(&self.dir)?;
        self.dir.parent().map_or(Ok(()), sync_dir)
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Puts the entries of a folder on disk.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), Error> {
    File::open(dir).and_then(|file| file.sync_all()).map_err(Error::io("sync", dir))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use serde_json::json;

    use super::*;

    #[test]
    fn a_definition_comes_back_by_its_digest() {
        let state = tempfile::tempdir().unwrap();
        let definitions = Definitions::of(state.path());
        let value = json!({"b": 1.0, "a": ["x", null]});
        let digest = definitions.put(&value).unwrap();
        assert_eq!(definitions.put(&json!({"a": ["x", null], "b": 1})).unwrap(), digest, "canonical form decides");
        assert_eq!(digest, Definitions::digest(&value));
        assert_eq!(definitions.get(&digest).unwrap(), json!({"a": ["x", null], "b": 1}));
        let path = state.path().join(format!("definitions/{digest}.json"));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn a_changed_or_missing_definition_is_named() {
        let state = tempfile::tempdir().unwrap();
        let definitions = Definitions::of(state.path());
        let digest = definitions.put(&json!({"a": 1})).unwrap();
        std::fs::write(definitions.path(&digest), r#"{"a":2}"#).unwrap();
        assert!(definitions.get(&digest).unwrap_err().to_string().ends_with("is not what its digest says"));
        assert!(definitions.put(&json!({"a": 1})).is_err(), "never repaired silently");
        assert!(definitions.get(&Digest("../../secret".to_owned())).unwrap_err().to_string().contains("no digest"));
        let missing = Definitions::digest(&json!("other"));
        assert!(definitions.get(&missing).unwrap_err().to_string().contains("is not in"));
    }
}
