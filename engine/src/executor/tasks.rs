//! What a run has to do, as tasks with an order: the graph's nodes, then the removal of what left the definition.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use journal::event::{RunKind, StepId};

use super::context::Run;
use crate::{error::Error, graph::Graph};

/// What a task does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Brings a node of the run's graph about.
    Step(usize),
    /// Observes what a gate asks for.
    Gate(usize),
    /// Removes a step that stood before and is wanted no more.
    Remove,
}

/// One thing to do.
#[derive(Debug, Clone)]
pub(super) struct Task {
    pub(super) id: StepId,
    pub(super) layer: String,
    pub(super) title: String,
    pub(super) kind: Kind,
    /// The tasks before it; their indices are all smaller than its own.
    pub(super) needs: Vec<usize>,
    pub(super) expected: Duration,
}

/// Everything that a run has to do, each task after those that it needs.
pub(super) fn tasks<E: Sync + ?Sized>(run: &Run<'_, E>) -> Result<Vec<Task>, Error> {
    let mut tasks = match run.kind {
        RunKind::Deploy => forward(&run.graph),
        RunKind::Destroy => Vec::new(),
    };
    removals(run, &mut tasks)?;
    Ok(tasks)
}

fn forward<E: ?Sized>(graph: &Graph<E>) -> Vec<Task> {
    let task = |(index, node): (usize, &crate::graph::Node<E>)| Task {
        id: node.id().clone(),
        layer: node.layer().into(),
        title: node.title().into(),
        kind: if node.asks().is_some() { Kind::Gate(index) } else { Kind::Step(index) },
        needs: node.takes().to_vec(),
        expected: node.expected(),
    };
    graph.nodes().iter().enumerate().map(task).collect()
}

/// Adds the removals: after everything else, each before what it was built upon.
fn removals<E: Sync + ?Sized>(run: &Run<'_, E>, tasks: &mut Vec<Task>) -> Result<(), Error> {
    let wanted = |id: &StepId| run.kind == RunKind::Deploy && run.graph.index(id).is_some();
    let leaving: Vec<&StepId> = run.before.keys().filter(|id| !wanted(id)).collect();
    let mut built_upon = BTreeMap::new();
    for id in &leaving {
        built_upon.insert((*id).clone(), foundations(run, id)?);
    }
    let forward = tasks.len();
    let mut place: BTreeMap<StepId, usize> = BTreeMap::new();
    for id in dependents_first(&built_upon) {
        let mut needs: Vec<usize> = (0..forward).collect();
        needs.extend(place.iter().filter(|(other, _)| built_upon[*other].contains(&id)).map(|(_, index)| *index));
        place.insert(id.clone(), tasks.len());
        tasks.push(removal(run, id, needs)?);
    }
    Ok(())
}

fn removal<E: Sync + ?Sized>(run: &Run<'_, E>, id: StepId, needs: Vec<usize>) -> Result<Task, Error> {
    let deployed = &run.before[&id];
    let graph = run.earlier_graph(deployed)?;
    let unknown = || Error::UnknownStep { step: id.clone(), definition: deployed.definition.clone() };
    let node = &graph.nodes()[graph.index(&id).ok_or_else(unknown)?];
    Ok(Task {
        layer: node.layer().into(),
        title: node.title().into(),
        kind: Kind::Remove,
        needs,
        expected: node.expected(),
        id,
    })
}

/// Every step that a deployed step was built upon, in its own definition, directly or not.
fn foundations<E: Sync + ?Sized>(run: &Run<'_, E>, id: &StepId) -> Result<BTreeSet<StepId>, Error> {
    let graph = run.earlier_graph(&run.before[id])?;
    Ok(graph.index(id).map(|node| ancestors(&graph, node)).unwrap_or_default())
}

/// Every node that a node depends on, directly or not.
pub(super) fn ancestors<E: ?Sized>(graph: &Graph<E>, node: usize) -> BTreeSet<StepId> {
    let mut found = BTreeSet::new();
    let mut open = vec![node];
    while let Some(node) = open.pop() {
        for &upstream in graph.nodes()[node].takes() {
            if found.insert(graph.nodes()[upstream].id().clone()) {
                open.push(upstream);
            }
        }
    }
    found
}

/// An order in which each step comes before those that it is built upon. Definitions of different runs may contradict
/// each other; then the first one met holds, so that there always is an order.
fn dependents_first(built_upon: &BTreeMap<StepId, BTreeSet<StepId>>) -> Vec<StepId> {
    fn visit(
        id: &StepId,
        all: &BTreeMap<StepId, BTreeSet<StepId>>,
        seen: &mut BTreeSet<StepId>,
        out: &mut Vec<StepId>,
    ) {
        let Some(below) = all.get(id) else { return };
        if seen.insert(id.clone()) {
            below.iter().for_each(|below| visit(below, all, seen, out));
            out.push(id.clone());
        }
    }
    let mut order = Vec::new();
    let mut seen = BTreeSet::new();
    built_upon.keys().for_each(|id| visit(id, built_upon, &mut seen, &mut order));
    order.reverse();
    order
}

/// The usual time from the start of each task to the end of the last one that waits for it.
pub(super) fn remaining_paths(tasks: &[Task]) -> Vec<Duration> {
    let mut after = vec![Duration::ZERO; tasks.len()];
    let mut paths = vec![Duration::ZERO; tasks.len()];
    for (index, task) in tasks.iter().enumerate().rev() {
        paths[index] = after[index] + task.expected;
        for &need in &task.needs {
            after[need] = after[need].max(paths[index]);
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(needs: &[usize], seconds: u64) -> Task {
        let expected = Duration::from_secs(seconds);
        let id = StepId::new("x");
        Task { id, layer: String::new(), title: String::new(), kind: Kind::Remove, needs: needs.to_vec(), expected }
    }

    #[test]
    fn a_path_is_as_long_as_its_longest_branch() {
        let tasks = [task(&[], 1), task(&[0], 10), task(&[0], 2), task(&[1, 2], 3)];
        let seconds: Vec<u64> = remaining_paths(&tasks).iter().map(Duration::as_secs).collect();
        assert_eq!(seconds, [14, 13, 5, 3]);
    }

    #[test]
    fn dependents_come_first_even_when_definitions_contradict_each_other() {
        let set = |ids: &[&str]| ids.iter().map(|id| StepId::new(*id)).collect::<BTreeSet<_>>();
        let chain = BTreeMap::from([
            (StepId::new("a"), set(&[])),
            (StepId::new("b"), set(&["a"])),
            (StepId::new("c"), set(&["a", "b", "elsewhere"])),
        ]);
        assert_eq!(dependents_first(&chain), ["c", "b", "a"].map(StepId::new));
        let contradiction = BTreeMap::from([(StepId::new("a"), set(&["b"])), (StepId::new("b"), set(&["a"]))]);
        assert_eq!(dependents_first(&contradiction).len(), 2);
    }
}
