//! Queries that lag behind writes, as those of the real service do.

use std::time::Duration;

use serde_json::json;

use crate::cloud::{Cloud, ROOM};

const LAG: Duration = Duration::from_secs(5);
const COUNT: &str = "SELECT COUNT() FROM DIGITALTWINS";

fn count(cloud: &Cloud) -> u64 {
    cloud.rows(COUNT)[0]["COUNT"].as_u64().unwrap()
}

#[test]
fn a_query_sees_what_was_there_some_time_ago() {
    let cloud = Cloud::factory().lagging(LAG);
    cloud.twin("r1", ROOM, json!({"area": 1}));
    assert_eq!(count(&cloud), 0);
    assert_eq!(cloud.get("/digitaltwins/r1").body["area"], 1, "reading the twin itself does not lag");
    cloud.clock.advance(Duration::from_secs(3));
    cloud.twin("r2", ROOM, json!({}));
    assert_eq!(
        cloud.put("/digitaltwins/r1/relationships/n", json!({"$relationshipName": "nextTo", "$targetId": "r2"})).status,
        200
    );
    assert_eq!(cloud.patch("/digitaltwins/r1", json!([{"op": "replace", "path": "/area", "value": 2}])).status, 204);
    assert_eq!(count(&cloud), 0);
    cloud.clock.advance(Duration::from_secs(2));
    assert_eq!(count(&cloud), 1);
    assert_eq!(cloud.rows("SELECT area FROM DIGITALTWINS"), [json!({"area": 1})]);
    let next = "SELECT b.$dtId AS b FROM DIGITALTWINS MATCH (a)-[:nextTo]->(b) WHERE a.$dtId = 'r1'";
    assert_eq!(cloud.rows(next), Vec::<serde_json::Value>::new());
    cloud.clock.advance(Duration::from_secs(3));
    assert_eq!(cloud.rows(next), [json!({"b": "r2"})]);
    assert_eq!(cloud.rows("SELECT area FROM DIGITALTWINS WHERE $dtId = 'r1'"), [json!({"area": 2})]);
    assert_eq!(cloud.delete("/digitaltwins/r1/relationships/n").status, 204);
    assert_eq!(cloud.delete("/digitaltwins/r2").status, 204);
    assert_eq!(count(&cloud), 2);
    cloud.clock.advance(LAG);
    assert_eq!(count(&cloud), 1);
}

#[test]
fn models_come_late_to_queries_too() {
    let cloud = Cloud::factory().lagging(LAG);
    let model = |id: &str| json!({"@id": id, "@type": "Interface", "@context": "dtmi:dtdl:context;2", "extends": ROOM});
    assert_eq!(cloud.post("/models", json!([model("dtmi:factory:Cellar;1")])).status, 201);
    cloud.twin("c1", "dtmi:factory:Cellar;1", json!({}));
    assert_eq!(cloud.post("/models", json!([model("dtmi:factory:Attic;1")])).status, 201);
    assert_eq!(cloud.delete("/models/dtmi:factory:Attic;1").status, 204);
    cloud.clock.advance(LAG);
    assert_eq!(
        cloud.rows("SELECT $dtId FROM DIGITALTWINS WHERE IS_OF_MODEL('dtmi:factory:Room;1')"),
        [json!({"$dtId": "c1"})]
    );
}

#[test]
fn a_restart_forgets_the_lag_but_nothing_else() {
    let cloud = Cloud::factory().lagging(LAG);
    cloud.twin("r1", ROOM, json!({}));
    assert_eq!(count(&cloud), 0);
    let cloud = cloud.lagging(LAG);
    assert_eq!(count(&cloud), 1);
    cloud.twin("r2", ROOM, json!({}));
    assert_eq!(count(&cloud), 1);
    assert_eq!(count(&cloud.reopened()), 2);
}
