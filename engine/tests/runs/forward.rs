//! Single runs: what is recorded, in which order things happen, how failures and stops end.

use std::{
    num::NonZeroUsize,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use engine::{
    Error, Executor, Seams,
    progress::Progress,
    report::{Ended, Next, Seen},
    step::{FailureKind, Policy},
};
use journal::{
    Append,
    event::{Action, Event, Outcome, RunId, StepId},
    record::Record,
};
use serde_json::json;

use crate::fake::{
    specs::{Kind, digest, part, plain},
    steps::quick,
    worlds::{Bench, failure},
};

fn chain() -> Vec<crate::fake::specs::Part> {
    vec![plain("a", &[]), plain("b", &[0]), plain("c", &[1])]
}

#[tokio::test]
async fn an_intent_is_on_record_before_the_outcome() {
    let bench = Bench::new(&[chain()]);
    assert_eq!(bench.deploy(0).await, Ended::Finished);
    assert_eq!(bench.story("a"), ["step-started", "step-intended", "step-completed"]);
    assert_eq!(bench.cloud.take_effects(), ["create a", "create b", "create c"]);
    let inputs = bench.cloud.document("b").expect("b was made");
    assert_eq!(inputs["inputs"], json!([{ "id": "id of a" }]), "one step's output is another's input");
}

#[test]
fn a_run_may_move_between_threads() {
    fn movable<T: Send>(value: T) -> T {
        value
    }
    let bench = Bench::new(&[chain()]);
    let silent = |_| {};
    let seams = Seams { env: &bench.cloud, definitions: &bench.library, journal: &bench.journal, progress: &silent };
    let executor = Executor::new(seams, bench.journal.fold(), bench.options.clone(), bench.stop.clone());
    let target = digest(0);
    drop(movable((executor.deploy(&target, json!("test")), executor.rollback(&[]), executor.plan(&target, true))));
}

#[tokio::test]
async fn a_second_run_changes_nothing() {
    let bench = Bench::new(&[chain()]);
    bench.deploy(0).await;
    bench.cloud.take_effects();
    let report = bench.try_deploy(0).await.expect("it runs");
    assert_eq!((report.ended, report.counts.of(Outcome::Unchanged)), (Ended::Finished, 3));
    assert!(bench.cloud.effects().is_empty());
    assert!(!bench.story("a").ends_with(&["step-intended", "step-completed"]));
}

#[tokio::test]
async fn what_drifted_is_put_right() {
    let bench = Bench::new(&[chain()]);
    bench.deploy(0).await;
    bench.cloud.lose("c");
    bench.cloud.take_effects();
    assert_eq!(bench.deploy(0).await, Ended::Finished);
    assert_eq!(bench.cloud.take_effects(), ["create c"]);
}

#[tokio::test]
async fn every_failed_attempt_is_on_record() {
    let bench = Bench::new(&[chain()]);
    bench.cloud.fail("put b", FailureKind::Transient, 2);
    assert_eq!(bench.deploy(0).await, Ended::Finished);
    let attempts: Vec<u32> = bench
        .events()
        .iter()
        .filter_map(|event| match event {
            Event::StepAttemptFailed { attempt, retry_in_ms: Some(_), .. } => Some(*attempt),
            _ => None,
        })
        .collect();
    assert_eq!(attempts, [1, 2]);
}

#[tokio::test]
async fn a_failed_run_is_kept_and_resumed_where_it_was() {
    let bench = Bench::new(&[chain()]);
    bench.cloud.fail("put b", FailureKind::Permanent, 1);
    let ended = bench.deploy(0).await;
    assert_eq!((failure(&ended).step.as_str(), failure(&ended).kind), ("b", FailureKind::Permanent));
    assert!(bench.story("c").is_empty(), "what needs the failed step does not start");
    assert!(matches!(bench.try_deploy(0).await, Err(Error::Unfinished { .. })));
    assert_eq!(bench.resume().await, Ended::Finished);
    assert_eq!(bench.cloud.take_effects(), ["create a", "create b", "create c"]);
    assert_eq!(bench.story("a").len(), 3, "what was done is not touched again");
}

#[tokio::test]
async fn after_a_failure_no_step_starts_and_those_in_flight_finish() {
    let mut bench = Bench::new(&[vec![plain("bad", &[]), part("slow", Kind::Slow(20), &[]), plain("later", &[])]]);
    bench.options.parallelism = NonZeroUsize::new(2).expect("two");
    bench.cloud.fail("put bad", FailureKind::Permanent, 1);
    assert_eq!(failure(&bench.deploy(0).await).step.as_str(), "bad");
    assert_eq!(bench.story("slow").last(), Some(&"step-completed"));
    assert!(bench.story("later").is_empty());
}

#[tokio::test]
async fn attempts_are_counted_on_by_a_resume() {
    let bench = Bench::new(&[chain()]);
    bench.cloud.fail("put a", FailureKind::Permanent, 2);
    bench.deploy(0).await;
    bench.resume().await;
    let last = bench.events().into_iter().rev().find_map(|event| match event {
        Event::StepAttemptFailed { attempt, .. } => Some(attempt),
        _ => None,
    });
    assert_eq!(last, Some(2));
}

#[tokio::test]
async fn a_conflict_is_retried_a_few_times_only() {
    let bench = Bench::new(&[chain()]);
    bench.cloud.fail("put a", FailureKind::Conflict, 1000);
    assert_eq!(failure(&bench.deploy(0).await).kind, FailureKind::Conflict);
    assert_eq!(bench.story("a").iter().filter(|name| **name == "step-attempt-failed").count(), 5);
}

#[tokio::test]
async fn a_gate_says_what_is_missing() {
    let gated = vec![plain("a", &[]), plain("b", &[]), part("gate", Kind::Gate, &[0, 1]), plain("c", &[2])];
    let mut bench = Bench::new(&[gated]);
    bench.options.gate = Policy { deadline: Duration::from_millis(30), ..quick() };
    bench.options.parallelism = NonZeroUsize::new(1).expect("one");
    bench.deploy(0).await;
    // The second run's own look finds it; the gate's finds it gone.
    bench.cloud.plant("b", json!("other"), None);
    let ended = bench.with(async |executor| executor.observe(&digest(0)).await).await.expect("it looks");
    assert!(matches!(ended[1].seen, Seen::NotOurs(_)), "{ended:?}");
    bench.cloud.lose("b");
    let vanishing = |progress: Progress| {
        if matches!(&progress, Progress::Completed { step, .. } if step.as_str() == "b") {
            bench.cloud.lose("b");
        }
    };
    let seams = Seams { env: &bench.cloud, definitions: &bench.library, journal: &bench.journal, progress: &vanishing };
    let executor = Executor::new(seams, bench.journal.fold(), bench.options.clone(), bench.stop.clone());
    let ended = executor.deploy(&digest(0), json!("test")).await.expect("it runs").ended;
    assert_eq!(failure(&ended).code.as_deref(), Some("gate-closed"));
    assert!(failure(&ended).message.contains("b is missing"), "{ended:?}");
}

#[tokio::test]
async fn a_step_that_takes_too_long_fails_and_stays_in_doubt() {
    let hurried = Policy { deadline: Duration::from_millis(40), ..quick() };
    let bench = Bench::new(&[vec![part("a", Kind::Slow(u32::MAX), &[]).policy(hurried)]]);
    assert_eq!(failure(&bench.deploy(0).await).code.as_deref(), Some("deadline"));
    let plan = bench.with(async |executor| executor.resume_plan()).await.expect("it can be resumed");
    assert_eq!(plan.steps[0].next, Next::Settle(Action::Create));
    let ended = bench.rollback().await;
    assert!(matches!(ended, Ended::PartiallyRolledBack { .. }), "its deletion takes too long as well: {ended:?}");
}

#[tokio::test]
async fn a_stop_lets_a_long_step_end_at_its_checkpoint() {
    let bench = Bench::new(&[vec![part("a", Kind::Slow(40), &[]), plain("b", &[])]]);
    let stop = bench.stop.clone();
    let stopper = |progress: Progress| {
        if matches!(progress, Progress::Waiting { .. }) {
            stop.request("SIGTERM");
        }
    };
    let seams = Seams { env: &bench.cloud, definitions: &bench.library, journal: &bench.journal, progress: &stopper };
    let executor = Executor::new(seams, bench.journal.fold(), bench.options.clone(), bench.stop.clone());
    let ended = executor.deploy(&digest(0), json!("test")).await.expect("it runs").ended;
    assert_eq!(ended, Ended::Interrupted { rolling_back: false });
    assert_eq!(bench.events().last(), Some(&Event::RunInterrupted { reason: "SIGTERM".into() }));
    let calm = Bench { stop: engine::Stop::new(), ..bench };
    assert_eq!(calm.resume().await, Ended::Finished);
    assert_eq!(calm.cloud.take_calls().iter().filter(|call| *call == "put a").count(), 1, "it polled on");
}

#[tokio::test]
async fn a_stop_cuts_a_wait_short() {
    let patient = Policy { initial_delay: Duration::from_secs(3600), max_delay: Duration::from_secs(3600), ..quick() };
    let patient = Policy { deadline: Duration::from_secs(86_400), ..patient };
    let bench = Bench::new(&[vec![plain("a", &[]).policy(patient)]]);
    bench.cloud.fail("get a", FailureKind::NotYet, 1);
    let (stop, deploy) = (bench.stop.clone(), bench.deploy(0));
    let ended = tokio::join!(deploy, async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        stop.request("SIGINT");
    });
    assert_eq!(ended.0, Ended::Interrupted { rolling_back: false });
}

#[tokio::test]
async fn the_longest_remaining_path_goes_first() {
    let parts = vec![plain("short", &[]), plain("long", &[]), plain("end", &[1]).expected(100)];
    let mut bench = Bench::new(&[parts]);
    bench.options.parallelism = NonZeroUsize::new(1).expect("one");
    bench.deploy(0).await;
    assert_eq!(bench.cloud.take_effects(), ["create long", "create end", "create short"]);
}

#[tokio::test]
async fn what_left_the_definition_goes_last_and_from_the_top() {
    let before = vec![plain("kept", &[]), plain("gone", &[0]), part("gate", Kind::Gate, &[1]), plain("gone-too", &[2])];
    let after = vec![plain("kept", &[]), plain("new", &[0])];
    let bench = Bench::new(&[before, after]);
    bench.deploy(0).await;
    bench.cloud.take_effects();
    assert_eq!(bench.deploy(1).await, Ended::Finished);
    assert_eq!(bench.cloud.take_effects(), ["create new", "delete gone-too", "delete gone"]);
}

#[tokio::test]
async fn a_destroy_goes_from_the_top_and_leaves_nothing() {
    let bench = Bench::new(&[chain()]);
    bench.deploy(0).await;
    bench.cloud.take_effects();
    assert_eq!(bench.destroy().await, Ended::Finished);
    assert_eq!(bench.cloud.take_effects(), ["delete c", "delete b", "delete a"]);
    assert_eq!(bench.journal.fold().deployment, journal::state::Deployment::default());
    let again = bench.with(async |executor| executor.destroy(json!("test")).await).await;
    assert!(matches!(again, Err(Error::NoRun { .. })));
}

/// A journal whose disk is full after a number of records.
struct Full<'a> {
    inner: &'a dyn Append,
    left: AtomicUsize,
}

#[async_trait]
impl Append for Full<'_> {
    async fn append(&self, run: Option<RunId>, event: Event) -> Result<Record, journal::Error> {
        let spend = |left: usize| left.checked_sub(1);
        match self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, spend) {
            Ok(_) => self.inner.append(run, event).await,
            Err(_) => Err(journal::Error::Closed),
        }
    }
}

#[tokio::test]
async fn a_journal_that_cannot_be_written_stops_everything() {
    for records in 0..8 {
        let bench = Bench::new(&[vec![part("a", Kind::Slow(1), &[]), plain("b", &[])]]);
        let full = Full { inner: &bench.journal, left: AtomicUsize::new(records) };
        let silent = |_| {};
        let seams = Seams { env: &bench.cloud, definitions: &bench.library, journal: &full, progress: &silent };
        let executor = Executor::new(seams, bench.journal.fold(), bench.options.clone(), bench.stop.clone());
        let result = executor.deploy(&digest(0), json!("test")).await;
        assert!(matches!(result, Err(Error::Journal(_))), "{records}: {result:?}");
        // Fewer when a parallel step's record was still on its way: it stops as in a crash.
        assert!(bench.journal.records().len() <= records);
    }
}

#[tokio::test]
async fn no_change_is_sent_before_its_intent_is_on_record() {
    for records in 0..8 {
        let bench = Bench::new(&[vec![plain("a", &[])]]);
        let full = Full { inner: &bench.journal, left: AtomicUsize::new(records) };
        let silent = |_| {};
        let seams = Seams { env: &bench.cloud, definitions: &bench.library, journal: &full, progress: &silent };
        let executor = Executor::new(seams, bench.journal.fold(), bench.options.clone(), bench.stop.clone());
        let ended = executor.deploy(&digest(0), json!("test")).await;
        let intended = bench.story("a").contains(&"step-intended");
        assert_eq!(!bench.cloud.effects().is_empty(), intended, "{records}: {ended:?}");
    }
}

#[tokio::test]
async fn a_definition_that_cannot_be_read_leaves_no_run_behind() {
    let bench = Bench::new(&[chain()]);
    assert!(matches!(bench.try_deploy(7).await, Err(Error::Definition(_))));
    assert!(bench.journal.records().is_empty());
    let nothing = bench.with(async |executor| executor.resume().await).await;
    assert!(matches!(nothing, Err(Error::NoRun { .. })));
}

#[tokio::test]
async fn keys_are_the_same_when_repeated_and_differ_between_steps_and_runs() {
    let bench = Bench::new(&[vec![plain("a", &[]), plain("b", &[])]]);
    bench.cloud.fail("put a", FailureKind::Permanent, 1);
    bench.deploy(0).await;
    let first = bench.keys();
    bench.resume().await;
    assert_eq!(bench.keys().iter().filter(|key| key.0.as_str() == "a").count(), 1, "the intent stands");
    bench.rollback().await;
    bench.deploy(0).await;
    let all: std::collections::BTreeSet<_> = bench.keys().into_iter().map(|key| key.1).collect();
    assert_eq!(all.len(), bench.keys().len(), "{first:?}");
}

impl Bench {
    /// The keys of all intents.
    fn keys(&self) -> Vec<(StepId, uuid::Uuid)> {
        let key = |event| match event {
            Event::StepIntended { step, key, .. } => Some((step, key)),
            _ => None,
        };
        self.events().into_iter().filter_map(key).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_failure_nothing_is_waited_for_any_more() {
    let mut bench = Bench::new(&[vec![plain("waits", &[]), part("bad", Kind::Slow(20), &[])]]);
    bench.options.parallelism = NonZeroUsize::new(2).expect("two");
    bench.cloud.fail("put waits", FailureKind::NotYet, 1_000_000);
    bench.cloud.fail("put bad", FailureKind::Permanent, 1);
    let started = tokio::time::Instant::now();
    let Ended::Failed { failures } = bench.deploy(0).await else { panic!("it fails") };
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert_eq!(failures.iter().map(|one| one.step.as_str()).collect::<Vec<_>>(), ["bad", "waits"]);
    assert!(failures[1].message.ends_with("since another step has failed"), "{failures:?}");
    bench.cloud.fail("put waits", FailureKind::NotYet, 0);
    assert_eq!(bench.resume().await, Ended::Finished);
}
