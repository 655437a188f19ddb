//! Putting rows together, one after the other: a search in depth that can be left at any place and taken up there.
//!
//! A row is found by choices: a twin or relationship to start from, then for every step of the plan the relationships
//! that lead on. Choices are tried in an order that only what is stored decides, so the choices that led to a place
//! say all there is to say about it, also to another process, and also when the graph has changed since: what was
//! chosen is then gone, and the search goes on behind it. Nothing but the choices on the way is kept in memory.

use serde::{Deserialize, Serialize};

use super::choices::{self, Candidate, Candidates};
use super::evaluate::World;
use super::plan::Plan;
use super::row::{Item, Row};
use crate::adt::name::Name;

/// One choice, as a continuation token holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Choice {
    /// To start from a twin.
    #[serde(rename = "t")]
    Twin(Name),
    /// To start from a relationship: source and id.
    #[serde(rename = "r")]
    Relationship(Name, Name),
    /// The same, found by its target, which comes first.
    #[serde(rename = "n")]
    Incoming(Name, Name, Name),
    /// To take the way as it is, although it may go on.
    #[serde(rename = "s")]
    Stop,
    /// To follow a relationship of this id to its target.
    #[serde(rename = "o")]
    Out(Name),
    /// To follow a relationship, given by source and id, back to its source.
    #[serde(rename = "i")]
    In(Name, Name),
}

/// Where a search was left.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Position {
    choices: Vec<Choice>,
    /// Whether what follows from the last choice is still to be looked at.
    open: bool,
}

/// The choices of a position cannot have been made for this query.
#[derive(Debug, PartialEq)]
pub(super) struct Misfit;

/// What a search has come to.
#[derive(Debug, PartialEq)]
pub(super) enum Outcome {
    /// [`Walk::row`] is one.
    Row,
    /// As much was looked at as was allowed.
    Pause,
    End,
}

/// A search.
pub(super) struct Walk<'a> {
    world: World<'a>,
    plan: &'a Plan<'a>,
    once: bool,
    row: Vec<Option<Item<'a>>>,
    frames: Vec<Frame<'a>>,
    /// Source and id of the relationships on the way.
    used: Vec<(&'a Name, &'a Name)>,
    work: usize,
}

/// A place where there is something to choose, and what was chosen.
struct Frame<'a> {
    place: Place<'a>,
    candidates: std::iter::Peekable<Candidates<'a>>,
    chosen: Option<Chosen<'a>>,
}

/// How far the row is at a frame.
#[derive(Clone, Copy, Debug)]
enum Place<'a> {
    Start,
    /// In a step of the plan, after some hops, at a twin.
    Step {
        step: usize,
        hops: usize,
        at: &'a Name,
    },
}

/// A choice and what it did, so that it can be undone.
struct Chosen<'a> {
    candidate: Candidate<'a>,
    /// The collections that it filled.
    filled: [Option<usize>; 2],
    used: usize,
}

/// What a choice leads to.
enum Reached<'a> {
    Nothing,
    Row,
    Place(Place<'a>),
}

impl<'a> Walk<'a> {
    /// A search from the beginning, for rows of so many collections.
    pub(super) fn new(world: World<'a>, plan: &'a Plan<'a>, collections: usize, once: bool) -> Self {
        let row = vec![None; collections];
        let mut walk = Self { world, plan, once, row, frames: Vec::new(), used: Vec::new(), work: 0 };
        walk.open(Place::Start, None);
        walk
    }

    /// Goes to where another search was left.
    pub(super) fn resume(&mut self, position: &Position) -> Result<(), Misfit> {
        for (at, choice) in position.choices.iter().enumerate() {
            let Some(place) = self.frames.last().map(|frame| frame.place) else { return Err(Misfit) };
            self.frames.pop();
            self.open(place, Some(choice)).ok_or(Misfit)?;
            let is_last = at + 1 == position.choices.len();
            if is_last && !position.open {
                return Ok(());
            }
            let candidate = self.exactly(place, choice);
            match candidate.map(|candidate| self.take(candidate)) {
                Some(Reached::Place(place)) => drop(self.open(place, None)),
                Some(Reached::Row) if !is_last => return Err(Misfit),
                // It is gone, or is not wanted any more: the search goes on behind it.
                _ => return Ok(()),
            }
        }
        Ok(())
    }

    /// Where this search is, so that another one can be resumed there.
    pub(super) fn position(&self) -> Position {
        let choices = self.frames.iter().filter_map(|frame| Some(frame.chosen.as_ref()?.candidate.choice()));
        Position { choices: choices.collect(), open: self.frames.last().is_some_and(|frame| frame.chosen.is_none()) }
    }

    /// What the row holds now.
    pub(super) fn row(&self) -> &Row<'a> {
        &self.row
    }

    /// How many choices were looked at.
    pub(super) fn work(&self) -> usize {
        self.work
    }

    /// Whether there is anything left to choose.
    pub(super) fn has_more(&mut self) -> bool {
        self.frames.iter_mut().any(|frame| frame.candidates.peek().is_some())
    }

    /// Searches for the next row, looking at no more than `work` choices since the search began.
    pub(super) fn next(&mut self, work: usize) -> Outcome {
        loop {
            self.undo();
            let Some(frame) = self.frames.last_mut() else { return Outcome::End };
            if self.work >= work {
                return Outcome::Pause;
            }
            self.work += 1;
            let Some(candidate) = frame.candidates.next() else {
                self.frames.pop();
                continue;
            };
            match self.take(candidate) {
                Reached::Nothing => {}
                Reached::Row => return Outcome::Row,
                Reached::Place(place) => drop(self.open(place, None)),
            }
        }
    }

    /// Adds a frame whose candidates come behind a choice; `None` when that choice is none of its kind.
    fn open(&mut self, place: Place<'a>, behind: Option<&Choice>) -> Option<()> {
        let state = self.world.state;
        let candidates = match place {
            Place::Start => choices::starts(state, &self.plan.start, behind)?,
            Place::Step { step, hops, at } => {
                let step = &self.plan.steps[step];
                choices::hops(state, step, hops, at, behind)?
            }
        };
        self.frames.push(Frame { place, candidates: candidates.peekable(), chosen: None });
        Some(())
    }

    fn exactly(&self, place: Place<'a>, choice: &Choice) -> Option<Candidate<'a>> {
        let at = match place {
            Place::Start => None,
            Place::Step { at, .. } => Some(at),
        };
        choices::exactly(self.world.state, at, choice)
    }

    /// Takes back what the last frame has chosen. The choice stays, since it says where the search is.
    fn undo(&mut self) {
        let Some(chosen) = self.frames.last_mut().and_then(|frame| frame.chosen.as_mut()) else { return };
        for filled in &mut chosen.filled {
            if let Some(filled) = filled.take() {
                self.row[filled] = None;
            }
        }
        self.used.truncate(chosen.used);
    }

    /// Makes a choice in the last frame.
    fn take(&mut self, candidate: Candidate<'a>) -> Reached<'a> {
        let mut filled = [None; 2];
        let used = self.used.len();
        let place = self.frames.last().map_or(Place::Start, |frame| frame.place);
        let reached = match place {
            Place::Start => self.begin(candidate, &mut filled),
            Place::Step { step, hops, at } => self.follow(candidate, step, hops, at, &mut filled),
        };
        if let Some(frame) = self.frames.last_mut() {
            frame.chosen = Some(Chosen { candidate, filled, used });
        }
        reached
    }

    fn begin(&mut self, candidate: Candidate<'a>, filled: &mut [Option<usize>; 2]) -> Reached<'a> {
        let Some(item) = candidate.item() else { return Reached::Nothing };
        let first = self.plan.first;
        self.row[first] = Some(item);
        filled[0] = Some(first);
        self.arrive(0)
    }

    /// Goes on after so many steps of the plan, if the row is still wanted.
    fn arrive(&self, steps: usize) -> Reached<'a> {
        if !self.plan.checks[steps].iter().all(|condition| self.world.holds(condition, &self.row)) {
            return Reached::Nothing;
        }
        let Some(step) = self.plan.steps.get(steps) else { return Reached::Row };
        match self.row[step.from] {
            Some(Item::Twin(at, _)) => Reached::Place(Place::Step { step: steps, hops: 0, at }),
            _ => Reached::Nothing,
        }
    }

    fn follow(
        &mut self,
        candidate: Candidate<'a>,
        at_step: usize,
        hops: usize,
        at: &'a Name,
        filled: &mut [Option<usize>; 2],
    ) -> Reached<'a> {
        let step = &self.plan.steps[at_step];
        let Some((source, id, one)) = candidate.relationship() else { return self.reach(at_step, at, filled) };
        let is_named = step.edge.names.is_empty() || step.edge.names.iter().any(|name| **name == *one.name);
        if !is_named || (self.once && self.used.contains(&(source, id))) {
            return Reached::Nothing;
        }
        self.used.push((source, id));
        if let Some(relationship) = step.edge.relationship {
            self.row[relationship] = Some(Item::Relationship(source, id, one));
            filled[1] = Some(relationship);
        }
        let end = if matches!(candidate, Candidate::In(..)) { source } else { &one.target };
        match hops + 1 == step.edge.hops.1 {
            true => self.reach(at_step, end, filled),
            false => Reached::Place(Place::Step { step: at_step, hops: hops + 1, at: end }),
        }
    }

    /// Ends a step at a twin, which must be the one that is there already when the pattern is a circle.
    fn reach(&mut self, step: usize, end: &'a Name, filled: &mut [Option<usize>; 2]) -> Reached<'a> {
        let to = self.plan.steps[step].to;
        match self.row[to] {
            Some(Item::Twin(there, _)) if there == end => {}
            Some(_) => return Reached::Nothing,
            None => {
                let Some((id, twin)) = self.world.state.twins.get_key_value(end) else { return Reached::Nothing };
                self.row[to] = Some(Item::Twin(id, twin));
                filled[0] = Some(to);
            }
        }
        self.arrive(step + 1)
    }
}
