//! Every sweep over graphs of every shape; the counts are printed (`--no-capture` shows them).

use engine::sweep::{
    Count, Disturbed, Scenario,
    crash::{self, Kills},
    random, repeat, unwind,
};

use crate::fake::{
    specs::{Kind, Part, digest, part, plain},
    worlds::Fakes,
};

fn items(items: &[&str]) -> Kind {
    Kind::Bulk(items.iter().map(|item| (*item).to_owned()).collect())
}

fn chain() -> Vec<Part> {
    vec![plain("a", &[]), part("b", Kind::Slow(2), &[0]), plain("c", &[1])]
}

fn diamond() -> Vec<Part> {
    vec![plain("a", &[]), plain("b", &[0]), part("c", Kind::Slow(1), &[0]), plain("d", &[1, 2])]
}

fn wide() -> Vec<Part> {
    (0..7).map(|number| plain(&format!("w{number}"), &[])).collect()
}

fn gated() -> Vec<Part> {
    vec![plain("a", &[]), part("b", Kind::Bare, &[]), part("open", Kind::Gate, &[0, 1]), plain("c", &[0, 2])]
}

fn bulky() -> Vec<Part> {
    vec![part("host", Kind::Slow(1), &[]), part("twins", items(&["1", "2", "3", "4", "5"]), &[0])]
}

/// What a redeploy finds, and what it brings: one part unchanged, one changed, two gone, one new, the bulk reshuffled.
fn redeployed() -> [Vec<Part>; 2] {
    let before = vec![
        plain("kept", &[]),
        plain("changed", &[0]),
        part("gone", Kind::Slow(1), &[0]),
        plain("gone-too", &[2]),
        part("twins", items(&["1", "2", "3"]), &[0]),
    ];
    let after = vec![
        plain("kept", &[]),
        plain("changed", &[0]).version(2),
        part("new", Kind::Slow(1), &[1]),
        part("twins", items(&["2", "3", "4", "5"]), &[0]),
    ];
    [before, after]
}

/// All shapes: their definitions and what is disturbed.
fn shapes() -> Vec<(Fakes, Scenario)> {
    let first = |name: &str, parts: Vec<Part>| {
        let run = Disturbed::Deploy(digest(0));
        (Fakes::new(&[parts]), Scenario { name: name.into(), before: Vec::new(), run })
    };
    let again =
        |name: &str, run| (Fakes::new(&redeployed()), Scenario { name: name.into(), before: vec![digest(0)], run });
    vec![
        first("chain", chain()),
        first("diamond", diamond()),
        first("wide", wide()),
        first("gated", gated()),
        first("bulky", bulky()),
        again("redeploy", Disturbed::Deploy(digest(1))),
        again("unchanged redeploy", Disturbed::Deploy(digest(0))),
        again("destroy", Disturbed::Destroy),
    ]
}

#[expect(clippy::print_stdout, reason = "the counts are what these tests have to show")]
fn told(sweep: &str, scenario: &Scenario, count: Count) {
    println!("{sweep:24} {:20} {count}", scenario.name);
}

#[tokio::test]
async fn every_action_may_be_repeated() {
    for (worlds, scenario) in shapes() {
        told("actions repeated", &scenario, repeat::actions(&worlds, &scenario).await);
    }
}

#[tokio::test]
async fn a_failure_at_any_step_undoes_itself() {
    for (worlds, scenario) in shapes() {
        told("failures unwound", &scenario, unwind::every_failure(&worlds, &scenario).await);
    }
}

#[tokio::test]
async fn every_compensation_may_be_repeated_and_may_fail_once() {
    for (worlds, scenario) in shapes() {
        told("compensations", &scenario, unwind::every_compensation(&worlds, &scenario).await);
    }
}

#[tokio::test]
async fn killed_anywhere_a_resume_ends_as_if_nothing_had_been() {
    for (worlds, scenario) in shapes() {
        told("killed, resumed", &scenario, crash::resumed(&worlds, &scenario, Kills::ONCE).await);
    }
}

#[tokio::test]
async fn killed_twice_in_a_row_a_resume_ends_as_if_nothing_had_been() {
    for (worlds, scenario) in shapes() {
        told("killed twice, resumed", &scenario, crash::resumed(&worlds, &scenario, Kills::twice(41)).await);
    }
}

#[tokio::test]
async fn killed_anywhere_a_rollback_leaves_what_was_before() {
    for (worlds, scenario) in shapes() {
        told("killed, rolled back", &scenario, crash::rolled_back(&worlds, &scenario, Kills::ONCE).await);
    }
}

#[tokio::test]
async fn a_rollback_killed_anywhere_is_taken_up_again() {
    for (worlds, scenario) in shapes() {
        told("killed twice, rolled back", &scenario, crash::rolled_back(&worlds, &scenario, Kills::twice(41)).await);
    }
}

#[tokio::test]
async fn storms_of_crashes_and_faults_pass() {
    for (worlds, scenario) in shapes() {
        told("storms", &scenario, random::storm(&worlds, &scenario, 0..40).await);
    }
}
