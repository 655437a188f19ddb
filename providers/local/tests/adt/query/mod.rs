//! The query language.

mod lag;
mod pages;
mod random;
mod reference;

use serde_json::json;

use crate::cloud::{Cloud, HALL, MACHINE, ROOM};

fn graph() -> Cloud {
    let cloud = Cloud::factory();
    cloud.twin("r1", ROOM, json!({"area": 12.5}));
    cloud.twin("h1", HALL, json!({"area": 100, "height": 6}));
    for (at, running) in [(1, true), (2, false), (3, true)] {
        let body = json!({"serial": format!("it's {at}"), "running": running, "temperature": 20 + at,
            "motor": {"$metadata": {}, "speed": at}, "place": {"x": at}});
        cloud.twin(&format!("m{at}"), MACHINE, body);
        let link = json!({"$relationshipName": "contains", "$targetId": format!("m{at}"), "fixed": running});
        assert_eq!(cloud.put(&format!("/digitaltwins/r1/relationships/c{at}"), link).status, 200);
    }
    cloud
}

fn ids(cloud: &Cloud, filter: &str) -> Vec<String> {
    let rows = cloud.rows(&format!("SELECT * FROM DIGITALTWINS T WHERE {filter}"));
    rows.iter().map(|row| row["$dtId"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn filters_select_twins() {
    let cloud = graph();
    let cases: [(&str, &[&str]); 24] = [
        ("T.$dtId = 'm1'", &["m1"]),
        ("$dtId IN ['m1', 'r1']", &["m1", "r1"]),
        ("T.$dtId NIN ['m1', 'r1']", &["h1", "m2", "m3"]),
        ("T.$dtId NOT IN ['m1', 'r1']", &["h1", "m2", "m3"]),
        ("T.temperature > 21 AND T.temperature <= 23", &["m2", "m3"]),
        ("T.temperature = 21.0", &["m1"]),
        ("T.temperature != 21", &["m2", "m3"]),
        ("NOT T.temperature = 21", &["m2", "m3"]),
        ("T.area >= 12.5 OR T.motor.speed < 2", &["h1", "m1", "r1"]),
        ("T.running", &["m1", "m3"]),
        ("T.running = false", &["m2"]),
        ("T.place.x = 3", &["m3"]),
        ("T.serial = 'it\\'s 2'", &["m2"]),
        ("STARTSWITH(T.serial, 'it') AND ENDSWITH(T.serial, '3')", &["m3"]),
        ("CONTAINS(T.$dtId, '1') AND (IS_DEFINED(T.height) OR IS_STRING(T.serial))", &["h1", "m1"]),
        ("IS_OF_MODEL('dtmi:factory:Room;1')", &["h1", "r1"]),
        ("IS_OF_MODEL(T, 'dtmi:factory:Room;1', exact)", &["r1"]),
        ("T.$metadata.$model = 'dtmi:factory:Hall;1'", &["h1"]),
        ("IS_OBJECT(T.place) AND IS_BOOL(T.running) AND IS_NUMBER(T.temperature)", &["m1", "m2", "m3"]),
        ("IS_PRIMITIVE(T.area)", &["h1", "r1"]),
        ("IS_NULL(T.area)", &[]),
        ("T.misspelt = 1 OR T.misspelt != 1", &[]),
        ("T.[[area]] = 100", &["h1"]),
        ("T.motor.$metadata.speed.lastUpdateTime > '2020' AND T.motor.speed = 1", &["m1"]),
    ];
    for (filter, expected) in cases {
        assert_eq!(ids(&cloud, filter), expected, "{filter}");
    }
}

#[test]
fn rows_show_what_was_selected() {
    let cloud = graph();
    assert_eq!(cloud.rows("SELECT COUNT() FROM digitaltwins"), [json!({"COUNT": 5})]);
    assert_eq!(
        cloud.rows("SELECT COUNT() FROM digitaltwins WHERE IS_OF_MODEL('dtmi:factory:Machine;1')"),
        [json!({"COUNT": 3})]
    );
    let rows =
        cloud.rows("SELECT TOP(2) T.$dtId, T.motor.speed AS rpm, T.none FROM DIGITALTWINS T WHERE T.motor.speed > 0");
    assert_eq!(rows, [json!({"$dtId": "m1", "rpm": 1}), json!({"$dtId": "m2", "rpm": 2})]);
    let rows = cloud.rows(
        "select r.$targetId, fixed from relationships r where r.$relationshipName = 'contains' and fixed = false",
    );
    assert_eq!(rows, [json!({"$targetId": "m2", "fixed": false})]);
    let whole = cloud.rows("SELECT * FROM RELATIONSHIPS WHERE $sourceId = 'r1' AND $relationshipId = 'c1'");
    assert_eq!(whole, [cloud.get("/digitaltwins/r1/relationships/c1").body]);
}

#[test]
fn an_alias_alone_is_the_whole_twin() {
    let cloud = graph();
    let rows = cloud.rows("SELECT T FROM DIGITALTWINS T WHERE T.$dtId = 'h1'");
    assert_eq!(rows, [json!({"T": cloud.get("/digitaltwins/h1").body})]);
}

#[test]
fn what_cannot_be_read_is_refused_with_its_place() {
    let cloud = Cloud::new();
    let refused = |query: &str| {
        let answer = cloud.post("/query", json!({"query": query}));
        assert_eq!(answer.verdict(), (400, "SqlQueryError"), "{query}");
        answer.body["error"]["message"].as_str().unwrap().to_owned()
    };
    let prefix = "SQL query parse failed: SQL Parser Error, ";
    assert!(
        refused("foo").starts_with(&format!("{prefix}Line=1, Position=0, Message=missing SELECT at 'foo' See samples"))
    );
    assert!(refused("SELECT *\nFROM planets").starts_with(&format!("{prefix}Line=2, Position=5, ")));
    for query in [
        "",
        "SELECT * FROM digitaltwins WHERE",
        "SELECT * FROM digitaltwins WHERE a = 'x",
        "SELECT TOP(x) * FROM digitaltwins",
        "SELECT * FROM digitaltwins WHERE FROB(a)",
        "SELECT * FROM digitaltwins WHERE IS_DEFINED()",
        "SELECT * FROM digitaltwins T x",
    ] {
        refused(query);
    }
    let deep = format!("SELECT * FROM digitaltwins WHERE {}a = 1", "NOT ".repeat(1500));
    assert!(refused(&deep).contains("nested more than 100 levels deep"));
}
