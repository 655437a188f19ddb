//! Reading an invocation's event.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    answer::{Answer, Code},
    call::{BODY_LIMIT, What},
    function::Function,
    inbound::iot,
    remote::TOKEN,
    settings::Secret,
};

/// What an invocation is about.
#[derive(Debug)]
pub enum Event {
    /// A request to the function's URL, or the answer that it gets at once.
    Url(Result<What, Answer>),
    /// Anything else: what the function is called with, or why it is not.
    Direct(Result<What, Answer>),
}

/// A request in payload version 2.0.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    request_context: Context,
    #[serde(default)]
    raw_path: String,
    #[serde(default)]
    headers: Map<String, Value>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

#[derive(Deserialize)]
struct Context {
    http: Http,
}

#[derive(Deserialize)]
struct Http {
    method: String,
}

/// Reads an event for a function.
#[must_use]
pub fn read(function: Function, body: &[u8]) -> Event {
    let Ok(event) = serde_json::from_slice::<Value>(body) else {
        return Event::Direct(Err(malformed("the event is not JSON")));
    };
    if event.pointer("/requestContext/http").is_some() {
        let request = Request::deserialize(event).map_err(|_| malformed("the request is not of payload version 2.0"));
        return Event::Url(request.and_then(|request| request.what(function)));
    }
    Event::Direct(direct(function, event))
}

/// The call in an event that is no request.
fn direct(function: Function, event: Value) -> Result<What, Answer> {
    if function == Function::HotReader {
        return Ok(What::Query(event));
    }
    let events = match event {
        Value::Array(events) => events,
        event => vec![event],
    };
    match events.iter().all(iot::is_event) {
        true if function.rule_target() => Ok(What::Rule(events)),
        true => Err(malformed("the function takes a POST, no events")),
        false => Err(malformed("the event is neither a request nor a topic rule's")),
    }
}

impl Request {
    fn what(self, function: Function) -> Result<What, Answer> {
        if !is_path_of(function, &self.raw_path) {
            return Err(Answer::new(Code::NotFound, "there is no such path"));
        }
        if self.request_context.http.method != "POST" {
            return Err(Answer::new(Code::MethodNotAllowed, "the function takes POST alone"));
        }
        let token = self.token();
        Ok(What::Post { token, body: self.body()? })
    }

    /// The value of the token's header; two of them arrive as one that admits nobody.
    fn token(&self) -> Option<Secret> {
        let (_, value) = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(TOKEN))?;
        value.as_str().map(Secret::new)
    }

    fn body(self) -> Result<Vec<u8>, Answer> {
        let text = self.body.unwrap_or_default();
        // Encoded it is longer by a third; what is far too long is not decoded first.
        if text.len() > BODY_LIMIT * 2 {
            return Err(too_large());
        }
        let body = if self.is_base64_encoded {
            STANDARD.decode(text).map_err(|_| malformed("the body is not base64"))?
        } else {
            text.into_bytes()
        };
        if body.len() > BODY_LIMIT { Err(too_large()) } else { Ok(body) }
    }
}

/// A URL belongs to one function; the paths under which the function is called on Azure are taken as well.
fn is_path_of(function: Function, path: &str) -> bool {
    let path = path.trim_start_matches('/');
    path.is_empty() || path.strip_prefix("api/").unwrap_or(path) == function.name()
}

fn malformed(why: &str) -> Answer {
    Answer::new(Code::Malformed, why)
}

fn too_large() -> Answer {
    Answer::new(Code::TooLarge, "the body is too large")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request(method: &str, path: &str, body: Value, encoded: bool) -> Value {
        json!({
            "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "",
            "headers": {"x-inter-cloud-token": "t", "content-type": "application/json"},
            "requestContext": {"http": {"method": method, "path": path, "sourceIp": "192.0.2.1"}, "stage": "$default"},
            "body": body, "isBase64Encoded": encoded
        })
    }

    fn url(event: &Value) -> Result<(Option<Secret>, Vec<u8>), Code> {
        match read(Function::Persister, event.to_string().as_bytes()) {
            Event::Url(Ok(What::Post { token, body })) => Ok((token, body)),
            Event::Url(Err(answer)) => Err(answer.code),
            other => panic!("a request, not {other:?}"),
        }
    }

    fn direct_of(function: Function, event: &Value) -> Result<What, Code> {
        match read(function, event.to_string().as_bytes()) {
            Event::Direct(what) => what.map_err(|answer| answer.code),
            Event::Url(_) => panic!("it is no request"),
        }
    }

    #[test]
    fn a_request_is_read_in_all_its_forms() {
        let wanted = Ok((Some(Secret::new("t")), b"{}".to_vec()));
        for path in ["/", "", "/persister", "/api/persister"] {
            assert_eq!(url(&request("POST", path, json!("{}"), false)), wanted, "{path}");
        }
        assert_eq!(url(&request("POST", "/", json!("e30="), true)), wanted);
        let mut bare = request("POST", "/", Value::Null, false);
        bare["headers"] = json!({"X-Inter-Cloud-Token": "t,t"});
        assert_eq!(url(&bare), Ok((Some(Secret::new("t,t")), Vec::new())), "which admits nobody");
        bare["headers"] = json!({});
        assert_eq!(url(&bare), Ok((None, Vec::new())));
    }

    #[test]
    fn a_request_always_gets_its_answer() {
        let long = "x".repeat(BODY_LIMIT + 1);
        for (event, wanted) in [
            (request("GET", "/", Value::Null, false), Code::MethodNotAllowed),
            (request("POST", "/hot-writer", json!(""), false), Code::NotFound),
            (request("POST", "/", json!("??"), true), Code::Malformed),
            (request("POST", "/", json!(long), false), Code::TooLarge),
            (request("POST", "/", json!(STANDARD.encode(&long)), true), Code::TooLarge),
            (request("POST", "/", json!("x".repeat(BODY_LIMIT * 2 + 1)), true), Code::TooLarge),
            (json!({"requestContext": {"http": 7}}), Code::Malformed),
            (request("POST", "/", json!({}), false), Code::Malformed),
        ] {
            assert_eq!(url(&event), Err(wanted));
        }
    }

    #[test]
    fn a_rule_calls_its_targets_alone() {
        let event = json!({"payload": "e30=", "device": "d", "received": 1});
        for function in [Function::Persister, Function::Dispatcher] {
            assert!(matches!(direct_of(function, &event), Ok(What::Rule(events)) if events == [event.clone()]));
            let batch = json!([event, event]);
            assert!(matches!(direct_of(function, &batch), Ok(What::Rule(events)) if events.len() == 2));
        }
        for other in [Function::Ingestion, Function::HotWriter, Function::ColdWriter, Function::AdtPusher] {
            assert_eq!(direct_of(other, &event).unwrap_err(), Code::Malformed, "{other}");
        }
        for wrong in [json!(7), json!({}), json!([event, 7]), json!({"Records": []})] {
            assert_eq!(direct_of(Function::Persister, &wrong).unwrap_err(), Code::Malformed, "{wrong}");
        }
        assert!(
            matches!(read(Function::Persister, b"{"), Event::Direct(Err(answer)) if answer.code == Code::Malformed)
        );
    }

    #[test]
    fn a_query_is_for_the_reader() {
        let query = json!({"workspaceId": "w", "entityId": "e"});
        assert!(matches!(direct_of(Function::HotReader, &query), Ok(What::Query(read)) if read == query));
        assert_eq!(direct_of(Function::Persister, &query).unwrap_err(), Code::Malformed);
    }
}
