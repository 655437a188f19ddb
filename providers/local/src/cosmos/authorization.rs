//! Who is asking: a token of Entra ID, or a signature made with one of the account's keys.

use axum::http::Request;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::refusal::Refusal;
use crate::state::Resource;
use crate::{query, token};

/// The keys that sign everything, and those that sign reads alone.
const WRITING_KEYS: [&str; 2] = ["primaryMasterKey", "secondaryMasterKey"];
const READING_KEYS: [&str; 2] = ["primaryReadonlyMasterKey", "secondaryReadonlyMasterKey"];

/// Who is asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Caller {
    /// Somebody with a token; its object id when it names one.
    Principal(Option<String>),
    /// Whoever holds one of the account's keys; `reads` when it signs nothing but reads.
    Key { reads: bool },
}

/// Checks the `authorization` header; a token's presence is enough, a signature must be right.
pub(super) fn caller(account: &Resource, request: &Request<Bytes>, segments: &[String]) -> Result<Caller, Refusal> {
    let header = query::header(request, "authorization").map(query::decode).filter(|header| !header.is_empty());
    let missing = "Required Header authorization is missing. Ensure a valid Authorization token is passed.";
    let header = header.ok_or_else(|| unauthorised(missing))?;
    let part = |name: &str| {
        let mut parts = header.split('&');
        parts.find_map(|part| part.strip_prefix(name)?.strip_prefix('=')).unwrap_or_default()
    };
    match part("type") {
        "aad" if !part("sig").is_empty() => Ok(Caller::Principal(token::object_id(part("sig")))),
        "master" => signed(account, request, segments, part("sig")),
        "resource" => Err(Refusal::not_implemented("resource tokens")),
        _ => Err(unauthorised("The input authorization token can't serve the request.")),
    }
}

fn unauthorised(message: &str) -> Refusal {
    Refusal::new(401, "Unauthorized", message)
}

fn signed(
    account: &Resource,
    request: &Request<Bytes>,
    segments: &[String],
    signature: &str,
) -> Result<Caller, Refusal> {
    if account.body["properties"]["disableLocalAuth"].as_bool() == Some(true) {
        return Err(unauthorised("Local Authorization is disabled. Use an AAD token to authorize all requests."));
    }
    let texts = texts(request, segments);
    let made_with = |key: &&str| texts.iter().any(|text| verifies(account.minted(key), text, signature));
    if WRITING_KEYS.iter().any(&made_with) {
        return Ok(Caller::Key { reads: false });
    }
    if READING_KEYS.iter().any(made_with) {
        return Ok(Caller::Key { reads: true });
    }
    let expected = texts[0].replace('\n', "\\n");
    Err(unauthorised(&format!(
        "The input authorization token can't serve the request. The wrong key is being used or the expected payload is not built as per the protocol. Server used the following payload to sign: '{expected}'."
    )))
}

/// What may have been signed: links of names as they are, links of resource ids in lower case.
fn texts(request: &Request<Bytes>, segments: &[String]) -> [String; 2] {
    let named = segments.len() / 2 * 2;
    let kind = match segments {
        [] => "",
        _ => &segments[if named == segments.len() { named - 2 } else { named }],
    };
    let link = segments[..named].join("/");
    let date = query::header(request, "x-ms-date").unwrap_or_default().to_lowercase();
    let other = if date.is_empty() { query::header(request, "date").unwrap_or_default() } else { "" }.to_lowercase();
    let method = request.method().as_str().to_lowercase();
    [link.clone(), link.to_lowercase()].map(|link| format!("{method}\n{kind}\n{link}\n{date}\n{other}\n"))
}

fn verifies(key: &str, text: &str, signature: &str) -> bool {
    let (Ok(key), Ok(signature)) = (STANDARD.decode(key), STANDARD.decode(signature)) else { return false };
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    mac.verify_slice(&signature).is_ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    /// The example of Microsoft's documentation on access control.
    const KEY: &str = "dsZQi3KtZmCv1ljt3VNWNm7sQUF1y5rJfC6kv5JiwvW0EndXdDku/dkKBp8/ufDToSxLzR4y+O/0H/t4bQtVNw==";
    const SIGNATURE: &str = "c09PEVJrgp2uQRkr934kFbTqhByc7TVr3OHyqlu+c+c=";

    fn account(body: serde_json::Value) -> Resource {
        let minted = Map::from_iter([("primaryMasterKey".to_owned(), KEY.into())]);
        Resource {
            id: "a".into(),
            kind: "k".into(),
            body,
            minted,
            state: "Succeeded".into(),
            operation: None,
            created: String::new(),
            changed: String::new(),
            etag: String::new(),
        }
    }

    fn ask(body: serde_json::Value, header: &str) -> Result<Caller, u16> {
        let request = Request::get("/dbs/ToDoList")
            .header("authorization", header)
            .header("x-ms-date", "Thu, 27 Apr 2017 00:51:12 GMT")
            .body(Bytes::new())
            .expect("a request");
        caller(&account(body), &request, &["dbs".into(), "ToDoList".into()]).map_err(|refusal| refusal.status)
    }

    #[test]
    fn a_signature_is_verified_as_documented() {
        let header = |signature: &str| {
            let plain = format!("type=master&ver=1.0&sig={signature}");
            url::form_urlencoded::byte_serialize(plain.as_bytes()).collect::<String>()
        };
        assert_eq!(ask(json!({}), &header(SIGNATURE)), Ok(Caller::Key { reads: false }));
        assert_eq!(ask(json!({}), &header(&SIGNATURE.replace('c', "d"))), Err(401));
        let closed = json!({ "properties": { "disableLocalAuth": true } });
        assert_eq!(ask(closed, &header(SIGNATURE)), Err(401));
    }

    #[test]
    fn a_token_is_taken_encoded_or_not() {
        for header in ["type=aad&ver=1.0&sig=a.b.c", "type%3daad%26ver%3d1.0%26sig%3da.b.c"] {
            assert_eq!(ask(json!({}), header), Ok(Caller::Principal(None)));
        }
        assert_eq!(ask(json!({}), "Bearer a.b.c"), Err(401));
        assert_eq!(ask(json!({}), "type=aad&ver=1.0&sig="), Err(401));
    }
}
