use proptest::prelude::*;

use super::super::syntax::{Direction, Operand};
use super::*;

fn refused(text: &str) -> String {
    let Misread { line, position, message } = parse(text).expect_err(text);
    format!("{line}:{position} {message}")
}

impl Expression {
    /// The collections that its paths start at.
    fn paths_of(&self) -> Vec<Option<usize>> {
        let mut of = Vec::new();
        self.paths(&mut |path| of.push(path.of));
        of
    }
}

#[test]
fn and_binds_closer_than_or_and_not_closer_than_and() {
    let read = |text: &str| parse_filter(text).unwrap();
    assert_eq!(read("a OR b AND NOT c"), read("a OR (b AND (NOT c))"));
    assert_ne!(read("a OR b AND c"), read("(a OR b) AND c"));
}

#[test]
fn a_path_starts_at_a_collection() {
    let path = |text: &str| match parse(text).unwrap().filter {
        Some(Expression::Truth(Operand::Path(path))) => (path.of, path.names.join(".")),
        other => panic!("{other:?}"),
    };
    assert_eq!(path("SELECT * FROM digitaltwins T WHERE T.a.T"), (Some(0), "a.T".to_owned()));
    assert_eq!(path("SELECT * FROM digitaltwins AS T WHERE T"), (Some(0), String::new()));
    assert_eq!(path("SELECT * FROM digitaltwins WHERE T.a"), (Some(0), "T.a".to_owned()));
    assert_eq!(path("SELECT * FROM digitaltwins T WHERE t.a"), (Some(0), "t.a".to_owned()));
    assert_eq!(path("SELECT * FROM digitaltwins WHERE [[a b]].c"), (Some(0), "a b.c".to_owned()));
}

#[test]
fn a_join_names_twins_and_its_relationship() {
    let query = parse("SELECT a FROM DIGITALTWINS a JOIN b RELATED a.has JOIN c RELATED b.has r WHERE b.$dtId = 'x'");
    let query = query.unwrap();
    let names: Vec<_> = query.collections.iter().map(|one| (one.name.as_deref(), one.kind)).collect();
    let (twins, links) = (Kind::Twins, Kind::Relationships);
    let expected = [("a", twins), ("b", twins), ("", links), ("c", twins), ("r", links)];
    assert_eq!(names, expected.map(|(name, kind)| (Some(name).filter(|name| !name.is_empty()), kind)));
    let ways: Vec<_> = query.edges.iter().map(|edge| (edge.left, edge.right, edge.relationship)).collect();
    assert_eq!(ways, [(0, 1, Some(2)), (1, 3, Some(4))]);
    let named = |text: &str| parse(text).unwrap().filter.map(|filter| filter.paths_of());
    let unnamed =
        "SELECT a FROM DIGITALTWINS a JOIN b RELATED a.has JOIN c RELATED a.x WHERE b.$dtId = 'x' AND has.role = 1";
    assert_eq!(named(unnamed), Some(vec![Some(1), Some(2)]), "a relationship without a name has that of its type");
    let taken =
        "SELECT a FROM DIGITALTWINS a JOIN b RELATED a.has JOIN has RELATED a.x WHERE b.$dtId = 'x' AND has.role = 1";
    assert_eq!(named(taken), Some(vec![Some(1), Some(3)]), "unless a collection has it");
}

#[test]
fn arrows_say_direction_names_and_hops() {
    let edge = |arrow: &str| {
        let text = format!("SELECT a FROM DIGITALTWINS MATCH (a){arrow}(b) WHERE a.$dtId = 'x'");
        let query = parse(&text).unwrap_or_else(|misread| panic!("{arrow}: {misread:?}"));
        let Edge { direction, names, hops, relationship, .. } = query.edges[0].clone();
        let variable = relationship.and_then(|of| query.collections[of].name.clone());
        (direction, names.join("|"), hops, variable.unwrap_or_default())
    };
    let text = str::to_owned;
    assert_eq!(edge("-[]->"), (Direction::Right, text(""), (1, 1), text("")));
    assert_eq!(edge("<-[]-"), (Direction::Left, text(""), (1, 1), text("")));
    assert_eq!(edge("-[]-"), (Direction::Either, text(""), (1, 1), text("")));
    assert_eq!(edge("-[:x]-"), (Direction::Either, text("x"), (1, 1), text("")));
    assert_eq!(edge("-[r:x|y]->"), (Direction::Right, text("x|y"), (1, 1), text("r")));
    assert_eq!(edge("-[r]->"), (Direction::Right, text(""), (1, 1), text("r")), "without a colon it is a variable");
    assert_eq!(edge("-[r*1]->"), (Direction::Right, text(""), (1, 1), text("r")));
    assert_eq!(edge("-[*3]->"), (Direction::Right, text(""), (3, 3), text("")));
    assert_eq!(edge("-[*1..3]->"), (Direction::Right, text(""), (2, 3), text("")));
    assert_eq!(edge("-[:x|y*..10]->"), (Direction::Right, text("x|y"), (1, 10), text("")));
    assert_eq!(edge("<-[x|y*..3]-"), (Direction::Left, text("x|y"), (1, 3), text("")));
    assert_eq!(edge("-[:[[Group]]]-"), (Direction::Either, text("Group"), (1, 1), text("")));
}

#[test]
fn the_same_name_in_a_pattern_is_the_same_twin() {
    let query = parse("SELECT a FROM DIGITALTWINS MATCH (a)-[]->()-[]->(a) WHERE a.$dtId = 'x'").unwrap();
    let ways: Vec<_> = query.edges.iter().map(|edge| (edge.left, edge.right)).collect();
    assert_eq!(ways, [(0, 1), (1, 0)]);
}

#[test]
fn what_is_not_supported_is_refused_where_it_stands() {
    let joins = |count: usize| -> String {
        let joins = (0..count).map(|at| format!("JOIN t{} RELATED t{at}.has ", at + 1)).collect::<String>();
        format!("SELECT t0 FROM DIGITALTWINS t0 {joins}WHERE t0.$dtId = 'x'")
    };
    assert!(parse(&joins(5)).is_ok());
    assert_eq!(refused(&joins(6)), "1:146 more than 5 JOINs");
    let cases = [
        (
            "SELECT * FROM DIGITALTWINS a JOIN b RELATED a.x WHERE a.$dtId = 'x'",
            "1:7 SELECT * is not supported with JOIN",
        ),
        ("SELECT TOP(1) FROM DIGITALTWINS MATCH (a) WHERE a.$dtId = 'x'", "1:14 SELECT * is not supported with MATCH"),
        (
            "SELECT a FROM DIGITALTWINS a JOIN b RELATED a.x WHERE a.$dtId != 'x'",
            "1:29 JOIN requires the $dtId of at least one of its twins in the WHERE clause",
        ),
        (
            "SELECT a\nFROM DIGITALTWINS\nMATCH (a)-[r]-() WHERE r.$dtId = 'x' OR a.$dtId = 'x'",
            "3:0 MATCH requires the $dtId of at least one of its twins in the WHERE clause",
        ),
        ("SELECT a FROM DIGITALTWINS a JOIN a RELATED a.x WHERE a.$dtId = 'x'", "1:34 the name 'a' is used twice"),
        (
            "SELECT a FROM DIGITALTWINS JOIN b RELATED b.x WHERE b.$dtId = 'x'",
            "1:42 'b' is no collection of twins named before",
        ),
        (
            "SELECT a FROM DIGITALTWINS MATCH (a)-[r*2]->(b) WHERE a.$dtId = 'x'",
            "1:36 a query variable can be assigned to a relationship of a single hop only",
        ),
        ("SELECT a FROM DIGITALTWINS MATCH (a)-[*11]-(b) WHERE a.$dtId = 'x'", "1:39 more than 10 hops"),
        ("SELECT a FROM DIGITALTWINS MATCH (a)-[*6]-()-[*5]-() WHERE a.$dtId = 'x'", "1:44 more than 10 hops"),
        (
            "SELECT a FROM DIGITALTWINS MATCH (a)-[*3..3]-() WHERE a.$dtId = 'x'",
            "1:39 a number of hops that nothing can have",
        ),
        (
            "SELECT a FROM DIGITALTWINS MATCH (a)-[*0]-() WHERE a.$dtId = 'x'",
            "1:39 a number of hops that nothing can have",
        ),
        ("SELECT a FROM DIGITALTWINS MATCH (a)-[*2..]-()", "1:42 mismatched input ']' expecting a whole number"),
        ("SELECT a FROM DIGITALTWINS MATCH (a)<-[]->(b)", "1:40 mismatched input '->' expecting '-'"),
        ("SELECT a FROM DIGITALTWINS MATCH (a) MATCH (b)", "1:37 mismatched input 'MATCH' expecting <EOF>"),
        ("SELECT * FROM RELATIONSHIPS R JOIN b RELATED R.x", "1:30 mismatched input 'JOIN' expecting <EOF>"),
        (
            "SELECT * FROM (SELECT * FROM DIGITALTWINS)",
            "1:14 mismatched input '(' expecting {DIGITALTWINS, RELATIONSHIPS}",
        ),
        ("SELECT * FROM DIGITALTWINS WHERE Group = 'x'", "1:33 mismatched input 'Group' expecting a name"),
        ("SELECT * FROM DIGITALTWINS T WHERE T.tags[0] = 1", "1:41 mismatched input '[' expecting <EOF>"),
        (
            "SELECT * FROM RELATIONSHIPS R WHERE ARRAY_CONTAINS(R.tags, 1)",
            "1:36 ARRAY_CONTAINS is not supported on the properties of relationships",
        ),
        ("SELECT * FROM DIGITALTWINS WHERE IS_OF_MODEL(T)", "1:46 mismatched input ')' expecting ','"),
        ("SELECT * FROM DIGITALTWINS WHERE a = 'x\ny' AND\n b = ", "3:5 mismatched input '<EOF>' expecting a name"),
        ("SELECT * FROM DIGITALTWINS WHERE a = 'x\ny", "1:37 token recognition error at: ''x\ny'"),
    ];
    for (text, expected) in cases {
        assert_eq!(refused(text), expected, "{text}");
    }
}

#[test]
fn the_documented_limits_are_kept() {
    let of = |filter: String| parse(&format!("SELECT * FROM DIGITALTWINS WHERE {filter}"));
    let chain = |joint: &str, count: usize| vec!["a"; count + 1].join(joint);
    assert!(of(chain(" AND ", 25) + " OR " + &chain(" OR ", 24)).is_ok());
    assert!(of(chain(" AND ", 25) + " OR " + &chain(" OR ", 25)).is_err());
    let list = |count: usize| format!("a IN [{}]", vec!["1"; count].join(","));
    assert!(of(list(50)).is_ok() && of(list(51)).is_err() && of(list(0)).is_ok());
    assert!(of("NOT ".repeat(100) + "a").is_ok() && of("NOT ".repeat(101) + "a").is_err());
    let long = |count: usize| format!("SELECT * FROM DIGITALTWINS WHERE a = '{}'", "ä".repeat(count - 39));
    assert!(parse(&long(8000)).is_ok());
    assert_eq!(refused(&long(8001)), "1:8000 the query is longer than 8000 characters");
}

proptest! {
    /// Whatever is sent is read or refused.
    #[test]
    fn no_text_breaks_the_parser(words in prop::collection::vec(
        prop_oneof![
            prop::sample::select(vec!["SELECT", "*", "FROM", "digitaltwins", "T", ".", "WHERE", "(", ")", "[[", "]]", "'",
                "\\", "IN", "NOT", "AND", "=", ",", "1", "-", "TOP", "COUNT", "IS_OF_MODEL", "\n", "JOIN", "RELATED", "MATCH",
                "<-", "[", "]", "->", "..", "$dtId"]).prop_map(str::to_owned),
            any::<String>(),
        ], 0..20), joint in prop::sample::select(vec!["", " "]))
    {
        let text = words.join(joint);
        let _ = parse(&text);
        let _ = parse_filter(&text);
        let _ = parse(&format!("SELECT * FROM digitaltwins T WHERE {text}"));
        let _ = parse(&format!("SELECT a FROM digitaltwins MATCH (a){text} WHERE a.$dtId = 'x'"));
    }
}
