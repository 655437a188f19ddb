//! The examples of Microsoft's query language reference, on a small graph of the things that they are about.

use serde_json::{Value, json};

use crate::cloud::Cloud;

const THING: &str = "dtmi:example:thing;1";
const ROOM: &str = "dtmi:example:room;1";

/// One model that has what the examples ask for, and one that extends it.
fn models() -> Value {
    let property = |name: &str, schema: &str| json!({"@type": "Property", "name": name, "schema": schema});
    let map = |value: &str| json!({"@type": "Map", "mapKey": {"name": "key", "schema": "string"}, "mapValue": {"name": "value", "schema": value}});
    let relationship = |name: &str| {
        let properties = [
            property("length", "integer"),
            property("name", "string"),
            property("role", "string"),
            property("reportedCondition", "string"),
            property("managedBy", "string"),
        ];
        json!({"@type": "Relationship", "name": name, "properties": properties})
    };
    let mut contents = vec![
        property("name", "string"),
        property("Name", "string"),
        property("owner", "string"),
        property("Status", "string"),
        property("firmwareVersion", "string"),
        property("Group", "string"),
        property("Location", "string"),
        property("age", "integer"),
        property("Capacity", "integer"),
        property("temperature", "double"),
        property("Temperature", "double"),
        property("Humidity", "double"),
        property("humidity", "double"),
        property("HasTemperature", "boolean"),
        property("installed", "dateTime"),
        json!({"@type": "Property", "name": "floor_number", "schema": {"@type": "Array", "elementSchema": "integer"}}),
        json!({"@type": "Property", "name": "MapObject", "schema": map("double")}),
        json!({"@type": "Property", "name": "tags", "schema": map("string")}),
    ];
    contents.extend(["contains", "isAssociatedWith", "has", "includes", "servicedBy", "feeds"].map(relationship));
    let context = "dtmi:dtdl:context;3";
    json!([
        {"@id": THING, "@type": "Interface", "@context": context, "contents": contents},
        {"@id": ROOM, "@type": "Interface", "@context": context, "extends": THING},
    ])
}

/// A building with a floor, its rooms and what is in them.
fn building() -> Cloud {
    let cloud = Cloud::new();
    let made = cloud.post("/models", models());
    assert_eq!(made.status, 201, "{}", made.body);
    for (id, model, body) in [
        ("Building1", THING, json!({"name": "One", "Capacity": 0, "Location": "here", "Group": "BravoTeam"})),
        (
            "floor1",
            THING,
            json!({"owner": "Anil", "Temperature": 70, "firmwareVersion": "1.1", "tags": {"red": "", "round": ""}}),
        ),
        (
            "room1",
            ROOM,
            json!({"temperature": 55, "humidity": 71, "Temperature": 80, "Humidity": 40, "HasTemperature": true, "Capacity": 30}),
        ),
        (
            "room2",
            ROOM,
            json!({"temperature": 20, "Temperature": 90, "Humidity": 60, "HasTemperature": false, "Status": "Completed"}),
        ),
        (
            "area1-panel-small",
            THING,
            json!({"Name": "D'Souza", "floor_number": [1, 2], "tags": {"round": "", "size": "small"}}),
        ),
        ("bulb-route-1", THING, json!({"MapObject": {"x": 1}, "installed": "2024-05-01T10:00:00Z", "Status": "Open"})),
    ] {
        cloud.twin(id, model, body);
    }
    for (source, id, name, target, properties) in [
        ("Building1", "b1", "contains", "floor1", json!({"length": 10})),
        ("floor1", "f1", "contains", "room1", json!({"length": 10, "name": "child", "managedBy": "Jeff"})),
        ("floor1", "f2", "isAssociatedWith", "room2", json!({"length": 5})),
        ("room1", "r1", "contains", "area1-panel-small", json!({"reportedCondition": "clean"})),
        ("room2", "r2", "has", "area1-panel-small", json!({"role": "Operator"})),
        ("area1-panel-small", "p1", "contains", "bulb-route-1", json!({})),
    ] {
        let mut body = json!({"$relationshipName": name, "$targetId": target});
        body.as_object_mut().unwrap().extend(properties.as_object().unwrap().clone());
        let answer = cloud.put(&format!("/digitaltwins/{source}/relationships/{id}"), body);
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    cloud
}

/// The rows of a query in short: ids of twins and relationships instead of these.
fn short(cloud: &Cloud, query: &str) -> Vec<String> {
    let short = |value: &Value| match (&value["$dtId"], &value["$relationshipId"]) {
        (Value::String(id), _) | (_, Value::String(id)) => id.clone(),
        _ => value.to_string(),
    };
    let row = |row: &Value| match row {
        Value::Object(members) if row.get("$metadata").is_none() && row.get("$sourceId").is_none() => {
            members.values().map(short).collect::<Vec<_>>().join(" ")
        }
        whole => short(whole),
    };
    cloud.rows(query).iter().map(row).collect()
}

fn compare(cloud: &Cloud, cases: &[(&str, &[&str])]) {
    for (query, expected) in cases {
        assert_eq!(short(cloud, query), *expected, "{query}");
    }
}

#[test]
fn select_and_from() {
    let cloud = building();
    let all = ["Building1", "area1-panel-small", "bulb-route-1", "floor1", "room1", "room2"];
    compare(
        &cloud,
        &[
            ("SELECT * FROM DIGITALTWINS", &all),
            ("SELECT * FROM DIGITALTWINS T", &all),
            ("SELECT T FROM DIGITALTWINS T", &all),
            ("SELECT * FROM RELATIONSHIPS", &["b1", "p1", "f1", "f2", "r1", "r2"]),
            ("SELECT * FROM RELATIONSHIPS WHERE $sourceId IN  ['Building1', 'B', 'room2', 'D']", &["b1", "r2"]),
            ("SELECT * FROM RELATIONSHIPS R WHERE R.$targetId = 'area1-panel-small'", &["r1", "r2"]),
            ("SELECT name, age FROM DIGITALTWINS WHERE $dtId = 'Building1'", &["\"One\""]),
            ("SELECT COUNT() FROM DIGITALTWINS", &["6"]),
            ("SELECT COUNT() FROM RELATIONSHIPS", &["6"]),
            ("SELECT TOP(5) FROM DIGITALTWINS", &all[..5]),
            ("SELECT TOP (2) FROM DIGITALTWINS WHERE Temperature > 0", &["floor1", "room1"]),
            ("SELECT ROOM FROM DIGITALTWINS DT WHERE IS_OF_MODEL(DT, 'dtmi:example:room;1', exact)", &["", ""]),
        ],
    );
    let rows = cloud.rows("SELECT name, age FROM DIGITALTWINS");
    assert_eq!(rows[0], json!({"name": "One"}), "what a row has not is left out");
    assert_eq!(rows[1], json!({}));
}

#[test]
fn joins() {
    let cloud = building();
    compare(
        &cloud,
        &[
            ("SELECT T, CT FROM DIGITALTWINS T JOIN CT RELATED T.contains WHERE T.$dtId = 'floor1'", &["room1 floor1"]),
            (
                "SELECT LightBulb FROM DIGITALTWINS Room JOIN LightPanel RELATED Room.contains \
                 JOIN LightBulb RELATED LightPanel.contains WHERE Room.$dtId IN ['room1', 'room2']",
                &["bulb-route-1"],
            ),
            (
                "SELECT LightBulb FROM DIGITALTWINS Building JOIN Floor RELATED Building.contains \
                 JOIN Room RELATED Floor.contains JOIN LightPanel RELATED Room.contains \
                 JOIN LightBulbRow RELATED LightPanel.contains JOIN LightBulb RELATED LightBulbRow.contains \
                 WHERE Building.$dtId = 'Building1'",
                &[],
            ),
            (
                "SELECT Building, Floor FROM DIGITALTWINS Building JOIN Floor RELATED Building.contains \
                 WHERE Building.$dtId = 'bulb-route-1'",
                &[],
            ),
            (
                "SELECT source FROM DIGITALTWINS source JOIN target RELATED source.contains WHERE target.$dtId = 'room1'",
                &["floor1"],
            ),
            (
                "SELECT T, SBT, R FROM DIGITALTWINS T JOIN SBT RELATED T.contains R WHERE T.$dtId = 'room1' AND \
                 R.reportedCondition = 'clean'",
                &["r1 area1-panel-small room1"],
            ),
            (
                "SELECT COUNT() FROM DIGITALTWINS Room JOIN LightPanel RELATED Room.contains \
                 JOIN LightBulb RELATED LightPanel.contains WHERE IS_OF_MODEL(LightPanel, 'dtmi:example:thing;1') \
                 AND IS_OF_MODEL(LightBulb, 'dtmi:example:thing;1') AND Room.$dtId IN ['room1', 'room2']",
                &["1"],
            ),
            (
                "SELECT device FROM DIGITALTWINS space JOIN device RELATED space.has WHERE space.$dtId = 'room2' \
                 AND device.$metadata.$model = 'dtmi:example:thing;1' AND has.role = 'Operator'",
                &["area1-panel-small"],
            ),
            (
                "SELECT Room FROM DIGITALTWINS Floor JOIN Room RELATED Floor.contains WHERE \
                 Floor.$dtId IN ['floor1','floor2'] AND Room. Temperature > 72 AND IS_OF_MODEL(Room, 'dtmi:example:room;1')",
                &["room1"],
            ),
        ],
    );
    let rows = cloud.rows(
        "SELECT Consumer.temperature AS heat, Edge.managedBy, Edge.name AS first, Factory.none AS fourth FROM DIGITALTWINS \
         Factory JOIN Consumer RELATED Factory.contains Edge WHERE Factory.$dtId = 'floor1'",
    );
    assert_eq!(rows, [json!({"heat": 55, "managedBy": "Jeff", "first": "child"})]);
}

#[test]
fn matches() {
    let cloud = building();
    compare(
        &cloud,
        &[
            (
                "SELECT Floor, Room FROM DIGITALTWINS MATCH (Floor)-[]->(Room) WHERE Floor.$dtId = 'floor1' AND \
                 Room.temperature > 50",
                &["floor1 room1"],
            ),
            (
                "SELECT Room, Panel FROM DIGITALTWINS MATCH (Room)-[]->(Panel) WHERE Room.temperature > 50 AND \
                 Panel.$dtId = 'area1-panel-small'",
                &["area1-panel-small room1"],
            ),
            (
                "SELECT Room, Floor FROM DIGITALTWINS MATCH (Room)<-[]-(Floor) WHERE Floor.$dtId = 'floor1' AND \
                 Room.temperature > 50",
                &["floor1 room1"],
            ),
            (
                "SELECT Floor, Room FROM DIGITALTWINS MATCH (Floor)-[]-(Room) WHERE Floor.$dtId ='floor1'  AND \
                 Room.humidity > 70",
                &["floor1 room1"],
            ),
            (
                "SELECT o FROM DIGITALTWINS MATCH (Floor)-[:contains]-(o) WHERE Floor.$dtId = 'floor1'",
                &["room1", "Building1"],
            ),
            (
                "SELECT o FROM DIGITALTWINS MATCH (Floor)-[:contains|isAssociatedWith]->(o) WHERE Floor.$dtId = 'floor1'",
                &["room1", "room2"],
            ),
            (
                "SELECT Room FROM DIGITALTWINS MATCH (Floor)-[*3]-(Room) WHERE Floor.$dtId = 'Building1'",
                &["area1-panel-small"; 2],
            ),
            (
                "SELECT Room FROM DIGITALTWINS MATCH (Floor)-[*1..3]->(Room) WHERE Floor.$dtId = 'floor1'",
                &["area1-panel-small", "bulb-route-1", "area1-panel-small", "bulb-route-1"],
            ),
            (
                "SELECT Room FROM DIGITALTWINS MATCH (Floor)-[*..2]->(Room) WHERE Floor.$dtId = 'Building1'",
                &["floor1", "room1", "room2"],
            ),
            ("SELECT Room FROM DIGITALTWINS MATCH (Floor)-[]->(Room) WHERE Floor.$dtId = 'Building1'", &["floor1"]),
            (
                "SELECT Floor,Cafe, Rel FROM DIGITALTWINS MATCH (Floor)-[Rel]-(Cafe) WHERE Floor.$dtId = 'floor1' AND \
                 Rel.name = 'child'",
                &["room1 floor1 f1"],
            ),
            (
                "SELECT Room FROM DIGITALTWINS MATCH (Floor)-[:contains|isAssociatedWith*1..3]->(Room) WHERE \
                 Floor.$dtId = 'floor1'",
                &["area1-panel-small", "bulb-route-1"],
            ),
            (
                "SELECT Floor, Room FROM DIGITALTWINS MATCH (Floor)-[r:contains|isAssociatedWith]->(Room) WHERE \
                 Floor.$dtId = 'floor1' AND r.length = 10",
                &["floor1 room1"],
            ),
            (
                "SELECT Floor,Room, Cafe FROM DIGITALTWINS MATCH (Floor)-[r:contains|isAssociatedWith]->(Cafe)-[has|contains*..3]->\
                 (Room) WHERE Floor.$dtId = 'floor1'  AND r.length = 10 AND Cafe.temperature = 55",
                &["room1 floor1 area1-panel-small", "room1 floor1 bulb-route-1"],
            ),
            (
                "SELECT a, b FROM DIGITALTWINS MATCH (a)-[r1:contains]->(p)<-[r2:has]-(b) WHERE a.$dtId = 'room1' AND \
                 b.temperature < 50",
                &["room1 room2"],
            ),
            ("SELECT a FROM DIGITALTWINS MATCH (a) WHERE a.$dtId = 'room1'", &["room1"]),
            ("SELECT a FROM DIGITALTWINS MATCH (a)-[:contains]->() WHERE a.$dtId IN ['room1', 'room2']", &["room1"]),
            ("SELECT COUNT() FROM DIGITALTWINS MATCH (a)-[*..10]-() WHERE a.$dtId = 'Building1'", &["11"]),
            ("SELECT TOP(1) b FROM DIGITALTWINS MATCH (a)-[]->(b) WHERE a.$dtId = 'floor1'", &["room1"]),
        ],
    );
}

#[test]
fn conditions() {
    let cloud = building();
    let cases: &[(&str, &[&str])] = &[
        ("T.$dtId = 'room1'", &["room1"]),
        ("IS_OF_MODEL('dtmi:example:room;1')", &["room1", "room2"]),
        ("IS_OF_MODEL('dtmi:example:thing;1', exact) AND $dtId = 'room1'", &[]),
        ("IS_OF_MODEL(T, 'dtmi:example:thing;1') AND T.$dtId = 'room1'", &["room1"]),
        ("ARRAY_CONTAINS (T.floor_number, 2)", &["area1-panel-small"]),
        ("CONTAINS(T.$dtId, '-route')", &["bulb-route-1"]),
        ("ENDSWITH(T.$dtId, '-small')", &["area1-panel-small"]),
        ("STARTSWITH(T.$dtId, 'area1-')", &["area1-panel-small"]),
        ("IS_DEFINED(Location)", &["Building1"]),
        ("IS_BOOL( HasTemperature )", &["room1", "room2"]),
        ("IS_BOOL( HasTemperature ) AND HasTemperature != false", &["room1"]),
        ("IS_NUMBER( Capacity ) AND Capacity != 0", &["room1"]),
        ("IS_STRING( Status ) AND Status != 'Completed'", &["bulb-route-1"]),
        ("NOT IS_NULL(T.Temperature) AND STARTSWITH(T.$dtId, 'b')", &["bulb-route-1"]),
        ("T.$dtId = 'room1' AND IS_PRIMITIVE(T.Capacity)", &["room1"]),
        ("IS_PRIMITIVE(T.tags)", &[]),
        ("IS_OBJECT( MapObject ) AND NOT IS_DEFINED ( MapObject.TemperatureReading )", &["bulb-route-1"]),
        ("T.Temperature = 80", &["room1"]),
        ("T.Temperature < 80", &["floor1"]),
        ("NOT T.Temperature <= 80", &["room2"]),
        ("T.owner IN ['John', 'Anil', 'Bailey', 'Alex']", &["floor1"]),
        ("T.owner NIN ['John', 'Bailey']", &["floor1"]),
        ("T.Temperature < 85 AND T.Humidity < 50", &["room1"]),
        ("T.Temperature < 80 OR T.Humidity < 50", &["floor1", "room1"]),
        ("NOT T.Temperature < 80", &["room1", "room2"]),
        ("[[Group]] = 'BravoTeam'", &["Building1"]),
        ("Name = 'D\\'Souza'", &["area1-panel-small"]),
        ("T.firmwareVersion = '1.1' AND T.$dtId in ['floor1', '456'] AND T.Temperature = 70", &["floor1"]),
        ("IS_DEFINED(tags.red)", &["floor1"]),
        ("NOT IS_DEFINED(tags.red) AND IS_DEFINED(tags.round)", &["area1-panel-small"]),
        ("NOT is_defined(tags.red) AND tags.size = 'small'", &["area1-panel-small"]),
        ("T.MapObject.x = 1", &["bulb-route-1"]),
        ("T.installed > '2024-01-01T00:00:00Z' AND T.installed < '2025'", &["bulb-route-1"]),
        ("T.temperature > -5.5e0 AND T.temperature<-5 OR T.temperature = 5.5E+1", &["room1"]),
        ("T.location = 'here'", &[]),
    ];
    for (filter, expected) in cases {
        let query = format!("SELECT * FROM DIGITALTWINS T WHERE {filter}");
        assert_eq!(short(&cloud, &query), *expected, "{filter}");
    }
}

#[test]
fn examples_that_the_documentation_calls_unsupported_or_misspells_are_refused() {
    let cloud = building();
    for query in [
        "SELECT * FROM (SELECT * FROM DIGITALTWINS T WHERE T.x = 1)",
        "SELECT * FROM DIGITALTWINS MATCH (Floor)-[*3]-(Room) WHERE Floor.$dtId = 'thermostat-15'",
        "SELECT Building, Sensor FROM DIGITALTWINS MATCH (Building-[]-(Sensor) WHERE Building.$dtId = 'Seattle21'",
        "SELECT Building, Sensor FROM DIGITALTWINS MATCH (Building)-[:contains]-(Sensor) WHERE building.$dtId = 'Seattle21'",
        "SELECT Floor,Cafe, Rel DIGITALTWINS MATCH (Floor)-[Rel]-(Cafe) WHERE Floor.$dtId = 'thermostat-15'",
        "SELECT A, B, C FROM DIGITALTWINS MATCH A-[contains]->B-[is_part_of]->C WHERE B.$dtId = 'Device01'",
        "SELECT * FROM DIGITIALTWINS WHERE IS_STRING( Status )",
        "SELECT device FROM DIGITALTWINS space JOIN device RELATED space.has WHERE space.$dtid = 'Room 123'",
        "SELECT Floor FROM DIGITALTWINS Building JOIN Floor RELATED Building.contains WHERE Building.$dtId = @buildingId",
        "SELECT T.name FROM DIGITALTWINS T WHERE ARRAY_CONTAINS (SELECT S.floor_number FROM DIGITALTWINS S, 4)",
    ] {
        assert_eq!(cloud.post("/query", json!({"query": query})).verdict(), (400, "SqlQueryError"), "{query}");
    }
}

/// What the query builders of Microsoft's .NET SDK (preview) and of microsoft/query-builder-for-digital-twins generate in
/// their tests, on the things of this graph.
#[test]
fn what_query_builders_generate() {
    let cloud = building();
    compare(
        &cloud,
        &[
            ("SELECT TOP(3) Temperature, Humidity FROM DigitalTwins WHERE Temperature > 75", &["40 80", "60 90"]),
            (
                "SELECT T.Temperature, T.Humidity AS Hum FROM DigitalTwins T WHERE T.Temperature >= 80",
                &["40 80", "60 90"],
            ),
            ("SELECT Occupants, T, Humidity AS Hum FROM DigitalTwins WHERE $dtId = 'room1'", &["40"]),
            ("SELECT * FROM Relationships WHERE IS_BOOL(isOccupied)", &[]),
            ("SELECT * FROM DigitalTwins WHERE Location NIN ['Paris', 'Tokyo', 'Madrid', 'Prague']", &["Building1"]),
            (
                "SELECT * FROM DigitalTwins WHERE (IS_NUMBER(Humidity) OR IS_PRIMITIVE(Humidity)) OR (IS_NUMBER(Temperature) \
                 OR IS_PRIMITIVE(Temperature))",
                &["floor1", "room1", "room2"],
            ),
            (
                "SELECT COUNT() FROM DigitalTwins WHERE Humidity < 10 OR (Temperature < 85 AND IS_NUMBER(Temperature))",
                &["2"],
            ),
            ("SELECT * FROM DigitalTwins WHERE IS_OF_MODEL('')", &[]),
            (
                "SELECT twin FROM DIGITALTWINS twin WHERE NOT NOT ENDSWITH(twin.$dtId, '1')",
                &["Building1", "bulb-route-1", "floor1", "room1"],
            ),
            (
                "SELECT twin FROM DIGITALTWINS twin JOIN panel RELATED twin.has rel WHERE twin.$dtId = 'room2' AND \
                 (twin.Temperature > 200 OR NOT (twin.Humidity < 10 AND ENDSWITH(rel.role, 'word')))",
                &["room2"],
            ),
        ],
    );
    for query in [
        "SELECT  FROM DigitalTwins",
        "SELECT * FROM",
        "SELECT * FROM DigitalTwins WHERE IS_BOOL()",
        "SELECT * FROM DigitalTwins WHERE STARTSWITH(, '')",
        "SELECT * FROM DigitalTwins WHERE  IN []",
        "SELECT * FROM DigitalTwins WHERE  = 10",
        "SELECT * FROM DigitalTwins WHERE IS_PRIMATIVE(Humidity)",
    ] {
        assert_eq!(cloud.post("/query", json!({"query": query})).verdict(), (400, "SqlQueryError"), "{query}");
    }
}
