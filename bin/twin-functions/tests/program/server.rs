//! A server of one answer, in clear or with a certificate that only its own authority vouches for.

use std::{net::Ipv4Addr, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};
use tokio_rustls::TlsAcceptor;

/// An authority that no system knows.
pub(crate) struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self { pem: params.self_signed(&key).unwrap().pem(), issuer: Issuer::new(params, key) }
    }

    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    fn acceptor(&self, host: &str) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![host.to_owned()]).unwrap().signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(vec![certificate.into()], key).unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// A server, and the requests that it has seen: head and body as text.
pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) requests: UnboundedReceiver<String>,
}

impl Server {
    /// Answers everything with a status and a body of JSON.
    pub(crate) async fn new(tls: Option<(&Authority, &str)>, status: &str, body: &str) -> Self {
        let length = body.len();
        let answer: Arc<str> =
            format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}")
                .into();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let acceptor = tls.map(|(authority, host)| authority.acceptor(host));
        let (seen, requests) = unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, seen, answer) = (acceptor.clone(), seen.clone(), Arc::clone(&answer));
                tokio::spawn(async move {
                    match acceptor {
                        None => serve(stream, &answer, &seen).await,
                        Some(acceptor) => match acceptor.accept(stream).await {
                            Ok(stream) => serve(stream, &answer, &seen).await,
                            Err(error) => seen.send(format!("no TLS: {error}")).unwrap_or_default(),
                        },
                    }
                });
            }
        });
        Self { port, requests }
    }
}

/// Answers requests until the connection ends.
async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: &str, seen: &UnboundedSender<String>) {
    let mut read = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await {
            Ok(length @ 1..) => read.extend_from_slice(&chunk[..length]),
            _ => return,
        }
        if let Some(end) = whole(&read) {
            let request = String::from_utf8(read.drain(..end).collect()).unwrap();
            if seen.send(request).is_err() || stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

/// Where the first request ends, once it is whole.
fn whole(read: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(read).ok()?;
    let head = text.find("\r\n\r\n")? + 4;
    let length =
        text[..head].lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let end = head + length.unwrap_or(0);
    (read.len() >= end).then_some(end)
}
