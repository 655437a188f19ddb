//! Checkpoints: signed statements of what a stream held, to be kept where the journal's owner cannot reach them.
//!
//! A checkpoint is a transparency log's: the text of C2SP `tlog-checkpoint` (origin, size, root hash, a line each) in
//! the envelope of C2SP `signed-note`, signed with Ed25519 (RFC 8032). Whoever holds one can show later that records
//! were taken away, changed or put in before its size, with any tool that knows these formats.
//!
//! | term | meaning |
//! |---|---|
//! | origin | which log: `twinctl-journal-<journal id>/<stream>` |
//! | key name | who signs: `twinctl-journal-<journal id>` |
//! | key id | the first 4 bytes of `SHA-256(key name ‖ "\n" ‖ 0x01 ‖ public key)` |
//! | verifier key | `<key name>+<key id, hexadecimal>+<Base64 of 0x01 ‖ public key>`: what an auditor keeps |
//!
//! The private key is a PKCS#8 file in PEM (RFC 8410), as `openssl genpkey -algorithm ed25519` makes them.

use std::fmt::Write as _;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use sha2::{Digest as _, Sha256};

use crate::merkle::Hash;

mod key;

pub use self::key::{FILE, Signer};

/// What a signature algorithm is called in a verifier key: Ed25519.
const ALGORITHM: u8 = 1;

/// What a stream held: its first `size` records.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Checkpoint {
    /// Which log.
    pub origin: String,
    /// How many records.
    pub size: u64,
    /// The root of the tree over them.
    pub root: Hash,
}

/// A text with signatures below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedNote {
    text: String,
    signatures: Vec<Signature>,
}

/// One signature line.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Signature {
    name: String,
    id: [u8; 4],
    bytes: Vec<u8>,
}

/// The key by which a checkpoint's signature is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    public: [u8; 32],
}

/// Why a checkpoint cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// It is not a signed note with a checkpoint in it.
    #[error("it is no signed checkpoint: {0}")]
    Malformed(&'static str),
    /// Nothing in it is signed by the key.
    #[error("it is not signed by the key {0}")]
    Unsigned(String),
    /// It carries the key's name and id, and the signature is not the key's.
    #[error("its signature is not that of the key {0}: it was changed or forged")]
    Forged(String),
    /// It is of another stream or journal.
    #[error("it is of another log, {found:?} instead of {due:?}")]
    Origin {
        /// The origin that it states.
        found: String,
        /// The origin of the stream at hand.
        due: String,
    },
    /// The text of a verifier key is none.
    #[error("{0:?} is no verifier key (NAME+ID+KEY)")]
    Key(String),
    /// The private key's file cannot be used.
    #[error("the signing key {path} {what}")]
    KeyFile {
        /// The file.
        path: String,
        /// What is wrong with it.
        what: String,
    },
}

/// The name under which a journal signs.
#[must_use]
pub fn key_name(journal: uuid::Uuid) -> String {
    format!("twinctl-journal-{journal}")
}

/// The origin of a stream. What a line may not hold is percent-encoded.
#[must_use]
pub fn origin(journal: uuid::Uuid, stream: &str) -> String {
    format!("{}/{}", key_name(journal), encoded(stream))
}

/// A stream's name as it stands in an origin.
#[must_use]
pub fn encoded(stream: &str) -> String {
    let mut text = String::new();
    for byte in stream.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => text.push(char::from(byte)),
            byte => write!(text, "%{byte:02X}").expect("writing to a string does not fail"),
        }
    }
    text
}

impl Checkpoint {
    fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, self.root)
    }

    fn parse(text: &str) -> Result<Self, CheckpointError> {
        let malformed = CheckpointError::Malformed;
        let mut lines = text.lines();
        let origin = lines.next().filter(|origin| !origin.is_empty()).ok_or(malformed("it states no origin"))?;
        let size = lines.next().filter(|size| *size == "0" || !size.starts_with(['0', '+']));
        let size = size.and_then(|size| size.parse().ok()).ok_or(malformed("its second line is no size"))?;
        let root =
            lines.next().and_then(|root| root.parse().ok()).ok_or(malformed("its third line is no root hash"))?;
        Ok(Self { origin: origin.to_owned(), size, root })
    }

    /// The checkpoint that a note holds, once its signature is checked and its origin is the one that is due.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn open(note: &str, key: &VerifierKey, due: &str) -> Result<Self, CheckpointError> {
        let note: SignedNote = note.parse()?;
        note.check(key)?;
        Self::of(&note, due)
    }

    /// The same with nobody's signature checked: for those who make proofs, not for those who check them.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn peek(note: &str, due: &str) -> Result<Self, CheckpointError> {
        Self::of(&note.parse()?, due)
    }

    fn of(note: &SignedNote, due: &str) -> Result<Self, CheckpointError> {
        let checkpoint = Self::parse(&note.text)?;
        if checkpoint.origin != due {
            return Err(CheckpointError::Origin { found: checkpoint.origin, due: due.to_owned() });
        }
        Ok(checkpoint)
    }
}

impl SignedNote {
    fn check(&self, key: &VerifierKey) -> Result<(), CheckpointError> {
        let ours = self.signatures.iter().find(|it| it.name == key.name && it.id == key.id());
        let signature = ours.ok_or_else(|| CheckpointError::Unsigned(key.to_string()))?;
        let public = UnparsedPublicKey::new(&ED25519, key.public);
        let verified = public.verify(self.text.as_bytes(), &signature.bytes);
        verified.map_err(|_| CheckpointError::Forged(key.to_string()))
    }
}

impl FromStr for SignedNote {
    type Err = CheckpointError;

    fn from_str(note: &str) -> Result<Self, Self::Err> {
        let malformed = CheckpointError::Malformed;
        let (text, below) = note.rsplit_once("\n\n").ok_or(malformed("no empty line separates text and signatures"))?;
        let below = below.strip_suffix('\n').ok_or(malformed("its last line does not end"))?;
        let signatures = below.split('\n').map(Signature::parse).collect::<Option<Vec<_>>>();
        let signatures = signatures.ok_or(malformed("a signature line is none"))?;
        Ok(Self { text: format!("{text}\n"), signatures })
    }
}

impl Signature {
    fn parse(line: &str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix("— ")?.split_once(' ')?;
        let bytes = STANDARD.decode(encoded).ok()?;
        let (id, bytes) = bytes.split_first_chunk::<4>()?;
        Some(Self { name: name.to_owned(), id: *id, bytes: bytes.to_vec() })
    }
}

impl std::fmt::Display for SignedNote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| {
            let bytes = [&signature.id[..], &signature.bytes].concat();
            writeln!(f, "— {} {}", signature.name, STANDARD.encode(bytes))
        })
    }
}

impl VerifierKey {
    fn of(name: &str, pair: &Ed25519KeyPair) -> Self {
        let public = pair.public_key().as_ref().try_into().expect("an Ed25519 key has 32 bytes");
        Self { name: name.to_owned(), public }
    }

    fn id(&self) -> [u8; 4] {
        let mut hasher = Sha256::new();
        hasher.update(self.name.as_bytes());
        hasher.update([b'\n', ALGORITHM]);
        hasher.update(self.public);
        *hasher.finalize().first_chunk().expect("a digest has 32 bytes")
    }
}

impl std::fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let key = [&[ALGORITHM][..], &self.public].concat();
        write!(f, "{}+{:08x}+{}", self.name, u32::from_be_bytes(self.id()), STANDARD.encode(key))
    }
}

impl FromStr for VerifierKey {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let parse = || {
            let (name, rest) = text.split_once('+')?;
            let (id, key) = rest.split_once('+')?;
            let key = STANDARD.decode(key).ok()?;
            let (&algorithm, public) = key.split_first()?;
            let key = Self { name: name.to_owned(), public: public.try_into().ok()? };
            let fits = algorithm == ALGORITHM && u32::from_str_radix(id, 16).ok()?.to_be_bytes() == key.id();
            fits.then_some(key)
        };
        parse().ok_or_else(|| CheckpointError::Key(text.to_owned()))
    }
}

#[cfg(test)]
mod tests;
