use std::{collections::BTreeMap, future::pending};

use chrono::Utc;
use serde_json::json;

use super::*;
use crate::live::{Message, fake};

fn plan(rate: f64, seconds: u64) -> Plan {
    Plan {
        rate,
        duration: Duration::from_secs(seconds),
        settle: Duration::from_secs(30),
        look: Duration::from_millis(50),
        seed: 1,
    }
}

async fn run(world: &fake::World, ids: &[&str], plan: &Plan) -> Summary {
    let devices: Vec<Device> = ids.iter().map(|id| fake::sensor(id)).collect();
    simulate(world, &devices, plan, &Counts::default(), pending()).await
}

#[tokio::test(start_paused = true)]
async fn every_twin_ends_with_the_last_values() {
    let world = fake::World::of(&["a", "b"]);
    let summary = run(&world, &["a", "b"], &plan(10.0, 10)).await;
    assert!(summary.live && !summary.interrupted, "{summary:#?}");
    assert_eq!((summary.devices, summary.silent, summary.missing), (2, 0, 0));
    assert!((90..=101).contains(&summary.sent), "{summary:#?}");
    assert_eq!((summary.acknowledged, summary.visible), (summary.sent, summary.sent));
    assert_eq!(summary.acknowledged_after.unwrap().count, summary.sent);
    assert!(summary.visible_after.is_some());
}

#[tokio::test(start_paused = true)]
async fn what_the_hub_did_not_acknowledge_is_sent_again_in_order() {
    let world = fake::World::of(&["a"]).failing(8);
    let summary = run(&world, &["a"], &plan(5.0, 60)).await;
    assert!(summary.live, "{summary:#?}");
    assert_eq!(summary.retries, 8);
    let mut ids: Vec<String> = world.attempts().into_iter().map(|(_, id)| id).collect();
    ids.dedup();
    assert_eq!(ids.len() as u64, summary.sent, "no message is sent after a later one");
}

#[tokio::test(start_paused = true)]
async fn a_twin_that_does_not_follow_is_named() {
    let world = fake::World::of(&["a", "deaf"]).deaf(&["deaf"]);
    let summary = run(&world, &["a", "deaf"], &plan(4.0, 5)).await;
    assert!(!summary.live);
    assert_eq!(summary.missing, 2);
    let lagging = &summary.lagging[0];
    assert_eq!((lagging.device.as_str(), lagging.property.as_deref()), ("deaf", Some("state")));
    assert_eq!(lagging.why, "the twin does not show the last value");
}

#[tokio::test(start_paused = true)]
async fn devices_that_cannot_send_are_named() {
    let world = fake::World::of(&["unknown"]).unknown(&["unknown"]);
    let summary = run(&world, &["gone", "unknown"], &plan(4.0, 5)).await;
    let why: Vec<&str> = summary.lagging.iter().map(|lagging| lagging.why.as_str()).collect();
    assert_eq!(why, ["there is no twin gone", "the hub does not know the device"]);
    assert!(!summary.live && summary.lagging.iter().all(|lagging| lagging.property.is_none()));
}

#[tokio::test(start_paused = true)]
async fn a_hub_that_never_answers_ends_with_the_time_to_settle() {
    let world = fake::World::of(&["a"]).failing(u32::MAX).deaf(&["a"]);
    let summary = run(&world, &["a"], &plan(4.0, 5)).await;
    assert_eq!((summary.sent, summary.acknowledged, summary.visible), (1, 0, 0));
    assert!(summary.lagging[0].why.starts_with("the hub did not take the last message"), "{summary:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_sending_and_still_settles() {
    let world = fake::World::of(&["a"]);
    let stop = tokio::time::sleep(Duration::from_secs(3));
    let counts = Counts::default();
    let summary = simulate(&world, &[fake::sensor("a")], &plan(2.0, 3_600), &counts, stop).await;
    assert!(summary.interrupted && summary.live, "{summary:#?}");
    assert!((6..=7).contains(&summary.sent), "{summary:#?}");
    assert!(counts.is_settling());
}

#[tokio::test(start_paused = true)]
async fn a_device_without_a_turn_is_silent_and_no_failure() {
    let world = fake::World::of(&["a", "b"]);
    let summary = run(&world, &["a", "b"], &plan(0.1, 5)).await;
    assert_eq!((summary.sent, summary.silent, summary.live), (1, 1, true));
}

#[test]
fn many_messages_on_their_way_take_bounded_memory_and_are_all_counted() {
    let device = fake::sensor("a");
    let track = Track::new(&device);
    let mut last = Utc::now();
    for number in 0..10_000 {
        last += chrono::TimeDelta::milliseconds(1);
        let values = BTreeMap::from([("temperature".to_owned(), json!(number)), ("state".to_owned(), json!("on"))]);
        track.sends(&Message::new(last, values));
    }
    track.acknowledged();
    let world = fake::World::of(&["a"]);
    world.set("a", "temperature", json!(9_999), last);
    let twin = |world: &fake::World| world.document("a");
    assert!(track.looks(Some(&twin(&world))).is_empty(), "the state is not there yet");
    assert_eq!(track.missing().len(), 1);
    world.set("a", "state", json!("on"), last);
    let news = track.looks(Some(&twin(&world)));
    assert!(news.len() <= 256);
    assert_eq!(news.iter().map(|news| news.messages).sum::<u64>(), 10_000);
    assert!(track.missing().is_empty() && !track.is_watched());
}
