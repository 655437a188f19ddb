//! The keys and certificates of devices that log in by certificate: files in the state folder, for their owner alone.
//!
//! A pair is made once and found again by every later run: the certificate is on disk, whole, before anything in a cloud
//! names it. The operator takes the files to the device; they go when the device leaves the deployment.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};

/// The folder in the state folder.
const FOLDER: &str = "devices";

/// How the files of a device end.
const CERTIFICATE: &str = "certificate.pem";
const KEY: &str = "private.key";

/// The keys of a deployment's devices.
#[derive(Debug, Clone)]
pub struct DeviceKeys {
    folder: PathBuf,
}

/// A device's certificate; its key stays in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The SHA-256 of the certificate in DER form, in hexadecimal digits: the id under which IoT Core knows it.
    pub id: String,
    /// The certificate.
    pub pem: String,
    /// Where the certificate is.
    pub certificate: PathBuf,
    /// Where the private key is.
    pub key: PathBuf,
}

/// A pair that could not be made, kept or read. Names files, never what is in them.
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
        source: io::Error,
    },
    /// The pair could not be made.
    #[error("make a certificate for {device}")]
    Made {
        /// The device.
        device: String,
        /// Why.
        source: rcgen::Error,
    },
    /// The file is there and holds something else.
    #[error("use {}: it is no certificate in PEM form", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },
}

impl DeviceKeys {
    /// The keys of a deployment, below a state folder.
    #[must_use]
    pub fn of(state: &Path, deployment: &str) -> Self {
        Self { folder: state.join(FOLDER).join(deployment) }
    }

    /// The certificate of a device; `None` where none was made, or its key is gone.
    ///
    /// # Errors
    /// [`Error`] when a file cannot be read, or holds something else.
    pub fn certificate(&self, device: &str) -> Result<Option<Kept>, Error> {
        let (certificate, key) = self.paths(device);
        let pem = match fs::read_to_string(&certificate) {
            Ok(pem) => pem,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::Io { action: "read", path: certificate, source }),
        };
        if !key.exists() {
            return Ok(None);
        }
        let id = aws::certificate_id(&pem).map_err(|_| Error::Malformed { path: certificate.clone() })?;
        Ok(Some(Kept { id, pem, certificate, key }))
    }

    /// The private key of a certificate.
    ///
    /// # Errors
    /// [`Error::Io`] when its file cannot be read.
    pub fn key(&self, kept: &Kept) -> Result<aws::Secret, Error> {
        let fail = |source| Error::Io { action: "read", path: kept.key.clone(), source };
        fs::read_to_string(&kept.key).map(aws::Secret::new).map_err(fail)
    }

    /// The certificate of a device, made now where there is none. When this returns, both files are on disk.
    ///
    /// # Errors
    /// [`Error`] when the pair cannot be made, kept or read.
    pub fn load_or_make(&self, device: &str) -> Result<Kept, Error> {
        if let Some(kept) = self.certificate(device)? {
            return Ok(kept);
        }
        let made = |source| Error::Made { device: device.to_owned(), source };
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(made)?;
        let pem = params(device).self_signed(&pair).map_err(made)?.pem();
        let (certificate, key) = self.paths(device);
        // The key first: a certificate that is there has one.
        self.keep(&key, &pair.serialize_pem())?;
        self.keep(&certificate, &pem)?;
        let id = aws::certificate_id(&pem).map_err(|_| Error::Malformed { path: certificate.clone() })?;
        Ok(Kept { id, pem, certificate, key })
    }

    /// Removes the files of a device. Whether they were there does not matter.
    ///
    /// # Errors
    /// [`Error::Io`] when one is there and cannot be removed.
    pub fn remove(&self, device: &str) -> Result<(), Error> {
        let (certificate, key) = self.paths(device);
        for path in [certificate, key] {
            match fs::remove_file(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(Error::Io { action: "remove", path, source }),
            }
        }
        Ok(())
    }

    /// Device ids are letters, digits, `:`, `_` and `-` (IoT Core's rule, checked in every project): none leads elsewhere.
    fn paths(&self, device: &str) -> (PathBuf, PathBuf) {
        let file = |end: &str| self.folder.join(format!("{device}.{end}"));
        (file(CERTIFICATE), file(KEY))
    }

    /// Writes a file whole or not at all, for its owner alone.
    fn keep(&self, path: &Path, text: &str) -> Result<(), Error> {
        let fail = |source| Error::Io { action: "write", path: path.to_owned(), source };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder).map_err(fail)?;
        let temporary = path.with_extension("new");
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary)
            .map_err(fail)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(fail)?;
        fs::rename(&temporary, path).map_err(fail)?;
        fs::File::open(&self.folder).and_then(|folder| folder.sync_all()).map_err(fail)
    }
}

fn params(device: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, device);
    params
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_pair_is_made_once_and_is_private() {
        let state = tempfile::tempdir().unwrap();
        let keys = DeviceKeys::of(state.path(), "local-factory-abcdef");
        assert_eq!(keys.certificate("press").unwrap(), None);
        let made = keys.load_or_make("press").unwrap();
        assert_eq!(keys.load_or_make("press").unwrap(), made);
        assert_eq!(made.id.len(), 64);
        for path in [&made.certificate, &made.key] {
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let folder = made.key.parent().unwrap();
        assert_eq!(fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(folder).unwrap().count(), 2, "nothing is left beside them");
        assert_ne!(keys.load_or_make("robot").unwrap().id, made.id);
    }

    #[test]
    fn a_certificate_without_its_key_is_made_anew() {
        let state = tempfile::tempdir().unwrap();
        let keys = DeviceKeys::of(state.path(), "d");
        let made = keys.load_or_make("press").unwrap();
        fs::remove_file(&made.key).unwrap();
        assert_eq!(keys.certificate("press").unwrap(), None);
        assert_ne!(keys.load_or_make("press").unwrap().id, made.id);
        keys.remove("press").unwrap();
        keys.remove("press").unwrap();
        assert_eq!(keys.certificate("press").unwrap(), None);
    }

    #[test]
    fn what_is_no_certificate_is_named() {
        let state = tempfile::tempdir().unwrap();
        let keys = DeviceKeys::of(state.path(), "d");
        let made = keys.load_or_make("press").unwrap();
        fs::write(&made.certificate, "nothing").unwrap();
        assert!(matches!(keys.certificate("press"), Err(Error::Malformed { .. })));
    }
}
