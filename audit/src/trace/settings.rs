//! Where traces go, as the standard `OTEL_*` variables say.
//!
//! Source: OpenTelemetry specification, "General SDK Configuration" and "OpenTelemetry Protocol Exporter". A variable that
//! is empty counts as one that is not set.

use std::fmt;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use percent_encoding::percent_decode_str;
use reqwest::Url;

use super::Error;

const DISABLED: &str = "OTEL_SDK_DISABLED";
const EXPORTER: &str = "OTEL_TRACES_EXPORTER";
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
const TRACES_HEADERS: &str = "OTEL_EXPORTER_OTLP_TRACES_HEADERS";
const TIMEOUT: &str = "OTEL_EXPORTER_OTLP_TIMEOUT";
const TRACES_TIMEOUT: &str = "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT";
const PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";
const TRACES_PROTOCOL: &str = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL";
const SERVICE_NAME: &str = "OTEL_SERVICE_NAME";
const RESOURCE_ATTRIBUTES: &str = "OTEL_RESOURCE_ATTRIBUTES";

/// Where a collector listens when only the exporter is set.
const DEFAULT_ENDPOINT: &str = "http://localhost:4318";
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
const DEFAULT_SERVICE: &str = "twinctl";

/// Where traces go, and what is said of who sends them. Its `Debug` shows no header's value and no more of the endpoint
/// than its host: either may hold a key.
#[derive(Clone, PartialEq, Eq)]
pub struct Settings {
    endpoint: Url,
    headers: Vec<(String, String)>,
    timeout: Duration,
    service: String,
    attributes: Vec<(String, String)>,
}

impl Settings {
    /// Reads them; `lookup` tells the value of a variable. `None` when nothing is to be sent.
    ///
    /// | variable | meaning |
    /// |---|---|
    /// | `OTEL_SDK_DISABLED` | `true`: nothing is sent |
    /// | `OTEL_TRACES_EXPORTER` | `otlp` sends, to `http://localhost:4318` when no endpoint is set; `none` does not |
    /// | `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` | the URL, as it is |
    /// | `OTEL_EXPORTER_OTLP_ENDPOINT` | the URL without `/v1/traces` |
    /// | `OTEL_EXPORTER_OTLP_(TRACES_)HEADERS` | `name=value,...`, percent-encoded; sent with every request |
    /// | `OTEL_EXPORTER_OTLP_(TRACES_)TIMEOUT` | milliseconds for everything, retries included; 10000 |
    /// | `OTEL_EXPORTER_OTLP_(TRACES_)PROTOCOL` | `http/protobuf`, the only one here |
    /// | `OTEL_SERVICE_NAME` | `service.name`; `twinctl` |
    /// | `OTEL_RESOURCE_ATTRIBUTES` | `name=value,...`, percent-encoded |
    ///
    /// # Errors
    /// [`Error::Variable`] when something is to be sent and a variable's value cannot be used.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, Error> {
        let set = |name: &str| lookup(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        if set(DISABLED).is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        let Some(endpoint) = endpoint(&set)? else { return Ok(None) };
        check_protocol(&set)?;
        let attributes = pairs(&set, RESOURCE_ATTRIBUTES)?;
        let named = attributes.iter().find(|(name, _)| name == "service.name").map(|(_, value)| value.clone());
        Ok(Some(Self {
            endpoint,
            headers: pairs(&set, if set(TRACES_HEADERS).is_some() { TRACES_HEADERS } else { HEADERS })?,
            timeout: timeout(&set)?,
            service: set(SERVICE_NAME).or(named).unwrap_or_else(|| DEFAULT_SERVICE.to_owned()),
            attributes,
        }))
    }

    /// The URL that traces are sent to.
    #[must_use]
    pub fn endpoint(&self) -> &Url {
        &self.endpoint
    }

    /// The time that sending may take, retries included.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    pub(super) fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// The collector's host and port: what may be shown of the endpoint.
    #[must_use]
    pub fn host(&self) -> String {
        let port = self.endpoint.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}{port}", self.endpoint.host_str().unwrap_or_default())
    }

    pub(super) fn resource(&self) -> Resource {
        let pair = |(name, value): &(String, String)| KeyValue::new(name.clone(), value.clone());
        Resource::builder_empty()
            .with_attributes(self.attributes.iter().map(pair))
            .with_service_name(self.service.clone())
            .build()
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Settings")
            .field("host", &self.host())
            .field("headers", &headers)
            .field("timeout", &self.timeout)
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}

/// The endpoint; absent when nobody asked for traces.
fn endpoint(set: &impl Fn(&str) -> Option<String>) -> Result<Option<Url>, Error> {
    let exporter = exporter(set)?;
    let whole = set(TRACES_ENDPOINT).map(|url| (TRACES_ENDPOINT, url));
    let base = set(ENDPOINT).or_else(|| (exporter == Some(true)).then(|| DEFAULT_ENDPOINT.to_owned()));
    let below = base.map(|url| (ENDPOINT, format!("{}/v1/traces", url.trim_end_matches('/'))));
    match (exporter, whole.or(below)) {
        (Some(false), _) | (_, None) => Ok(None),
        (_, Some((variable, url))) => parse(variable, &url).map(Some),
    }
}

/// Whether the exporter is set, and to what we have.
fn exporter(set: &impl Fn(&str) -> Option<String>) -> Result<Option<bool>, Error> {
    let Some(names) = set(EXPORTER) else { return Ok(None) };
    let names: Vec<&str> = names.split(',').map(str::trim).collect();
    match (names.contains(&"otlp"), names.contains(&"none")) {
        (true, _) => Ok(Some(true)),
        (_, true) => Ok(Some(false)),
        _ => Err(problem(EXPORTER, "names an exporter that is not here (there are `otlp` and `none`)")),
    }
}

fn parse(variable: &'static str, url: &str) -> Result<Url, Error> {
    let url = Url::parse(url).map_err(|error| problem(variable, format!("is not a URL: {error}")))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        scheme => Err(problem(variable, format!("has the scheme `{scheme}`, not `http` or `https`"))),
    }
}

fn check_protocol(set: &impl Fn(&str) -> Option<String>) -> Result<(), Error> {
    let variable = if set(TRACES_PROTOCOL).is_some() { TRACES_PROTOCOL } else { PROTOCOL };
    match set(variable).as_deref() {
        None | Some("http/protobuf") => Ok(()),
        Some(other) => Err(problem(variable, format!("is `{other}`, and only `http/protobuf` is here"))),
    }
}

fn timeout(set: &impl Fn(&str) -> Option<String>) -> Result<Duration, Error> {
    let variable = if set(TRACES_TIMEOUT).is_some() { TRACES_TIMEOUT } else { TIMEOUT };
    let Some(value) = set(variable) else { return Ok(DEFAULT_TIMEOUT) };
    match value.parse() {
        Ok(0) | Err(_) => Err(problem(variable, "is not a number of milliseconds above 0")),
        Ok(millis) => Ok(Duration::from_millis(millis)),
    }
}

/// `name=value,...`, values percent-encoded. A value may be secret, so none is in the error.
fn pairs(set: &impl Fn(&str) -> Option<String>, variable: &'static str) -> Result<Vec<(String, String)>, Error> {
    let text = set(variable).unwrap_or_default();
    let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    entries.map(|entry| pair(entry).ok_or_else(|| problem(variable, "is not of the form `name=value,...`"))).collect()
}

fn pair(entry: &str) -> Option<(String, String)> {
    let (name, value) = entry.split_once('=')?;
    let name = name.trim();
    let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
    (!name.is_empty()).then(|| (name.to_owned(), value.into_owned()))
}

fn problem(variable: &'static str, problem: impl Into<String>) -> Error {
    Error::Variable { variable, problem: problem.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Option<Settings>, Error> {
        let find = |name: &str| variables.iter().find(|(it, _)| *it == name).map(|(_, value)| (*value).to_owned());
        Settings::read(find)
    }

    fn endpoint_of(variables: &[(&str, &str)]) -> Option<String> {
        read(variables).unwrap().map(|settings| settings.endpoint.to_string())
    }

    #[test]
    fn nothing_is_sent_unless_somebody_asks() {
        assert_eq!(endpoint_of(&[]), None);
        assert_eq!(endpoint_of(&[(ENDPOINT, "")]), None);
        assert_eq!(endpoint_of(&[(ENDPOINT, "http://c:4318"), (DISABLED, "TRUE")]), None);
        assert_eq!(endpoint_of(&[(ENDPOINT, "http://c:4318"), (EXPORTER, "none")]), None);
        assert_eq!(endpoint_of(&[(SERVICE_NAME, "factory")]), None);
    }

    #[test]
    fn the_more_special_variable_wins() {
        assert_eq!(endpoint_of(&[(EXPORTER, "otlp")]).as_deref(), Some("http://localhost:4318/v1/traces"));
        assert_eq!(endpoint_of(&[(ENDPOINT, "https://c/otel/")]).as_deref(), Some("https://c/otel/v1/traces"));
        let both = [(ENDPOINT, "https://c"), (TRACES_ENDPOINT, "https://t/here")];
        assert_eq!(endpoint_of(&both).as_deref(), Some("https://t/here"));
        let times = [(ENDPOINT, "https://c"), (TIMEOUT, "500"), (TRACES_TIMEOUT, "70")];
        assert_eq!(read(&times).unwrap().unwrap().timeout, Duration::from_millis(70));
    }

    #[test]
    fn headers_and_attributes_are_decoded_and_headers_are_not_shown() {
        let headers = [(ENDPOINT, "https://me:pw@c/?key=k1"), (HEADERS, "authorization=Bearer%20abc, x-team = plant")];
        let settings = read(&headers).unwrap().unwrap();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(settings.headers, [pair("authorization", "Bearer abc"), pair("x-team", "plant")]);
        let shown = format!("{settings:?}");
        assert!(!["abc", "pw", "k1"].iter().any(|secret| shown.contains(secret)), "{shown}");
        let named = [(ENDPOINT, "https://c"), (RESOURCE_ATTRIBUTES, "service.name=a,deployment.environment=test")];
        assert_eq!(read(&named).unwrap().unwrap().service, "a");
        let twice = [named[0], named[1], (SERVICE_NAME, "b")];
        assert_eq!(read(&twice).unwrap().unwrap().service, "b");
    }

    #[test]
    fn what_cannot_be_used_is_named_without_its_value() {
        let complaint = |name, value| read(&[(ENDPOINT, "http://c"), (name, value)]).unwrap_err().to_string();
        assert_eq!(
            complaint(PROTOCOL, "grpc"),
            "send the trace: OTEL_EXPORTER_OTLP_PROTOCOL is `grpc`, and only `http/protobuf` is here"
        );
        assert!(!complaint(HEADERS, "s3cret").contains("s3cret"));
        assert!(!complaint(TRACES_ENDPOINT, "ftp://u:s3cret@c").contains("s3cret"));
        assert!(complaint(TIMEOUT, "soon").contains("milliseconds"));
        assert!(complaint(EXPORTER, "zipkin").contains("OTEL_TRACES_EXPORTER"));
    }
}
