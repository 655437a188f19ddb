//! How often both parsers agree, and how they differ.

use std::collections::BTreeMap;
use std::fmt;

use crate::differences::Difference;
use crate::documented;
use crate::official::Verdict;

/// What came of the cases so far.
#[derive(Debug)]
pub(crate) struct Tally {
    /// The validation ids of each of our rules.
    table: BTreeMap<String, Vec<String>>,
    accepted: usize,
    refused: usize,
    /// Cases on which the official parser itself fails, by its message.
    failed: BTreeMap<String, usize>,
    explained: BTreeMap<&'static str, usize>,
    /// By kind, the seed of the first such case and how many there are.
    pub(crate) unexplained: BTreeMap<String, (u64, usize)>,
    /// The seeds of sets that nobody changed and that are invalid all the same.
    pub(crate) spoiled: Vec<u64>,
    /// Cases with one change that both refuse, and those among them for which both name the same mistake.
    changed_once: usize,
    same_mistake: usize,
    /// Pairs of what both name where it is not the same mistake.
    other_mistakes: BTreeMap<String, usize>,
}

impl Tally {
    pub(crate) fn new(table: BTreeMap<String, Vec<String>>) -> Self {
        Self {
            table,
            accepted: 0,
            refused: 0,
            failed: BTreeMap::new(),
            explained: BTreeMap::new(),
            unexplained: BTreeMap::new(),
            spoiled: Vec::new(),
            changed_once: 0,
            same_mistake: 0,
            other_mistakes: BTreeMap::new(),
        }
    }

    pub(crate) fn add(
        &mut self,
        seed: u64,
        changes: &[&str],
        theirs: &Verdict,
        ours: &Result<(), Vec<&'static str>>,
        text: String,
    ) {
        match (theirs, ours) {
            (Verdict::Failed(message), _) => *self.failed.entry(message.clone()).or_default() += 1,
            (Verdict::Valid, Ok(())) => self.accepted += 1,
            (Verdict::Invalid(ids), Err(rules)) => {
                self.refused += 1;
                match changes {
                    [] => self.spoiled.push(seed),
                    [_] => self.mistake(rules, ids),
                    _ => {}
                }
            }
            _ => {}
        }
        if let Some(difference) = Difference::between(theirs, ours, text) {
            match difference.explained() {
                Some(reason) => *self.explained.entry(reason).or_default() += 1,
                None => self.unexplained.entry(difference.kind()).or_insert((seed, 0)).1 += 1,
            }
        }
    }

    /// In how many of a hundred cases with one change that both refuse they name the same mistake.
    pub(crate) fn same_mistake(&self) -> f64 {
        100.0 * self.same_mistake as f64 / self.changed_once.max(1) as f64
    }

    fn mistake(&mut self, rules: &[&str], ids: &[String]) {
        self.changed_once += 1;
        if documented::same(&self.table, rules, ids) {
            self.same_mistake += 1;
        } else {
            *self.other_mistakes.entry(format!("{} for {}", rules.join(", "), ids.join(", "))).or_default() += 1;
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failed: usize = self.failed.values().sum();
        writeln!(
            f,
            "{} accepted by both, {} refused by both; the official parser fails on {failed}",
            self.accepted, self.refused
        )?;
        let share = self.same_mistake();
        writeln!(
            f,
            "{} of {} with one mistake name the same one ({share:.1} %)",
            self.same_mistake, self.changed_once
        )?;
        for (reason, count) in &self.explained {
            writeln!(f, "{count:6} differ: {reason}")?;
        }
        let mut others: Vec<_> = self.other_mistakes.iter().collect();
        others.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        others.into_iter().take(8).try_for_each(|(pair, count)| writeln!(f, "{count:6} named otherwise: {pair}"))
    }
}
