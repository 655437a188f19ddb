//! One message, and whether its twin follows.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::{Instant, sleep};

use super::{Delivered, Device, Message, Refused, Sight, World, delivery};

/// A message that the hub has taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// When, and how long that took.
    pub delivered: Delivered,
    /// What became of it in the twin; `None` when nobody waited.
    pub arrival: Option<Arrival>,
}

/// What became of a message in the twin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// The twin shows it, this long after it was first sent.
    Visible(Duration),
    /// The twin shows something newer.
    Overtaken,
    /// The twin does not show it, and there is no more time.
    NotVisible,
    /// It holds nothing that the twin takes.
    Nothing,
}

/// Sends a message of a device, and waits until the twin shows it if `look` says how often to look.
///
/// # Errors
/// When the hub does not take it until the deadline.
pub async fn send(
    world: &dyn World,
    device: &Device,
    message: &Message,
    until: Instant,
    look: Option<Duration>,
) -> Result<Sent, Refused> {
    let (line, _) = delivery::persevere(&device.id, until, || world.line(&device.id), |_| {}).await?;
    let begun = Instant::now();
    let delivered = delivery::deliver(line.as_ref(), message, until, |_| {}).await?;
    let arrival = match look {
        Some(every) => Some(arrival(world, device, message, begun, until, every).await?),
        None => None,
    };
    Ok(Sent { delivered, arrival })
}

async fn arrival(
    world: &dyn World,
    device: &Device,
    message: &Message,
    begun: Instant,
    until: Instant,
    every: Duration,
) -> Result<Arrival, Refused> {
    if !message.values.keys().any(|name| device.measured.contains_key(name)) {
        return Ok(Arrival::Nothing);
    }
    loop {
        let look = || world.twin(&device.twin);
        let seen = match delivery::persevere(&device.id, until, look, |_| {}).await {
            Ok((twin, _)) => twin.and_then(|twin| seen(&twin, device, message)),
            Err(refused) if refused.passes() => None,
            Err(refused) => return Err(refused),
        };
        match seen {
            Some(true) => return Ok(Arrival::Visible(begun.elapsed())),
            Some(false) => return Ok(Arrival::Overtaken),
            None if Instant::now() + every >= until => return Ok(Arrival::NotVisible),
            None => sleep(every).await,
        }
    }
}

/// Whether the twin shows all that it takes of a message: exactly that, or something newer; `None` when not (yet).
///
/// Properties that the twin refuses for their type are not waited for as long as another one tells that it arrived.
fn seen(twin: &serde_json::Value, device: &Device, message: &Message) -> Option<bool> {
    let known = message.values.keys().filter_map(|name| device.measured.get(name));
    let times: Vec<Option<DateTime<Utc>>> =
        known.map(|measured| Sight::of(twin, &measured.lands).source_time).collect();
    match times.contains(&Some(message.at)) {
        true => Some(true),
        false if times.iter().all(|time| time.is_some_and(|time| time > message.at)) => Some(false),
        false => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{super::fake, *};

    async fn arrival(world: &fake::World, text: &str) -> Option<Arrival> {
        let device = fake::sensor("room-1");
        let message = Message::parse(text, Utc::now()).expect("it is a message");
        let until = Instant::now() + Duration::from_secs(30);
        let sent = send(world, &device, &message, until, Some(Duration::from_millis(50))).await;
        sent.expect("the hub takes it").arrival
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_is_seen_when_its_twin_shows_it() {
        let world = fake::World::of(&["room-1"]);
        assert!(matches!(arrival(&world, r#"{"temperature": 4}"#).await, Some(Arrival::Visible(_))));
        assert_eq!(world.value("room-1", "temperature"), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn an_older_message_is_overtaken_and_one_without_values_is_nothing() {
        let world = fake::World::of(&["room-1"]);
        arrival(&world, r#"{"temperature": 4}"#).await;
        let old = r#"{"temperature": 5, "time": "2020-01-01T00:00:00Z"}"#;
        assert_eq!(arrival(&world, old).await, Some(Arrival::Overtaken));
        assert_eq!(world.value("room-1", "temperature"), 4);
        assert_eq!(arrival(&world, r#"{"colour": "red"}"#).await, Some(Arrival::Nothing));
    }

    #[tokio::test(start_paused = true)]
    async fn a_twin_that_does_not_follow_is_waited_for_until_the_deadline() {
        let world = fake::World::of(&["room-1"]).deaf(&["room-1"]);
        assert_eq!(arrival(&world, r#"{"temperature": 4}"#).await, Some(Arrival::NotVisible));
    }

    #[tokio::test(start_paused = true)]
    async fn a_bad_line_is_tried_again_with_the_same_message() {
        let world = fake::World::of(&["room-1"]).failing(5);
        assert!(matches!(arrival(&world, r#"{"temperature": 4}"#).await, Some(Arrival::Visible(_))));
        let ids: std::collections::BTreeSet<String> = world.attempts().into_iter().map(|(_, id)| id).collect();
        assert_eq!((world.attempts().len(), ids.len()), (6, 1));
    }
}
