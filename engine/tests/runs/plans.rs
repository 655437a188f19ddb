//! Plans and looks: they say what would happen and what stands, and write nothing.

use engine::{
    report::{Planned, Seen},
    step::FailureKind,
};
use serde_json::json;

use crate::fake::{
    specs::{Kind, digest, part, plain},
    worlds::Bench,
};

#[tokio::test]
async fn a_plan_writes_nothing_and_says_what_would_happen() {
    let before = vec![plain("same", &[]), plain("changed", &[]), plain("gone", &[]), plain("drifted", &[])];
    let after = vec![
        plain("same", &[]),
        plain("changed", &[]).version(2),
        plain("new", &[]),
        plain("follows", &[2]),
        part("gate", Kind::Gate, &[0]),
        plain("drifted", &[]),
    ];
    let bench = Bench::new(&[before, after]);
    bench.deploy(0).await;
    bench.cloud.plant("drifted", json!("other"), Some(bench.mark("drifted")));
    let (records, effects) = (bench.journal.records().len(), bench.cloud.effects());
    for (look, drifted) in [(false, Planned::Unchanged), (true, Planned::Update)] {
        let plan = bench.with(async |executor| executor.plan(&digest(1), look).await).await.expect("it plans");
        let changes: Vec<(&str, Planned)> = plan.steps.iter().map(|step| (step.step.as_str(), step.change)).collect();
        let expected = [
            ("same", Planned::Unchanged),
            ("changed", Planned::Update),
            ("new", Planned::Create),
            ("follows", Planned::Create),
            ("gate", Planned::Gate),
            ("drifted", drifted),
            ("gone", Planned::Delete),
        ];
        assert_eq!(changes, expected);
        assert!(!plan.is_empty());
    }
    assert_eq!((bench.journal.records().len(), bench.cloud.effects()), (records, effects));
}

#[tokio::test]
async fn a_plan_knows_what_would_be_found_and_what_refused() {
    let bench = Bench::new(&[vec![part("found", Kind::Bare, &[]), plain("refused", &[])]]);
    bench.cloud.plant("found", json!({ "version": 1, "inputs": [] }), None);
    bench.cloud.plant("refused", json!("other"), None);
    let plan = bench.with(async |executor| executor.plan(&digest(0), true).await).await.expect("it plans");
    let changes: Vec<Planned> = plan.steps.iter().map(|step| step.change).collect();
    assert_eq!(changes, [Planned::Unchanged, Planned::Refuse]);
}

#[tokio::test]
async fn a_look_says_what_stands() {
    let bench = Bench::new(&[vec![plain("a", &[]), plain("b", &[]), plain("c", &[]), plain("d", &[2])]]);
    bench.deploy(0).await;
    bench.cloud.lose("a");
    bench.cloud.plant("b", json!("other"), Some(bench.mark("b")));
    bench.cloud.fail("get d", FailureKind::Transient, 1);
    let seen = bench.with(async |executor| executor.observe(&digest(0)).await).await.expect("it looks");
    let seen: Vec<Seen> = seen.into_iter().map(|observed| observed.seen).collect();
    let failed = Seen::Failed("call get d".into());
    assert_eq!(seen, [Seen::Absent, Seen::Differs(vec!["document".into()]), Seen::Exact, failed]);
}
