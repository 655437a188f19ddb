//! What there is to choose at a place, in the order in which it is tried.

use std::collections::BTreeSet;
use std::ops::Bound;

use super::plan::{Start, Step};
use super::row::Item;
use super::syntax::Direction;
use super::walk::Choice;
use crate::adt::change::Relationship;
use crate::adt::name::Name;
use crate::adt::part::Twin;
use crate::adt::state::State;

/// Something that can be chosen.
#[derive(Clone, Copy, Debug)]
pub(super) enum Candidate<'a> {
    Twin(&'a Name, &'a Twin),
    Relationship(&'a Name, &'a Name, &'a Relationship),
    Incoming(&'a Name, &'a Name, &'a Relationship),
    Stop,
    Out(&'a Name, &'a Name, &'a Relationship),
    In(&'a Name, &'a Name, &'a Relationship),
}

/// What can be chosen, found as it is asked for.
pub(super) type Candidates<'a> = Box<dyn Iterator<Item = Candidate<'a>> + 'a>;

impl<'a> Candidate<'a> {
    /// What a token keeps of it.
    pub(super) fn choice(&self) -> Choice {
        match *self {
            Self::Twin(id, _) => Choice::Twin(id.clone()),
            Self::Relationship(source, id, _) => Choice::Relationship(source.clone(), id.clone()),
            Self::Incoming(source, id, one) => Choice::Incoming(one.target.clone(), source.clone(), id.clone()),
            Self::Stop => Choice::Stop,
            Self::Out(_, id, _) => Choice::Out(id.clone()),
            Self::In(source, id, _) => Choice::In(source.clone(), id.clone()),
        }
    }

    /// What a row starts with.
    pub(super) fn item(&self) -> Option<Item<'a>> {
        match *self {
            Self::Twin(id, twin) => Some(Item::Twin(id, twin)),
            Self::Relationship(source, id, one) | Self::Incoming(source, id, one) => {
                Some(Item::Relationship(source, id, one))
            }
            Self::Stop | Self::Out(..) | Self::In(..) => None,
        }
    }

    /// Source and id of the relationship that is followed, and itself.
    pub(super) fn relationship(&self) -> Option<(&'a Name, &'a Name, &'a Relationship)> {
        match *self {
            Self::Out(source, id, one) | Self::In(source, id, one) => Some((source, id, one)),
            _ => None,
        }
    }
}

/// What rows may start with, behind a choice; `None` when the choice is none for this start.
pub(super) fn starts<'a>(state: &'a State, start: &'a Start, behind: Option<&Choice>) -> Option<Candidates<'a>> {
    let none = Name::from("");
    Some(match (start, behind) {
        (Start::AllTwins, None) => all_twins(state, none),
        (Start::AllTwins, Some(Choice::Twin(id))) => all_twins(state, id.clone()),
        (Start::Twins(ids), None) => twins(state, ids, none),
        (Start::Twins(ids), Some(Choice::Twin(id))) => twins(state, ids, id.clone()),
        (Start::AllRelationships, None) => all_relationships(state, (none.clone(), none)),
        (Start::AllRelationships, Some(Choice::Relationship(source, id))) => {
            all_relationships(state, (source.clone(), id.clone()))
        }
        (Start::OutOf(ids), None) => Box::new(ids.iter().flat_map(|of| out_of(state, of, ""))),
        (Start::OutOf(ids), Some(Choice::Relationship(source, id))) => {
            let rest = above(ids, source).flat_map(|of| out_of(state, of, ""));
            Box::new(out_of(state, source, id).chain(rest))
        }
        (Start::Into(ids), None) => Box::new(ids.iter().flat_map(|of| into(state, of, ("", "")))),
        (Start::Into(ids), Some(Choice::Incoming(target, source, id))) => {
            let rest = above(ids, target).flat_map(|of| into(state, of, ("", "")));
            Box::new(into(state, target, (source, id)).chain(rest))
        }
        _ => return None,
    })
}

/// What may follow after so many hops of a step: to stop, then the relationships out of the twin, then those into it.
pub(super) fn hops<'a>(
    state: &'a State,
    step: &Step<'_>,
    hops: usize,
    at: &'a Name,
    behind: Option<&Choice>,
) -> Option<Candidates<'a>> {
    let (goes_out, goes_in) = (step.direction != Direction::Left, step.direction != Direction::Right);
    // A relationship of a twin with itself is among those out of it.
    let is_new =
        move |candidate: &Candidate<'_>| !goes_out || !matches!(candidate, Candidate::In(from, ..) if *from == at);
    let outgoing = move |after: &str| state.outgoing(at, after).map(move |(id, one)| Candidate::Out(at, id, one));
    let incoming = move |after: (&str, &str)| incoming(state, at, after).filter(is_new);
    let out = move |after: &str| goes_out.then(|| outgoing(after)).into_iter().flatten();
    let back = move |after: (&str, &str)| goes_in.then(|| incoming(after)).into_iter().flatten();
    Some(match behind {
        None => {
            let stop = (hops >= step.edge.hops.0).then_some(Candidate::Stop);
            Box::new(stop.into_iter().chain(out("")).chain(back(("", ""))))
        }
        Some(Choice::Stop) if hops >= step.edge.hops.0 => Box::new(out("").chain(back(("", "")))),
        Some(Choice::Out(id)) if goes_out => Box::new(out(id).chain(back(("", "")))),
        Some(Choice::In(source, id)) if goes_in => Box::new(back((source, id))),
        _ => return None,
    })
}

/// What a choice says, if it is still there; `at` is the twin from which it leads on.
pub(super) fn exactly<'a>(state: &'a State, at: Option<&'a Name>, choice: &Choice) -> Option<Candidate<'a>> {
    let relationship = |source: &Name, id: &Name| {
        let ((source, id), one) = state.relationships.get_key_value(&(source.clone(), id.clone()))?;
        Some((source, id, one))
    };
    match (choice, at) {
        (Choice::Twin(id), _) => state.twins.get_key_value(id).map(|(id, twin)| Candidate::Twin(id, twin)),
        (Choice::Stop, Some(_)) => Some(Candidate::Stop),
        (Choice::Out(id), Some(at)) => relationship(at, id).map(|(source, id, one)| Candidate::Out(source, id, one)),
        (Choice::In(source, id), Some(at)) => {
            let (source, id, one) = relationship(source, id).filter(|(_, _, one)| one.target == *at)?;
            Some(Candidate::In(source, id, one))
        }
        // Rows that start with a relationship consist of it, so nobody asks what follows from it.
        _ => None,
    }
}

fn above<'a>(ids: &'a BTreeSet<Name>, id: &Name) -> impl Iterator<Item = &'a Name> + use<'a> {
    ids.range((Bound::Excluded(id.clone()), Bound::Unbounded))
}

fn all_twins(state: &State, after: Name) -> Candidates<'_> {
    let all = state.twins.range((Bound::Excluded(after), Bound::Unbounded));
    Box::new(all.map(|(id, twin)| Candidate::Twin(id, twin)))
}

fn twins<'a>(state: &'a State, ids: &'a BTreeSet<Name>, after: Name) -> Candidates<'a> {
    let there = above(ids, &after).filter_map(|id| state.twins.get_key_value(id));
    Box::new(there.map(|(id, twin)| Candidate::Twin(id, twin)))
}

fn all_relationships(state: &State, after: (Name, Name)) -> Candidates<'_> {
    let all = state.relationships.range((Bound::Excluded(after), Bound::Unbounded));
    Box::new(all.map(|((source, id), one)| Candidate::Relationship(source, id, one)))
}

fn out_of<'a>(state: &'a State, source: &Name, after: &str) -> impl Iterator<Item = Candidate<'a>> + use<'a> {
    let key = state.twins.get_key_value(source);
    let all = key.map(|(source, _)| state.outgoing(source, after).map(move |(id, one)| (source, id, one)));
    all.into_iter().flatten().map(|(source, id, one)| Candidate::Relationship(source, id, one))
}

fn into<'a>(state: &'a State, target: &str, after: (&str, &str)) -> impl Iterator<Item = Candidate<'a>> + use<'a> {
    incoming(state, target, after).filter_map(|candidate| {
        let (source, id, one) = candidate.relationship()?;
        Some(Candidate::Incoming(source, id, one))
    })
}

fn incoming<'a>(state: &'a State, target: &str, after: (&str, &str)) -> impl Iterator<Item = Candidate<'a>> + use<'a> {
    let keys = state.incoming(target, after);
    keys.filter_map(|(source, id)| {
        let ((source, id), one) = state.relationships.get_key_value(&(source.clone(), id.clone()))?;
        Some(Candidate::In(source, id, one))
    })
}
