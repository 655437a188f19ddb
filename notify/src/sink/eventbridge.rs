//! A bus of EventBridge.
//!
//! An entry's source is `twinctl`, its detail type the event's type, its detail the whole CloudEvent: rules match
//! `{"source": ["twinctl"], "detail-type": ["twinctl.run.failed"], "detail": {"subject": ["factory"]}}`. EventBridge knows no
//! idempotency key and keeps no order: whoever receives knows an event by `detail.id`, and its place by `detail.data.seq`.

use async_trait::async_trait;
use aws::{
    Aws,
    events::{Entry, Refusal, batches},
};

use super::{Error, Sink};
use crate::{
    Event,
    names::{distinct, slug},
};

/// The source of all entries.
pub const SOURCE: &str = "twinctl";

/// A bus, in the account and region that the handle is for.
#[derive(Debug, Clone)]
pub struct EventBridge {
    aws: Aws,
    bus: String,
}

impl EventBridge {
    /// A bus by its name or ARN; sends nothing yet.
    #[must_use]
    pub fn new(aws: Aws, bus: impl Into<String>) -> Self {
        Self { aws, bus: bus.into() }
    }

    /// Puts what fits one request; gives the places in `entries` of what was not taken.
    async fn put(&self, entries: &[Entry]) -> Result<Vec<Refusal>, aws::Error> {
        let mut refusals = Vec::new();
        for range in batches(entries) {
            let start = range.start;
            match self.aws.put_events(&self.bus, &entries[range]).await {
                Ok(some) => refusals.extend(some.into_iter().map(|refusal| shifted(refusal, start))),
                Err(error) if start == 0 => return Err(error),
                // Earlier requests were taken: the rest is left.
                Err(error) => {
                    let left = start..entries.len();
                    refusals.extend(left.map(|index| Refusal { index, error: error.clone() }));
                    return Ok(refusals);
                }
            }
        }
        Ok(refusals)
    }
}

#[async_trait]
impl Sink for EventBridge {
    fn id(&self) -> String {
        format!("eventbridge-{}-{}", slug(self.aws.region(), 40), distinct(&self.bus, 120))
    }

    async fn send(&self, batch: &[Event]) -> Result<(), Error> {
        let entries: Vec<Entry> = batch.iter().map(entry).collect();
        let refusals = self
            .put(&entries)
            .await
            .map_err(|error| Error::Refused { retry_after: error.retry_after(), reason: error.to_string() })?;
        let Some(first) = refusals.first() else { return Ok(()) };
        let (reason, retry_after) = (first.error.to_string(), first.error.retry_after());
        Err(Error::Partly { left: refusals.iter().map(|refusal| refusal.index).collect(), reason, retry_after })
    }
}

fn shifted(refusal: Refusal, start: usize) -> Refusal {
    Refusal { index: refusal.index + start, ..refusal }
}

fn entry(event: &Event) -> Entry {
    Entry {
        source: SOURCE.to_owned(),
        detail_type: event.kind.clone(),
        detail: serde_json::to_string(event).expect("events are plain data"),
        time: Some(event.time.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::{Json, http::StatusCode};
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        lifecycle::Lifecycle,
        testing::{History, JOURNAL, run_started},
    };

    fn events(count: usize) -> Vec<Event> {
        let mut history = History::of("factory");
        for _ in 0..count {
            history.push(run_started());
        }
        let mut lifecycle = Lifecycle::new(JOURNAL, Default::default());
        history.records.iter().filter_map(|record| lifecycle.event(record)).collect()
    }

    /// A bus that answers so, and the entries that were put on it.
    async fn bus(status: u16, answer: Value) -> (EventBridge, Arc<Mutex<Vec<Value>>>) {
        let put: Arc<Mutex<Vec<Value>>> = Arc::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}/", listener.local_addr().unwrap()).parse().ok();
        let kept = Arc::clone(&put);
        let app = axum::Router::new().fallback(move |body: String| async move {
            kept.lock().unwrap().push(serde_json::from_str(&body).unwrap());
            (StatusCode::from_u16(status).unwrap(), Json(answer))
        });
        tokio::spawn(async move { axum::serve(listener, app).await });
        let credentials = aws::Credentials::Static { access_key: "AKIA1".into(), secret_key: "secret".into() };
        let (region, twin_maker_endpoint, http_client) = ("eu-central-1".into(), None, None);
        let aws =
            Aws::new(aws::Options { region, endpoint, twin_maker_endpoint, credentials, http_client, observer: None });
        (EventBridge::new(aws, "operations"), put)
    }

    #[tokio::test]
    async fn an_entry_is_the_whole_event_and_what_is_left_is_told() {
        let answer = json!({ "FailedEntryCount": 1, "Entries": [{ "EventId": "1" },
            { "ErrorCode": "ThrottlingException", "ErrorMessage": "slow down" }, { "EventId": "3" }] });
        let (bus, put) = bus(200, answer).await;
        let Err(Error::Partly { left, reason, .. }) = bus.send(&events(3)).await else { panic!("one was refused") };
        assert_eq!(left, [1]);
        assert!(reason.contains("slow down"), "{reason}");
        let put = put.lock().unwrap();
        let entry = &put[0]["Entries"][2];
        assert_eq!((&entry["EventBusName"], &entry["Source"]), (&json!("operations"), &json!("twinctl")));
        assert_eq!(entry["DetailType"], "twinctl.run.started");
        let detail: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
        assert_eq!(detail, serde_json::to_value(&events(3)[2]).unwrap());
        assert_eq!(entry["Time"].as_f64(), Some(events(3)[2].time.timestamp() as f64));
    }

    #[tokio::test]
    async fn a_request_that_is_refused_leaves_all() {
        let answer = json!({ "__type": "ThrottlingException", "message": "Rate exceeded" });
        let (bus, _) = bus(400, answer).await;
        let refused = bus.send(&events(2)).await.unwrap_err();
        assert!(matches!(&refused, Error::Refused { reason, .. } if reason.contains("Rate exceeded")), "{refused:?}");
    }
}
