//! The cloud as the pump sees it: subscriptions from its state, deliveries to its apps, letters to its blobs.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::letter;
use super::pump::{Burial, World};
use super::queue::Letters;
use super::subscription::{Destination, Lane, Subscription};
use crate::apps::{self, Delivered};
use crate::blob;
use crate::cloud::Cloud;
use crate::faults::{Kind, Target};

/// A running cloud.
pub(super) struct Around(pub(super) Arc<Cloud>);

impl World for Around {
    fn subscription(&self, lane: &Lane) -> Option<Arc<Subscription>> {
        let routes = self.0.grid.routes.current(&self.0.state());
        routes.get(lane)
    }

    async fn deliver(&self, subscription: &Subscription, events: &[Value]) -> Delivered {
        let target = Target { service: "event-grid", method: "POST", path: &subscription.id };
        let hits = self.0.faults.hit(target);
        for hit in &hits {
            if let Some(failed) = before(hit, events).await {
                return failed;
            }
        }
        let mut delivered = self.hand_over(subscription, events).await;
        for hit in &hits {
            match hit {
                Kind::Duplicate => delivered = self.hand_over(subscription, events).await,
                Kind::ReplyLost => delivered = failed(408, "TimedOut"),
                _ => {}
            }
        }
        delivered
    }

    fn bury(&self, subscription: &Subscription, letters: &Letters) -> Burial {
        let Some(container) = &subscription.letters else { return Burial::Nowhere };
        let name = letter::path(subscription, self.0.clock.now());
        let content = letter::content(&letters.letters).to_string();
        match blob::write(&self.0, &container.account, &container.name, &name, content.as_bytes()) {
            Ok(true) => Burial::Written,
            Ok(false) => Burial::Nowhere,
            Err(error) => Burial::Failed(error),
        }
    }
}

impl Around {
    async fn hand_over(&self, subscription: &Subscription, events: &[Value]) -> Delivered {
        let are_cloud_events = events.iter().all(|event| event["specversion"].is_string());
        let converted: Vec<Value>;
        let events = match subscription.cloud_events && !are_cloud_events {
            true => {
                converted = events.iter().map(cloud_event).collect();
                &converted
            }
            false => events,
        };
        match &subscription.destination {
            Destination::Function { app, function } => apps::deliver(&self.0, app, function, events).await,
            Destination::WebHook(url) => self.0.grid.hooks.deliver(subscription, url, events).await,
            Destination::Elsewhere(_) => failed(501, "NotImplemented"),
        }
    }
}

fn failed(status: u16, outcome: &str) -> Delivered {
    Delivered { status, outcome: outcome.to_owned() }
}

/// Applies a fault that comes before the delivery: its end, if it ends it.
async fn before(hit: &Kind, events: &[Value]) -> Option<Delivered> {
    match hit {
        Kind::Latency { milliseconds } => tokio::time::sleep(Duration::from_millis(*milliseconds)).await,
        Kind::Reorder { seed, milliseconds } => {
            let pause = draw(*seed, events).checked_rem(*milliseconds).unwrap_or_default();
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        Kind::Throttle { .. } => return Some(failed(429, "TooManyRequests")),
        Kind::Error { status, code } => return Some(failed(*status, code)),
        _ => {}
    }
    None
}

/// A number that depends on the seed and on what the first event says, not on its random id: FNV-1a.
fn draw(seed: u64, events: &[Value]) -> u64 {
    let first = events.first().unwrap_or(&Value::Null);
    let text = format!("{}{}{}", first["subject"], first["eventTime"], first["data"]);
    let mixed = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325 ^ seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    mixed ^ (mixed >> 29)
}

/// The same event as CloudEvents 1.0 has it.
fn cloud_event(event: &Value) -> Value {
    json!({
        "specversion": "1.0",
        "id": event["id"],
        "source": event["topic"],
        "type": event["eventType"],
        "subject": event["subject"],
        "time": event["eventTime"],
        "datacontenttype": "application/json",
        "data": event["data"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_draws_the_same_again_and_another_seed_draws_otherwise() {
        let event =
            |subject: &str, id: u32| vec![json!({ "id": id, "subject": subject, "eventTime": "t", "data": {} })];
        let order = |seed| -> Vec<u64> {
            (0..8).map(|n| draw(seed, &event(&format!("devices/{n}"), n)).checked_rem(100).unwrap_or(0)).collect()
        };
        assert_eq!(draw(7, &event("a", 1)), draw(7, &event("a", 2)), "ids are random and do not count");
        assert_eq!(order(7), order(7));
        assert_ne!(order(7), order(8));
    }

    #[test]
    fn a_cloud_event_says_the_same() {
        let event = json!({ "id": "1", "topic": "/T", "eventType": "x", "subject": "s", "eventTime": "t", "data": 5 });
        let cloud_event = cloud_event(&event);
        assert_eq!(
            (&cloud_event["source"], &cloud_event["type"], &cloud_event["data"]),
            (&json!("/T"), &json!("x"), &json!(5))
        );
    }
}
