//! What requests carry beside their body: query parameters, bearer tokens, host names.

use axum::http::{Request, header};
use bytes::Bytes;
use serde_json::Value;

/// The decoded value of a query parameter; its name's case does not count.
pub(crate) fn value(request: &Request<Bytes>, name: &str) -> Option<String> {
    url::form_urlencoded::parse(request.uri().query()?.as_bytes())
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.into_owned())
}

/// A header's text.
pub(crate) fn header<'a>(request: &'a Request<Bytes>, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}

/// The bearer token, whatever it is worth: presence is all that is checked.
pub(crate) fn bearer(request: &Request<Bytes>) -> Option<&str> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty()).then(|| token.trim())
}

/// The first label of the host name when it is `{name}.{zone}.localhost`; `None` under a plain name.
pub(crate) fn subject(request: &Request<Bytes>, zone: &str) -> Option<String> {
    let host = header(request, "host").or_else(|| request.uri().host())?;
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host).to_lowercase();
    let name = host.strip_suffix(&format!(".{zone}.localhost"))?;
    (!name.is_empty()).then(|| name.to_owned())
}

/// The body as JSON; `None` when it is not.
pub(crate) fn json(request: &Request<Bytes>) -> Option<Value> {
    serde_json::from_slice(request.body()).ok()
}

/// The path's segments, percent-decoded; a trailing slash does not count.
pub(crate) fn segments(path: &str) -> Vec<String> {
    path.split('/').filter(|segment| !segment.is_empty()).map(decode).collect()
}

/// Undoes percent-encoding; what is no valid escape or no UTF-8 stays as it is.
pub(crate) fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let escaped = (*first == b'%').then(|| tail.get(..2)).flatten().and_then(|hex| std::str::from_utf8(hex).ok());
        match escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_decoded() {
        assert_eq!(segments("/a%20b//c%zz/"), ["a b", "c%zz"]);
    }

    #[test]
    fn a_host_names_its_subject() {
        let request = |host: &str| Request::builder().header("host", host).body(Bytes::new()).expect("a request");
        assert_eq!(subject(&request("factory-adt.adt.localhost:99"), "adt").as_deref(), Some("factory-adt"));
        assert_eq!(subject(&request("localhost:99"), "adt"), None);
        assert_eq!(subject(&request("127.0.0.1:99"), "adt"), None);
    }
}
