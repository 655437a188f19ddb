//! The forms in which Lambda takes an outcome.

use serde_json::{Value, json};

use crate::{
    answer::{Answer, Code},
    host::azure::retry_after,
};

/// How an invocation ends.
#[derive(Debug, PartialEq)]
pub(super) enum Outcome {
    /// With a document.
    Done(Value),
    /// As an error, which Lambda repeats where nobody waits for the answer.
    Failed {
        /// The answer's code.
        kind: &'static str,
        /// The answer's sentence.
        message: String,
    },
}

/// The answer to a request: a response, whatever it says.
pub(super) fn url(answer: &Answer) -> Outcome {
    let mut headers = json!({"content-type": "application/json"});
    if let Some(after) = retry_after(answer) {
        headers["retry-after"] = after.into();
    }
    if answer.code == Code::MethodNotAllowed {
        headers["allow"] = "POST".into();
    }
    let body = answer.body().to_string();
    Outcome::Done(json!({
        "body": body, "headers": headers, "isBase64Encoded": false, "statusCode": answer.code.status()
    }))
}

/// The answer to anything else.
pub(super) fn direct(answer: &Answer) -> Outcome {
    if answer.code.is_success() {
        return Outcome::Done(answer.body());
    }
    Outcome::Failed { kind: answer.code.name(), message: answer.message.clone() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_request_is_answered_with_a_status_whatever_it_is() {
        let answer = Answer::new(Code::Throttled, "slow down").retry_after(Some(Duration::from_millis(1200)));
        let headers = json!({"content-type": "application/json", "retry-after": "2"});
        let body = r#"{"code":"throttled","message":"slow down"}"#;
        let wanted = json!({"body": body, "headers": headers, "isBase64Encoded": false, "statusCode": 429});
        assert_eq!(url(&answer), Outcome::Done(wanted));
        let Outcome::Done(refused) = url(&Answer::new(Code::MethodNotAllowed, "no")) else { panic!("it is answered") };
        assert_eq!((&refused["statusCode"], &refused["headers"]["allow"]), (&json!(405), &json!("POST")));
    }

    #[test]
    fn a_failure_of_an_event_is_an_error() {
        let failed = Outcome::Failed { kind: "upstream", message: "the storage failed".into() };
        assert_eq!(direct(&Answer::new(Code::Upstream, "the storage failed")), failed);
        let done = json!({"code": "stored", "message": "it is", "id": "i"});
        assert_eq!(direct(&Answer::new(Code::Stored, "it is").detail("id", "i")), Outcome::Done(done));
        assert_eq!(direct(&Answer::found(json!({"a": 1}))), Outcome::Done(json!({"a": 1})));
    }
}
