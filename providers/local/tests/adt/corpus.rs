//! The corpus of the fuzz targets, replayed: nothing panics, and every input has its answer. To take over a new one, run
//! `cargo insta review`, or read the difference.

#![allow(unreachable_pub, reason = "they are the code of the fuzz targets")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

#[path = "../../../../fuzz/src/adt_patch.rs"]
mod adt_patch;
#[path = "../../../../fuzz/src/adt_query.rs"]
mod adt_query;

/// The outcome of every file of a target's corpus, by name.
fn replay(target: &str, run: fn(&[u8]) -> String) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut outcomes = String::new();
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap();
        writeln!(outcomes, "{name}: {}", run(&fs::read(&file).unwrap())).unwrap();
    }
    outcomes
}

#[test]
fn queries() {
    insta::assert_snapshot!(replay("adt_query", adt_query::adt_query), @r"
    all.sql: 5 rows
    body-no-query.json: 400 InvalidArgument
    body-token-gone.json: 2 rows
    body-token-nonsense.json: 400 BadRequest
    body-token-of-another.json: 400 BadRequest
    body-token.json: 1 rows
    count.sql: 1 rows
    empty.sql: 400 SqlQueryError
    escape.sql: 4 rows
    functions.sql: 5 rows
    hops-of-nothing.sql: 400 SqlQueryError
    join-back.sql: 1 rows
    join.sql: 1 rows
    key.sql: 2 rows
    match-circle.sql: 3 rows
    match-hops.sql: 6 rows
    match-many.sql: 528 rows
    match.sql: 2 rows
    nested.sql: 400 SqlQueryError
    no-key.sql: 400 SqlQueryError
    not-a-query.sql: 400 SqlQueryError
    projection.sql: 3 rows
    sources.sql: 4 rows
    targets.sql: 1 rows
    top.sql: 3 rows
    unclosed.sql: 400 SqlQueryError
    ");
}

#[test]
fn patches() {
    insta::assert_snapshot!(replay("adt_patch", adt_patch::adt_patch), @r"
    add.txt: 204
    component-alone.txt: 204, 204
    component-removed.txt: 400 ValidationFailed
    component.txt: 204
    double.txt: 204
    empty.txt: 204
    list-wrong.txt: 400 ValidationFailed
    list.txt: 204
    map.txt: 204
    model-wrong.txt: 400 ValidationFailed
    model.txt: 204
    move.txt: 400 JsonPatchInvalid
    no-json.txt: 400 problem
    no-list.txt: 400 problem
    no-path.txt: 400 JsonPatchInvalid
    object-wrong.txt: 400 ValidationFailed
    object.txt: 204
    relationship-special.txt: 400 JsonPatchInvalid
    relationship-wrong.txt: 400 ValidationFailed
    relationship.txt: 204
    remove-absent.txt: 400 JsonPatchInvalid
    remove.txt: 204
    replace-unset.txt: 400 JsonPatchInvalid
    source-time-alone.txt: 400 ValidationFailed
    source-time-old.txt: 400 JsonPatchInvalid
    source-time.txt: 204, 204
    times.txt: 204
    ");
}
