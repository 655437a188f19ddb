//! Objects on AWS: one signed request of S3 (REST API 2006-03-01).
//!
//! Signed with AWS's own `aws-sigv4` and sent by the app's HTTP client: S3's own SDK would be the largest dependency of the
//! program, for a single kind of request without parts, streams or checksums.

use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use aws_sdk_dynamodb::config::Credentials;
use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
        UriPathNormalizationMode, sign,
    },
    sign::v4,
};
use bytes::Bytes;
use reqwest::{
    Client,
    header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER},
};
use url::Url;

use super::{CONTENT_TYPE, Objects};
use crate::{
    answer::{Answer, Code},
    retry::{self, Setback},
    settings::{AwsHost, S3Bucket},
};

/// One bucket.
#[derive(Clone)]
pub struct Bucket {
    base: Url,
    region: String,
    storage_class: String,
    credentials: Credentials,
    client: Client,
}

impl Bucket {
    /// The bucket that the settings name; `None` when its name is none that a URL takes.
    #[must_use]
    pub fn new(at: &S3Bucket, host: &AwsHost, client: Client) -> Option<Self> {
        let token = host.session_token.as_ref().map(|token| token.reveal().to_owned());
        let secret = host.secret_access_key.reveal();
        Some(Self {
            base: base(&at.bucket, host)?,
            region: host.region.clone(),
            storage_class: at.storage_class.clone(),
            credentials: Credentials::new(&host.access_key_id, secret, token, None, "lambda"),
            client,
        })
    }

    async fn attempt(&self, name: &str, content: &Bytes) -> Result<(), Setback> {
        let url = self.url(name);
        let headers = self.headers(&url, content, SystemTime::now()).ok_or_else(unsigned)?;
        let request = self.client.put(url).headers(headers).body(content.clone());
        let response = request.send().await.map_err(|_| meaning(0, None))?;
        let after = response.headers().get(RETRY_AFTER).and_then(|after| after.to_str().ok()?.trim().parse().ok());
        match response.status().as_u16() {
            // There is one of the name already.
            200..=299 | 412 => Ok(()),
            status => Err(meaning(status, after.map(Duration::from_secs))),
        }
    }

    fn url(&self, name: &str) -> Url {
        let mut url = self.base.clone();
        url.path_segments_mut().expect("a URL of HTTP has a path").pop_if_empty().extend(name.split('/'));
        url
    }

    /// The request's headers, signed; `None` when there is something among them that no header takes.
    fn headers(&self, url: &Url, content: &[u8], now: SystemTime) -> Option<HeaderMap> {
        let own = [
            ("content-type", CONTENT_TYPE),
            ("if-none-match", "*"),
            ("x-amz-storage-class", self.storage_class.as_str()),
        ];
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        let identity = self.credentials.clone().into();
        let params = v4::SigningParams::builder().identity(&identity).region(&self.region).name("s3");
        let params = params.time(now).settings(settings).build().ok()?.into();
        let request = SignableRequest::new("PUT", url.as_str(), own.into_iter(), SignableBody::Bytes(content)).ok()?;
        let (signed, _) = sign(request, &params).ok()?.into_parts();
        let all = own.into_iter().chain(signed.headers());
        all.map(|(name, value)| {
            let mut value = HeaderValue::from_str(value).ok()?;
            value.set_sensitive(name != "content-type");
            Some((name.parse::<HeaderName>().ok()?, value))
        })
        .collect()
    }
}

/// Where a bucket is: under a host of its own on AWS, under a path elsewhere.
fn base(bucket: &str, host: &AwsHost) -> Option<Url> {
    if let Some(endpoint) = &host.endpoint {
        let mut url = endpoint.clone();
        url.path_segments_mut().ok()?.pop_if_empty().push(bucket);
        return Some(url);
    }
    let region = &host.region;
    let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    Url::parse(&format!("https://{bucket}.s3.{region}.{suffix}/")).ok()
}

#[async_trait]
impl Objects for Bucket {
    async fn put(&self, name: &str, content: &Bytes, deadline: Instant) -> Result<(), Answer> {
        retry::until(deadline, || self.attempt(name, content)).await
    }
}

fn unsigned() -> Setback {
    let answer = Answer::new(Code::Misconfigured, "the request cannot be signed with what the environment holds");
    Setback { answer, passes: false }
}

/// What a status means for whoever asked us; 0 when there was no answer.
fn meaning(status: u16, retry_after: Option<Duration>) -> Setback {
    let (code, message, passes) = match status {
        429 => (Code::Throttled, "the storage is at its limit", true),
        // S3 says so when it is asked too often.
        503 => (Code::Throttled, "the storage is at its limit", true),
        // Two writes of one name met.
        409 => (Code::Upstream, "the storage met another write", true),
        // A role that has not propagated yet takes longer than a call may.
        401 | 403 => (Code::NotReady, "the storage does not admit the function yet", false),
        404 => (Code::NotReady, "the storage is not there", false),
        400..=499 if status != 408 => (Code::Upstream, "the storage refuses the object", false),
        _ => (Code::Upstream, "the storage failed", true),
    };
    tracing::warn!(status, passes, "storage failed");
    Setback { answer: Answer::new(code, message).retry_after(retry_after), passes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Secret;

    fn host(endpoint: Option<&str>, region: &str) -> AwsHost {
        AwsHost {
            region: region.into(),
            access_key_id: "AKID".into(),
            secret_access_key: Secret::new("canary"),
            session_token: Some(Secret::new("session")),
            endpoint: endpoint.map(|url| url.parse().unwrap()),
        }
    }

    fn bucket(endpoint: Option<&str>, region: &str) -> Bucket {
        let at = S3Bucket { bucket: "factory-cold".into(), storage_class: "STANDARD_IA".into() };
        Bucket::new(&at, &host(endpoint, region), azure::transport::client(&[]).unwrap()).unwrap()
    }

    #[test]
    fn an_object_is_under_its_buckets_host_or_path() {
        let url = |endpoint, region| bucket(endpoint, region).url("d%2F1/2026/a.ndjson").to_string();
        let wanted = "https://factory-cold.s3.eu-central-1.amazonaws.com/d%252F1/2026/a.ndjson";
        assert_eq!(url(None, "eu-central-1"), wanted);
        assert!(url(None, "cn-north-1").starts_with("https://factory-cold.s3.cn-north-1.amazonaws.com.cn/"));
        assert!(url(Some("http://127.0.0.1:4566"), "x").starts_with("http://127.0.0.1:4566/factory-cold/d%252F1/"));
    }

    #[test]
    fn a_request_is_signed_and_writes_nothing_over() {
        let bucket = bucket(None, "eu-central-1");
        let url = bucket.url("d/a.ndjson");
        let headers =
            bucket.headers(&url, b"{}\n", SystemTime::UNIX_EPOCH + Duration::from_secs(1_440_938_160)).unwrap();
        let authorization = headers["authorization"].to_str().unwrap();
        let scope = "AWS4-HMAC-SHA256 Credential=AKID/20150830/eu-central-1/s3/aws4_request, SignedHeaders=content-type;\
            host;if-none-match;x-amz-content-sha256;x-amz-date;x-amz-security-token;x-amz-storage-class, Signature=";
        assert!(authorization.starts_with(scope), "{authorization}");
        assert_eq!(
            (&headers["if-none-match"], &headers["x-amz-storage-class"]),
            (&"*".parse().unwrap(), &"STANDARD_IA".parse().unwrap())
        );
        assert!(!format!("{headers:?}").contains("session"), "no log of the client prints it");
    }

    #[test]
    fn what_passes_is_told_from_what_does_not() {
        for (status, code, passes) in [
            (0, Code::Upstream, true),
            (403, Code::NotReady, false),
            (404, Code::NotReady, false),
            (409, Code::Upstream, true),
            (400, Code::Upstream, false),
            (500, Code::Upstream, true),
            (503, Code::Throttled, true),
        ] {
            let setback = meaning(status, None);
            assert_eq!((setback.answer.code, setback.passes), (code, passes), "{status}");
        }
    }
}
