//! The sweeps over a graph that spans two clouds: devices, compute and storage on AWS, the twin on Azure.
//!
//! The named chain is in it (pusher, instance, the pusher's setting, the persister's): a crash between any two of its links
//! is a point of the sweep. An emulator of others is slow beside a world in memory, so each so-manieth point is tried.

use std::io::Write as _;

use engine::sweep::{
    Count, Disturbed, Scenario,
    crash::{self, Kills},
    random, repeat, unwind,
};
use tests::{
    aws_world::AwsWorlds,
    projects::{devices_on_aws, on, plant, plant_changed},
    python,
};
use workflows::definition::Definition;

fn standing() -> Definition {
    on(plant(), devices_on_aws())
}

fn changed() -> Definition {
    on(plant_changed(), devices_on_aws())
}

/// Worlds with an emulator of their own; `None`, said on standard error, where none can be had.
fn worlds() -> Option<AwsWorlds> {
    Some(AwsWorlds::new(python::ministack()?, [standing(), changed()]))
}

fn first() -> Scenario {
    Scenario {
        name: "first deployment across clouds".into(),
        before: vec![],
        run: Disturbed::Deploy(standing().digest()),
    }
}

fn redeploy() -> Scenario {
    let run = Disturbed::Deploy(changed().digest());
    Scenario { name: "redeploy across clouds".into(), before: vec![standing().digest()], run }
}

fn destroy() -> Scenario {
    Scenario { name: "destroy across clouds".into(), before: vec![standing().digest()], run: Disturbed::Destroy }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(future)
}

fn print(sweep: &str, count: Count) {
    writeln!(std::io::stderr(), "sweep: {sweep}: {count}").expect("standard error takes a line");
}

#[test]
fn actions_may_be_repeated() {
    let Some(worlds) = worlds() else { return };
    print("every action repeated, across clouds", block_on(repeat::actions(&worlds, &first())));
}

#[test]
fn killed_a_first_deployment_resumes() {
    let Some(worlds) = worlds() else { return };
    let kills = Kills { every: 9, again: None };
    print("killed, resumed, across clouds", block_on(crash::resumed(&worlds, &first(), kills)));
}

#[test]
fn killed_a_first_deployment_rolls_back() {
    let Some(worlds) = worlds() else { return };
    let kills = Kills { every: 11, again: None };
    print("killed, rolled back, across clouds", block_on(crash::rolled_back(&worlds, &first(), kills)));
}

#[test]
fn killed_a_redeploy_resumes() {
    let Some(worlds) = worlds() else { return };
    let kills = Kills { every: 23, again: None };
    print("redeploy killed, resumed, across clouds", block_on(crash::resumed(&worlds, &redeploy(), kills)));
}

#[test]
fn killed_a_redeploy_rolls_back() {
    let Some(worlds) = worlds() else { return };
    let kills = Kills { every: 29, again: None };
    print("redeploy killed, rolled back, across clouds", block_on(crash::rolled_back(&worlds, &redeploy(), kills)));
}

#[test]
fn killed_a_destroy_resumes() {
    let Some(worlds) = worlds() else { return };
    let kills = Kills { every: 17, again: None };
    print("destroy killed, resumed, across clouds", block_on(crash::resumed(&worlds, &destroy(), kills)));
}

#[test]
fn a_failure_at_any_step_of_a_first_deployment_unwinds() {
    let Some(worlds) = worlds() else { return };
    print("failure at each step, across clouds", block_on(unwind::every_failure(&worlds, &first())));
}

#[test]
fn storms_of_crashes_and_faults_end_well() {
    let Some(worlds) = worlds() else { return };
    block_on(async {
        for scenario in [first(), destroy()] {
            print(&format!("storms, {}", scenario.name), random::storm(&worlds, &scenario, 0..3).await);
        }
    });
}
