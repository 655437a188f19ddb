//! Reading settings back, and the builder that writes them.

use std::{collections::BTreeMap, fs, io, path::Path, str::FromStr};

use super::{AppSettings, Secret, SecretRef, Setting};
use crate::{
    inbound::envelope::Cloud,
    twin_info::{self, TwinInfo},
};

/// A setting that a function needs is missing or not readable. Names the setting, never its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The setting is not there, or empty.
    #[error("read the setting {0}: it is not set")]
    Missing(&'static str),
    /// The setting is there and of another shape.
    #[error("read the setting {name}: it is not {expected}")]
    Malformed {
        /// The setting's name.
        name: &'static str,
        /// What it should be, with its article.
        expected: &'static str,
    },
    /// The setting names a file of the package that cannot be read.
    #[error("read the setting {name}: its file: {why}")]
    Unreadable {
        /// The setting's name.
        name: &'static str,
        /// What the system says.
        why: io::ErrorKind,
    },
}

impl Error {
    /// The setting's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Missing(name) | Self::Malformed { name, .. } | Self::Unreadable { name, .. } => name,
        }
    }
}

/// An app's environment as a function reads it.
#[derive(Debug, Clone, Copy)]
pub struct Environment<'a> {
    settings: &'a BTreeMap<String, String>,
    root: &'a Path,
}

impl<'a> Environment<'a> {
    /// The settings, and the folder of the package, which settings of the form `@file` are relative to.
    #[must_use]
    pub const fn new(settings: &'a BTreeMap<String, String>, root: &'a Path) -> Self {
        Self { settings, root }
    }

    /// The cloud whose host set the environment up.
    #[must_use]
    pub fn cloud(&self) -> Cloud {
        if self.on_lambda() { Cloud::Aws } else { Cloud::Azure }
    }
}

/// What the settings structs read through.
impl Environment<'_> {
    /// The text of a setting; an empty one counts as not set, as the deployer writes what is not known yet.
    pub(super) fn optional(&self, name: &'static str) -> Option<String> {
        self.settings.get(name).filter(|text| !text.is_empty()).cloned()
    }

    /// Whether the function runs on AWS Lambda, which sets the variable itself.
    pub(super) fn on_lambda(&self) -> bool {
        self.optional("AWS_LAMBDA_RUNTIME_API").is_some()
    }

    pub(super) fn text(&self, name: &'static str) -> Result<String, Error> {
        self.optional(name).ok_or(Error::Missing(name))
    }

    pub(super) fn url(&self, name: &'static str) -> Result<url::Url, Error> {
        parse_url(name, &self.text(name)?)
    }

    /// The URL of a receiver, which is shown a token: in clear only on this machine.
    pub(super) fn receiver(&self, name: &'static str) -> Result<url::Url, Error> {
        let url = self.url(name)?;
        let loopback = match url.host() {
            Some(url::Host::Domain(domain)) => domain == "localhost" || domain.ends_with(".localhost"),
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        let safe = url.scheme() == "https" || (url.scheme() == "http" && loopback);
        if safe { Ok(url) } else { Err(Error::Malformed { name, expected: "an https URL" }) }
    }

    pub(super) fn optional_url(&self, name: &'static str) -> Result<Option<url::Url>, Error> {
        self.optional(name).map(|text| parse_url(name, &text)).transpose()
    }

    pub(super) fn secret(&self, name: &'static str) -> Result<Secret, Error> {
        self.text(name).map(Secret::new)
    }

    pub(super) fn number(&self, name: &'static str) -> Result<u32, Error> {
        self.text(name)?.parse().map_err(|_| Error::Malformed { name, expected: "a whole number" })
    }

    pub(super) fn twin_info(&self, name: &'static str) -> Result<TwinInfo, Error> {
        let text = self.text(name)?;
        let text = match text.strip_prefix('@') {
            Some(file) => self.file(name, file)?,
            None => text,
        };
        serde_json::from_str(&text).map_err(|_| Error::Malformed { name, expected: "a device to twin map in JSON" })
    }

    fn file(&self, name: &'static str, file: &str) -> Result<String, Error> {
        fs::read_to_string(self.root.join(file)).map_err(|error| Error::Unreadable { name, why: error.kind() })
    }
}

fn parse_url(name: &'static str, text: &str) -> Result<url::Url, Error> {
    url::Url::from_str(text).map_err(|_| Error::Malformed { name, expected: "an absolute URL" })
}

/// Collects settings for the deployer.
#[derive(Default)]
pub(super) struct Writer(AppSettings);

impl Writer {
    pub(super) fn plain(mut self, name: &'static str, text: impl Into<String>) -> Self {
        self.0.insert(name.into(), Setting::Plain(text.into()));
        self
    }

    /// Writes a setting that not every function has.
    pub(super) fn maybe(self, name: &'static str, text: Option<&str>) -> Self {
        match text {
            Some(text) => self.plain(name, text),
            None => self,
        }
    }

    pub(super) fn secret(mut self, name: &'static str, reference: &SecretRef) -> Self {
        self.0.insert(name.into(), Setting::Secret(reference.clone()));
        self
    }

    /// The map itself travels in the package: a setting is too small for thousands of devices.
    pub(super) fn twin_info(self, name: &'static str) -> Self {
        self.plain(name, format!("@{}", twin_info::FILE))
    }

    pub(super) fn finish(self) -> AppSettings {
        self.0
    }
}
