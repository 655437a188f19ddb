//! The example `check` says what is wrong, and where.

#[allow(dead_code, reason = "the test calls what its main calls")]
#[path = "../examples/check.rs"]
mod check;

use check::File;
use dtdl::Rules;

fn checked(texts: &[&str]) -> (bool, String) {
    let named = |(number, text): (usize, &&str)| File { name: format!("{number}.json"), text: (*text).to_owned() };
    let files: Vec<_> = texts.iter().enumerate().map(named).collect();
    let mut out = Vec::new();
    let valid = check::check(Rules::Adt, &files, &mut out).expect("memory can be written to");
    (valid, String::from_utf8(out).expect("it writes text"))
}

#[test]
fn problems_of_several_files_are_each_at_their_place() {
    let room = r#"{ "@context": "dtmi:dtdl:context;3", "@id": "dtmi:example:Room;1", "@type": "Interface" }"#;
    let (valid, out) = checked(&[room, "{", "{\n  \"@type\": \"Möbel\", \"@context\": \"dtmi:dtdl:context;2\" }"]);
    insta::assert_snapshot!(out, @r"
    1.json:1:1: the text is not JSON: EOF while parsing an object at line 1 column 1 [json-syntax]
      help: write strict JSON, without comments and trailing commas
    2.json:2:12: @type names no class of the language [missing-material-type]
      help: add the class: an Interface belongs here
    ");
    assert!(!valid);
    let (valid, out) = checked(&[room]);
    assert_eq!((valid, out.as_str()), (true, "valid: 1 model(s)\n"));
}
