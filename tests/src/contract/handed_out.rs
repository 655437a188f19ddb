//! URLs that answers hand out: poll URLs and next pages.

use std::collections::BTreeMap;

use jsonschema::Validator;
use serde_json::{Value, json};
use url::Url;

use super::{complaints::complaints, recorder::Exchange, schema::build, wire::target};

/// What an answer gave to be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HandedOut {
    /// An operation's status.
    Status,
    /// An operation's answer-to-be.
    Location,
    /// The next page of a list.
    Page,
}

/// Takes note of what an exchange's answer gave.
pub(super) fn hand_out(exchange: &Exchange, handed_out: &mut BTreeMap<String, HandedOut>) {
    let Some(answer) = &exchange.answer else { return };
    let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let next = body.as_ref().and_then(|body| body.get("nextLink")).and_then(Value::as_str);
    let header = |name: &str| answer.headers.get(name).map(String::as_str);
    let given = [
        (header("azure-asyncoperation"), HandedOut::Status),
        (header("location"), HandedOut::Location),
        (next, HandedOut::Page),
    ];
    for (url, kind) in given {
        if let Some(url) = url.and_then(|url| Url::parse(url).ok()) {
            handed_out.insert(target(&url), kind);
        }
    }
}

/// What is wrong with following what was handed out: method and URL are given, the answer is held to the rules of
/// Resource Manager's asynchronous operations.
pub(super) fn check_poll(status_document: &Validator, kind: HandedOut, exchange: &Exchange) -> Vec<String> {
    let Some(answer) = &exchange.answer else { return Vec::new() };
    let mut found = Vec::new();
    match (kind, answer.status) {
        (HandedOut::Status, 200) => match serde_json::from_slice::<Value>(&answer.body) {
            Ok(body) => found.extend(complaints(status_document, &body, "the operation's status")),
            Err(error) => found.push(format!("the operation's status is not JSON: {error}")),
        },
        (HandedOut::Location, 200..=202 | 204) | (_, 404 | 408 | 410 | 429 | 500..) => {}
        (HandedOut::Page, 200) => found.push("the next page belongs to no operation".to_owned()),
        // A Location answers as the call would have: an error is the operation's.
        (HandedOut::Location, 400..) => {}
        (_, status) => found.push(format!("a poll is not answered by {status}")),
    }
    found
}

/// The status document of an asynchronous operation, as Resource Manager's common types and real hubs have it.
pub(super) fn status_document() -> Validator {
    build(
        &json!({
            "type": "object",
            "properties": {
                "id": {"type": ["string", "null"]},
                "name": {"type": ["string", "null"]},
                "status": {"type": "string", "minLength": 1},
                "percentComplete": {"type": "number", "minimum": 0, "maximum": 100},
                "startTime": {"type": "string", "format": "date-time"},
                "endTime": {"type": ["string", "null"], "format": "date-time"},
                "error": {"type": ["object", "null"]},
            },
            "required": ["status"],
        }),
        "the operation's status",
    )
}
