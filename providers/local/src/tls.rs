//! The cloud's own certificate authority and the certificate that its listeners show.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Every name that a listener answers to.
const NAMES: [&str; 9] = [
    "localhost",
    "127.0.0.1",
    "*.adt.localhost",
    "*.hub.localhost",
    "*.scm.localhost",
    "*.web.localhost",
    "*.blob.localhost",
    "*.documents.localhost",
    "*.events.localhost",
];

/// What making or reading certificates can run into.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the CA cannot be read or written.
    #[error("access {path}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file holds no certificate or key.
    #[error("read a certificate or key from {path}", path = path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: rustls::pki_types::pem::Error,
    },
    /// A certificate cannot be made.
    #[error("make the local cloud's certificate")]
    Make(#[from] rcgen::Error),
    /// The TLS library refuses a certificate or key.
    #[error("set up TLS")]
    Tls(#[from] rustls::Error),
}

/// Where the CA's certificate lies.
pub fn ca_path(dir: &Path) -> PathBuf {
    dir.join("ca.pem")
}

/// Configures a server with the folder's certificate; the CA and the leaf are made on first use and kept.
pub fn server_config(dir: &Path) -> Result<Arc<rustls::ServerConfig>, Error> {
    let (chain, key) = (dir.join("leaf.pem"), dir.join("leaf.key"));
    if !(chain.exists() && key.exists() && ca_path(dir).exists()) {
        make(dir)?;
    }
    let certificates = certificates(&chain)?;
    let key = PrivateKeyDer::from_pem_file(&key).map_err(|source| Error::Pem { path: key, source })?;
    let mut config = rustls::ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(certificates, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Configures a client that trusts exactly the CA in this file.
pub fn client_config(ca_pem: &Path) -> Result<rustls::ClientConfig, Error> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in certificates(ca_pem)? {
        roots.add(certificate)?;
    }
    client(roots)
}

/// Configures a client for plain HTTP: it trusts nobody, and needs no provider that a program has to install.
pub(crate) fn plain_client() -> Result<rustls::ClientConfig, Error> {
    client(rustls::RootCertStore::empty())
}

fn client(roots: rustls::RootCertStore) -> Result<rustls::ClientConfig, Error> {
    Ok(rustls::ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let pem = |source| Error::Pem { path: path.to_owned(), source };
    CertificateDer::pem_file_iter(path).map_err(pem)?.collect::<Result<_, _>>().map_err(pem)
}

fn make(dir: &Path) -> Result<(), Error> {
    let ca_key = KeyPair::generate()?;
    let ca = ca_params();
    let ca_pem = ca.self_signed(&ca_key)?.pem();
    let issuer = Issuer::new(ca, ca_key);
    let leaf_key = KeyPair::generate()?;
    let leaf = leaf_params()?.signed_by(&leaf_key, &issuer)?.pem();
    write(&dir.join("ca.key"), &issuer.key().serialize_pem(), 0o600)?;
    write(&dir.join("leaf.key"), &leaf_key.serialize_pem(), 0o600)?;
    write(&dir.join("leaf.pem"), &leaf, 0o644)?;
    write(&ca_path(dir), &ca_pem, 0o644)
}

fn ca_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(DnType::CommonName, "twinctl local cloud CA");
    params
}

fn leaf_params() -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(NAMES.map(str::to_owned).to_vec())?;
    params.distinguished_name.push(DnType::CommonName, "twinctl local cloud");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn write(path: &Path, text: &str, mode: u32) -> Result<(), Error> {
    let failed = |source| Error::Io { path: path.to_owned(), source };
    let mut file = fs::File::options().create(true).truncate(true).write(true).mode(mode).open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_ca_is_made_once_and_its_key_is_private() {
        let dir = tempfile::tempdir().expect("a scratch folder");
        server_config(dir.path()).expect("made");
        let first = fs::read_to_string(ca_path(dir.path())).expect("kept");
        server_config(dir.path()).expect("read back");
        assert_eq!(fs::read_to_string(ca_path(dir.path())).expect("kept"), first);
        client_config(&ca_path(dir.path())).expect("a client can trust it");
        for key in ["ca.key", "leaf.key"] {
            let mode = fs::metadata(dir.path().join(key)).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{key}");
        }
    }
}
