//! Events of a trigger: many at once, one answer.

use futures::{StreamExt, stream};
use serde_json::Value;

use crate::{
    answer::{Answer, Code},
    inbound::{Malformed, iot},
    telemetry::Telemetry,
};

/// How many messages of one event are taken at a time: a list may hold thousands.
const AT_ONCE: usize = 16;

/// Takes each message of a rule's events on its own: one that is malformed or fails keeps no other from its place.
pub(crate) async fn each_message<F, T>(events: &[Value], take: F) -> Answer
where
    F: Fn(Telemetry) -> T,
    T: Future<Output = Answer>,
{
    let messages: Vec<Result<Telemetry, Answer>> = events.iter().flat_map(messages).collect();
    let answers = stream::iter(messages).map(|message| async {
        match message {
            Ok(telemetry) => take(telemetry).await,
            Err(answer) => answer,
        }
    });
    together(answers.buffer_unordered(AT_ONCE).collect().await)
}

fn messages(event: &Value) -> Vec<Result<Telemetry, Answer>> {
    let malformed = |problem: Malformed| {
        let answer = Answer::new(Code::Malformed, problem.to_string()).detail("at", problem.at);
        iot::device(event).map_or(answer.clone(), |device| answer.about(device))
    };
    match iot::parse(event) {
        Ok(messages) => messages.into_iter().map(|message| message.map_err(malformed)).collect(),
        Err(problem) => vec![Err(malformed(problem))],
    }
}

/// One answer for a batch: a failure if there is one, since the whole batch comes again then; one that passes goes before
/// one that does not, so that what can still succeed is not given up with what cannot.
pub(crate) fn together(answers: Vec<Answer>) -> Answer {
    let rank = |answer: &Answer| match answer.code {
        Code::NothingToDo => 0,
        code if code.is_success() => 1,
        Code::Malformed | Code::UnknownDevice | Code::TooLarge => 2,
        _ => 3,
    };
    let empty = || Answer::new(Code::NothingToDo, "there was no event");
    answers.into_iter().max_by_key(rank).unwrap_or_else(empty)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use serde_json::json;

    use super::*;

    fn event(payload: &Value) -> Value {
        json!({"payload": STANDARD.encode(payload.to_string()), "device": "d-1", "received": 1})
    }

    #[tokio::test]
    async fn a_message_that_fails_keeps_no_other_from_its_place() {
        let taken = Mutex::new(Vec::new());
        let take = |telemetry: Telemetry| {
            let value = telemetry.values["v"].as_i64().unwrap();
            taken.lock().unwrap().push(value);
            let code = if value == 2 { Code::Throttled } else { Code::Stored };
            std::future::ready(Answer::new(code, "so it ended"))
        };
        let batch = [event(&json!([{"v": 1}, 7, {"v": 2}])), json!({}), event(&json!({"v": 3}))];
        assert_eq!(each_message(&batch, take).await.code, Code::Throttled, "what can still succeed goes first");
        taken.lock().unwrap().sort_unstable();
        assert_eq!(*taken.lock().unwrap(), [1, 2, 3]);
        let malformed = each_message(&batch[..1], |_| std::future::ready(Answer::new(Code::Stored, "it is"))).await;
        assert_eq!((malformed.code, malformed.details["at"].as_str()), (Code::Malformed, Some("/payload/1")));
        assert_eq!(malformed.device.as_deref(), Some("d-1"));
    }

    #[tokio::test]
    async fn no_message_is_nothing_to_do() {
        let none = |_| std::future::ready(Answer::new(Code::Stored, "it is"));
        assert_eq!(each_message(&[], none).await.code, Code::NothingToDo);
        assert_eq!(each_message(&[event(&json!([]))], none).await.code, Code::NothingToDo);
    }
}
