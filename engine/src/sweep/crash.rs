//! Kills the process at every point: before and after every record and every cloud call, the reply lost.

use serde_json::Value;

use super::{
    Count, CrashPoints, Scenario, World, Worlds,
    process::{Process, What, after_kill, prepare, sorted, undisturbed},
};
use crate::report::Ended;

/// Which points are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kills {
    /// Each so-manieth point of the run.
    pub every: usize,
    /// Whether the process after it is killed too, at each so-manieth point.
    pub again: Option<usize>,
}

impl Kills {
    /// Every point, once.
    pub const ONCE: Self = Self { every: 1, again: None };

    /// Every point, and each `again`-th point of what follows.
    #[must_use]
    pub const fn twice(again: usize) -> Self {
        Self { every: 1, again: Some(again) }
    }
}

/// Killed at every point, then resumed: the cloud equals an undisturbed run's and nothing was done twice.
///
/// With [`Kills::again`], every resume is itself killed, at one point in so many (another one for each first kill),
/// and resumed once more.
pub async fn resumed<F: Worlds>(worlds: &F, scenario: &Scenario, kills: Kills) -> Count {
    let calm = undisturbed(worlds, scenario).await;
    let mut count = Count { steps: calm.steps, ..Count::default() };
    for fatal in (0..calm.points).step_by(kills.every) {
        let first = fatal % kills.again.unwrap_or(1) as u64;
        for second in (first..=calm.points).step_by(kills.again.unwrap_or(usize::MAX)) {
            let at = format!("{}: killed at {fatal} of {}, then at {second}", scenario.name, calm.points);
            let points = CrashPoints::default();
            let world = worlds.fresh(points.clone()).await;
            count.runs += kill_and_resume(&world, &points, scenario, &[Some(fatal), kills.again.map(|_| second)]).await;
            count.points += 1;
            same(&calm.after, &world.dump().await, &at);
            same_effects(&calm.effects, &sorted(world.effects().await), &at);
        }
    }
    count
}

/// Starts the scenario's run, kills it at each of the points in turn, and lets the last process finish.
async fn kill_and_resume<W: World>(
    world: &W,
    points: &CrashPoints,
    scenario: &Scenario,
    kills: &[Option<u64>],
) -> usize {
    prepare(world, points, scenario).await;
    let process = Process::new(world, points);
    let (mut runs, mut kills) = (0, kills.iter().copied().chain([None, None]));
    loop {
        // The journal is closed again before the next process opens it.
        let (_, state) = world.journal().await;
        let Some(what) = after_kill(&state, scenario.before.len(), &scenario.run) else { return runs };
        let fatal = kills.next().unwrap_or_else(|| panic!("{}: it does not end", scenario.name));
        runs += 1;
        if let Some(report) = process.run(what.clone(), fatal).await {
            let report = report.unwrap_or_else(|error| panic!("{}: {what:?}: {error}", scenario.name));
            assert_eq!(report.ended, Ended::Finished, "{}: {what:?}", scenario.name);
        }
    }
}

/// Killed at every point, then rolled back: the cloud is as it was before. With
/// [`Kills::again`], the rollback itself is killed at one point in so many and taken up again.
pub async fn rolled_back<F: Worlds>(worlds: &F, scenario: &Scenario, kills: Kills) -> Count {
    let calm = undisturbed(worlds, scenario).await;
    let mut count = Count { steps: calm.steps, ..Count::default() };
    for fatal in (0..=calm.points).step_by(kills.every) {
        let mut second = kills.again.map(|stride| fatal % stride as u64);
        loop {
            let at = format!("{}: killed at {fatal} of {}, rollback at {second:?}", scenario.name, calm.points);
            let points = CrashPoints::default();
            let world = worlds.fresh(points.clone()).await;
            let survived = kill_and_roll_back(&world, &points, scenario, fatal, second, &at).await;
            count.points += 1;
            count.runs += 2;
            same(&calm.before, &world.dump().await, &at);
            match (second, kills.again) {
                (Some(point), Some(stride)) if !survived => second = Some(point + stride as u64),
                _ => break,
            }
        }
    }
    count
}

/// Returns whether the rollback passed its own fatal point without meeting it.
async fn kill_and_roll_back<W: World>(
    world: &W,
    points: &CrashPoints,
    scenario: &Scenario,
    fatal: u64,
    second: Option<u64>,
    at: &str,
) -> bool {
    prepare(world, points, scenario).await;
    let process = Process::new(world, points);
    let _killed_or_done = process.run(What::from(&scenario.run), Some(fatal)).await;
    if world.journal().await.1.runs.len() == scenario.before.len() {
        return true;
    }
    if let Some(report) = process.run(What::Rollback, second).await {
        let report = report.unwrap_or_else(|error| panic!("{at}: {error}"));
        assert_eq!(report.ended, Ended::RolledBack { failures: Vec::new() }, "{at}");
        return true;
    }
    let status = world.journal().await.1.last_run().map(|run| run.status);
    if status != Some(journal::state::RunStatus::RolledBack) {
        assert_eq!(process.calm(What::Rollback).await, Ended::RolledBack { failures: Vec::new() }, "{at}: again");
    }
    false
}

/// Compares two logs of effects, whatever their order.
fn same_effects(expected: &[String], found: &[String], at: &str) {
    let missing = beyond(expected, found);
    let doubled = beyond(found, expected);
    assert!(
        missing.is_empty() && doubled.is_empty(),
        "{at}: effects missing {missing:#?}, done too often {doubled:#?}"
    );
}

/// What `these` have more of than `those`.
fn beyond(these: &[String], those: &[String]) -> Vec<String> {
    let mut rest = those.to_vec();
    let mut more = Vec::new();
    for one in these {
        match rest.iter().position(|other| other == one) {
            Some(index) => drop(rest.swap_remove(index)),
            None => more.push(one.clone()),
        }
    }
    more
}

/// Compares two dumps; a difference is named by its paths, since dumps are long.
pub(super) fn same(expected: &Value, found: &Value, at: &str) {
    let mut paths = Vec::new();
    differences(expected, found, String::new(), &mut paths);
    assert!(paths.is_empty(), "{at}: the cloud differs\n{}", paths.join("\n"));
}

fn differences(expected: &Value, found: &Value, path: String, paths: &mut Vec<String>) {
    match (expected, found) {
        (Value::Object(left), Value::Object(right)) => {
            let keys: std::collections::BTreeSet<&String> = left.keys().chain(right.keys()).collect();
            for key in keys {
                let side = |object: &serde_json::Map<String, Value>| object.get(key).cloned().unwrap_or(Value::Null);
                differences(&side(left), &side(right), format!("{path} > {key}"), paths);
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (index, (left, right)) in left.iter().zip(right).enumerate() {
                differences(left, right, format!("{path} > {index}"), paths);
            }
        }
        _ if expected == found => {}
        _ => paths.push(format!("{path}: expected {expected}, found {found}")),
    }
}
