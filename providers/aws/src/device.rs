//! Sending as a device does: HTTPS with the device's X.509 certificate.
//!
//! AWS IoT Core, "HTTPS": `POST https://{endpoint}:8443/topics/{topic}?qos=1`, with no signature but the certificate.
//!
//! The emulators' TLS listeners are off; where the cloud is one of this machine, the same request goes to its gateway, under
//! the name by which that knows the data plane, through the client that all other requests go through.

use std::fmt;

use aws_config::timeout::TimeoutConfig;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::{
    client::{
        behavior_version::BehaviorVersion,
        http::SharedHttpClient,
        orchestrator::{HttpRequest, HttpResponse, OrchestratorError},
        result::SdkError,
    },
    http::Headers,
};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use serde_json::Value;
use url::Url;

use crate::{Aws, Error, ErrorKind, Secret, handle::TIMEOUT, transport};

/// The port at which certificates are asked for.
const PORT: u16 = 8443;

/// One device of an account, as which messages are sent; cheap to clone.
#[derive(Clone)]
pub struct Sender {
    base: Url,
    wire: Wire,
}

#[derive(Clone)]
enum Wire {
    /// The device's own connection, with its certificate.
    Certificate(reqwest::Client),
    /// An emulator's gateway.
    Gateway(SharedHttpClient),
}

/// What was answered to a message.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: Headers,
    body: Bytes,
}

impl Aws {
    /// A device by its certificate and private key (PEM), at the host that [`Aws::iot_endpoint`] gives; sends nothing yet.
    ///
    /// # Errors
    /// When `endpoint` is not a host name, or certificate and key are not a pair in PEM form.
    pub fn device(&self, endpoint: &str, certificate_pem: &str, key_pem: &Secret) -> Result<Sender, Error> {
        if let Some(port) = self.endpoint().and_then(transport::loopback_port) {
            let base = format!("http://data-ats.iot.{}.localhost:{port}/", self.region());
            let wire = Wire::Gateway(self.http_client().clone());
            return Ok(Sender { base: base_url(&base)?, wire });
        }
        let authority = if endpoint.contains(':') { endpoint.to_owned() } else { format!("{endpoint}:{PORT}") };
        let wire = Wire::Certificate(client(certificate_pem, key_pem, &[])?);
        Ok(Sender { base: base_url(&format!("https://{authority}/"))?, wire })
    }
}

impl Sender {
    /// Sends one message, at least once (quality of service 1).
    ///
    /// # Errors
    /// [`ErrorKind::NotYet`] while the certificate or its policy is not known everywhere, which looks like a refusal.
    pub async fn send(&self, topic: &str, body: Bytes) -> Result<(), Error> {
        let request = format!("publish to {topic}");
        let mut url = self.base.clone();
        // One segment: the slashes of a topic are part of its name.
        url.path_segments_mut().expect("http URLs have paths").extend(["topics", topic]);
        url.set_query(Some("qos=1"));
        let answer = match &self.wire {
            Wire::Certificate(client) => post(client, url, body, &request).await?,
            Wire::Gateway(client) => post_to_gateway(client.clone(), url, body, &request).await?,
        };
        if (200..300).contains(&answer.status) { Ok(()) } else { Err(refusal(request, &answer)) }
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

fn base_url(text: &str) -> Result<Url, Error> {
    let url = Url::parse(text).ok().filter(|url| url.has_host() && url.path() == "/" && url.query().is_none());
    url.ok_or_else(|| Error::permanent(format!("take {text:?} for the endpoint of devices")))
}

/// A client that comes with a certificate; `roots` are authorities in PEM form that are trusted besides the system's.
fn client(certificate_pem: &str, key_pem: &Secret, roots: &[&str]) -> Result<reqwest::Client, Error> {
    // Whoever comes first installs the provider; that another one is there already is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let wrong = |_| Error::permanent("read a device's certificate and private key in PEM form");
    let identity = format!("{certificate_pem}\n{}", key_pem.expose());
    let identity = reqwest::Identity::from_pem(identity.as_bytes()).map_err(wrong)?;
    let roots = roots.iter().map(|pem| reqwest::Certificate::from_pem(pem.as_bytes())).collect::<Result<Vec<_>, _>>();
    reqwest::Client::builder()
        .identity(identity)
        .tls_certs_merge(roots.map_err(wrong)?)
        .redirect(reqwest::redirect::Policy::none())
        .timeout(TIMEOUT)
        .build()
        .map_err(wrong)
}

async fn post(client: &reqwest::Client, url: Url, body: Bytes, request: &str) -> Result<Answer, Error> {
    let lost = |error: reqwest::Error| Error::unanswered(request.to_owned(), &error.without_url());
    let answer = client.post(url).body(body).send().await.map_err(lost)?;
    let status = answer.status().as_u16();
    let headers = Headers::try_from(answer.headers().clone()).unwrap_or_default();
    Ok(Answer { status, headers, body: answer.bytes().await.map_err(lost)? })
}

async fn post_to_gateway(client: SharedHttpClient, url: Url, body: Bytes, request: &str) -> Result<Answer, Error> {
    let path = url.as_str().strip_prefix(base_of(&url).as_str()).unwrap_or_default().to_owned();
    let operation = Operation::builder()
        .service_name("iotdata")
        .operation_name("Publish")
        .behavior_version(BehaviorVersion::latest())
        .http_client(client)
        .endpoint_url(&base_of(&url))
        .no_auth()
        .no_retry()
        .timeout_config(TimeoutConfig::builder().operation_timeout(TIMEOUT).build())
        .serializer(move |body: Bytes| {
            let mut request = HttpRequest::new(SdkBody::from(body));
            request.set_method("POST")?;
            request.set_uri(path.as_str())?;
            Ok(request)
        })
        .deserializer::<Answer, std::convert::Infallible>(read)
        .build();
    let lost = |error: SdkError<_, HttpResponse>| Error::unanswered(request.to_owned(), &error);
    operation.invoke(body).await.map_err(lost)
}

fn base_of(url: &Url) -> String {
    url[..url::Position::BeforePath].to_owned()
}

fn read(response: &HttpResponse) -> Result<Answer, OrchestratorError<std::convert::Infallible>> {
    Ok(Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: response.body().bytes().map(Bytes::copy_from_slice).unwrap_or_default(),
    })
}

fn refusal(request: String, answer: &Answer) -> Error {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let code = answer.headers.get("x-amzn-errortype").map(|text| text.split(':').next().unwrap_or(text));
    let error = Error::of_answer(request, answer.status, &answer.headers, code, body["message"].as_str());
    if matches!(answer.status, 401 | 403) { error.with_kind(ErrorKind::NotYet) } else { error }
}

#[cfg(test)]
mod tests {
    use std::{net::SocketAddr, sync::Arc};

    use rustls::{RootCertStore, ServerConfig, pki_types::PrivateKeyDer, server::WebPkiClientVerifier};
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;

    fn pair(name: &str) -> rcgen::CertifiedKey<rcgen::KeyPair> {
        rcgen::generate_simple_self_signed([name.to_owned()]).expect("a name")
    }

    /// A data plane that knows one certificate: it answers one request and gives what that was.
    async fn data_plane(
        server: &rcgen::CertifiedKey<rcgen::KeyPair>,
        device: &rcgen::CertifiedKey<rcgen::KeyPair>,
        answer: &'static str,
    ) -> (SocketAddr, tokio::task::JoinHandle<String>) {
        let mut known = RootCertStore::empty();
        known.add(device.cert.der().clone()).expect("a certificate");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(known), Arc::clone(&provider));
        let key = PrivateKeyDer::try_from(server.signing_key.serialize_der()).expect("a key");
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring has them")
            .with_client_cert_verifier(verifier.build().expect("one is known"))
            .with_single_cert(vec![server.cert.der().clone()], key)
            .expect("a pair");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let served = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.expect("a connection");
            let Ok(mut stream) = acceptor.accept(stream).await else { return "no handshake".into() };
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).await.expect("a request");
            stream.write_all(answer.as_bytes()).await.expect("it is listened to");
            let _ = stream.shutdown().await;
            String::from_utf8_lossy(&request[..length]).into_owned()
        });
        (address, served)
    }

    fn sender(
        port: u16,
        server: &rcgen::CertifiedKey<rcgen::KeyPair>,
        device: &rcgen::CertifiedKey<rcgen::KeyPair>,
    ) -> Sender {
        let key = device.signing_key.serialize_pem().into();
        let client = client(&device.cert.pem(), &key, &[&server.cert.pem()]).expect("a pair");
        let base = base_url(&format!("https://localhost:{port}/")).expect("a URL");
        Sender { base, wire: Wire::Certificate(client) }
    }

    #[tokio::test]
    async fn a_device_comes_with_its_certificate() {
        let (server, device) = (pair("localhost"), pair("press-1"));
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
        let (address, served) = data_plane(&server, &device, answer).await;
        let sent = sender(address.port(), &server, &device).send("dt/factory/press 1", Bytes::from("{}")).await;
        assert_eq!(sent, Ok(()));
        let request = served.await.expect("it was served");
        assert!(request.starts_with("POST /topics/dt%2Ffactory%2Fpress%201?qos=1 HTTP/1.1\r\n"), "{request}");
    }

    #[tokio::test]
    async fn a_refusal_is_not_yet_and_a_strange_certificate_gets_nowhere() {
        let (server, device) = (pair("localhost"), pair("press-1"));
        let answer = "HTTP/1.1 403 Forbidden\r\nx-amzn-errortype: ForbiddenException:http\r\ncontent-length: 18\r\n\r\n{\"message\":\"none\"}";
        let (address, served) = data_plane(&server, &device, answer).await;
        let refused = sender(address.port(), &server, &device).send("t", Bytes::new()).await.expect_err("403");
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::NotYet, Some("ForbiddenException")));
        assert_eq!(refused.message(), "none");
        drop(served);

        let (address, served) = data_plane(&server, &device, answer).await;
        let lost = sender(address.port(), &server, &pair("press-2")).send("t", Bytes::new()).await.expect_err("no TLS");
        assert_eq!((lost.kind(), lost.status()), (ErrorKind::Transient, None), "{lost}");
        assert_eq!(served.await.expect("it was served"), "no handshake");
    }

    #[test]
    fn a_key_is_not_printed_and_a_wrong_one_is_refused() {
        let device = pair("press-1");
        let key = device.signing_key.serialize_pem();
        let sender = sender(1, &pair("localhost"), &device);
        assert!(!format!("{sender:?}").contains(&key[40..60]));
        assert!(client("no certificate", &key.as_str().into(), &[]).is_err());
        assert!(client(&device.cert.pem(), &"no key".into(), &[]).is_err());
        assert!(base_url("https://host/path/").is_err());
    }
}
