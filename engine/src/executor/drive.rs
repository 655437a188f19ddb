//! Drives a run forward: ready tasks in parallel, the longest remaining path first.

use futures::{StreamExt, stream::FuturesUnordered};

use super::{
    attempt::advance,
    context::Run,
    persevere::Given,
    tasks::{Task, remaining_paths, tasks},
};
use crate::{error::Error, progress::Progress, report::StepFailure};

/// How the way forward ended.
pub(super) enum Ended {
    /// Every task is done.
    Done,
    /// Somebody asked to stop, and something is left to do.
    Stopped,
    /// Some failed; nothing is in flight.
    Failed(Vec<StepFailure>),
}

/// Which tasks are where.
struct Board<'t> {
    tasks: &'t [Task],
    paths: Vec<std::time::Duration>,
    started: Vec<bool>,
    done: Vec<bool>,
}

impl<'t> Board<'t> {
    fn new(tasks: &'t [Task], done: Vec<bool>) -> Self {
        Self { tasks, paths: remaining_paths(tasks), started: done.clone(), done }
    }

    /// The ready task with the longest path before it; of equals the first, so that runs are alike.
    fn next(&self) -> Option<usize> {
        let ready =
            |index: &usize| !self.started[*index] && self.tasks[*index].needs.iter().all(|need| self.done[*need]);
        (0..self.tasks.len()).filter(ready).max_by_key(|index| (self.paths[*index], std::cmp::Reverse(*index)))
    }
}

/// Does everything that the run has to do and has not done yet.
pub(super) async fn drive<E: Sync + ?Sized>(run: &Run<'_, E>) -> Result<Ended, Error> {
    let tasks = tasks(run)?;
    let done = tasks.iter().map(|task| run.outcome(&task.id).is_some()).collect();
    let mut board = Board::new(&tasks, done);
    let (stop, parallelism) = (&run.executor.stop, run.executor.options.parallelism.get());
    let mut in_flight = FuturesUnordered::new();
    let (mut failures, mut interrupted, mut told) = (Vec::new(), false, false);
    loop {
        while failures.is_empty() && !stop.requested() && in_flight.len() < parallelism {
            let Some(index) = board.next() else { break };
            board.started[index] = true;
            let task = &tasks[index];
            in_flight.push(async move { (index, advance(run, task).await) });
        }
        if in_flight.is_empty() {
            break;
        }
        tokio::select! {
            biased;
            Some((index, given)) = in_flight.next() => match given? {
                Given::Done => board.done[index] = true,
                Given::Failed(failure) => {
                    run.failing.cancel();
                    failures.push(failure);
                }
                Given::Interrupted => interrupted = true,
            },
            () = stop.wait(), if !told => {
                told = true;
                run.executor.seams.progress.progress(Progress::Stopping);
            }
        }
    }
    Ok(match (failures.is_empty(), interrupted) {
        // A step that stopped at a checkpoint is in doubt, and a failed run has none in flight.
        (_, true) => Ended::Stopped,
        (false, false) => Ended::Failed(failures),
        (true, false) if board.done.iter().all(|done| *done) => Ended::Done,
        (true, false) => Ended::Stopped,
    })
}
