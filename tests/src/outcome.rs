//! What a deployment leaves behind, to hold a disturbed run against an undisturbed one.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;

use crate::twinctl::Sandbox;

/// The state of the local cloud, and how often it was changed in which way.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The canonical dump.
    pub dump: Value,
    /// How often each thing was done; repetitions that changed nothing do not count.
    pub changes: BTreeMap<String, usize>,
}

impl Outcome {
    /// What stands in a sandbox's cloud now.
    ///
    /// # Panics
    /// When the cloud is not up.
    #[must_use]
    pub fn of(sandbox: &Sandbox) -> Self {
        Self { dump: sandbox.dump(), changes: changes(&sandbox.effects()) }
    }

    /// What an undisturbed run of the example leaves behind.
    ///
    /// # Panics
    /// When the run does not finish.
    #[must_use]
    pub fn undisturbed() -> Self {
        let sandbox = Sandbox::of_example("factory");
        sandbox.deploy();
        Self::of(&sandbox)
    }

    /// Checks that another outcome is this one: the same state, and nothing done more or less often.
    ///
    /// # Panics
    /// When it is not; the message says where they differ.
    pub fn assert_same(&self, other: &Self, what: &str) {
        self.assert_same_state(other, what);
        let twice: Vec<_> =
            other.changes.iter().filter(|(done, times)| self.changes.get(*done) != Some(times)).collect();
        let never: Vec<_> = self.changes.keys().filter(|done| !other.changes.contains_key(*done)).collect();
        assert!(twice.is_empty() && never.is_empty(), "{what}: done more or less often: {twice:#?}, never: {never:#?}");
    }

    /// Checks that another outcome has this one's state.
    ///
    /// # Panics
    /// When it has not; the message says where they differ.
    pub fn assert_same_state(&self, other: &Self, what: &str) {
        assert_same_dump(&self.dump, &other.dump, what);
    }
}

/// Checks that two dumps are the same, byte for byte.
///
/// # Panics
/// When they are not; the message says where they differ.
pub fn assert_same_dump(expected: &Value, found: &Value, what: &str) {
    let (expected, found) = (lines(expected), lines(found));
    let differs = expected.iter().zip(&found).position(|(a, b)| a != b);
    if differs.is_none() && expected.len() == found.len() {
        return;
    }
    let at = differs.unwrap_or(expected.len().min(found.len()));
    let around = |lines: &[String]| lines[at.saturating_sub(6).min(lines.len())..(at + 6).min(lines.len())].join("\n");
    panic!("{what}: the dumps differ at line {at}; expected\n{}\nfound\n{}", around(&expected), around(&found));
}

fn lines(dump: &Value) -> Vec<String> {
    let text = serde_json::to_string_pretty(dump).expect("a dump is JSON");
    text.lines().map(str::to_owned).collect()
}

/// How often each thing was done.
#[must_use]
pub fn changes(effects: &[Value]) -> BTreeMap<String, usize> {
    let mut changes = BTreeMap::new();
    for effect in effects.iter().filter(|effect| effect["unchanged"] != true) {
        let part = |name: &str| effect[name].as_str().unwrap_or_default().to_owned();
        let done = [part("service"), part("operation"), named(&part("resource"))].join(" ");
        *changes.entry(done).or_default() += 1;
    }
    changes
}

/// A role assignment is named after its principal, whose id is random in every cloud: its scope stands for it.
fn named(resource: &str) -> String {
    match resource.rsplit_once('/') {
        Some((kind, _)) if kind.ends_with("RoleAssignments") || kind.ends_with("/roleAssignments") => kind.to_owned(),
        _ => resource.to_owned(),
    }
}

/// The records of a sandbox's journal, oldest first.
///
/// # Panics
/// When it cannot be read.
#[must_use]
pub fn records(sandbox: &Sandbox) -> Vec<Value> {
    let shown = sandbox.run(&["journal", "records", "--json"]).code(0).json();
    shown.as_array().expect("records are a list").clone()
}

/// The events of a step of this type, oldest first.
#[must_use]
pub fn events(records: &[Value], event: &str, step: &str) -> Vec<Value> {
    let of = |record: &&Value| record["event"]["type"] == event && record["event"]["step"] == step;
    records.iter().filter(of).map(|record| record["event"].clone()).collect()
}

/// Every file below a folder with its content; sockets have none.
///
/// # Panics
/// When a file cannot be read.
#[must_use]
pub fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut contents = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("the folder can be listed").path();
        if path.is_dir() {
            contents.extend(self::contents(&path));
        } else if path.is_file() {
            let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            contents.insert(path.display().to_string(), bytes);
        }
    }
    contents
}
