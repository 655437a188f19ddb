//! A failure at each step undoes itself; each compensation may be repeated, and may fail once.

use std::sync::{Arc, atomic::AtomicUsize};

use journal::event::StepId;

use super::{
    Count, CrashPoints, Scenario, World, Worlds,
    crash::same,
    process::{Calm, Process, What, prepare, undisturbed},
    tamper::{Tamper, Tampered},
};
use crate::report::Ended;

/// At each step the run fails for good, before or after the step's effect, and undoes itself: the cloud is as before.
pub async fn every_failure<F: Worlds>(worlds: &F, scenario: &Scenario) -> Count {
    let calm = undisturbed(worlds, scenario).await;
    let mut count = Count { steps: calm.steps, ..Count::default() };
    for step in changing_steps(worlds, scenario).await {
        for after in [false, true] {
            let at = format!("{}: {step} fails (after its effect: {after})", scenario.name);
            let points = CrashPoints::default();
            let world = worlds.fresh(points.clone()).await;
            prepare(&world, &points, scenario).await;
            let tamper = Tamper::Fail { step: step.clone(), after, left: AtomicUsize::new(1) };
            let definitions = Tampered { inner: world.definitions(), tamper: Arc::new(tamper) };
            let mut process = Process { definitions: &definitions, ..Process::new(&world, &points) };
            process.options.rollback_on_failure = true;
            let ended = process.calm(What::from(&scenario.run)).await;
            let failed = matches!(&ended, Ended::RolledBack { failures } if failures[0].step == step);
            assert!(failed, "{at}: {ended:?}");
            same(&calm.before, &world.dump().await, &at);
            count.points += 1;
            count.runs += 1;
        }
    }
    count
}

/// The run is rolled back with every compensation repeated; then, for each step, with its compensation failing once
/// (before and after its effect) and the rollback taken up again: the cloud is as before.
pub async fn every_compensation<F: Worlds>(worlds: &F, scenario: &Scenario) -> Count {
    let calm = undisturbed(worlds, scenario).await;
    let mut count = Count { steps: calm.steps, ..Count::default() };
    let at = format!("{}: every compensation repeated", scenario.name);
    count += undone(worlds, scenario, &calm, Tamper::Repeat, &at).await;
    for step in changing_steps(worlds, scenario).await {
        for after in [false, true] {
            let at = format!("{}: undoing {step} fails once (after its effect: {after})", scenario.name);
            let tamper = Tamper::Fail { step: step.clone(), after, left: AtomicUsize::new(1) };
            count += undone(worlds, scenario, &calm, tamper, &at).await;
        }
    }
    count
}

async fn undone<F: Worlds>(worlds: &F, scenario: &Scenario, calm: &Calm, tamper: Tamper, at: &str) -> Count {
    let fails = matches!(tamper, Tamper::Fail { .. });
    let points = CrashPoints::default();
    let world = worlds.fresh(points.clone()).await;
    prepare(&world, &points, scenario).await;
    Process::new(&world, &points).calm(What::from(&scenario.run)).await;
    let definitions = Tampered { inner: world.definitions(), tamper: Arc::new(tamper) };
    let process = Process { definitions: &definitions, ..Process::new(&world, &points) };
    let mut ended = process.calm(What::Rollback).await;
    if fails {
        assert!(matches!(ended, Ended::PartiallyRolledBack { .. }), "{at}: {ended:?}");
        ended = process.calm(What::Rollback).await;
    }
    assert_eq!(ended, Ended::RolledBack { failures: Vec::new() }, "{at}");
    same(&calm.before, &world.dump().await, at);
    Count { steps: 0, points: 1, runs: if fails { 3 } else { 2 } }
}

/// The steps whose resource the run changes.
async fn changing_steps<F: Worlds>(worlds: &F, scenario: &Scenario) -> Vec<StepId> {
    let points = CrashPoints::default();
    let world = worlds.fresh(points.clone()).await;
    prepare(&world, &points, scenario).await;
    Process::new(&world, &points).calm(What::from(&scenario.run)).await;
    let (_, state) = world.journal().await;
    let run = state.last_run().expect("the run that has just ended");
    run.steps.iter().filter(|(_, step)| step.needs_undo()).map(|(id, _)| id.clone()).collect()
}
