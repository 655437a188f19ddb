//! What a request to blob storage says: its target, its conditions, the range it wants.

use std::collections::BTreeMap;
use std::ops::Range;

use axum::http::{Method, Request};
use bytes::Bytes;

use super::answer::Refusal;
use super::store::{Blob, Draft};
use crate::query;

/// Lets in whoever shows anything: a token, a signed header, a shared access signature.
pub(super) fn admit(request: &Request<Bytes>) -> Result<(), Refusal> {
    let shows = query::header(request, "authorization").is_some_and(|value| !value.trim().is_empty());
    if shows || query::value(request, "sig").is_some() {
        return Ok(());
    }
    let message =
        "Server failed to authenticate the request. Please refer to the information in the www-authenticate header.";
    Err(Refusal::new(401, "NoAuthenticationInformation", message))
}

/// Container and blob of a path; a blob's name may hold slashes, also escaped ones.
pub(super) fn target(path: &str) -> (String, String) {
    let path = path.strip_prefix('/').unwrap_or(path);
    let (container, name) = path.split_once('/').unwrap_or((path, ""));
    (query::decode(container), query::decode(name))
}

/// What is to be kept beside a blob's bytes.
pub(super) fn draft(request: &Request<Bytes>) -> Draft {
    const KEPT: [&str; 4] = ["cache-control", "content-disposition", "content-encoding", "content-language"];
    let mut headers = BTreeMap::new();
    for (name, value) in request.headers() {
        let Ok(value) = value.to_str() else { continue };
        let name = name.as_str();
        let own = name.strip_prefix("x-ms-blob-").filter(|own| KEPT.contains(own));
        if name.starts_with("x-ms-meta-") {
            headers.insert(name.to_owned(), value.to_owned());
        } else if let Some(own) = own {
            headers.insert(own.to_owned(), value.to_owned());
        }
    }
    let content_type =
        query::header(request, "x-ms-blob-content-type").or_else(|| query::header(request, "content-type"));
    Draft { content_type: content_type.map(str::to_owned), is_append: false, headers }
}

/// Judges `If-Match` and `If-None-Match` of a PUT or DELETE on what is there.
pub(super) fn may_change(request: &Request<Bytes>, here: Option<&Blob>) -> Result<(), Refusal> {
    let stale =
        || Refusal::new(412, "ConditionNotMet", "The condition specified using HTTP conditional header(s) is not met.");
    let etag = here.map(|here| here.etag.as_str());
    if let Some(wanted) = query::header(request, "if-match")
        && !etag.is_some_and(|etag| names(wanted, etag))
    {
        return Err(stale());
    }
    match (query::header(request, "if-none-match"), etag) {
        (Some(unwanted), Some(etag)) if names(unwanted, etag) => {
            let taken = unwanted == "*" && *request.method() == Method::PUT;
            Err(if taken {
                Refusal::new(409, "BlobAlreadyExists", "The specified blob already exists.")
            } else {
                stale()
            })
        }
        _ => Ok(()),
    }
}

/// Judges `If-Match` and `If-None-Match` of a GET or HEAD.
pub(super) fn may_read(request: &Request<Bytes>, here: &Blob) -> Result<(), Refusal> {
    let not_met = |status| {
        Refusal::new(status, "ConditionNotMet", "The condition specified using HTTP conditional header(s) is not met.")
    };
    if query::header(request, "if-match").is_some_and(|wanted| !names(wanted, &here.etag)) {
        return Err(not_met(412));
    }
    if query::header(request, "if-none-match").is_some_and(|unwanted| names(unwanted, &here.etag)) {
        return Err(not_met(304));
    }
    Ok(())
}

/// Whether a condition names this tag, quoted or not.
fn names(condition: &str, etag: &str) -> bool {
    condition.split(',').map(str::trim).any(|one| one == "*" || one.trim_matches('"') == etag.trim_matches('"'))
}

/// The bytes that are wanted; `None` for all. A header that is no range of bytes does not count.
pub(super) fn range(request: &Request<Bytes>, size: usize) -> Result<Option<Range<usize>>, Refusal> {
    let header = query::header(request, "x-ms-range").or_else(|| query::header(request, "range"));
    let Some((first, last)) = header.and_then(|header| header.strip_prefix("bytes=")?.split_once('-')) else {
        return Ok(None);
    };
    let Ok(first) = first.parse::<usize>() else { return Ok(None) };
    let end = last.parse::<usize>().map_or(size, |last| last.saturating_add(1).min(size));
    if first >= end {
        let message = "The range specified is invalid for the current size of the resource.";
        return Err(Refusal::new(416, "InvalidRange", message));
    }
    Ok(Some(first..end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: Method, headers: &[(&str, &str)]) -> Request<Bytes> {
        let start = Request::builder().method(method).uri("https://acc.blob.localhost/c/b");
        let built = headers.iter().fold(start, |built, (name, value)| built.header(*name, *value));
        built.body(Bytes::new()).expect("a request")
    }

    #[test]
    fn a_target_is_a_container_and_the_rest() {
        assert_eq!(target("/c/a/b%2Fc%20d"), ("c".to_owned(), "a/b/c d".to_owned()));
        assert_eq!(target("/c"), ("c".to_owned(), String::new()));
        assert_eq!(target("/"), (String::new(), String::new()));
    }

    #[test]
    fn a_range_is_cut_to_the_blob_and_never_empty() {
        let ask = |range: &str| super::range(&request(Method::GET, &[("x-ms-range", range)]), 10);
        assert_eq!(ask("bytes=0-3"), Ok(Some(0..4)));
        assert_eq!(ask("bytes=4-"), Ok(Some(4..10)));
        assert_eq!(ask("bytes=0-33554431"), Ok(Some(0..10)));
        assert_eq!(ask("lines=1-2"), Ok(None));
        for bad in ["bytes=10-", "bytes=5-4"] {
            assert_eq!(ask(bad).expect_err("nothing is there").code, "InvalidRange", "{bad}");
        }
        let empty = super::range(&request(Method::GET, &[("range", "bytes=0-")]), 0);
        assert_eq!(empty.expect_err("nothing is there").status, 416);
    }

    #[test]
    fn anything_shown_admits() {
        assert_eq!(admit(&request(Method::GET, &[])).expect_err("nothing shown").status, 401);
        assert_eq!(admit(&request(Method::GET, &[("authorization", "SharedKey a:b")])), Ok(()));
    }
}
