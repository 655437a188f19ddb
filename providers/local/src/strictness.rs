//! What a cloud enforces only on request, and what its folder remembers of that.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::keep;

/// The file that remembers it.
pub(crate) const FILE: &str = "strictness.json";

/// How strict a cloud is; by default it admits everybody to everything, as fast as they like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Strictness {
    /// The rates of digital twins are limited.
    pub rates: bool,
    /// The data plane of digital twins admits those to whom a role is assigned, and whose token was issued here.
    pub rbac: bool,
}

impl Strictness {
    /// What the folder remembers, with what is asked for now in its place; remembers that from now on.
    pub(crate) fn settle(dir: &Path, rates: Option<bool>, rbac: Option<bool>) -> io::Result<Self> {
        let path = dir.join(FILE);
        let before = match keep::read(&path)? {
            Some(bytes) => serde_json::from_slice(&bytes)?,
            None => Self::default(),
        };
        let now = Self { rates: rates.unwrap_or(before.rates), rbac: rbac.unwrap_or(before.rbac) };
        if now != before {
            keep::write(&path, &serde_json::to_vec(&now)?)?;
        }
        Ok(now)
    }

    /// Whether this is what is asked for, as far as anything is.
    #[must_use]
    pub fn fits(self, rates: Option<bool>, rbac: Option<bool>) -> bool {
        rates.is_none_or(|rates| rates == self.rates) && rbac.is_none_or(|rbac| rbac == self.rbac)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_once_is_remembered_until_it_is_taken_back() {
        let dir = tempfile::tempdir().expect("a scratch folder");
        let settle = |rates, rbac| Strictness::settle(dir.path(), rates, rbac).expect("written");
        assert_eq!(settle(None, None), Strictness::default());
        assert_eq!(settle(Some(true), None), Strictness { rates: true, rbac: false });
        assert_eq!(settle(None, Some(true)), Strictness { rates: true, rbac: true });
        assert_eq!(settle(None, None), Strictness { rates: true, rbac: true });
        assert_eq!(settle(Some(false), None), Strictness { rates: false, rbac: true });
        let now = settle(None, None);
        assert!(now.fits(None, Some(true)) && !now.fits(Some(true), None));
    }

    #[test]
    fn a_damaged_file_is_an_error() {
        let dir = tempfile::tempdir().expect("a scratch folder");
        std::fs::write(dir.path().join(FILE), "{\"rates\":").expect("written");
        Strictness::settle(dir.path(), None, None).expect_err("nobody can tell what was asked for");
    }
}
