//! Checking lines one by one: is each a record, does it have its hash, is it canonical.
//!
//! This is most of the work of reading a long journal, and no line needs another for it, so two threads share it.

use std::collections::VecDeque;

use crate::merkle::{self, Hash};
use crate::record::{Record, is_whole, states_its_hash};
use crate::verify::{DamageKind, parse};

/// How many lines are held in memory at a time.
const CHUNK: usize = 2048;

/// How closely lines are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Each has the hash that it states.
    Hashes,
    /// Each is in canonical form, too, and its leaf of the Merkle tree is made.
    Everything,
}

/// A record whose line holds.
#[derive(Debug)]
pub(crate) struct Sound {
    pub(crate) record: Record,
    /// Made for [`Depth::Everything`] alone.
    pub(crate) leaf: Option<Hash>,
}

/// Checks the lines of an iterator, a chunk at a time.
pub(crate) struct Checked<I, E> {
    lines: I,
    depth: Depth,
    ready: VecDeque<Result<Sound, DamageKind>>,
    /// Why the lines ended early; told after what came before it.
    failure: Option<E>,
}

impl<I, L, E> Checked<I, E>
where
    I: Iterator<Item = Result<L, E>>,
    L: AsRef<str> + Sync,
{
    pub(crate) fn new(lines: I, depth: Depth) -> Self {
        Self { lines, depth, ready: VecDeque::new(), failure: None }
    }

    fn fill(&mut self) {
        let mut chunk = Vec::with_capacity(CHUNK);
        for line in self.lines.by_ref().take(CHUNK) {
            match line {
                Ok(line) => chunk.push(line),
                Err(error) => {
                    self.failure = Some(error);
                    break;
                }
            }
        }
        self.ready.extend(check_all(&chunk, self.depth));
    }
}

impl<I, L, E> Iterator for Checked<I, E>
where
    I: Iterator<Item = Result<L, E>>,
    L: AsRef<str> + Sync,
{
    type Item = Result<Result<Sound, DamageKind>, E>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ready.is_empty() && self.failure.is_none() {
            self.fill();
        }
        self.ready.pop_front().map(Ok).or_else(|| self.failure.take().map(Err))
    }
}

fn check_all<L: AsRef<str> + Sync>(lines: &[L], depth: Depth) -> Vec<Result<Sound, DamageKind>> {
    let check_part = |lines: &[L]| lines.iter().map(|line| check(line.as_ref(), depth)).collect::<Vec<_>>();
    if lines.len() < CHUNK {
        return check_part(lines);
    }
    let (front, back) = lines.split_at(lines.len() / 2);
    std::thread::scope(|scope| {
        let back = scope.spawn(|| check_part(back));
        let mut all = check_part(front);
        all.extend(back.join().expect("checking a line does not panic"));
        all
    })
}

/// The record in a line, if its contents match its hash and, where that is asked, its bytes are canonical.
pub(crate) fn check(line: &str, depth: Depth) -> Result<Sound, DamageKind> {
    let record = parse(line)?;
    match depth {
        Depth::Hashes if states_its_hash(line, &record) => Ok(Sound { record, leaf: None }),
        Depth::Hashes => Err(DamageKind::BadHash),
        Depth::Everything if is_whole(line, &record) => Ok(Sound { leaf: Some(merkle::leaf(line)), record }),
        Depth::Everything if record.compute_hash() == record.hash => Err(DamageKind::NotCanonical),
        Depth::Everything => Err(DamageKind::BadHash),
    }
}
