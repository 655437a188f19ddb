//! The writes of one twin that are waiting, as one.

use bytes::Bytes;
use tokio::{sync::oneshot, time::Instant};

use super::{
    item::Item,
    known::Known,
    names::SharedNames,
    outcome::{Failure, Names, Report},
    stamp::Stamp,
};

/// What a caller is told: whether the twin was written for it, and what was refused.
pub(super) type Outcome = Result<(bool, Names), Failure>;

/// One caller's values.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) items: Vec<Item>,
    pub(super) deadline: Instant,
    pub(super) reply: oneshot::Sender<Outcome>,
    /// Whether a patch that had its values, or newer ones in their place, has or may have taken effect.
    written: bool,
    refused: Names,
}

impl Job {
    pub(super) fn new(items: Vec<Item>, deadline: Instant, reply: oneshot::Sender<Outcome>) -> Self {
        Self { items, deadline, reply, written: false, refused: Names::default() }
    }

    /// Whether the twin has every value, or a newer one.
    pub(super) fn is_done(&self, known: &Known) -> bool {
        !self.items.iter().any(|item| known.is_older_than(&item.path, item.stamp))
    }

    fn end(self, outcome: Outcome) {
        // A caller that is gone needs no answer.
        let _ = self.reply.send(outcome);
    }

    fn succeed(self) {
        let outcome = match self.items.is_empty() {
            true => Err(Failure::Refused(Report { refused: self.refused.clone(), ..Report::default() })),
            false => Ok((self.written, self.refused.clone())),
        };
        self.end(outcome);
    }
}

/// The newest value of a property among the jobs.
#[derive(Debug, Clone)]
pub(super) struct Newest {
    path: String,
    stamp: Stamp,
    /// Where it is: job and item.
    place: (usize, usize),
}

/// Jobs of one twin.
#[derive(Debug, Default)]
pub(super) struct Batch {
    jobs: Vec<Job>,
    /// After a refusal each property goes alone, so that those at fault are found and the others arrive.
    alone: bool,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// Whether other jobs may join; not while a fault is being searched for.
    pub(super) fn is_open(&self) -> bool {
        !self.alone
    }

    pub(super) fn add(&mut self, jobs: impl IntoIterator<Item = Job>) {
        self.jobs.extend(jobs);
    }

    /// Answers those whose time ends before `turn`, when the next request can be sent.
    pub(super) fn expire(&mut self, turn: Instant, failure: &Failure) {
        for job in self.jobs.extract_if(.., |job| job.deadline <= turn || job.reply.is_closed()) {
            job.end(Err(failure.clone()));
        }
        self.close();
    }

    /// Answers those whose values, or newer ones, the twin has.
    pub(super) fn settle(&mut self, known: &Known) {
        self.jobs.extract_if(.., |job| job.is_done(known)).for_each(Job::succeed);
        self.close();
    }

    /// Answers all.
    pub(super) fn fail(&mut self, failure: &Failure) {
        self.jobs.drain(..).for_each(|job| job.end(Err(failure.clone())));
        self.close();
    }

    fn close(&mut self) {
        self.alone &= !self.jobs.is_empty();
    }

    /// What the next patch holds: per property the newest value of all jobs, where the twin's is older.
    pub(super) fn newest(&self, known: &Known) -> Vec<Newest> {
        let mut newest: Vec<Newest> = Vec::new();
        for (job, place) in self.jobs.iter().zip(0..) {
            for (item, at) in job.items.iter().zip(0..) {
                match newest.iter_mut().find(|other| other.path == item.path) {
                    Some(other) if other.stamp >= item.stamp => {}
                    Some(other) => (other.stamp, other.place) = (item.stamp, (place, at)),
                    None if known.is_older_than(&item.path, item.stamp) => {
                        newest.push(Newest { path: item.path.clone(), stamp: item.stamp, place: (place, at) });
                    }
                    None => {}
                }
            }
        }
        newest.truncate(if self.alone { 1 } else { usize::MAX });
        newest
    }

    /// The JSON Patch that writes them.
    pub(super) fn patch(&self, newest: &[Newest]) -> Bytes {
        let mut patch = Vec::with_capacity(2 + newest.len() * 200);
        patch.push(b'[');
        for one in newest {
            if patch.len() > 1 {
                patch.push(b',');
            }
            let (job, item) = one.place;
            patch.extend_from_slice(&self.jobs[job].items[item].operations);
        }
        patch.push(b']');
        patch.into()
    }

    /// Takes note that a patch has or may have taken effect.
    pub(super) fn mark_written(&mut self, newest: &[Newest]) {
        for job in &mut self.jobs {
            job.written |= newest.iter().any(|one| job.items.iter().any(|item| item.path == one.path));
        }
    }

    /// Takes note of a refusal: of one value, it is taken out; of several, each goes alone from now on.
    pub(super) fn refuse(&mut self, newest: &[Newest]) {
        let [one] = newest else {
            self.alone = true;
            return;
        };
        for job in &mut self.jobs {
            let before = job.items.len();
            job.items.retain(|item| item.path != one.path || item.stamp != one.stamp);
            if job.items.len() < before {
                job.refused.add(&one.path);
            }
        }
    }
}

/// Takes note of the values that a patch has written.
pub(super) fn note(known: &mut Known, newest: &[Newest], names: &SharedNames) {
    for one in newest {
        known.set(&one.path, one.stamp, names);
    }
}
