//! The corpus of the fuzz target `dtdl`, replayed: what holds for every text holds, and every input has its answer. To take over a
//! new one, run `cargo insta review`, or read the difference.

#[path = "../../fuzz/src/dtdl.rs"]
mod models;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// The files of the corpus, by name.
fn corpus() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/dtdl");
    let entries = fs::read_dir(folder).expect("the corpus is the repository's");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("the corpus can be read").path()).collect();
    files.sort();
    files
}

#[test]
fn every_input_has_its_answer() {
    let mut answers = String::new();
    for file in corpus() {
        let name = file.file_name().and_then(|name| name.to_str()).expect("names are text");
        let answer = models::check(&fs::read(&file).expect("the file can be read"));
        let _ = writeln!(answers, "{name}: {answer}");
    }
    insta::assert_snapshot!(answers, @r#"
    annotation-of-inherited.json: not-sibling-required-type
    broken-inside-a-character.json: json-syntax
    clash.json: non-unique-imported-property-value
    component-of-component.json: excluded-type
    context-inside.json: 1 valid
    cut-off.json: json-syntax
    deep-schema.json: excessive-depth
    deep.json: 1 valid
    empty-list.json: 0 valid
    empty.json: json-syntax
    extends-itself.json: recursive-structure
    extends.json: 4 valid
    extensions.json: 1 valid
    inline-needed-by-another.json: adt: adt-no-inline-interface; language: 3 valid; unknown extensions: 3 valid
    inline.json: adt: adt-no-inline-interface; language: 3 valid; unknown extensions: 3 valid
    kinds.json: adt: adt-no-commands; language: 2 valid; unknown extensions: 2 valid
    local-context.json: disallowed-local-context
    names-at-limits.json: string-too-long
    nested-lists.json: 1 valid
    not-utf8.json: not UTF-8
    number.json: json-syntax
    recursive-schema.json: recursive-structure
    relationship-properties.json: non-unique-property-value, value-out-of-range
    repeated-members.json: duplicate-property-name, lang-string-code-not-unique
    room.json: 1 valid
    schema-of-another.json: cross-partition-reference
    schemas.json: 1 valid
    too-deep.json: json-syntax
    unknown-extension.json: adt: unresolvable-context-specifier; language: unresolvable-context-specifier; unknown extensions: property-undefined-term
    value-objects.json: lang-string-invalid-code
    wrong-things.json: invalid-id, ref-not-string-or-object, string-invalid, bad-dtmi-or-term, missing-property, multiple-material-types, undefined-reference, missing-required-id, property-undefined-term
    "#);
}

#[test]
fn no_cut_and_no_changed_byte_is_too_much() {
    // A prime, so that the places differ from line to line.
    const STEP: usize = 17;
    for file in corpus() {
        let whole = fs::read(file).expect("the file can be read");
        for place in (0..whole.len()).step_by(STEP) {
            models::check(&whole[..place]);
            for byte in [b'"', b'{', b'[', b'9', 0xff] {
                let mut changed = whole.clone();
                changed[place] = byte;
                models::check(&changed);
            }
        }
    }
}
