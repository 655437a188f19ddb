//! The table of rules, `docs/dtdl-rules.md`, as the tests read it.

use std::collections::BTreeMap;
use std::path::Path;

/// The rules, each with the validation ids of the official parser that stand for the same mistake, without their common prefix.
///
/// # Panics
/// When the table cannot be read, or has a rule twice.
pub(crate) fn rules() -> BTreeMap<String, Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/dtdl-rules.md");
    let text = std::fs::read_to_string(path).expect("the table is the repository's");
    let mut rules = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
        let ids = cells[5].split_whitespace().map(|id| id.trim_matches('`').to_owned()).collect();
        let earlier = rules.insert(cells[0].trim_matches('`').to_owned(), ids);
        assert!(earlier.is_none(), "{} has two rows", cells[0]);
    }
    rules
}

/// Whether one of our rules and one of the validation ids stand for the same mistake.
#[allow(dead_code, reason = "not every test that reads the table compares with the official parser")]
pub(crate) fn same(table: &BTreeMap<String, Vec<String>>, rules: &[&str], ids: &[String]) -> bool {
    rules.iter().filter_map(|rule| table.get(*rule)).flatten().any(|id| ids.contains(id))
}
