//! The `Data`/`Metadata` form, in which the Functions host hands over a call and takes its outcome.
//!
//! A trigger that is an HTTP request arrives as an object. Any other arrives as an object or, since the host serialises
//! what it cannot turn into one, as a string that holds JSON: strings are decoded until something else comes out.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{answer::Answer, remote::TOKEN, settings::Secret};

/// An invocation that is not of the form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The body is not JSON, or not of the shape.
    #[error("line {line}, column {column}: this is no invocation")]
    Syntax {
        /// Counted from one.
        line: usize,
        /// Counted from one.
        column: usize,
    },
    /// The trigger's value is not there.
    #[error("/Data: the trigger has no value")]
    NoTrigger,
    /// The trigger's value is no event and no list of events, however often it is decoded.
    #[error("/Data: the trigger is no event")]
    NoEvent,
}

/// A request that triggered a function.
#[derive(Debug, Clone, PartialEq)]
pub struct Post {
    /// The method, in capitals.
    pub method: String,
    /// The value of `X-Inter-Cloud-Token`.
    pub token: Option<Secret>,
    /// The body.
    pub body: Vec<u8>,
}

#[derive(Deserialize)]
struct Invocation<T> {
    #[serde(rename = "Data")]
    data: T,
}

#[derive(Deserialize)]
struct HttpTrigger {
    req: Option<HttpRequest>,
}

#[derive(Deserialize)]
struct HttpRequest {
    #[serde(rename = "Method", default)]
    method: String,
    #[serde(rename = "Headers", default)]
    headers: Map<String, Value>,
    #[serde(rename = "Body", default)]
    body: Value,
}

/// Reads a call of a function with an HTTP trigger; its binding is named `req`.
///
/// # Errors
/// [`Error`] says where the body is not of the form.
pub fn post(body: &[u8]) -> Result<Post, Error> {
    let request = parse::<HttpTrigger>(body)?.req.ok_or(Error::NoTrigger)?;
    let body = match request.body {
        Value::Null => Vec::new(),
        Value::String(text) => text.into_bytes(),
        // Some versions of the host hand over a body of JSON as what it says.
        json => json.to_string().into_bytes(),
    };
    Ok(Post { method: request.method.to_ascii_uppercase(), token: token(&request.headers), body })
}

/// Reads a call of a function with an event trigger: one event or many.
///
/// # Errors
/// [`Error`] says where the body is not of the form.
pub fn events(body: &[u8]) -> Result<Vec<Value>, Error> {
    let mut data: Map<String, Value> = parse(body)?;
    let named = data.remove("event");
    // A binding of another name is as good, as long as there is only one.
    let value = named.or_else(|| if data.len() == 1 { data.into_iter().next().map(|(_, value)| value) } else { None });
    match decode(value.ok_or(Error::NoTrigger)?)? {
        Value::Array(events) => events.into_iter().map(decode).map(event).collect(),
        value => event(Ok(value)).map(|event| vec![event]),
    }
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Error> {
    let invocation: Result<Invocation<T>, _> = serde_json::from_slice(body);
    let invocation = invocation.map_err(|error| Error::Syntax { line: error.line(), column: error.column() })?;
    Ok(invocation.data)
}

/// Decodes strings until something else comes out; each is shorter than the one around it, so that this ends.
fn decode(mut value: Value) -> Result<Value, Error> {
    while let Value::String(text) = value {
        value = serde_json::from_str(&text).map_err(|_| Error::NoEvent)?;
    }
    Ok(value)
}

fn event(value: Result<Value, Error>) -> Result<Value, Error> {
    value.and_then(|value| if value.is_object() { Ok(value) } else { Err(Error::NoEvent) })
}

/// The token among the headers: a text or a list of one, under a name in any case.
fn token(headers: &Map<String, Value>) -> Option<Secret> {
    let (_, value) = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(TOKEN))?;
    let text = match value {
        Value::Array(values) => values.first().filter(|_| values.len() == 1)?,
        value => value,
    };
    text.as_str().map(Secret::new)
}

/// The outcome of a call with an HTTP trigger: its answer goes to the caller as it stands in `res`.
#[must_use]
pub fn response(answer: &Answer) -> Value {
    let mut headers = json!({"Content-Type": "application/json"});
    if let Some(after) = super::retry_after(answer) {
        headers["Retry-After"] = after.into();
    }
    let body = answer.body().to_string();
    outcome(json!({"res": {"body": body, "headers": headers, "statusCode": answer.code.status()}}), answer)
}

/// The outcome of a call with another trigger.
#[must_use]
pub fn completion(answer: &Answer) -> Value {
    outcome(json!({}), answer)
}

/// `Logs` end up among the app's own: what went wrong, and nothing otherwise.
fn outcome(outputs: Value, answer: &Answer) -> Value {
    let logs = if answer.code.is_success() { Vec::new() } else { vec![answer.message.clone()] };
    json!({"Logs": logs, "Outputs": outputs, "ReturnValue": null})
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::answer::Code;

    fn read(data: &Value) -> Result<Vec<Value>, Error> {
        events(json!({"Data": data, "Metadata": {"sys": {}}}).to_string().as_bytes())
    }

    #[test]
    fn an_event_is_read_however_often_it_is_encoded() {
        let event = json!({"eventType": "a", "data": {}});
        let mut encoded = event.clone();
        for _ in 0..4 {
            assert_eq!(read(&json!({"event": encoded})), Ok(vec![event.clone()]));
            encoded = encoded.to_string().into();
        }
        assert_eq!(read(&json!({"eventGridEvent": event})), Ok(vec![event.clone()]));
        let mixed = json!({"event": json!([event, event.to_string()]).to_string()});
        assert_eq!(read(&mixed), Ok(vec![event.clone(), event]));
    }

    #[test]
    fn what_is_no_event_is_refused() {
        for (data, wanted) in [
            (json!({}), Error::NoTrigger),
            (json!({"a": {}, "b": {}}), Error::NoTrigger),
            (json!({"event": null}), Error::NoEvent),
            (json!({"event": "text"}), Error::NoEvent),
            (json!({"event": [[{}]]}), Error::NoEvent),
        ] {
            assert_eq!(read(&data), Err(wanted), "{data}");
        }
        assert_eq!(events(b"{\n\"Data\": 1}"), Err(Error::Syntax { line: 2, column: 9 }));
        assert_eq!(post(b"{\"Data\": {}}"), Err(Error::NoTrigger));
    }

    #[test]
    fn a_request_is_read_in_all_its_forms() {
        let body = json!({"a": 1});
        for (headers, sent) in [
            (json!({"X-Inter-Cloud-Token": ["t"]}), json!(body.to_string())),
            (json!({"x-inter-cloud-token": "t", "Other": ["u", "v"]}), body.clone()),
        ] {
            let request =
                json!({"Data": {"req": {"Method": "post", "Headers": headers, "Body": sent}}, "Metadata": {}});
            let post = post(request.to_string().as_bytes()).unwrap();
            assert_eq!((post.method.as_str(), post.token), ("POST", Some(Secret::new("t"))));
            assert_eq!(post.body, body.to_string().into_bytes());
        }
        let bare = post(br#"{"Data": {"req": {"Headers": {"X-Inter-Cloud-Token": ["t", "u"]}}}}"#).unwrap();
        assert_eq!((bare.token, bare.body), (None, Vec::new()));
    }

    #[test]
    fn an_answer_goes_out_whole() {
        let answer = Answer::new(Code::Throttled, "slow down").retry_after(Some(Duration::from_millis(1200)));
        let headers = json!({"Content-Type": "application/json", "Retry-After": "2"});
        let body = r#"{"code":"throttled","message":"slow down"}"#;
        let wanted = json!({
            "Logs": ["slow down"], "Outputs": {"res": {"body": body, "headers": headers, "statusCode": 429}}, "ReturnValue": null
        });
        assert_eq!(response(&answer), wanted);
        let done = completion(&Answer::new(Code::Updated, "done"));
        assert_eq!(done, json!({"Logs": [], "Outputs": {}, "ReturnValue": null}));
    }
}
