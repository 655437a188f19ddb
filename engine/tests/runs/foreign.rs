//! Things that others made: refused, found, or adopted; never destroyed.

use engine::report::Ended;
use engine::step::Mark;
use journal::event::Outcome;
use serde_json::json;

use crate::fake::{
    specs::{Kind, Part, part, plain},
    worlds::{Bench, failure},
};

impl Bench {
    /// Our mark on a step.
    pub(crate) fn mark(&self, step: &str) -> Mark {
        let (deployment, journal) = (self.options.deployment.clone(), self.options.journal.clone());
        Mark { deployment, journal, step: step.into() }
    }
}

fn theirs() -> Mark {
    Mark { deployment: "twin".into(), journal: "theirs".into(), step: "a".into() }
}

fn as_wanted() -> serde_json::Value {
    json!({ "version": 1, "inputs": [] })
}

fn versions(kind: &Kind) -> [Vec<Part>; 2] {
    [vec![part("a", kind.clone(), &[])], vec![part("a", kind.clone(), &[]).version(2)]]
}

#[tokio::test]
async fn what_another_journal_made_is_refused_by_name() {
    let bench = Bench::new(&versions(&Kind::Plain));
    bench.cloud.plant("a", as_wanted(), Some(theirs()));
    let ended = bench.deploy(0).await;
    assert_eq!(failure(&ended).code.as_deref(), Some("not-ours"));
    assert!(failure(&ended).message.contains("journal theirs"), "{ended:?}");
    assert_eq!(bench.rollback().await, Ended::RolledBack { failures: Vec::new() });
    assert!(bench.cloud.effects().is_empty());
}

#[tokio::test]
async fn what_is_adopted_is_changed_back_but_never_destroyed() {
    let mut bench = Bench::new(&versions(&Kind::Plain));
    bench.cloud.plant("a", json!("other"), None);
    assert_eq!(failure(&bench.deploy(0).await).code.as_deref(), Some("not-ours"));
    bench.options.adopt = true;
    assert_eq!(bench.resume().await, Ended::Finished);
    bench.options.adopt = false;
    let adopted = bench.cloud.document("a");
    assert_eq!(adopted, Some(as_wanted()));
    assert_eq!(bench.deploy(1).await, Ended::Finished);
    assert_eq!(bench.rollback().await, Ended::RolledBack { failures: Vec::new() });
    assert_eq!(bench.cloud.document("a"), adopted, "our earlier document is back");
    assert_eq!(bench.destroy().await, Ended::Finished);
    assert_eq!(bench.cloud.names(), ["a"]);
}

#[tokio::test]
async fn what_was_adopted_by_a_run_that_is_rolled_back_is_still_never_destroyed() {
    let mut bench = Bench::new(&versions(&Kind::Plain));
    bench.cloud.plant("a", json!("other"), None);
    bench.options.adopt = true;
    bench.deploy(0).await;
    assert_eq!(bench.rollback().await, Ended::RolledBack { failures: Vec::new() });
    bench.options.adopt = false;
    let report = bench.try_deploy(0).await.expect("it runs");
    assert_eq!(report.counts.of(Outcome::Adopted), 1);
    assert_eq!(bench.destroy().await, Ended::Finished);
    assert_eq!(bench.cloud.names(), ["a"]);
}

#[tokio::test]
async fn what_is_found_as_wanted_is_used_and_left() {
    let bench = Bench::new(&versions(&Kind::Bare));
    bench.cloud.plant("a", as_wanted(), None);
    for _ in 0..2 {
        let report = bench.try_deploy(0).await.expect("it runs");
        assert_eq!(report.counts.of(Outcome::Found), 1);
    }
    assert_eq!(failure(&bench.deploy(1).await).code.as_deref(), Some("not-ours"), "found things are not changed");
    bench.rollback().await;
    assert_eq!(bench.destroy().await, Ended::Finished);
    assert_eq!((bench.cloud.names(), bench.cloud.effects()), (vec!["a".to_owned()], Vec::new()));
}

#[tokio::test]
async fn what_left_the_definition_and_is_not_ours_any_more_stays() {
    let bench = Bench::new(&[vec![plain("a", &[])], vec![plain("b", &[])]]);
    bench.deploy(0).await;
    bench.cloud.plant("a", as_wanted(), Some(theirs()));
    let report = bench.try_deploy(1).await.expect("it runs");
    assert_eq!((report.ended, report.counts.of(Outcome::Left)), (Ended::Finished, 1));
    assert_eq!(bench.cloud.names(), ["a", "b"]);
}
