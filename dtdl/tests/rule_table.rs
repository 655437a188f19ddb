//! The table of rules for users is that of the code.

#[path = "documented/mod.rs"]
mod documented;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The Rust files below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the sources can be read");
    let paths = entries.map(|entry| entry.expect("the sources can be read").path());
    paths.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

/// The texts in kebab-case of two words or more in the code: rules, and nothing else. Comments may have others.
fn kebab(text: &str) -> impl Iterator<Item = &str> {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| line.split('"')).filter(move |text| text.contains('-') && text.split('-').all(is_word))
}

#[test]
fn every_rule_has_a_row_and_every_row_is_a_rule() {
    let files = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let texts: Vec<_> = files.iter().map(|file| std::fs::read_to_string(file).expect("it can be read")).collect();
    let used: BTreeSet<&str> = texts.iter().flat_map(|text| kebab(text)).collect();
    let table = documented::rules();
    let rows: BTreeSet<&str> = table.keys().map(String::as_str).collect();
    assert_eq!(used.difference(&rows).collect::<Vec<_>>(), Vec::<&&str>::new(), "these rules have no row");
    assert_eq!(rows.difference(&used).collect::<Vec<_>>(), Vec::<&&str>::new(), "these rows are no rules");
}
