//! Seeded mixtures of crashes and faults.

use std::sync::{Arc, atomic::AtomicU64};

use super::{
    Count, CrashPoints, Scenario, World, Worlds,
    crash::same,
    process::{Calm, Process, What, after_kill, prepare, undisturbed},
    tamper::{Tamper, Tampered, next},
};
use crate::report::Ended;

/// One storm per seed in `seeds`: the run meets faults and is killed several times, and is resumed or, for odd
/// numbers of the seed's own choosing, rolled back. A failing claim names its seed.
pub async fn storm<F: Worlds>(worlds: &F, scenario: &Scenario, seeds: std::ops::Range<u64>) -> Count {
    let calm = undisturbed(worlds, scenario).await;
    let mut count = Count { steps: calm.steps, ..Count::default() };
    for seed in seeds {
        count.runs += one(worlds, scenario, &calm, seed).await;
        count.points += 1;
    }
    count
}

async fn one<F: Worlds>(worlds: &F, scenario: &Scenario, calm: &Calm, seed: u64) -> usize {
    let at = format!("{}: seed {seed}", scenario.name);
    let numbers = AtomicU64::new(seed);
    let points = CrashPoints::default();
    let world = worlds.fresh(points.clone()).await;
    prepare(&world, &points, scenario).await;
    let tamper = Tamper::Flaky { seed: AtomicU64::new(next(&numbers)), one_in: 4 };
    let definitions = Tampered { inner: world.definitions(), tamper: Arc::new(tamper) };
    let process = Process { definitions: &definitions, ..Process::new(&world, &points) };
    let back = next(&numbers) % 2 == 1;
    let kills = next(&numbers) % 4;
    for run in 0..100 {
        let state = world.journal().await.1;
        let started = state.runs.len() > scenario.before.len();
        let Some(what) = after_kill(&state, scenario.before.len(), &scenario.run) else { break };
        let what = if back && started && run >= kills { What::Rollback } else { what };
        let fatal = (run < kills).then(|| next(&numbers) % calm.points.max(1));
        match process.run(what.clone(), fatal).await {
            None => {}
            Some(Ok(report)) if matches!(report.ended, Ended::RolledBack { .. }) => {
                same(&calm.before, &world.dump().await, &at);
                return run as usize + 1;
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => panic!("{at}: {what:?}: {error}"),
        }
    }
    same(&calm.after, &world.dump().await, &at);
    usize::try_from(kills).expect("at most three") + 1
}
