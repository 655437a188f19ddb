//! The private key: made on first use, in a file that only its owner can read.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::Ed25519KeyPair;

use super::{Checkpoint, CheckpointError, Signature, SignedNote, VerifierKey};
use crate::definitions::sync_dir;

/// The key's name below the state folder.
pub const FILE: &str = "checkpoint.key";

/// What stands before the 32 bytes of an Ed25519 key in PKCS#8 (RFC 8410, section 7).
const PKCS8: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// Signs checkpoints.
pub struct Signer {
    pair: Ed25519KeyPair,
    key: VerifierKey,
}

impl Signer {
    /// The key in a file, made when there is none and `create` allows it.
    ///
    /// # Errors
    /// [`CheckpointError::KeyFile`] when it cannot be read or made, is no Ed25519 key in PKCS#8, or others can read it.
    pub fn open(path: &Path, name: &str, create: bool) -> Result<Self, CheckpointError> {
        let wrong = |what: String| CheckpointError::KeyFile { path: path.display().to_string(), what };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if create && error.kind() == std::io::ErrorKind::NotFound => {
                make(path).map_err(|error| wrong(format!("cannot be made: {error}")))?
            }
            Err(error) => return Err(wrong(format!("cannot be read: {error}"))),
        };
        let mode = std::fs::metadata(path).map_err(|error| wrong(format!("cannot be looked at: {error}")))?.mode();
        if mode & 0o077 != 0 {
            return Err(wrong(format!("can be read by others (mode {:03o}): `chmod 600` it", mode & 0o777)));
        }
        let pair = parse(&text).ok_or_else(|| wrong("is no Ed25519 key in PKCS#8 (PEM)".to_owned()))?;
        let key = VerifierKey::of(name, &pair);
        Ok(Self { pair, key })
    }

    /// Where the key of a state folder is.
    #[must_use]
    pub fn path(state: &Path) -> PathBuf {
        state.join(FILE)
    }

    /// The key by which its signatures are checked.
    #[must_use]
    pub fn verifier_key(&self) -> &VerifierKey {
        &self.key
    }

    /// The checkpoint with its signature.
    #[must_use]
    pub fn sign(&self, checkpoint: &Checkpoint) -> SignedNote {
        let text = checkpoint.text();
        let bytes = self.pair.sign(text.as_bytes()).as_ref().to_vec();
        let signature = Signature { name: self.key.name.clone(), id: self.key.id(), bytes };
        SignedNote { text, signatures: vec![signature] }
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("key", &self.key).finish_non_exhaustive()
    }
}

/// Makes a key; a name that is taken meanwhile belongs to whoever was first.
fn make(path: &Path) -> std::io::Result<String> {
    let mut seed = [0; 32];
    SystemRandom::new().fill(&mut seed).map_err(|_| std::io::Error::other("the system has no randomness"))?;
    let text = format!("{BEGIN}\n{}\n{END}\n", STANDARD.encode([&PKCS8[..], &seed].concat()));
    let draft = path.with_extension(format!("draft-{}", uuid::Uuid::new_v4()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    let linked =
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).and_then(|()| std::fs::hard_link(&draft, path));
    std::fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return std::fs::read_to_string(path),
        linked => linked?,
    }
    let parent = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    sync_dir(parent).map_err(std::io::Error::other)?;
    Ok(text)
}

fn parse(text: &str) -> Option<Ed25519KeyPair> {
    let body = text.split_once(BEGIN)?.1.split_once(END)?.0;
    let der = STANDARD.decode(body.split_whitespace().collect::<String>()).ok()?;
    Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).ok()
}
