//! A request taken apart: version, path, query, headers, body.

use axum::http::header::{HOST, HeaderMap};
use axum::http::{Method, Request, StatusCode};
use bytes::Bytes;
use serde_json::Value;

use super::answer::Refusal;
use super::limits;

/// An api-version of the data plane, oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Version {
    V2020_10_31,
    V2022_05_31,
    V2023_06_30,
    V2023_10_31,
}

impl Version {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "2020-10-31" => Some(Self::V2020_10_31),
            "2022-05-31" => Some(Self::V2022_05_31),
            "2023-06-30" => Some(Self::V2023_06_30),
            "2023-10-31" => Some(Self::V2023_10_31),
            _ => None,
        }
    }

    /// Whether `$metadata` of twins and components has `$lastUpdateTime`.
    pub(super) fn shows_last_update_time(self) -> bool {
        self >= Self::V2022_05_31
    }

    /// Whether properties have a `sourceTime`.
    pub(super) fn has_source_time(self) -> bool {
        self >= Self::V2022_05_31
    }

    /// Whether refusals repeat their code in `x-ms-error-code`.
    pub(super) fn repeats_error_code(self) -> bool {
        self >= Self::V2023_06_30
    }

    /// Whether a model is shown with its `@context` as an array, however it was written.
    pub(super) fn lists_contexts(self) -> bool {
        self >= Self::V2022_05_31
    }
}

/// One request.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) method: &'a Method,
    pub(super) version: Version,
    /// The path's segments, percent-decoded.
    pub(super) path: Vec<String>,
    raw_path: &'a str,
    query: Vec<(String, String)>,
    headers: &'a HeaderMap,
    body: &'a [u8],
    base: String,
}

impl<'a> Call<'a> {
    /// Takes a request apart; refused when its api-version is missing or none of ours.
    pub(super) fn of(request: &'a Request<Bytes>) -> Result<Self, Refusal> {
        let pairs = url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes());
        let query: Vec<_> = pairs.into_owned().collect();
        let raw_path = request.uri().path();
        let path = raw_path.split('/').filter(|segment| !segment.is_empty()).map(decoded).collect::<Result<_, _>>()?;
        Ok(Self {
            method: request.method(),
            version: version(&query)?,
            path,
            raw_path,
            query,
            headers: request.headers(),
            body: request.body(),
            base: base(request),
        })
    }

    /// The first value of a query parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters(name).next()
    }

    /// All values of a query parameter.
    pub(super) fn parameters(&self, name: &str) -> impl Iterator<Item = &str> {
        self.query.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A header that is text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body, of at most 32 KB, as JSON; `None` when there is none or it is not JSON.
    pub(super) fn json(&self) -> Result<Option<Value>, Refusal> {
        self.json_of(limits::BODY_BYTES)
    }

    /// The body, of at most `most` bytes, as JSON; `None` when there is none or it is not JSON.
    pub(super) fn json_of(&self, most: usize) -> Result<Option<Value>, Refusal> {
        if self.body.len() > most {
            let message = format!("The request body is larger than {most} bytes.");
            return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", message));
        }
        Ok(serde_json::from_slice(self.body).ok())
    }

    /// Whether there is no body.
    pub(super) fn is_empty(&self) -> bool {
        self.body.is_empty()
    }

    /// How many entries a page of the answer may have: what the caller asks for, at most `most`.
    pub(super) fn page_size(&self, most: usize) -> Result<usize, Refusal> {
        let Some(asked) = self.header("max-items-per-page") else { return Ok(most) };
        match asked.trim().parse::<usize>() {
            Ok(asked) if asked > 0 => Ok(asked.min(most)),
            _ => Err(Refusal::argument(format!("The max-items-per-page header value {asked} is not valid."))),
        }
    }

    /// The absolute URL of a resource of this instance, in the version of this call.
    pub(super) fn url(&self, path: &[&str]) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("api-version", self.parameter("api-version").unwrap_or_default());
        let escaped =
            path.iter().map(|segment| url::form_urlencoded::byte_serialize(segment.as_bytes()).collect::<String>());
        // What a form writes as plus is a plus in a path.
        let path = escaped.map(|segment| segment.replace('+', "%20")).collect::<Vec<_>>().join("/");
        format!("{}/{path}?{}", self.base, query.finish())
    }

    /// The refusal of a resource that this call's version does not have.
    pub(super) fn unsupported_version(&self) -> Refusal {
        unsupported(self.parameter("api-version").unwrap_or_default())
    }

    /// The absolute URL of this same list from `token` on.
    pub(super) fn next_link(&self, token: &str) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("continuationToken", token);
        for (name, value) in self.query.iter().filter(|(name, _)| name != "continuationToken") {
            query.append_pair(name, value);
        }
        format!("{}{}?{}", self.base, self.raw_path, query.finish())
    }
}

fn version(query: &[(String, String)]) -> Result<Version, Refusal> {
    let Some((_, asked)) = query.iter().find(|(name, _)| name.eq_ignore_ascii_case("api-version")) else {
        return Err(Refusal::bad("ApiVersionUnspecified", "An API version is required, but was not specified."));
    };
    Version::parse(asked).ok_or_else(|| unsupported(asked))
}

fn unsupported(version: &str) -> Refusal {
    let message =
        format!("The HTTP resource that matches the request URI does not support the API version '{version}'.");
    Refusal::bad("UnsupportedApiVersion", message)
}

fn base(request: &Request<Bytes>) -> String {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let uri = request.uri();
    let scheme = uri.scheme_str().or_else(|| header("x-forwarded-proto")).unwrap_or("https");
    let authority = uri.authority().map(|authority| authority.as_str());
    format!("{scheme}://{}", authority.or_else(|| header(HOST.as_str())).unwrap_or("localhost"))
}

/// Percent-decodes a path segment.
fn decoded(segment: &str) -> Result<String, Refusal> {
    let refused = || Refusal::argument(format!("The path segment {segment} is not valid."));
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let digits = rest.split_at_checked(2).ok_or_else(refused)?;
        let text = std::str::from_utf8(digits.0).map_err(|_| refused())?;
        bytes.push(u8::from_str_radix(text, 16).map_err(|_| refused())?);
        rest = digits.1;
    }
    String::from_utf8(bytes).map_err(|_| refused())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_decoded_and_versions_told_apart() {
        let uri = "http://h:1/models/dtmi%3Aa%3B1?api-version=2022-05-31";
        let request = Request::get(uri).body(Bytes::new()).unwrap();
        let call = Call::of(&request).unwrap();
        assert_eq!(call.path, ["models", "dtmi:a;1"]);
        assert_eq!(call.next_link("x"), "http://h:1/models/dtmi%3Aa%3B1?continuationToken=x&api-version=2022-05-31");
        assert!(call.version.has_source_time() && !call.version.repeats_error_code());
        assert!(decoded("a%4").is_err() && decoded("a%zz").is_err());
    }

    #[test]
    fn a_version_is_asked_for() {
        let refused = |uri: &str| Call::of(&Request::get(uri).body(Bytes::new()).unwrap()).unwrap_err().code();
        assert_eq!(refused("/models"), "ApiVersionUnspecified");
        assert_eq!(refused("/models?api-version=2019-01-01"), "UnsupportedApiVersion");
    }
}
