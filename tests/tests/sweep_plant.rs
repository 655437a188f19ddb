//! The sweeps over the real graph: real journal, real Azure client, local cloud. See `engine::sweep` for the claims.
//!
//! A process killed once is killed at every point; one killed twice at a sample of them, since pairs are many.

use std::io::Write;

use engine::sweep::{
    Count, Disturbed, Scenario,
    crash::{self, Kills},
    random, repeat, unwind,
};
use tests::{
    projects::{plant, plant_changed},
    world::LocalWorlds,
};

fn worlds() -> LocalWorlds {
    LocalWorlds::new([plant(), plant_changed()])
}

fn first() -> Scenario {
    Scenario { name: "first deployment".into(), before: vec![], run: Disturbed::Deploy(plant().digest()) }
}

fn redeploy() -> Scenario {
    let run = Disturbed::Deploy(plant_changed().digest());
    Scenario { name: "redeploy".into(), before: vec![plant().digest()], run }
}

fn destroy() -> Scenario {
    Scenario { name: "destroy".into(), before: vec![plant().digest()], run: Disturbed::Destroy }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(future)
}

/// Past the test runner's capture: the counts are part of what a run of the tests shows.
fn print(sweep: &str, count: Count) {
    writeln!(std::io::stderr(), "sweep: {sweep}: {count}").expect("standard error takes a line");
}

#[test]
fn actions_may_be_repeated() {
    block_on(async {
        for scenario in [first(), redeploy()] {
            print(&format!("every action repeated, {}", scenario.name), repeat::actions(&worlds(), &scenario).await);
        }
    });
}

#[test]
fn a_failure_at_any_step_of_a_first_deployment_unwinds() {
    block_on(async { print("failure at each step, first", unwind::every_failure(&worlds(), &first()).await) });
}

#[test]
fn a_failure_at_any_step_of_a_redeploy_unwinds() {
    block_on(async { print("failure at each step, redeploy", unwind::every_failure(&worlds(), &redeploy()).await) });
}

#[test]
fn every_compensation_of_a_first_deployment_may_be_repeated_and_may_fail_once() {
    block_on(async { print("each compensation, first", unwind::every_compensation(&worlds(), &first()).await) });
}

#[test]
fn every_compensation_of_a_redeploy_may_be_repeated_and_may_fail_once() {
    block_on(async { print("each compensation, redeploy", unwind::every_compensation(&worlds(), &redeploy()).await) });
}

#[test]
fn a_first_deployment_killed_anywhere_resumes() {
    block_on(async { print("killed, resumed, first", crash::resumed(&worlds(), &first(), Kills::ONCE).await) });
}

#[test]
fn a_redeploy_killed_anywhere_resumes() {
    block_on(async { print("killed, resumed, redeploy", crash::resumed(&worlds(), &redeploy(), Kills::ONCE).await) });
}

#[test]
fn a_destroy_killed_anywhere_resumes() {
    block_on(async { print("killed, resumed, destroy", crash::resumed(&worlds(), &destroy(), Kills::ONCE).await) });
}

/// Twice in a row: a redeploy has every kind of change, and a step in doubt may be left in doubt once more.
#[test]
fn a_redeploy_killed_twice_resumes() {
    let kills = Kills { every: 7, again: Some(131) };
    block_on(async { print("killed twice, resumed, redeploy", crash::resumed(&worlds(), &redeploy(), kills).await) });
}

#[test]
fn a_redeploy_killed_and_its_rollback_killed_rolls_back() {
    let kills = Kills { every: 13, again: Some(67) };
    let swept = async { crash::rolled_back(&worlds(), &redeploy(), kills).await };
    print("killed twice, rolled back, redeploy", block_on(swept));
}

#[test]
fn a_first_deployment_killed_anywhere_rolls_back() {
    block_on(async { print("killed, rolled back, first", crash::rolled_back(&worlds(), &first(), Kills::ONCE).await) });
}

#[test]
fn a_redeploy_killed_anywhere_rolls_back() {
    block_on(async {
        print("killed, rolled back, redeploy", crash::rolled_back(&worlds(), &redeploy(), Kills::ONCE).await)
    });
}

#[test]
fn storms_of_crashes_and_faults_end_well() {
    block_on(async {
        for scenario in [first(), redeploy(), destroy()] {
            print(&format!("storms, {}", scenario.name), random::storm(&worlds(), &scenario, 0..8).await);
        }
    });
}
