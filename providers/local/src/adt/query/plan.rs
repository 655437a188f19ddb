//! In which order a query looks at things: from what `WHERE` names by its key, along the relationships.

use std::collections::BTreeSet;

use serde_json::Value;

use super::syntax::{Comparison, Direction, Edge, Expression, Kind, Operand, Query};
use crate::adt::name::Name;

/// The order in which a row is put together, and when which part of `WHERE` can be decided.
#[derive(Debug)]
pub(super) struct Plan<'q> {
    /// The collection that is there first.
    pub(super) first: usize,
    pub(super) start: Start,
    /// The edges in the order in which they are followed.
    pub(super) steps: Vec<Step<'q>>,
    /// The parts of `WHERE`, all of which must hold, by the number of steps after which they can be decided.
    pub(super) checks: Vec<Vec<&'q Expression>>,
}

/// Where the first collection comes from.
#[derive(Debug, PartialEq)]
pub(super) enum Start {
    AllTwins,
    Twins(BTreeSet<Name>),
    AllRelationships,
    /// The relationships out of these twins.
    OutOf(BTreeSet<Name>),
    /// The relationships into these twins.
    Into(BTreeSet<Name>),
}

/// An edge, as it is followed.
#[derive(Debug)]
pub(super) struct Step<'q> {
    pub(super) edge: &'q Edge,
    /// The end that is there already.
    pub(super) from: usize,
    pub(super) to: usize,
    /// Right when the relationships are followed as they point.
    pub(super) direction: Direction,
}

/// Makes the plan of a query.
pub(super) fn plan(query: &Query) -> Plan<'_> {
    let (first, start) = start(query);
    let steps = steps(query, first);
    let checks = checks(query, first, &steps);
    Plan { first, start, steps, checks }
}

/// The texts of which the value at `name` of a collection must be one, if the condition says so.
pub(super) fn ids(condition: &Expression, of: usize, name: &str) -> Option<BTreeSet<Name>> {
    let is_key = |operand: &Operand| matches!(operand, Operand::Path(path) if path.of == Some(of) && path.names.len() == 1 && path.names[0] == name);
    let texts = |values: &[Value]| values.iter().filter_map(Value::as_str).map(Name::from).collect();
    match condition {
        Expression::And(left, right) => match (ids(left, of, name), ids(right, of, name)) {
            (Some(left), Some(right)) => Some(left.intersection(&right).cloned().collect()),
            (left, right) => left.or(right),
        },
        Expression::Or(left, right) => {
            let (mut left, right) = (ids(left, of, name)?, ids(right, of, name)?);
            left.extend(right);
            Some(left)
        }
        Expression::Compare(left, Comparison::Equal, right) => match (left, right) {
            (key, Operand::Literal(value)) | (Operand::Literal(value), key) if is_key(key) => {
                Some(texts(std::slice::from_ref(value)))
            }
            _ => None,
        },
        Expression::In { operand, list, negated: false } if is_key(operand) => Some(texts(list)),
        _ => None,
    }
}

fn start(query: &Query) -> (usize, Start) {
    let ids = |of, name| query.filter.as_ref().and_then(|filter| ids(filter, of, name));
    if query.collections[0].kind == Kind::Relationships {
        let (sources, targets) = (ids(0, "$sourceId").map(Start::OutOf), ids(0, "$targetId").map(Start::Into));
        return (0, sources.or(targets).unwrap_or(Start::AllRelationships));
    }
    let twins = query.collections.iter().enumerate().filter(|(_, collection)| collection.kind == Kind::Twins);
    let bound = twins.filter_map(|(of, _)| Some((of, ids(of, "$dtId")?)));
    let fewest = bound.min_by_key(|(_, ids)| ids.len());
    fewest.map_or((0, Start::AllTwins), |(of, ids)| (of, Start::Twins(ids)))
}

fn steps(query: &Query, first: usize) -> Vec<Step<'_>> {
    let mut there = BTreeSet::from([first]);
    let mut left: Vec<&Edge> = query.edges.iter().collect();
    let mut steps = Vec::new();
    while let Some(at) = left.iter().position(|edge| there.contains(&edge.left) || there.contains(&edge.right)) {
        let edge = left.remove(at);
        let (from, to, direction) = match there.contains(&edge.left) {
            true => (edge.left, edge.right, edge.direction),
            false => (edge.right, edge.left, edge.direction.reversed()),
        };
        there.insert(to);
        steps.push(Step { edge, from, to, direction });
    }
    steps
}

fn checks<'q>(query: &'q Query, first: usize, steps: &[Step<'_>]) -> Vec<Vec<&'q Expression>> {
    let ready = |of: usize| {
        let is_made_by = |step: &Step<'_>| step.to == of || step.edge.relationship == Some(of);
        if of == first { 0 } else { steps.iter().position(is_made_by).map_or(0, |step| step + 1) }
    };
    let mut checks = vec![Vec::new(); steps.len() + 1];
    for condition in query.filter.iter().flat_map(conditions) {
        let mut after = 0;
        condition.paths(&mut |path| after = path.of.map_or(after, |of| after.max(ready(of))));
        checks[after].push(condition);
    }
    checks
}

/// What a condition joins by `AND`.
fn conditions(condition: &Expression) -> Vec<&Expression> {
    match condition {
        Expression::And(left, right) => [conditions(left), conditions(right)].concat(),
        other => vec![other],
    }
}

#[cfg(test)]
mod tests {
    use super::super::parser::parse;
    use super::*;

    fn start_of(text: &str) -> (usize, Start) {
        start(&parse(text).unwrap())
    }

    fn set(ids: &[&str]) -> BTreeSet<Name> {
        ids.iter().copied().map(Name::from).collect()
    }

    #[test]
    fn keys_are_found_wherever_the_condition_holds_them_fast() {
        let of = |filter: &str| start_of(&format!("SELECT * FROM DIGITALTWINS T WHERE {filter}")).1;
        assert_eq!(of("T.$dtId = 'a' AND x > 1"), Start::Twins(set(&["a"])));
        assert_eq!(of("'a' = T.$dtId"), Start::Twins(set(&["a"])));
        assert_eq!(of("$dtId IN ['a', 'b', 1] AND $dtId IN ['b', 'c']"), Start::Twins(set(&["b"])));
        assert_eq!(of("$dtId = 'a' OR ($dtId = 'b' AND y)"), Start::Twins(set(&["a", "b"])));
        for filter in ["$dtId = 'a' OR y", "NOT $dtId = 'a'", "$dtId NIN ['a']", "x.$dtId = 'a'", "$dtId > 'a'"] {
            assert_eq!(of(filter), Start::AllTwins, "{filter}");
        }
        let of = |filter: &str| start_of(&format!("SELECT * FROM RELATIONSHIPS WHERE {filter}")).1;
        assert_eq!(of("$targetId = 'a' AND $sourceId = 'b'"), Start::OutOf(set(&["b"])));
        assert_eq!(of("$targetId = 'a'"), Start::Into(set(&["a"])));
        assert_eq!(of("$relationshipId = 'a'"), Start::AllRelationships);
    }

    #[test]
    fn a_pattern_is_followed_from_the_twin_with_the_fewest_ids() {
        let query = parse(
            "SELECT c FROM DIGITALTWINS MATCH (a)-[r]->(b)<-[:x*..2]-(c) WHERE a.$dtId IN ['1', '2'] AND c.$dtId = '3' \
             AND b.x = 1 AND r.y = 2",
        );
        let query = query.unwrap();
        let plan = plan(&query);
        assert_eq!(query.collections[plan.first].name.as_deref(), Some("c"));
        let ways: Vec<_> = plan.steps.iter().map(|step| (step.from == plan.first, step.direction)).collect();
        assert_eq!(ways, [(true, Direction::Right), (false, Direction::Left)]);
        assert_eq!(plan.checks.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1, 2]);
    }
}
