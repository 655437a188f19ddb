//! The proof that live data arrives: one marked message per device, followed hop by hop.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::{StreamExt, stream::FuturesUnordered};
use serde::{Serialize, Serializer};
use serde_json::Value;
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep},
};

use super::{
    Delivered, Device, Measured, Message, Refused, Sight, World,
    delivery::{deliver, persevere},
    message::fresh,
    series,
    sight::newest,
};

/// How many requests are under way at the same time.
const AT_ONCE: usize = 32;

/// What was seen of every device.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Whether every twin follows its device.
    pub live: bool,
    /// Device by device, by id.
    pub devices: Vec<DeviceReport>,
}

/// What was seen of one device.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeviceReport {
    /// The device.
    pub device: String,
    /// Its twin.
    pub twin: String,
    /// The property that was sent, by the device's name.
    pub property: Option<String>,
    /// The time under which it was sent: the twin shows it as source time when the message has arrived.
    pub mark: Option<DateTime<Utc>>,
    /// How it ended.
    pub outcome: Outcome,
    /// How long each hop took.
    pub hops: Hops,
    /// Why, where it did not arrive.
    pub cause: Option<Cause>,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The twin shows the mark.
    Visible,
    /// The twin shows a newer value, which somebody else sent meanwhile: it is live, too.
    Overtaken,
    /// The twin does not show it, and there is no more time.
    NotVisible,
    /// The hub did not take it.
    NotSent,
    /// The twin could not be read, or there is none.
    NoTwin,
    /// The device sends nothing that a twin takes.
    SendsNothing,
}

impl Outcome {
    /// Whether the twin follows, as far as there is anything to follow.
    #[must_use]
    pub fn is_live(self) -> bool {
        matches!(self, Self::Visible | Self::Overtaken | Self::SendsNothing)
    }
}

/// How long each hop took, in milliseconds; absent where it was not passed, or could not be told.
///
/// The second and the third compare the twin's clock with ours, and are never below zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Hops {
    /// From the first attempt to the hub's acknowledgment.
    #[serde(serialize_with = "millis")]
    pub device_to_hub: Option<Duration>,
    /// From the acknowledgment to the write in the twin.
    #[serde(serialize_with = "millis")]
    pub hub_to_twin: Option<Duration>,
    /// From the write to the first look that showed it.
    #[serde(serialize_with = "millis")]
    pub twin_to_visible: Option<Duration>,
    /// From the first attempt to the first look that showed it, by our clock alone.
    #[serde(serialize_with = "millis")]
    pub total: Option<Duration>,
}

/// Why a message did not arrive, as far as it can be told from here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Cause {
    /// The hub, or the way to it, refused.
    Hub {
        /// What was said.
        message: String,
    },
    /// The twin could not be read.
    Twin {
        /// What was said.
        message: String,
    },
    /// The deployment's twin is not there.
    TwinGone,
    /// The hub took it, and the twin did not change: subscription, function or its rights.
    Path,
    /// The twin took it under another time: this machine's clock is far from the cloud's.
    Clock,
}

/// Sends one marked message per device and follows it until the deadline. `waiting` hears how many twins are still waited
/// for, whenever that changes.
///
/// A message repeats a value that the twin has, so that nothing changes but the mark; one that was never set gets a value
/// in its range. Of several, the one that has not changed for longest is taken: it is the least likely to be sent by the
/// real device at the same moment.
pub async fn verify(
    world: &dyn World,
    devices: &[Device],
    timeout: Duration,
    look: Duration,
    waiting: &(dyn Fn(usize) + Sync),
) -> Report {
    let follow = Follow { world, until: Instant::now() + timeout, look, turns: Semaphore::new(AT_ONCE) };
    let mut under_way: FuturesUnordered<_> = devices.iter().map(|device| follow.device(device)).collect();
    waiting(under_way.len());
    let mut reports = Vec::new();
    while let Some(report) = under_way.next().await {
        reports.push(report);
        waiting(under_way.len());
    }
    reports.sort_by(|a, b| a.device.cmp(&b.device));
    Report { live: reports.iter().all(|report| report.outcome.is_live()), devices: reports }
}

struct Follow<'a> {
    world: &'a dyn World,
    until: Instant,
    look: Duration,
    turns: Semaphore,
}

/// A message under way.
struct Marked<'a> {
    device: &'a Device,
    property: String,
    message: Message,
    /// When the twin last took the property, before.
    before: Option<DateTime<Utc>>,
    begun: Instant,
    delivered: Delivered,
}

impl Follow<'_> {
    async fn device(&self, device: &Device) -> DeviceReport {
        let mut report = DeviceReport::of(device);
        if device.measured.is_empty() {
            return report;
        }
        let twin = match self.read(device).await {
            Ok(Some(twin)) => twin,
            Ok(None) => return report.ended(Outcome::NoTwin, Cause::TwinGone),
            Err(refused) => return report.ended(Outcome::NoTwin, Cause::Twin { message: refused.to_string() }),
        };
        let (property, message, before) = mark(device, &twin, Utc::now());
        report.property = Some(property.clone());
        report.mark = Some(message.at);
        let begun = Instant::now();
        match self.send(device, &message).await {
            Ok(delivered) => {
                report.hops.device_to_hub = Some(delivered.after);
                self.follow(report, &Marked { device, property, message, before, begun, delivered }).await
            }
            Err(refused) => report.ended(Outcome::NotSent, Cause::Hub { message: refused.to_string() }),
        }
    }

    async fn read(&self, device: &Device) -> Result<Option<Value>, Refused> {
        let read = || async {
            let _turn = self.turns.acquire().await.expect("nobody closes it");
            self.world.twin(&device.twin).await
        };
        persevere(&device.id, self.until, read, |_| {}).await.map(|(twin, _)| twin)
    }

    async fn send(&self, device: &Device, message: &Message) -> Result<Delivered, Refused> {
        let open = || async {
            let _turn = self.turns.acquire().await.expect("nobody closes it");
            self.world.line(&device.id).await
        };
        let (line, _) = persevere(&device.id, self.until, open, |_| {}).await?;
        deliver(line.as_ref(), message, self.until, |_| {}).await
    }

    async fn follow(&self, report: DeviceReport, marked: &Marked<'_>) -> DeviceReport {
        let info = &marked.device.measured[&marked.property].lands;
        let mut last = Err(Refused::late());
        loop {
            match self.read(marked.device).await {
                Ok(Some(twin)) => {
                    let sight = Sight::of(&twin, info);
                    if sight.has(marked.message.at) {
                        return report.arrived(marked, &sight, Utc::now());
                    }
                    last = Ok(sight);
                }
                Ok(None) => return report.ended(Outcome::NoTwin, Cause::TwinGone),
                Err(refused) if refused.passes() => {}
                Err(refused) => return report.ended(Outcome::NoTwin, Cause::Twin { message: refused.to_string() }),
            }
            if Instant::now() + self.look >= self.until {
                return report.ended(Outcome::NotVisible, suspect(&last, marked.before));
            }
            sleep(self.look).await;
        }
    }
}

/// The property to send, the message, and when the twin last took that property.
fn mark(device: &Device, twin: &Value, now: DateTime<Utc>) -> (String, Message, Option<DateTime<Utc>>) {
    let sights = device.measured.iter().map(|(name, measured)| (name, Sight::of(twin, &measured.lands)));
    // Those that have a value first, then by age.
    let (name, sight) = sights
        .min_by_key(|(_, sight)| (sight.value.is_none(), sight.updated))
        .expect("devices that measure nothing are not marked");
    let at = fresh(now, newest(twin, device));
    let marked = &device.measured[name].lands;
    // An object is written whole: what is left out of it would be gone.
    let fields = device.measured.iter().filter(|(_, measured)| measured.lands.shares_property(marked));
    let value = |(name, measured): (&String, &Measured)| {
        let shown = Sight::of(twin, &measured.lands).value;
        let value = shown.or_else(|| series::first(0, device, name, at)).expect("the device measures it");
        (name.clone(), value)
    };
    (name.clone(), Message::new(at, fields.map(value).collect()), sight.updated)
}

/// What the last look at a twin without the mark says.
fn suspect(last: &Result<Sight, Refused>, before: Option<DateTime<Utc>>) -> Cause {
    match last {
        Ok(sight) if sight.updated > before => Cause::Clock,
        Ok(_) => Cause::Path,
        Err(refused) => Cause::Twin { message: refused.to_string() },
    }
}

impl DeviceReport {
    fn of(device: &Device) -> Self {
        Self {
            device: device.id.clone(),
            twin: device.twin.clone(),
            property: None,
            mark: None,
            outcome: Outcome::SendsNothing,
            hops: Hops::default(),
            cause: None,
        }
    }

    fn ended(self, outcome: Outcome, cause: Cause) -> Self {
        Self { outcome, cause: Some(cause), ..self }
    }

    fn arrived(self, marked: &Marked<'_>, sight: &Sight, seen: DateTime<Utc>) -> Self {
        let total = Some(marked.begun.elapsed());
        if sight.source_time != Some(marked.message.at) {
            // What the twin shows is another message's: its hops are not ours.
            return Self { outcome: Outcome::Overtaken, hops: Hops { total, ..self.hops }, ..self };
        }
        let hops = Hops {
            hub_to_twin: sight.updated.map(|updated| between(marked.delivered.at, updated)),
            twin_to_visible: sight.updated.map(|updated| between(updated, seen)),
            total,
            ..self.hops
        };
        Self { outcome: Outcome::Visible, hops, ..self }
    }
}

/// The time between two moments of two clocks.
fn between(from: DateTime<Utc>, to: DateTime<Utc>) -> Duration {
    (to - from).to_std().unwrap_or_default()
}

fn millis<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    let rounded = |duration: &Duration| (duration.as_secs_f64() * 1e4).round() / 10.0;
    duration.as_ref().map(rounded).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use serde_json::json;

    use super::{super::fake, *};

    const LOOK: Duration = Duration::from_millis(50);

    async fn look(world: &fake::World, ids: &[&str]) -> Report {
        let devices: Vec<Device> = ids.iter().map(|id| fake::sensor(id)).collect();
        verify(world, &devices, Duration::from_secs(30), LOOK, &|_| {}).await
    }

    #[tokio::test(start_paused = true)]
    async fn twins_that_follow_are_live_and_keep_their_values() {
        let world = fake::World::of(&["a", "b"]);
        let report = look(&world, &["b", "a"]).await;
        assert!(report.live, "{report:#?}");
        let first = &report.devices[0];
        assert_eq!((first.device.as_str(), first.property.as_deref()), ("a", Some("temperature")));
        assert_eq!(first.outcome, Outcome::Visible);
        assert!(first.hops.device_to_hub.is_some() && first.hops.hub_to_twin.is_some() && first.hops.total.is_some());
        assert_eq!(world.value("a", "temperature"), 20, "the value is the one that was there");
        assert_eq!(world.value("a", "state"), Value::Null, "nothing else was sent");
    }

    #[tokio::test(start_paused = true)]
    async fn each_failure_is_told_with_its_cause() {
        let world = fake::World::of(&["deaf", "unknown", "well"]).deaf(&["deaf"]).unknown(&["unknown"]);
        let report = look(&world, &["deaf", "gone", "unknown", "well"]).await;
        assert!(!report.live);
        let said: Vec<(Outcome, Option<Cause>)> =
            report.devices.into_iter().map(|report| (report.outcome, report.cause)).collect();
        let message = "the hub does not know the device".to_owned();
        assert_eq!(
            said,
            [
                (Outcome::NotVisible, Some(Cause::Path)),
                (Outcome::NoTwin, Some(Cause::TwinGone)),
                (Outcome::NotSent, Some(Cause::Hub { message })),
                (Outcome::Visible, None),
            ]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn lost_acknowledgments_are_no_failure() {
        let world = fake::World::of(&["a"]).failing(4);
        assert!(look(&world, &["a"]).await.live);
    }

    #[tokio::test(start_paused = true)]
    async fn a_twin_ahead_of_our_clock_gets_a_newer_mark() {
        let world = fake::World::of(&["a"]);
        let ahead = Utc::now() + TimeDelta::minutes(2);
        world.set("a", "temperature", json!(23), ahead);
        let report = look(&world, &["a"]).await;
        assert_eq!(report.devices[0].outcome, Outcome::Visible);
        assert!(report.devices[0].mark.unwrap() > ahead);
        assert_eq!(world.value("a", "temperature"), 23);
    }

    #[test]
    fn a_property_that_was_never_set_gets_a_value_in_its_range() {
        let twin = json!({"$metadata": {}});
        let (name, message, before) = mark(&fake::sensor("a"), &twin, Utc::now());
        assert_eq!((name.as_str(), before), ("state", None));
        assert!(["off", "on"].contains(&message.values["state"].as_str().unwrap()));
    }

    #[test]
    fn a_changed_twin_without_the_mark_points_to_the_clock() {
        let now = Utc::now();
        let sight = |updated| Ok(Sight { updated, ..Sight::default() });
        assert_eq!(suspect(&sight(Some(now)), None), Cause::Clock);
        assert_eq!(suspect(&sight(Some(now)), Some(now)), Cause::Path);
        assert_eq!(suspect(&sight(None), None), Cause::Path);
    }

    #[test]
    fn hops_of_clocks_that_disagree_are_never_negative() {
        let now = Utc::now();
        assert_eq!(between(now, now - TimeDelta::seconds(1)), Duration::ZERO);
        let hops = Hops { device_to_hub: Some(Duration::from_micros(12_345)), ..Hops::default() };
        assert_eq!(serde_json::to_value(hops).unwrap()["device_to_hub"], 12.3);
        assert_eq!(serde_json::to_value(hops).unwrap()["total"], Value::Null);
    }
}
