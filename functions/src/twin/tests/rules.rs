//! One rule a test.

use std::time::Duration;

use futures::future::join_all;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::*;
use crate::twin::testing::Fault;

const TIME: &str = "2026-11-23T12:00:00.000000Z";

fn listed(names: &crate::twin::Names) -> Vec<&str> {
    names.listed().iter().map(String::as_str).collect()
}

#[tokio::test(start_paused = true)]
async fn values_and_their_times_are_written_also_into_components() {
    let twins = Twins::of(&["t"]);
    let values = json!({"temperature": 21, "motor": {"speed": 7.5}, "mode": "on", "count": 3.0});
    let written = write(&writer(&twins), "t", 0, values).await.unwrap();
    assert_eq!(written, Written { updated: true, report: super::super::Report::default() });
    for (pointer, value) in [
        ("/temperature", json!(21)),
        ("/$metadata/temperature/sourceTime", json!(TIME)),
        ("/motor/speed", json!(7.5)),
        ("/motor/$metadata/speed/sourceTime", json!(TIME)),
        ("/mode", json!("on")),
        ("/count", json!(3)),
    ] {
        assert_eq!(twins.value("t", pointer), Some(value), "{pointer}");
    }
    assert_eq!(twins.requests(), ["GET", "PATCH /count=3 /mode=\"on\" /motor/speed=7.5 /temperature=21"]);
}

#[tokio::test(start_paused = true)]
async fn an_object_is_put_together_and_the_last_message_wins_as_a_whole() {
    let twins = Twins::of(&["t"]);
    let writer = writer(&twins);
    let first = json!({"place": {"x": 1.5, "cell": {"row": 2.0}}, "place.floor": 3, "count": 1});
    assert!(write(&writer, "t", 0, first).await.unwrap().updated);
    let whole = json!({"x": 1.5, "cell": {"row": 2}, "floor": 3});
    assert_eq!(twins.value("t", "/place"), Some(whole.clone()));
    assert_eq!(twins.value("t", "/$metadata/place/sourceTime"), Some(json!(TIME)));
    assert_eq!(twins.seen().len(), 2, "one read and one write for all fields");
    assert!(!write(&writer, "t", -1, json!({"place": {"x": 9}})).await.unwrap().updated, "it is older");
    assert_eq!(twins.value("t", "/place"), Some(whole));
    let written = write(&writer, "t", 1, json!({"place": {"x": 2, "floor": 0.5, "y": 1}})).await.unwrap();
    assert_eq!(listed(&written.report.mistyped), ["place.floor"]);
    assert_eq!(listed(&written.report.foreign), ["place.y"]);
    assert_eq!(twins.value("t", "/place"), Some(json!({"x": 2})), "what the last message leaves out is absent");
    assert!(!write(&writer, "t", 1, json!({"place.x": 2.0})).await.unwrap().updated, "the same event twice");
    let fresh = Writer::new(std::sync::Arc::new(twins.clone()), Options::default());
    assert!(!write(&fresh, "t", 1, json!({"place.x": 2.0})).await.unwrap().updated, "read back it is the same");
}

#[tokio::test(start_paused = true)]
async fn what_the_model_does_not_take_is_reported_and_not_sent() {
    let twins = Twins::of(&["t"]);
    let writer = writer(&twins);
    let values = json!({
        "temperature": "warm", "mode": "standby", "count": 1.5, "colour": "red", "motor": {"speed": 1, "oil": {"x": 1}},
        "empty": {}
    });
    let written = write(&writer, "t", 0, values).await.unwrap();
    assert_eq!(listed(&written.report.foreign), ["colour", "empty", "motor.oil.x"]);
    assert_eq!(listed(&written.report.mistyped), ["count", "mode", "temperature"]);
    assert_eq!(twins.requests(), ["GET", "PATCH /motor/speed=1"]);
    let nothing = write(&writer, "t", 1, json!({"colour": "blue"})).await.unwrap();
    assert!(!nothing.updated);
    assert_eq!(twins.requests().len(), 2);
    let many: serde_json::Map<_, _> = (0..100).map(|n| (format!("{n}{}", "x".repeat(100)), json!(1))).collect();
    let report = write(&writer, "t", 2, many.into()).await.unwrap().report;
    assert_eq!((report.foreign.count(), report.foreign.listed().len()), (100, 16));
    assert!(report.foreign.listed().iter().all(|name| name.len() == 64));
}

#[tokio::test(start_paused = true)]
async fn a_twin_in_memory_costs_one_patch() {
    let twins = Twins::of(&["t"]);
    let writer = writer(&twins);
    for n in 0..3 {
        assert!(write(&writer, "t", n, json!({"temperature": n})).await.unwrap().updated);
    }
    assert_eq!(twins.requests(), ["GET", "PATCH /temperature=0", "PATCH /temperature=1", "PATCH /temperature=2"]);
    assert_eq!(writer.0.tasks(), 0, "nothing is left running");
}

#[tokio::test(start_paused = true)]
async fn the_same_and_the_older_write_nothing_in_any_process() {
    let twins = Twins::of(&["t"]);
    let first = writer(&twins);
    assert!(write(&first, "t", 5, json!({"temperature": 1.0})).await.unwrap().updated);
    for (writer, requests) in [(first, 2), (writer(&twins), 3)] {
        for (millis, value) in [(5, json!(1)), (4, json!(9)), (-100_000, json!(9))] {
            assert!(!write(&writer, "t", millis, json!({"temperature": value})).await.unwrap().updated);
        }
        assert_eq!(twins.requests().len(), requests, "{:?}", twins.requests());
    }
    assert_eq!(twins.value("t", "/temperature"), Some(json!(1.0)));
}

#[tokio::test(start_paused = true)]
async fn each_property_has_an_order_of_its_own() {
    let twins = Twins::of(&["t"]);
    let writer = writer(&twins);
    write(&writer, "t", 10, json!({"temperature": 10})).await.unwrap();
    write(&writer, "t", 5, json!({"temperature": 5, "count": 5})).await.unwrap();
    assert_eq!(twins.requests()[2], "PATCH /count=5");
    assert_eq!(twins.value("t", "/temperature"), Some(json!(10)));
}

#[tokio::test(start_paused = true)]
async fn of_two_values_of_one_time_the_same_one_stays_in_any_order() {
    let mut left = Vec::new();
    for order in [[1, 2], [2, 1]] {
        let twins = Twins::of(&["t"]);
        for value in order {
            // Another writer each time: nothing is remembered.
            write(&writer(&twins), "t", 0, json!({"temperature": value})).await.unwrap();
        }
        left.push(twins.value("t", "/temperature"));
    }
    assert_eq!(left[0], left[1]);
}

#[tokio::test(start_paused = true)]
async fn a_stale_memory_costs_one_refusal_and_one_read() {
    let twins = Twins::of(&["t"]);
    let (one, other) = (writer(&twins), writer(&twins));
    write(&one, "t", 0, json!({"temperature": 0})).await.unwrap();
    write(&other, "t", 10, json!({"temperature": 10})).await.unwrap();
    let before = twins.requests().len();
    let late = write(&one, "t", 5, json!({"temperature": 5, "count": 5})).await.unwrap();
    assert!(late.updated);
    assert_eq!(twins.requests()[before..], ["PATCH /count=5 /temperature=5", "GET", "PATCH /count=5"]);
    assert_eq!(twins.value("t", "/temperature"), Some(json!(10)));
}

#[tokio::test(start_paused = true)]
async fn a_twin_that_was_put_back_is_written_again() {
    let twins = Twins::of(&["t"]);
    let writer = writer(&twins);
    write(&writer, "t", 0, json!({"temperature": 0})).await.unwrap();
    twins.put("t", json!({"temperature": -1, "$metadata": {"$model": "dtmi:m;1"}}));
    assert!(write(&writer, "t", 1, json!({"temperature": 1})).await.unwrap().updated);
    assert_eq!(twins.value("t", "/temperature"), Some(json!(1)));
    twins.remove("t");
    assert_eq!(write(&writer, "t", 2, json!({"temperature": 2})).await, Err(Failure::NoTwin));
    assert_eq!(write(&writer, "t", 2, json!({"temperature": 2})).await, Err(Failure::NoTwin), "it is asked again");
}

#[tokio::test(start_paused = true)]
async fn a_burst_is_merged_and_all_are_told_when_the_newest_is_there() {
    let twins = Twins::of(&["t"]);
    let writer = writer(&twins);
    write(&writer, "t", 0, json!({"temperature": 0})).await.unwrap();
    let before = twins.requests().len();
    twins.fault([Fault::Slow(50)]);
    // In no order, and two properties taking turns.
    let burst = (1..=500).map(|n| {
        let n = n * 7 % 501;
        let values = if n % 2 == 0 { json!({"temperature": n}) } else { json!({"count": n}) };
        let (writer, twins) = (&writer, &twins);
        async move {
            let written = write(writer, "t", n, values).await.unwrap();
            (written.updated, twins.value("t", "/temperature"), twins.value("t", "/count"))
        }
    });
    let told = join_all(burst).await;
    assert!(twins.requests().len() - before <= 3, "{:?}", &twins.requests()[before..]);
    assert_eq!(
        told.last().map(|(_, temperature, count)| (temperature.clone(), count.clone())),
        Some((Some(json!(500)), Some(json!(499))))
    );
    assert!(told.iter().filter(|(updated, ..)| *updated).count() >= 400, "what is superseded by the burst is updated");
}

#[tokio::test(start_paused = true)]
async fn a_twin_is_asked_at_most_ten_times_a_second_and_others_do_not_wait() {
    let twins = Twins::of(&["busy", "idle"]);
    let writer = writer(&twins);
    for n in 0..40 {
        write(&writer, "busy", n, json!({"temperature": n})).await.unwrap();
    }
    let busy: Vec<Instant> = twins.seen().iter().map(|seen| seen.at).collect();
    assert!(busy.windows(11).all(|eleven| eleven[10] - eleven[0] >= Duration::from_secs(1)));
    let start = Instant::now();
    tokio::join!(async { write(&writer, "busy", 100, json!({"temperature": 100})).await.unwrap() }, async {
        write(&writer, "idle", 100, json!({"temperature": 100})).await.unwrap();
        assert_eq!(Instant::now(), start);
    },);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_twin_waits_as_long_as_it_is_told() {
    let twins = Twins::of(&["t", "other"]);
    let writer = writer(&twins);
    twins.fault([Fault::Throttled(Some(11_000))]);
    let start = Instant::now();
    assert!(write(&writer, "t", 0, json!({"temperature": 0})).await.unwrap().updated);
    assert_eq!(start.elapsed(), Duration::from_secs(11));
    assert_eq!(twins.seen()[1].at, start + Duration::from_secs(11), "not asked before");

    sleep(Duration::from_secs(1)).await;
    twins.fault([Fault::Throttled(Some(20_000))]);
    let start = Instant::now();
    let hasty = |millis| write_within(&writer, "t", millis, json!({"temperature": 1}), 5);
    let refused = hasty(1).await;
    assert_eq!(refused, Err(Failure::Throttled { retry_after: Duration::from_secs(20) }));
    assert_eq!(start.elapsed(), Duration::ZERO, "it is told at once");
    sleep(Duration::from_secs(1)).await;
    let asked = twins.seen().len();
    assert_eq!(hasty(2).await, Err(Failure::Throttled { retry_after: Duration::from_secs(19) }));
    assert_eq!(twins.seen().len(), asked, "the instance is left alone");
    assert!(write(&writer, "other", 0, json!({"temperature": 0})).await.unwrap().updated);
    let patient = write(&writer, "t", 3, json!({"temperature": 3})).await.unwrap();
    assert!(patient.updated && start.elapsed() == Duration::from_secs(20));
}

#[tokio::test(start_paused = true)]
async fn what_passes_by_itself_is_tried_again_until_the_deadline() {
    let twins = Twins::of(&["t"]);
    let writer = writer(&twins);
    twins.fault([
        Fault::Failed,
        Fault::Denied,
        Fault::Slow(0),
        Fault::Failed,
        Fault::Lost,
        Fault::Foreign,
        Fault::Throttled(None),
    ]);
    assert!(write(&writer, "t", 0, json!({"temperature": 0})).await.unwrap().updated);
    twins.fault(std::iter::repeat_n(Fault::Failed, 100));
    let start = Instant::now();
    assert_eq!(write(&writer, "t", 1, json!({"temperature": 1})).await, Err(Failure::Upstream));
    assert!(start.elapsed() <= Duration::from_secs(30));
    assert!((6..20).contains(&(twins.seen().len() - 8)), "with pauses: {}", twins.seen().len());
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_no_lost_value() {
    let twins = Twins::of(&["t"]);
    let writer = writer(&twins);
    twins.fault([Fault::Slow(0), Fault::Lost]);
    assert!(write(&writer, "t", 0, json!({"temperature": 0})).await.unwrap().updated, "it was");
    assert_eq!(twins.requests(), ["GET", "PATCH /temperature=0", "PATCH /temperature=0", "GET"]);
}

#[tokio::test(start_paused = true)]
async fn a_silent_instance_times_out_and_its_late_effect_does_no_harm() {
    let twins = Twins::of(&["t"]);
    let writer = writer(&twins);
    twins.fault([Fault::Slow(0), Fault::Late]);
    let early = write_within(&writer, "t", 0, json!({"temperature": 0}), 5);
    assert_eq!(early.await, Err(Failure::TimedOut));
    assert!(write(&writer, "t", 1, json!({"temperature": 1})).await.unwrap().updated);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(twins.value("t", "/temperature"), Some(json!(1)));
    assert_eq!(writer.0.tasks(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_refused_value_fails_its_sender_and_nobody_else() {
    let twins = Twins::of(&["t"]);
    let writer = writer(&twins);
    twins.refuse(json!(666.0));
    twins.fault([Fault::Slow(20)]);
    let (bad, mixed, older, good) = tokio::join!(
        write(&writer, "t", 3, json!({"temperature": 666.0})),
        write(&writer, "t", 4, json!({"temperature": 666.0, "mode": "on"})),
        write(&writer, "t", 1, json!({"temperature": 1.0})),
        write(&writer, "t", 2, json!({"count": 2})),
    );
    let Err(Failure::Refused(report)) = bad else { panic!("refused, not {bad:?}") };
    assert_eq!(listed(&report.refused), ["/temperature"]);
    let mixed = mixed.unwrap();
    assert!(mixed.updated);
    assert_eq!(listed(&mixed.report.refused), ["/temperature"]);
    assert!(older.unwrap().updated && good.unwrap().updated);
    assert_eq!(twins.value("t", "/temperature"), Some(json!(1.0)));
    assert_eq!(twins.value("t", "/mode"), Some(json!("on")));
    assert_eq!(writer.0.tasks(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_takes_nothing_down() {
    let twins = Twins::of(&["t"]);
    let writer = writer(&twins);
    twins.fault([Fault::Slow(1_000)]);
    {
        let leaving = write(&writer, "t", 5, json!({"temperature": 5}));
        tokio::select! {
            biased;
            _ = leaving => panic!("it takes a second"),
            () = sleep(Duration::from_millis(500)) => {}
        }
    }
    assert!(write(&writer, "t", 6, json!({"temperature": 6})).await.unwrap().updated);
    assert_eq!(writer.0.tasks(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_dies_leaves_no_twin_stuck() {
    let twins = Twins::of(&["t"]);
    let writer = writer(&twins);
    twins.fault([Fault::Panic]);
    assert_eq!(write(&writer, "t", 0, json!({"temperature": 0})).await, Err(Failure::Upstream));
    assert_eq!(writer.0.tasks(), 0);
    assert!(write(&writer, "t", 0, json!({"temperature": 0})).await.unwrap().updated);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_has_passed_sends_nothing() {
    let twins = Twins::of(&["t"]);
    let writer = writer(&twins);
    let late = write_within(&writer, "t", 0, json!({"temperature": 0}), 0);
    assert_eq!(late.await, Err(Failure::TimedOut));
    sleep(Duration::from_secs(1)).await;
    assert!(twins.requests().is_empty());
    assert_eq!(writer.0.tasks(), 0);
}

#[tokio::test(start_paused = true)]
async fn memory_is_bounded_and_forgetting_costs_a_read_only() {
    let ids: Vec<String> = (0..200).map(|n| n.to_string()).collect();
    let twins = Twins::of(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    let options = Options { remembered: 32, ..Options::default() };
    let writer = Writer::new(std::sync::Arc::new(twins.clone()), options);
    for round in 0..2 {
        for id in &ids {
            assert!(write(&writer, id, round, json!({"temperature": round})).await.unwrap().updated);
            sleep(Duration::from_millis(50)).await;
        }
    }
    assert_eq!(twins.requests().iter().filter(|request| *request == "GET").count(), 400);
}

/// In real time and on several threads: the end of one caller's task and the arrival of the next meet anyhow.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_is_lost_between_the_end_of_one_task_and_the_start_of_the_next() {
    let ids: Vec<String> = (0..1_000).map(|n| n.to_string()).collect();
    let twins = Twins::of(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    let writer = writer(&twins);
    let calls = ids.iter().flat_map(|id| (0..2).map(move |n| (id.clone(), n))).map(|(id, n)| {
        let writer = writer.clone();
        tokio::spawn(async move { write(&writer, &id, n, json!({"count": n})).await })
    });
    for told in join_all(calls).await {
        told.unwrap().unwrap();
    }
    assert!(ids.iter().all(|id| twins.value(id, "/count") == Some(json!(1))));
}
