//! Azure's error bodies: there is no one shape.
//!
//! | who | shape |
//! |---|---|
//! | most of Resource Manager | `{"error": {"code", "message", "details": [..]}}` |
//! | IoT Hub | `{"code", "httpStatusCode", "message", "details"}` |
//! | Cosmos | `{"code", "message"}`, the message often holding escaped JSON with an activity id |
//! | twin instance, 401 | `{"statusCode": 401, "message"}` |
//! | twin instance, 429 | `{"error": {"statusCode", "message"}}`: no code |
//! | twin instance, malformed patch | RFC 7807: `{"title", "status", "errors": {..}}` |
//! | device registry | `{"Message": "ErrorCode:DeviceNotFound;...", "ExceptionMessage"}` |
//! | App Service | `{"Code", "Message", "Details"}` |
//! | blobs | XML: `<Error><Code/><Message/></Error>`, the code repeated in `x-ms-error-code` |
//! | deployment sites, gateways | plain text or HTML |
//!
//! Of any other shape the text is kept as it is: better to read than nothing.

use serde_json::Value;

/// What an error body says; both empty when it says nothing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ErrorBody {
    /// The service's code.
    pub(super) code: Option<String>,
    /// The service's message, with that of the details.
    pub(super) message: String,
}

/// Reads an error body of any shape.
pub(super) fn parse(body: &[u8]) -> ErrorBody {
    match serde_json::from_slice::<Value>(body) {
        Ok(value) => from_value(&value),
        Err(_) => ErrorBody { code: None, message: plain(&String::from_utf8_lossy(body)) },
    }
}

/// Reads an error body, or the `error` of an operation's status, that is JSON.
pub(super) fn from_value(value: &Value) -> ErrorBody {
    if let Some(text) = value.as_str() {
        return ErrorBody { code: None, message: plain(text) };
    }
    let error = match field(value, "error") {
        Some(inner) if inner.is_object() => inner,
        // OAuth: {"error": "invalid_client", "error_description": "..."}
        Some(Value::String(code)) => return oauth(code, value),
        _ => value,
    };
    let mut message = ["message", "title", "detail"]
        .into_iter()
        .find_map(|name| field(error, name).and_then(Value::as_str))
        .map(plain)
        .unwrap_or_default();
    let mut code = field(error, "code").and_then(text_of).or_else(|| registry_code(&message));
    for detail in details(error) {
        add(&mut message, &detail);
    }
    if code.as_deref().is_some_and(str::is_empty) {
        code = None;
    }
    if code.is_none() && message.is_empty() && says_something(value) {
        message = plain(&masked(value).to_string());
    }
    ErrorBody { code, message }
}

/// The same without what its name says is secret: nobody knows what an unknown shape repeats.
fn masked(value: &Value) -> Value {
    let is_secret = |name: &str| {
        let name = name.to_ascii_lowercase();
        ["key", "secret", "token", "password", "connectionstring", "signature"].iter().any(|word| name.contains(word))
    };
    match value {
        Value::Array(elements) => elements.iter().map(masked).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| match is_secret(name) {
                true => (name.clone(), Value::from("[redacted]")),
                false => (name.clone(), masked(value)),
            })
            .collect(),
        other => other.clone(),
    }
}

/// Whether there is any text or number in it.
fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => !text.is_empty(),
        Value::Array(elements) => elements.iter().any(says_something),
        Value::Object(members) => members.values().any(says_something),
    }
}

fn oauth(code: &str, value: &Value) -> ErrorBody {
    let message = field(value, "error_description").and_then(Value::as_str).map(plain).unwrap_or_default();
    ErrorBody { code: Some(code.to_owned()), message }
}

/// The messages of the details, and the lists of problems of RFC 7807's `errors`.
fn details(error: &Value) -> Vec<String> {
    let listed = field(error, "details").and_then(Value::as_array).into_iter().flatten();
    let listed = listed.filter_map(|detail| field(detail, "message").and_then(Value::as_str));
    let problems = field(error, "errors").and_then(Value::as_object).into_iter().flat_map(|errors| errors.values());
    let problems = problems.filter_map(Value::as_array).flatten().filter_map(Value::as_str);
    listed.chain(problems).map(plain).collect()
}

fn add(message: &mut String, detail: &str) {
    if detail.is_empty() || message.contains(detail) {
        return;
    }
    if !message.is_empty() {
        message.push_str("; ");
    }
    message.push_str(detail);
}

/// A field by its name in any case: App Service and the registry write theirs with capitals.
fn field<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    value.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The code in a registry message such as `ErrorCode:DeviceNotFound;E2E_...`.
fn registry_code(message: &str) -> Option<String> {
    let rest = message.split_once("ErrorCode:")?.1;
    let code: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
    (!code.is_empty()).then_some(code)
}

/// One line of text: the markup of HTML pages left out, white space joined.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let markup = text.trim_start().starts_with('<');
    let mut inside = false;
    for c in text.chars() {
        match c {
            '<' if markup => inside = true,
            '>' if markup => {
                inside = false;
                out.push(' ');
            }
            _ if inside => {}
            _ => out.push(c),
        }
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> (Option<String>, String) {
        let read = parse(body.as_bytes());
        (read.code, read.message)
    }

    #[test]
    fn every_known_shape_is_read() {
        let cases = [
            (
                r#"{"error":{"code":"ValidationFailed","message":"Invalid twin specified","details":[{"code":"ValidationFailed","message":"X does not appear on the DTDL for Twin."}]}}"#,
                Some("ValidationFailed"),
                "Invalid twin specified; X does not appear on the DTDL for Twin.",
            ),
            (
                r#"{"code":409002,"httpStatusCode":"Conflict","message":"not currently in Active state"}"#,
                Some("409002"),
                "not currently in Active state",
            ),
            (r#"{"code":"BadRequest","message":"Message: {\r\n}"}"#, Some("BadRequest"), "Message: { }"),
            (r#"{"statusCode":401,"message":"Unauthorized"}"#, None, "Unauthorized"),
            (r#"{ "error": { "statusCode": 429, "message": "Too many." } }"#, None, "Too many."),
            (
                r#"{"title":"One or more validation errors occurred.","status":400,"errors":{"$[0]":["The JSON value is not an object."]}}"#,
                None,
                "One or more validation errors occurred.; The JSON value is not an object.",
            ),
            (
                r#"{"Message":"ErrorCode:DeviceNotFound;E2E","ExceptionMessage":"Tracking ID:1"}"#,
                Some("DeviceNotFound"),
                "ErrorCode:DeviceNotFound;E2E",
            ),
            (r#"{"Code":"Conflict","Message":"busy","Details":[{"Message":"busy"}]}"#, Some("Conflict"), "busy"),
            (
                r#"{"error":"invalid_client","error_description":"AADSTS7000215"}"#,
                Some("invalid_client"),
                "AADSTS7000215",
            ),
            ("<html><body>\n<h1>Service Unavailable</h1></body></html>", None, "Service Unavailable"),
            ("", None, ""),
            (r#""just text""#, None, "just text"),
            ("[]", None, ""),
            (r#"{"error":null}"#, None, ""),
            (r#"{"reason":"quota of 3","retry":false}"#, None, r#"{"reason":"quota of 3","retry":false}"#),
            (r#"{"why":{"accountKey":"c2VjcmV0"}}"#, None, r#"{"why":{"accountKey":"[redacted]"}}"#),
            (r#"[{"problem":"no such plan"}]"#, None, r#"[{"problem":"no such plan"}]"#),
            (
                "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>BlobNotFound</Code><Message>Not there.</Message></Error>",
                None,
                "BlobNotFound Not there.",
            ),
        ];
        for (body, code, message) in cases {
            assert_eq!(read(body), (code.map(str::to_owned), message.to_owned()), "{body}");
        }
    }
}
