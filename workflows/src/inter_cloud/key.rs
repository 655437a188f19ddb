//! Tokens between clouds, derived from one key so that nothing but the key has to be kept.

use std::{
    fs,
    io::{Read, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use functions::settings::{Secret, SecretRef};
use hkdf::Hkdf;
use sha2::{Digest, Sha256};

/// The key's file in the state folder.
const FILE: &str = "inter-cloud.key";

/// Separates our tokens from whatever else might one day be derived from the same key.
const SALT: &[u8] = b"twinctl.inter-cloud.v1";

/// The key of a state folder. It never prints.
#[derive(Clone)]
pub struct Key([u8; 32]);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(***)")
    }
}

/// The key could not be read or made, or does not make the token that was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system said no.
    #[error("{action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// Others may read the key.
    #[error("use the key {}: others may read it (mode {mode:03o}, 600 is needed)", path.display())]
    Exposed {
        /// The key's file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The file is there and holds something else.
    #[error("use the key {}: it is not 64 hexadecimal digits", path.display())]
    Malformed {
        /// The key's file.
        path: PathBuf,
    },
    /// The token in use was made with another key.
    #[error("derive the token of {connection}: it was made with another key, whose file is gone")]
    OtherKey {
        /// The token's connection.
        connection: String,
    },
}

impl Key {
    /// Reads the key of a state folder, making it on first use. When this returns, the key is on disk.
    ///
    /// # Errors
    /// [`Error`] when the key cannot be read, made or used.
    pub fn load_or_make(state: &Path) -> Result<Self, Error> {
        if let Some(key) = Self::load(state)? {
            return Ok(key);
        }
        let fresh = Self::ephemeral()?;
        if fresh.keep(state)? {
            return Ok(fresh);
        }
        // Somebody was faster: theirs counts.
        let path = state.join(FILE);
        Self::load(state)?.ok_or_else(|| Error::Io {
            action: "read",
            path,
            source: std::io::ErrorKind::NotFound.into(),
        })
    }

    /// Reads the key of a state folder; `None` when there is none yet. Never writes.
    ///
    /// # Errors
    /// [`Error`] when the key cannot be read or used.
    pub fn load(state: &Path) -> Result<Option<Self>, Error> {
        let path = state.join(FILE);
        let mut file = match fs::File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::Io { action: "open", path, source }),
        };
        let metadata = file.metadata().map_err(|source| Error::Io { action: "look at", path: path.clone(), source })?;
        if metadata.mode() & 0o077 != 0 {
            return Err(Error::Exposed { path, mode: metadata.mode() & 0o777 });
        }
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(|source| Error::Io { action: "read", path: path.clone(), source })?;
        from_hex(text.trim()).map(|bytes| Some(Self(bytes))).ok_or(Error::Malformed { path })
    }

    /// A random key that lives in memory alone, for plans of what was never deployed.
    ///
    /// # Errors
    /// [`Error::Io`] when the system's random source cannot be read.
    pub fn ephemeral() -> Result<Self, Error> {
        let path = Path::new("/dev/urandom");
        let mut bytes = [0; 32];
        fs::File::open(path).and_then(|mut file| file.read_exact(&mut bytes)).map_err(|source| Error::Io {
            action: "read",
            path: path.into(),
            source,
        })?;
        Ok(Self(bytes))
    }

    /// Writes the key beside its place and links it there, so that it is whole or absent. `false`: one was there.
    fn keep(&self, state: &Path) -> Result<bool, Error> {
        let fail = |action, source| Error::Io { action, path: state.join(FILE), source };
        fs::create_dir_all(state).map_err(|source| fail("make the folder of", source))?;
        let mut file = tempfile::NamedTempFile::new_in(state).map_err(|source| fail("make", source))?;
        let text: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(file, "{text}").map_err(|source| fail("write", source))?;
        file.as_file().sync_all().map_err(|source| fail("write", source))?;
        match file.persist_noclobber(state.join(FILE)) {
            Ok(_) => {}
            Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => return Ok(false),
            Err(error) => return Err(fail("make", error.error)),
        }
        fs::File::open(state).and_then(|folder| folder.sync_all()).map_err(|source| fail("keep", source))?;
        Ok(true)
    }

    /// The token of a connection: 43 characters of URL-safe base 64, the same each time.
    #[must_use]
    pub fn token(&self, connection: &str, generation: u32) -> Secret {
        let mut bytes = [0; 32];
        Hkdf::<Sha256>::new(Some(SALT), &self.0)
            .expand(format!("{connection}\n{generation}").as_bytes(), &mut bytes)
            .expect("32 bytes are less than what HKDF-SHA256 can give");
        Secret::new(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The reference to a connection's token: what documents and the journal hold in its place.
    #[must_use]
    pub fn reference(&self, connection: &str, generation: u32) -> SecretRef {
        let fingerprint = fingerprint(&self.token(connection, generation));
        SecretRef { connection: connection.to_owned(), generation, fingerprint }
    }

    /// The token that a reference stands for.
    ///
    /// # Errors
    /// [`Error::OtherKey`] when this key makes another one: sending it would lock the two ends out of each other.
    pub fn reveal(&self, reference: &SecretRef) -> Result<Secret, Error> {
        let token = self.token(&reference.connection, reference.generation);
        match fingerprint(&token) == reference.fingerprint {
            true => Ok(token),
            false => Err(Error::OtherKey { connection: reference.connection.clone() }),
        }
    }
}

/// The first 64 bits of the token's SHA-256: enough to notice a change, nothing to get the token from.
fn fingerprint(token: &Secret) -> String {
    Sha256::digest(token.reveal().as_bytes())[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let digits = digits.filter(|digits| digits.len() == 64)?;
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = pair[0] << 4 | pair[1];
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_key_is_made_once_and_is_private() {
        let state = tempfile::tempdir().unwrap();
        assert!(Key::load(state.path()).unwrap().is_none());
        let made = Key::load_or_make(state.path()).unwrap();
        let again = Key::load_or_make(state.path()).unwrap();
        assert_eq!(made.0, again.0);
        let mode = fs::metadata(state.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(state.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn the_first_of_two_makers_wins() {
        let state = tempfile::tempdir().unwrap();
        let (one, other) = (Key::ephemeral().unwrap(), Key::ephemeral().unwrap());
        assert!(one.keep(state.path()).unwrap());
        assert!(!other.keep(state.path()).unwrap());
        assert_eq!(Key::load(state.path()).unwrap().unwrap().0, one.0);
    }

    #[test]
    fn an_exposed_or_foreign_file_is_refused() {
        let state = tempfile::tempdir().unwrap();
        Key::load_or_make(state.path()).unwrap();
        let path = state.path().join(FILE);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(Key::load(state.path()), Err(Error::Exposed { mode: 0o644, .. })));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "not a key").unwrap();
        assert!(matches!(Key::load(state.path()), Err(Error::Malformed { .. })));
    }

    #[test]
    fn tokens_are_stable_and_their_own() {
        // A golden value: a change here locks every deployment out of its other half.
        let key = Key([7; 32]);
        insta::assert_snapshot!(key.token("aws_l2_to_azure_l4", 1).reveal(), @"AOguo6IL7BwKrRH0Tbxw4OBk0Z_zENHq45FeE_84GCI");
        assert_eq!(key.token("aws_l2_to_azure_l4", 1), key.token("aws_l2_to_azure_l4", 1));
        assert_ne!(key.token("aws_l2_to_azure_l4", 1), key.token("aws_l2_to_azure_l4", 2));
        assert_ne!(key.token("aws_l2_to_azure_l4", 1), key.token("google_l2_to_azure_l4", 1));
        assert_ne!(key.token("aws_l2_to_azure_l4", 1), Key([8; 32]).token("aws_l2_to_azure_l4", 1));
    }

    #[test]
    fn a_reference_is_revealed_by_its_own_key_alone() {
        let key = Key([7; 32]);
        let reference = key.reference("aws_l2_to_azure_l4", 3);
        assert_eq!(key.reveal(&reference).unwrap(), key.token("aws_l2_to_azure_l4", 3));
        assert!(matches!(Key([8; 32]).reveal(&reference), Err(Error::OtherKey { .. })));
        let json = serde_json::to_string(&reference).unwrap();
        assert!(!json.contains(key.token("aws_l2_to_azure_l4", 3).reveal()));
        assert_eq!(format!("{key:?}"), "Key(***)");
    }
}
