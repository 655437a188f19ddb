//! A graph as a tree: pure, for graphs of any shape and depth.

use std::collections::{BTreeMap, BTreeSet};

/// What to make of a twin at this place of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// It is shown here, with what hangs on it.
    Here,
    /// It is shown elsewhere: this is a further way to it.
    Elsewhere,
    /// It is above itself: the way leads in a circle.
    Circle,
}

/// One line of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The twin.
    pub twin: String,
    /// The relationship by which it hangs on the twin above it; none at a root.
    pub by: Option<String>,
    /// How many twins are above it.
    pub depth: usize,
    /// Whether it is the last that hangs on the twin above it.
    pub last: bool,
    /// Where it is shown.
    pub mark: Mark,
}

/// The lines for a graph of twins and of relationships (source, name, target), depth first.
///
/// Roots are the twins that nothing leads to. Twins in a circle that no root reaches hang on the first of them, by id. A
/// relationship to a twin that is not there is left out.
#[must_use]
pub fn rows(twins: &BTreeSet<String>, relationships: &[(String, String, String)]) -> Vec<Row> {
    let mut below: BTreeMap<&str, BTreeSet<(&str, &str)>> = BTreeMap::new();
    let mut has_above = BTreeSet::new();
    for (source, name, target) in relationships {
        if twins.contains(source) && twins.contains(target) {
            below.entry(source).or_default().insert((name, target));
            has_above.insert(target.as_str());
        }
    }
    let mut walk = Walk { below, shown: BTreeSet::new(), rows: Vec::new() };
    let (roots, others): (Vec<&str>, Vec<&str>) =
        twins.iter().map(String::as_str).partition(|twin| !has_above.contains(twin));
    for twin in roots.into_iter().chain(others) {
        if !walk.shown.contains(twin) {
            walk.from(twin);
        }
    }
    walk.rows
}

struct Walk<'a> {
    below: BTreeMap<&'a str, BTreeSet<(&'a str, &'a str)>>,
    shown: BTreeSet<&'a str>,
    rows: Vec<Row>,
}

/// A place that is still to be visited.
struct Visit<'a> {
    twin: &'a str,
    by: Option<&'a str>,
    depth: usize,
    last: bool,
}

impl<'a> Walk<'a> {
    /// With a stack of its own: a chain of a hundred thousand twins would not fit on the thread's.
    fn from(&mut self, root: &'a str) {
        let mut open = vec![Visit { twin: root, by: None, depth: 0, last: true }];
        let (mut path, mut on_path): (Vec<&str>, BTreeSet<&str>) = Default::default();
        while let Some(visit) = open.pop() {
            for left in path.drain(visit.depth..) {
                on_path.remove(left);
            }
            let mark = match (on_path.contains(visit.twin), self.shown.contains(visit.twin)) {
                (true, _) => Mark::Circle,
                (false, true) => Mark::Elsewhere,
                (false, false) => Mark::Here,
            };
            if mark == Mark::Here {
                self.shown.insert(visit.twin);
                path.push(visit.twin);
                on_path.insert(visit.twin);
                open.extend(self.visits_below(&visit));
            }
            self.rows.push(visit.row(mark));
        }
    }

    /// Last first, since the stack gives back the newest.
    fn visits_below(&self, above: &Visit<'a>) -> Vec<Visit<'a>> {
        let below = self.below.get(above.twin).into_iter().flatten().rev().enumerate();
        let depth = above.depth + 1;
        below.map(|(index, (by, twin))| Visit { twin, by: Some(by), depth, last: index == 0 }).collect()
    }
}

impl Visit<'_> {
    fn row(&self, mark: Mark) -> Row {
        Row { twin: self.twin.to_owned(), by: self.by.map(str::to_owned), depth: self.depth, last: self.last, mark }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tree of `a-name-b` relationships as text.
    fn tree(twins: &str, relationships: &str) -> Vec<String> {
        let twins = twins.split_whitespace().map(str::to_owned).collect();
        let parts = relationships.split_whitespace().map(|text| {
            let mut parts = text.split('-').map(str::to_owned);
            let mut part = || parts.next().expect("three parts");
            (part(), part(), part())
        });
        let rows = rows(&twins, &parts.collect::<Vec<_>>());
        let line = |row: &Row| {
            let by = row.by.as_ref().map(|by| format!("{by} ")).unwrap_or_default();
            let end = if row.last { "." } else { "" };
            let mark = match row.mark {
                Mark::Here => "",
                Mark::Elsewhere => " ^",
                Mark::Circle => " @",
            };
            format!("{}{by}{}{mark}{end}", " ".repeat(row.depth), row.twin)
        };
        rows.iter().map(line).collect()
    }

    #[test]
    fn what_nothing_leads_to_is_a_root() {
        let expected = ["hall.", " has press", "  by sensor.", " has robot.", "site."];
        assert_eq!(tree("hall press robot sensor site", "hall-has-robot hall-has-press press-by-sensor"), expected);
    }

    #[test]
    fn a_twin_with_several_parents_is_shown_once() {
        let expected = ["a.", " x c.", "  x d.", "b.", " x c ^."];
        assert_eq!(tree("a b c d", "a-x-c b-x-c c-x-d"), expected);
        assert_eq!(tree("a b", "a-x-b a-y-b"), ["a.", " x b", " y b ^."]);
    }

    #[test]
    fn circles_end_and_are_marked() {
        assert_eq!(tree("a b c", "a-x-b b-x-c c-x-b"), ["a.", " x b.", "  x c.", "   x b @."]);
        assert_eq!(tree("b c", "b-x-c c-x-b"), ["b.", " x c.", "  x b @."], "a circle without a root is not lost");
        assert_eq!(tree("a", "a-x-a"), ["a.", " x a @."]);
    }

    #[test]
    fn a_twin_that_is_not_there_is_left_out() {
        assert_eq!(tree("a", "a-x-gone gone-x-a"), ["a."]);
        assert_eq!(tree("", ""), [""; 0]);
    }

    #[test]
    fn a_deep_chain_is_no_problem() {
        let twins: BTreeSet<String> = (0..50_000).map(|n| format!("t{n:05}")).collect();
        let chain: Vec<_> =
            (1..50_000).map(|n| (format!("t{:05}", n - 1), "next".to_owned(), format!("t{n:05}"))).collect();
        let rows = rows(&twins, &chain);
        assert_eq!((rows.len(), rows.last().unwrap().depth), (50_000, 49_999));
    }
}
