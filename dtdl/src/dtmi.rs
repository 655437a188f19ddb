//! The identifier of a model: `dtmi:<segment>(:<segment>)*;<version>`.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A syntactically valid Digital Twin Model Identifier, cheap to clone, ordered by its text.
///
/// Whether it fits a version of the language (length, number of digits) is a rule of the model that uses it, not of
/// the identifier.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dtmi(Arc<str>);

/// A text that is no DTMI.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DtmiError {
    /// It does not start with the scheme.
    #[error("an identifier starts with \"dtmi:\"")]
    Scheme,
    /// A segment breaks the rules.
    #[error(
        "the segment \"{0}\" is not allowed: segments start with a letter, hold letters, digits and underscores, \
         and do not end in an underscore"
    )]
    Segment(String),
    /// The version breaks the rules.
    #[error(
        "the version \"{0}\" is not allowed: it is one to nine digits without a leading zero (v3: optional, and may have a minor part as in \"1.2\")"
    )]
    Version(String),
    /// It has a fragment, which only the language itself may use.
    #[error("an identifier has no fragment (\"#{0}\")")]
    Fragment(String),
}

impl Dtmi {
    /// Reads an identifier. Versions are accepted as DTDL v3 has them (`;1`, `;1.2`, or none).
    ///
    /// # Errors
    /// The first part of the text that is not as it should be.
    ///
    /// ```
    /// use dtdl::{Dtmi, DtmiError};
    ///
    /// let room: Dtmi = "dtmi:example:Room;1.2".parse()?;
    /// assert_eq!((room.path(), room.version()), ("dtmi:example:Room", Some("1.2")));
    /// assert_eq!(Dtmi::parse("dtmi:my-house;1"), Err(DtmiError::Segment("my-house".to_owned())));
    /// # Ok::<(), DtmiError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, DtmiError> {
        check(text)?;
        Ok(Self(Arc::from(text)))
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The version behind the semicolon (`1`, `1.2`), absent in a DTDL v3 identifier without one.
    pub fn version(&self) -> Option<&str> {
        self.0.split_once(';').map(|(_, version)| version)
    }

    /// The identifier without its version.
    pub fn path(&self) -> &str {
        self.0.split_once(';').map_or(&self.0, |(path, _)| path)
    }
}

fn check(text: &str) -> Result<(), DtmiError> {
    let rest = text.strip_prefix("dtmi:").ok_or(DtmiError::Scheme)?;
    if let Some((_, fragment)) = rest.split_once('#') {
        return Err(DtmiError::Fragment(fragment.to_owned()));
    }
    let (path, version) = rest.split_once(';').map_or((rest, None), |(path, version)| (path, Some(version)));
    if let Some(bad) = path.split(':').find(|segment| !is_segment(segment)) {
        return Err(DtmiError::Segment(bad.to_owned()));
    }
    match version {
        Some(version) if !is_version(version) => Err(DtmiError::Version(version.to_owned())),
        _ => Ok(()),
    }
}

fn is_segment(segment: &str) -> bool {
    let bytes = segment.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_alphabetic)
        && bytes.iter().all(|&byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && bytes.last() != Some(&b'_')
}

/// Major 1 to 9 digits, minor 1 to 6, neither starting with a zero.
fn is_version(version: &str) -> bool {
    let (major, minor) = version.split_once('.').map_or((version, None), |(major, minor)| (major, Some(minor)));
    is_number(major, 9) && minor.is_none_or(|minor| is_number(minor, 6))
}

fn is_number(digits: &str, most: usize) -> bool {
    (1..=most).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0')
}

impl fmt::Display for Dtmi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for Dtmi {
    type Err = DtmiError;

    fn from_str(text: &str) -> Result<Self, DtmiError> {
        Self::parse(text)
    }
}

impl AsRef<str> for Dtmi {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for Dtmi {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Serialize for Dtmi {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Dtmi {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
