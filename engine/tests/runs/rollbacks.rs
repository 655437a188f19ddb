//! Rollbacks: order, partial ones, skips, stops.

use engine::{
    Error,
    progress::Progress,
    report::{Ended, Next},
    step::{FailureKind, Mark},
};
use journal::event::{Event, StepId, Undo};
use serde_json::json;

use crate::fake::{
    specs::{Kind, Part, digest, part, plain},
    worlds::{Bench, failure},
};

const UNDONE: Ended = Ended::RolledBack { failures: Vec::new() };

fn chain() -> Vec<Part> {
    vec![plain("a", &[]), plain("b", &[0]), plain("c", &[1])]
}

#[tokio::test]
async fn a_first_deployment_is_undone_from_the_end() {
    let bench = Bench::new(&[chain()]);
    bench.deploy(0).await;
    bench.cloud.take_effects();
    let report = bench.try_rollback(&[]).await.expect("it can be rolled back");
    assert_eq!((report.ended, report.counts.undone(Undo::Delete)), (UNDONE, 3));
    assert_eq!(bench.cloud.take_effects(), ["delete c", "delete b", "delete a"]);
    assert!(matches!(bench.try_rollback(&[]).await, Err(Error::NoRun { .. })));
}

#[tokio::test]
async fn a_redeploy_is_undone_to_what_was_before() {
    let before = vec![plain("kept", &[]), plain("changed", &[]), plain("gone", &[0])];
    let after = vec![plain("kept", &[]), plain("changed", &[]).version(2), plain("new", &[0])];
    let bench = Bench::new(&[before, after]);
    bench.deploy(0).await;
    let (stood, records) = (bench.cloud.dump(), bench.journal.fold().deployment);
    bench.deploy(1).await;
    bench.cloud.take_effects();
    assert_eq!(bench.rollback().await, UNDONE);
    assert_eq!(bench.cloud.dump(), stood);
    assert_eq!(bench.journal.fold().deployment, records);
    assert_eq!(bench.cloud.take_effects()[0], "create gone", "what was deleted last comes back first");
    assert!(!bench.story("kept").contains(&"undo-intended"), "what changed nothing has nothing to undo");
}

#[tokio::test]
async fn a_destroy_can_be_undone() {
    let bench = Bench::new(&[chain()]);
    bench.deploy(0).await;
    let stood = bench.cloud.dump();
    bench.destroy().await;
    assert_eq!(bench.rollback().await, UNDONE);
    assert_eq!(bench.cloud.dump(), stood);
    assert_eq!(bench.deploy(0).await, Ended::Finished);
}

#[tokio::test]
async fn a_failed_run_undoes_itself_when_asked_to() {
    let mut bench = Bench::new(&[chain()]);
    bench.options.rollback_on_failure = true;
    bench.cloud.fail("put c", FailureKind::Permanent, 1);
    let ended = bench.deploy(0).await;
    assert!(matches!(&ended, Ended::RolledBack { failures } if failures[0].step.as_str() == "c"), "{ended:?}");
    assert!(bench.cloud.names().is_empty());
    assert!(bench.events().contains(&Event::RollbackStarted { automatic: true }));
}

#[tokio::test]
async fn what_a_failed_compensation_stands_on_is_kept() {
    let bench = Bench::new(&[vec![plain("base", &[]), plain("stuck", &[0]), plain("apart", &[])]]);
    bench.deploy(0).await;
    bench.cloud.fail("delete stuck", FailureKind::Permanent, 1);
    let ended = bench.rollback().await;
    assert_eq!(failure(&ended).step.as_str(), "stuck");
    assert!(matches!(&ended, Ended::PartiallyRolledBack { held, .. } if *held == [StepId::new("base")]), "{ended:?}");
    assert_eq!(bench.cloud.names(), ["base", "stuck"]);
    assert!(matches!(bench.try_deploy(0).await, Err(Error::Unfinished { .. })));
    assert_eq!(bench.rollback().await, UNDONE);
    assert!(bench.cloud.names().is_empty());
}

#[tokio::test]
async fn what_is_not_ours_any_more_is_not_deleted() {
    let bench = Bench::new(&[chain()]);
    bench.deploy(0).await;
    let theirs = Mark { deployment: "twin".into(), journal: "theirs".into(), step: "c".into() };
    bench.cloud.plant("c", json!("other"), Some(theirs));
    let ended = bench.rollback().await;
    assert_eq!(failure(&ended).code.as_deref(), Some("not-ours"));
    assert_eq!(bench.cloud.names(), ["a", "b", "c"]);
}

#[tokio::test]
async fn a_skip_needs_a_step_and_a_reason_and_is_on_record() {
    let bench = Bench::new(&[chain()]);
    bench.deploy(0).await;
    bench.cloud.fail("delete c", FailureKind::Permanent, 1000);
    bench.rollback().await;
    for (step, reason) in [("c", " "), ("nobody", "why not")] {
        let skipped = bench.try_rollback(&[(StepId::new(step), reason.into())]).await;
        assert!(matches!(skipped, Err(Error::Skip { .. })), "{step}: {skipped:?}");
    }
    let reason = "deleted by hand".to_owned();
    bench.cloud.lose("c");
    let report = bench.try_rollback(&[(StepId::new("c"), reason.clone())]).await.expect("it goes on");
    assert_eq!(report.ended, UNDONE);
    assert!(bench.events().contains(&Event::UndoSkipped { step: StepId::new("c"), reason }));
    assert!(bench.cloud.names().is_empty());
}

#[tokio::test]
async fn a_stopped_rollback_is_resumed_as_a_rollback() {
    let bench = Bench::new(&[vec![plain("a", &[]), part("b", Kind::Slow(30), &[0])]]);
    bench.deploy(0).await;
    let stop = bench.stop.clone();
    let stopper = |progress: Progress| {
        if matches!(progress, Progress::Waiting { .. }) {
            stop.request("SIGINT");
        }
    };
    let definitions = &bench.library;
    let seams = engine::Seams { env: &bench.cloud, definitions, journal: &bench.journal, progress: &stopper };
    let executor = engine::Executor::new(seams, bench.journal.fold(), bench.options.clone(), bench.stop.clone());
    let ended = executor.rollback(&[]).await.expect("it rolls back").ended;
    assert_eq!(ended, Ended::Interrupted { rolling_back: true });
    let calm = Bench { stop: engine::Stop::new(), ..bench };
    let plan = calm.with(async |executor| executor.resume_plan()).await.expect("it can be resumed");
    let next: Vec<(&str, Next)> = plan.steps.iter().map(|step| (step.step.as_str(), step.next)).collect();
    assert_eq!(
        (plan.rolling_back, next),
        (true, vec![("b", Next::Undo(Undo::Delete)), ("a", Next::Undo(Undo::Delete))])
    );
    calm.cloud.take_calls();
    assert_eq!(calm.resume().await, UNDONE);
    assert!(!calm.cloud.take_calls().contains(&"delete b".to_owned()), "it polled on");
}

#[tokio::test]
async fn bulk_work_that_was_interrupted_is_undone_exactly() {
    let items = ["1", "2", "3", "4", "5"].map(str::to_owned).to_vec();
    let bench = Bench::new(&[vec![part("bulk", Kind::Bulk(items), &[])]]);
    bench.cloud.plant("elsewhere", json!("stays"), None);
    bench.cloud.fail("put bulk/4", FailureKind::Permanent, 1);
    assert_eq!(failure(&bench.deploy(0).await).step.as_str(), "bulk");
    assert_eq!(bench.rollback().await, UNDONE);
    assert_eq!(bench.cloud.names(), ["elsewhere"]);
    assert_eq!(bench.deploy(0).await, Ended::Finished);
    let report = bench.with(async |executor| executor.observe(&digest(0)).await).await.expect("it looks");
    assert_eq!(report[0].seen, engine::report::Seen::Exact);
}
