//! Events on their way into functions: what Event Grid hands over here, and the webhook for others.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{Method, Request};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::Delivered;
use super::definition::Definition;
use super::function::{Function, Trigger};
use super::invocation::{self, Callee, Failed};
use super::supervisor::App;
use crate::answer::Answer;
use crate::cloud::Cloud;
use crate::faults::{Kind as Fault, Target};
use crate::query;

/// How long Event Grid waits for an answer.
const LIMIT: Duration = Duration::from_secs(30);

/// Hands events to a function, faults included; they are aimed at `web`, `POST`, `/{function}`.
///
/// Only faults that name the service count: to others a delivery is one request, that of Event Grid.
pub(super) async fn deliver(cloud: &Arc<Cloud>, app: &str, function: &str, events: &[Value]) -> Delivered {
    let path = format!("/{function}");
    let hits = cloud.faults.hit_by_name(Target { service: "web", method: "POST", path: &path });
    for hit in &hits {
        match hit {
            Fault::Latency { milliseconds } => tokio::time::sleep(Duration::from_millis(*milliseconds)).await,
            Fault::Throttle { .. } => return ended(429, "throttled on demand"),
            Fault::Error { status, code } => return ended(*status, &format!("{code} on demand")),
            _ => {}
        }
    }
    let found = cloud.apps.get(cloud, app).and_then(|app| Some((app.definition(cloud)?, app)));
    let delivered = match found {
        Some((now, app)) => hand_over(cloud, &app, &now, function, events).await,
        None => ended(404, "there is no such app"),
    };
    if hits.contains(&Fault::ReplyLost) { ended(502, "the reply was lost on demand") } else { delivered }
}

async fn hand_over(
    cloud: &Arc<Cloud>,
    app: &Arc<App>,
    now: &Arc<Definition>,
    function: &str,
    events: &[Value],
) -> Delivered {
    let Some(function) = now.function(function) else { return ended(404, "there is no such function") };
    let Trigger::EventGrid { many } = function.trigger else {
        return ended(400, "the function is not triggered by Event Grid");
    };
    let delivered = match events {
        events if many => call(cloud, app, now, function, events.into()).await,
        [event] => call(cloud, app, now, function, event.clone()).await,
        events => call_each(cloud, app, now, function, events).await,
    };
    app.count(&function.name, delivered.status);
    delivered
}

/// One call per event, side by side; the first failure stands for all, since all come again then.
async fn call_each(
    cloud: &Arc<Cloud>,
    app: &Arc<App>,
    now: &Arc<Definition>,
    function: &Function,
    events: &[Value],
) -> Delivered {
    let mut calls = JoinSet::new();
    for event in events.iter().cloned() {
        let (cloud, app, now, function) = (Arc::clone(cloud), Arc::clone(app), Arc::clone(now), function.clone());
        calls.spawn(async move { call(&cloud, &app, &now, &function, event).await });
    }
    let mut ended_well = ended(200, "");
    while let Some(call) = calls.join_next().await {
        let delivered = call.unwrap_or_else(|error| ended(500, &error.to_string()));
        if delivered.status >= 300 && ended_well.status == 200 {
            ended_well = delivered;
        }
    }
    ended_well
}

async fn call(cloud: &Arc<Cloud>, app: &Arc<App>, now: &Definition, function: &Function, value: Value) -> Delivered {
    let failed = match invocation::call(Callee { cloud, app, now }, function, value, LIMIT).await {
        Ok(_) => return ended(200, ""),
        Err(failed) => failed,
    };
    let text = failed.to_string();
    app.log(&[format!("the call of {} failed: {text}", function.name).into()]);
    match failed {
        Failed::Unavailable(_) => ended(503, &text),
        Failed::Status(_) | Failed::Form(_) => ended(500, &text),
        Failed::Broken(_) => ended(502, &text),
        Failed::TimedOut(_) => ended(408, &text),
    }
}

/// The end of a delivery.
fn ended(status: u16, why: &str) -> Delivered {
    if status >= 300 {
        tracing::debug!(status, why, "a delivery failed");
    }
    Delivered::of(status)
}

/// The webhook of the Event Grid extension; the host answers the handshake itself.
pub(super) async fn webhook(
    cloud: &Arc<Cloud>,
    app: &Arc<App>,
    now: &Arc<Definition>,
    request: &Request<Bytes>,
) -> Answer {
    if !now.keys.admit_events(request) {
        return Answer::empty(401);
    }
    if request.method() != Method::POST {
        return Answer::empty(400);
    }
    let name = query::value(request, "functionName").unwrap_or_default();
    if now.function(&name).is_none() {
        return Answer::text(404, format!("cannot find function: '{name}'"));
    }
    let events = match query::json(request) {
        Some(Value::Array(events)) => events,
        Some(event @ Value::Object(_)) => vec![event],
        _ => return Answer::empty(400),
    };
    match query::header(request, "aeg-event-type").map(str::to_lowercase).as_deref() {
        Some("subscriptionvalidation") => {
            let code = events.iter().find_map(|event| event["data"]["validationCode"].as_str());
            code.map_or(Answer::empty(400), |code| Answer::json(200, json!({ "validationResponse": code })))
        }
        Some("notification") => match hand_over(cloud, app, now, &name, &events).await.status {
            200..=204 => Answer::empty(202),
            status => Answer::empty(status),
        },
        Some("unsubscribe") => Answer::empty(202),
        _ => Answer::empty(400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::cloud::Hosts;
    use crate::faults::Faults;
    use tokio_util::sync::CancellationToken;

    fn cloud(dir: &std::path::Path, faults: &[&str]) -> Arc<Cloud> {
        let armed = Faults::default();
        armed.replace(faults.iter().map(|fault| fault.parse().expect("a fault")).collect());
        let (hosts, stop) = (Hosts::new(Default::default()), CancellationToken::new());
        Arc::new(Cloud::open(dir, Clock::system(None), armed, hosts, "i", stop).expect("opens"))
    }

    #[tokio::test]
    async fn faults_are_aimed_at_deliveries_by_function() {
        let dir = tempfile::tempdir().expect("a scratch folder");
        let faults = [
            "throttle,retry_after=1,service=web,method=POST,path=/adt-updater",
            "error,status=503,service=web,path=/adt-updater,nth=2",
            "reply-lost,service=web,path=/adt-updater,nth=3",
            "throttle,retry_after=1,service=web,path=/api/*,times=0",
        ];
        let cloud = cloud(dir.path(), &faults);
        let mut seen = Vec::new();
        for function in ["adt-updater", "dispatcher", "adt-updater", "adt-updater", "adt-updater"] {
            let delivered = deliver(&cloud, "no-app", function, &[json!({})]).await;
            seen.push((delivered.status, delivered.outcome));
        }
        let expected = [(429, "Busy"), (404, "NotFound"), (503, "Busy"), (502, "SocketError"), (404, "NotFound")];
        assert_eq!(seen, expected.map(|(status, outcome)| (status, outcome.to_owned())));
    }

    #[tokio::test]
    async fn a_fault_that_names_no_service_is_left_to_event_grid() {
        let dir = tempfile::tempdir().expect("a scratch folder");
        let cloud = cloud(dir.path(), &["throttle,retry_after=1"]);
        let delivered = deliver(&cloud, "no-app", "adt-updater", &[json!({})]).await;
        assert_eq!(delivered.status, 404);
        let target = Target { service: "event-grid", method: "POST", path: "/subscription" };
        assert_eq!(cloud.faults.hit(target), [Fault::Throttle { retry_after: 1 }], "it was not counted before");
    }

    #[test]
    fn only_what_event_grid_takes_as_success_is_one() {
        let outcomes = [200, 204, 205, 400, 408, 413, 500].map(|status| ended(status, "").outcome);
        let expected =
            ["Success", "Success", "GenericError", "BadRequest", "TimedOut", "PayloadTooLarge", "GenericError"];
        assert_eq!(outcomes, expected);
    }
}
