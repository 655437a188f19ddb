//! What the check found, for people and for assertions.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// One way in which one exchange departs from the specification. Holds no values, which may be secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// The exchange: method, path and status.
    pub exchange: String,
    /// The operation, when one was found.
    pub operation: Option<String>,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operation = self.operation.as_deref().unwrap_or("no operation");
        write!(f, "{} [{operation}]: {}", self.exchange, self.what)
    }
}

/// How often an operation was used, and what it answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Requests.
    pub requests: usize,
    /// The statuses that came back.
    pub statuses: BTreeSet<u16>,
}

/// The result of a check.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Everything that is wrong, each kind once.
    pub violations: BTreeSet<Violation>,
    /// By document and operation id.
    pub covered: BTreeMap<(String, String), Coverage>,
    /// Requests to services without a published specification, by method and path template.
    pub unpublished: BTreeMap<String, usize>,
    /// Requests to URLs that an answer handed out.
    pub handed_out: usize,
    /// Requests in all.
    pub requests: usize,
}

impl Report {
    /// Takes in what another check found.
    pub fn absorb(&mut self, other: Self) {
        self.violations.extend(other.violations);
        for (operation, coverage) in other.covered {
            let sum = self.covered.entry(operation).or_default();
            sum.requests += coverage.requests;
            sum.statuses.extend(coverage.statuses);
        }
        for (what, times) in other.unpublished {
            *self.unpublished.entry(what).or_default() += times;
        }
        self.handed_out += other.handed_out;
        self.requests += other.requests;
    }

    /// Panics with every violation when there is one.
    ///
    /// # Panics
    /// As said.
    pub fn assert_kept(&self) {
        let listed: Vec<String> = self.violations.iter().map(ToString::to_string).collect();
        assert!(
            listed.is_empty(),
            "{} departures from the specifications:\n{}\n{self}",
            listed.len(),
            listed.join("\n")
        );
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "contracts: {} requests, {} operations, {} handed-out URLs, {} violations",
            self.requests,
            self.covered.len(),
            self.handed_out,
            self.violations.len()
        )?;
        for ((document, operation), coverage) in &self.covered {
            let statuses: Vec<String> = coverage.statuses.iter().map(ToString::to_string).collect();
            writeln!(f, "  {:>5}x {operation} ({document}) -> {}", coverage.requests, statuses.join(", "))?;
        }
        for (what, times) in &self.unpublished {
            writeln!(f, "  {times:>5}x {what} (no specification is published)")?;
        }
        Ok(())
    }
}
