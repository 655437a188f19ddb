//! The HTTP client under the pipeline.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::Error;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(20);

/// Makes the client: rustls, no redirects (a redirect would carry the request elsewhere), names below `.localhost`
/// answered here, since not every resolver knows them.
///
/// `extra_roots` are certificate authorities in PEM form that are trusted besides the system's: the local cloud's own.
/// A client with any goes straight to its service: a proxy of the environment does not reach this machine.
///
/// # Errors
/// When a root is not PEM, or the system offers no certificates.
pub fn client(extra_roots: &[Vec<u8>]) -> Result<reqwest::Client, Error> {
    // Whoever comes first installs the provider; that another one is there already is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut roots = Vec::new();
    for pem in extra_roots {
        roots.extend(reqwest::Certificate::from_pem_bundle(pem).map_err(|error| build_error(&error))?);
    }
    let builder = reqwest::Client::builder();
    let builder = if roots.is_empty() { builder } else { builder.no_proxy() };
    builder
        .connect_timeout(CONNECT)
        .redirect(reqwest::redirect::Policy::none())
        .dns_resolver(Arc::new(Localhost))
        .tls_certs_merge(roots)
        .build()
        .map_err(|error| build_error(&error))
}

fn build_error(error: &reqwest::Error) -> Error {
    Error::permanent(format!("set up the HTTP client: {}", crate::error::chain(error)))
}

/// Answers `localhost` and every name below it with the loopback address, and asks the system for the rest.
#[derive(Debug)]
struct Localhost;

impl Resolve for Localhost {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let name = name.as_str().trim_end_matches('.');
            if is_localhost(name) {
                let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
                return Ok(Box::new(std::iter::once(address)) as Addrs);
            }
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name, 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Whether a host name means this machine.
pub(crate) fn is_localhost(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn names_below_localhost_are_this_machine() {
        for name in ["localhost", "factory-adt.adt.localhost", "X.LOCALHOST"] {
            let name: Name = name.parse().expect("a name");
            let found: Vec<_> = Localhost.resolve(name).await.expect("an answer").collect();
            assert!(found.iter().all(|address| address.ip().is_loopback()));
            assert_eq!(found.len(), 1);
        }
        assert!(!is_localhost("localhost.example.com"));
        assert!(!is_localhost("notlocalhost"));
    }

    #[test]
    fn a_root_that_is_not_pem_is_an_error() {
        let broken = b"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n".to_vec();
        assert!(client(&[broken]).is_err());
        assert!(client(&[]).is_ok());
    }
}
