//! Every action is repeated.

use std::sync::Arc;

use super::{
    Count, CrashPoints, Scenario, World, Worlds,
    crash::same,
    process::{Process, What, prepare, undisturbed},
    tamper::{Tamper, Tampered},
};
use crate::report::Ended;

/// Every apply and every compensation of the run is done twice: the cloud ends as if it had been done once.
pub async fn actions<F: Worlds>(worlds: &F, scenario: &Scenario) -> Count {
    let calm = undisturbed(worlds, scenario).await;
    let points = CrashPoints::default();
    let world = worlds.fresh(points.clone()).await;
    prepare(&world, &points, scenario).await;
    let definitions = Tampered { inner: world.definitions(), tamper: Arc::new(Tamper::Repeat) };
    let process = Process { definitions: &definitions, ..Process::new(&world, &points) };
    let ended = process.calm(What::from(&scenario.run)).await;
    assert_eq!(ended, Ended::Finished, "{}: every action repeated", scenario.name);
    same(&calm.after, &world.dump().await, &format!("{}: every action repeated", scenario.name));
    Count { steps: calm.steps, points: calm.steps, runs: 1 }
}
