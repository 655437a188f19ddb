//! The corpus of the fuzz target of import jobs, replayed: the job always ends, and every line is imported or refused.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[allow(unreachable_pub, reason = "it is the fuzz target's")]
#[path = "../../../fuzz/src/adt_import.rs"]
mod adt_import;

use std::fs;
use std::path::{Path, PathBuf};

fn corpus() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/adt_import");
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn every_input_has_its_outcome() {
    let outcome = |file: &PathBuf| {
        let name = file.file_name().unwrap().to_str().unwrap();
        format!("{name}: {}", adt_import::adt_import(&fs::read(file).unwrap()))
    };
    let outcomes: Vec<_> = corpus().iter().map(outcome).collect();
    assert_eq!(outcomes, OUTCOMES);
}

const OUTCOMES: &[&str] = &[
    "bad-entities.ndjson: ImportJobFailed: 2 models, 1 twins, 0 relationships, 11 lines refused",
    "blank-lines.ndjson: succeeded: 1 models, 0 twins, 0 relationships, 0 lines refused",
    "byte-order-mark.ndjson: succeeded: 0 models, 0 twins, 0 relationships, 0 lines refused",
    "circle.ndjson: ImportJobFailed: 1 models, 0 twins, 0 relationships, 3 lines refused",
    "deep.ndjson: ImportJobFailed: 0 models, 0 twins, 0 relationships, 1 lines refused",
    "duplicates.ndjson: ImportJobFailed: 2 models, 2 twins, 1 relationships, 1 lines refused",
    "empty.ndjson: UnsupportedFileFormat: 0 models, 0 twins, 0 relationships, 1 lines refused",
    "header-only.ndjson: succeeded: 0 models, 0 twins, 0 relationships, 0 lines refused",
    "huge-exponents.ndjson: ImportJobFailed: 1 models, 1 twins, 0 relationships, 2 lines refused",
    "no-header.ndjson: UnsupportedFileFormat: 0 models, 0 twins, 0 relationships, 1 lines refused",
    "no-text.ndjson: ImportJobFailed: 0 models, 0 twins, 0 relationships, 2 lines refused",
    "not-json.ndjson: UnsupportedFileFormat: 0 models, 0 twins, 0 relationships, 5 lines refused",
    "not-utf8.ndjson: UnsupportedFileFormat: 0 models, 0 twins, 0 relationships, 1 lines refused",
    "numbers-as-ids.ndjson: UnsupportedFileFormat: 0 models, 0 twins, 0 relationships, 3 lines refused",
    "other-version.ndjson: UnsupportedFileFormat: 0 models, 0 twins, 0 relationships, 1 lines refused",
    "out-of-order.ndjson: UnsupportedFileFormat: 0 models, 0 twins, 0 relationships, 1 lines refused",
    "section-as-property.ndjson: succeeded: 1 models, 1 twins, 0 relationships, 0 lines refused",
    "twins-only.ndjson: ImportJobFailed: 0 models, 0 twins, 0 relationships, 1 lines refused",
    "whole.ndjson: succeeded: 3 models, 2 twins, 2 relationships, 0 lines refused",
    "windows.ndjson: succeeded: 3 models, 2 twins, 2 relationships, 0 lines refused",
];

#[test]
fn no_cut_and_no_changed_byte_is_too_much() {
    // A prime, so that the places differ from line to line.
    const STEP: usize = 131;
    for file in corpus() {
        let whole = fs::read(file).unwrap();
        for place in (0..whole.len()).step_by(STEP) {
            adt_import::adt_import(&whole[..place]);
            for byte in [b'"', b'\n', 0xff] {
                let mut changed = whole.clone();
                changed[place] = byte;
                adt_import::adt_import(&changed);
            }
        }
    }
}
