//! The HTTP client under the SDK.

use std::net::{IpAddr, Ipv4Addr};

use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{
    dns::{DnsFuture, ResolveDns, ResolveDnsError},
    http::SharedHttpClient,
};
use url::{Host, Url};

/// Makes the client: rustls on ring, the system's certificates, names below `.localhost` answered here (RFC 6761).
///
/// It connects nowhere before the first request, follows no redirect, and takes no proxy of the environment: nor does the
/// SDK's own.
#[must_use]
pub fn http_client() -> SharedHttpClient {
    Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_with_resolver(Localhost)
}

/// Answers `localhost` and every name below it with the loopback address, and asks the system for the rest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Localhost;

impl ResolveDns for Localhost {
    fn resolve_dns<'a>(&'a self, name: &'a str) -> DnsFuture<'a> {
        DnsFuture::new(async move {
            if is_localhost(name) {
                return Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]);
            }
            let found = tokio::net::lookup_host((name, 0)).await.map_err(ResolveDnsError::new)?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// Whether a host name means this machine.
pub(crate) fn is_localhost(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// The port of an endpoint that lies on this machine; `None` when it lies elsewhere.
pub(crate) fn loopback_port(url: &Url) -> Option<u16> {
    let here = match url.host()? {
        Host::Domain(name) => is_localhost(name),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    };
    here.then(|| url.port_or_known_default()).flatten()
}

/// An endpoint before whose host the SDK can write a prefix: an address of this machine becomes its name.
pub(crate) fn named(url: &Url) -> Url {
    let mut named = url.clone();
    if !matches!(url.host(), Some(Host::Domain(_))) && loopback_port(url).is_some() {
        // A URL that has an address for a host can have a name instead.
        let _ = named.set_host(Some("localhost"));
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("a URL")
    }

    #[tokio::test]
    async fn names_below_localhost_are_this_machine() {
        for name in ["localhost", "api.localhost", "data-ats.iot.eu-central-1.localhost", "X.LOCALHOST."] {
            let found = Localhost.resolve_dns(name).await.expect("an answer");
            assert_eq!(found, [IpAddr::V4(Ipv4Addr::LOCALHOST)], "{name}");
        }
        assert!(!is_localhost("localhost.example.com"));
        assert!(!is_localhost("notlocalhost"));
    }

    #[test]
    fn only_endpoints_of_this_machine_have_a_loopback_port() {
        assert_eq!(loopback_port(&url("http://127.0.0.1:4566")), Some(4566));
        assert_eq!(loopback_port(&url("http://api.localhost:1")), Some(1));
        assert_eq!(loopback_port(&url("http://[::1]:7")), Some(7));
        assert_eq!(loopback_port(&url("https://vpce-1.iot.eu-central-1.vpce.amazonaws.com")), None);
    }

    #[test]
    fn a_prefix_can_be_written_before_a_named_endpoint() {
        assert_eq!(named(&url("http://127.0.0.1:4566/")).as_str(), "http://localhost:4566/");
        assert_eq!(named(&url("http://here.localhost:1/")).as_str(), "http://here.localhost:1/");
        assert_eq!(named(&url("http://10.0.0.1:1/")).as_str(), "http://10.0.0.1:1/");
    }
}
