//! The files of a project folder, as text.

use std::{collections::BTreeMap, io, path::Path};

/// `config.json`
pub const CONFIG: &str = "config.json";
/// `config_providers.json`
pub const PROVIDERS: &str = "config_providers.json";
/// `config_iot_devices.json`
pub const DEVICES: &str = "config_iot_devices.json";
/// `config_credentials.json`
pub const CREDENTIALS: &str = "config_credentials.json";
/// The hierarchy as one JSON document.
pub const HIERARCHY_JSON: &str = "twin_hierarchy/azure_hierarchy.json";
/// The hierarchy in the format of Import Jobs.
pub const HIERARCHY_NDJSON: &str = "twin_hierarchy/azure_hierarchy.ndjson";
/// The hierarchy of a TwinMaker workspace.
pub const AWS_HIERARCHY: &str = "twin_hierarchy/aws_hierarchy.json";

/// Whether the file with the credentials may be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The target is the local cloud: `config_credentials.json` is not even opened.
    Local,
    /// The target is the real clouds.
    Cloud,
}

/// The texts of a project's files, by their path in its folder.
///
/// Does not print: the credentials may be among them.
#[derive(Clone, Default)]
pub struct Files {
    found: BTreeMap<String, Result<String, String>>,
}

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.found.keys()).finish()
    }
}

impl Files {
    /// Reads what is there. A file that is there and cannot be read is a problem to report, so this does not fail.
    #[must_use]
    pub fn load(folder: &Path, access: Access) -> Self {
        let mut names = vec![CONFIG, PROVIDERS, DEVICES, HIERARCHY_JSON, HIERARCHY_NDJSON, AWS_HIERARCHY];
        if access == Access::Cloud {
            names.push(CREDENTIALS);
        }
        let read = |name: &str| match std::fs::read_to_string(folder.join(name)) {
            Ok(text) => Some((name.to_owned(), Ok(text))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => Some((name.to_owned(), Err(error.to_string()))),
        };
        Self { found: names.into_iter().filter_map(read).collect() }
    }

    /// Takes texts that are in memory.
    pub fn from_texts<N: Into<String>, T: Into<String>>(texts: impl IntoIterator<Item = (N, T)>) -> Self {
        Self { found: texts.into_iter().map(|(name, text)| (name.into(), Ok(text.into()))).collect() }
    }

    /// The text of a file, for showing a problem in its place; never that of the credentials.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        if name == CREDENTIALS { None } else { self.found.get(name)?.as_deref().ok() }
    }

    /// A file's text, or why it could not be read.
    pub(super) fn get(&self, name: &str) -> Option<Result<&str, &str>> {
        self.found.get(name).map(|found| found.as_deref().map_err(String::as_str))
    }
}
