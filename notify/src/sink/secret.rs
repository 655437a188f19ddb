//! The secret that a webhook's sender and receiver share.

use std::{fmt, os::unix::fs::PermissionsExt as _, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// What a secret's text begins with (Standard Webhooks, "Symmetric: signature scheme").
const PREFIX: &str = "whsec_";
/// How long a secret may be, in bytes (the same, "between 24 bytes (192 bits) and 64 bytes (512 bits)").
const LENGTH: std::ops::RangeInclusive<usize> = 24..=64;

/// A webhook's secret, `whsec_<base64>`. It cannot be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

/// Why a text is no webhook's secret. Displays fit after "failed to read the webhook's secret: ".
#[derive(Debug, thiserror::Error)]
pub enum BadSecret {
    /// It is not `whsec_` and base64.
    #[error("it is not `whsec_` and base64 after that")]
    Form,
    /// It is too short to be safe, or too long.
    #[error("it has {0} bytes, and not 24 to 64")]
    Length(usize),
    /// Others than its owner may read it.
    #[error("others may read the file (mode {mode:o}); `chmod 600` it")]
    Exposed {
        /// The file's mode.
        mode: u32,
    },
    /// The file cannot be read.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl Secret {
    /// Reads a secret's text, with white space around it.
    ///
    /// # Errors
    /// [`BadSecret::Form`], [`BadSecret::Length`].
    pub fn parse(text: &str) -> Result<Self, BadSecret> {
        let encoded = text.trim().strip_prefix(PREFIX).ok_or(BadSecret::Form)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| BadSecret::Form)?;
        if LENGTH.contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(BadSecret::Length(bytes.len())) }
    }

    /// Reads a secret from a file that only its owner may read (mode 0600 or less).
    ///
    /// # Errors
    /// [`BadSecret::Exposed`] when others may read it; as [`Secret::parse`].
    pub fn of_file(path: &Path) -> Result<Self, BadSecret> {
        use std::io::Read as _;
        let mut file = std::fs::File::open(path)?;
        // Of the open file: it cannot be exchanged in between.
        let mode = file.metadata()?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(BadSecret::Exposed { mode });
        }
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        Self::parse(&text)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn a_secret_has_a_form_and_a_length_and_is_not_printed() {
        let secret = Secret::parse(&format!(" {TEXT}\n")).unwrap();
        assert_eq!(secret.bytes().len(), 24);
        assert_eq!(format!("{secret:?}"), "[secret]");
        assert!(matches!(Secret::parse("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), Err(BadSecret::Form)));
        assert!(matches!(Secret::parse("whsec_not base64"), Err(BadSecret::Form)));
        assert!(matches!(Secret::parse("whsec_c2hvcnQ="), Err(BadSecret::Length(5))));
        let refused = Secret::parse("whsec_c2hvcnQ=").unwrap_err().to_string();
        assert!(!refused.contains("c2hvcnQ"), "{refused}");
    }

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, TEXT).unwrap();
        for (mode, fine) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(Secret::of_file(&path).is_ok(), fine, "{mode:o}");
        }
        assert!(matches!(Secret::of_file(&folder.path().join("none")), Err(BadSecret::Io(_))));
    }
}
