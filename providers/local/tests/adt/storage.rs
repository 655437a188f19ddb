//! What is left on disk, and what comes back from there.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::cloud::{Cloud, MACHINE, NAME, ROOM};

fn file(cloud: &Cloud) -> PathBuf {
    cloud.dir.path().join("adt").join(format!("{NAME}.jsonl"))
}

fn lines(cloud: &Cloud) -> usize {
    fs::read_to_string(file(cloud)).unwrap().lines().count()
}

/// Some of everything, some of it deleted again.
fn busy() -> Cloud {
    let cloud = Cloud::factory();
    cloud.twin("r1", ROOM, json!({"area": 1}));
    cloud.twin("r2", ROOM, json!({"area": 1}));
    cloud.twin("m1", MACHINE, json!({"motor": {"$metadata": {}, "speed": 1}}));
    let link = json!({"$relationshipName": "contains", "$targetId": "m1", "since": "2024-01-01"});
    assert_eq!(cloud.put("/digitaltwins/r1/relationships/c1", link.clone()).status, 200);
    assert_eq!(cloud.put("/digitaltwins/r2/relationships/c1", link).status, 200);
    let patch = json!([
        {"op": "add", "path": "/temperature", "value": 21.5},
        {"op": "add", "path": "/$metadata/temperature/sourceTime", "value": "2023-11-14T20:00:00Z"},
    ]);
    assert_eq!(cloud.patch("/digitaltwins/m1", patch).status, 204);
    assert_eq!(cloud.delete("/digitaltwins/r2/relationships/c1").status, 204);
    assert_eq!(cloud.delete("/digitaltwins/r2").status, 204);
    cloud.service.put_endpoint(NAME, "hub").unwrap();
    assert_eq!(cloud.put("/eventroutes/r", json!({"endpointName": "hub", "filter": "true"})).status, 204);
    let decommission = json!([{"op": "replace", "path": "/decommissioned", "value": true}]);
    assert_eq!(cloud.patch("/models/dtmi:factory:Hall;1", decommission).status, 204);
    cloud
}

#[test]
fn everything_is_there_after_a_restart() {
    let cloud = busy();
    let before = cloud.service.dump();
    let written = lines(&cloud);
    let cloud = cloud.reopened();
    assert_eq!(cloud.service.dump(), before);
    assert!(lines(&cloud) < written, "the file is compacted");
    let cloud = cloud.reopened();
    assert_eq!(cloud.service.dump(), before, "also from the compacted file");
    assert_eq!(cloud.get("/digitaltwins/m1/incomingrelationships").body["value"][0]["$sourceId"], "r1");
    assert_eq!(cloud.delete("/digitaltwins/m1").verdict(), (400, "RelationshipsNotDeleted"));
}

#[test]
fn the_dump_is_ordered_and_raw() {
    let dump = busy().service.dump();
    let instance = &dump[NAME];
    let ids = |list: &str, id: &str| -> Vec<Value> {
        instance[list].as_array().unwrap().iter().map(|one| one[id].clone()).collect()
    };
    let models = ["dtmi:factory:Hall;1", "dtmi:factory:Machine;1", "dtmi:factory:Motor;1", "dtmi:factory:Room;1"];
    assert_eq!(ids("models", "id"), models);
    assert_eq!(ids("twins", "$dtId"), ["m1", "r1"]);
    assert_eq!(ids("relationships", "$relationshipId"), ["c1"]);
    assert_eq!(ids("routes", "id"), ["r"]);
    assert_eq!(instance["endpoints"], json!(["hub"]));
}

#[test]
fn a_torn_last_line_is_a_change_that_did_not_happen() {
    let cloud = busy();
    let before = cloud.service.dump();
    let mut file = fs::File::options().append(true).open(file(&cloud)).unwrap();
    file.write_all(b"{\"deleteTwin\":\"m").unwrap();
    let cloud = cloud.reopened();
    assert_eq!(cloud.service.dump(), before);
    cloud.twin("r9", ROOM, json!({}));
    assert_eq!(cloud.reopened().get("/digitaltwins/r9").status, 200);
}

#[test]
fn every_write_is_on_disk_when_it_is_answered() {
    let cloud = Cloud::factory();
    let before = lines(&cloud);
    cloud.twin("r1", ROOM, json!({}));
    assert_eq!(lines(&cloud), before + 1);
    assert_eq!(cloud.put("/digitaltwins/r1", json!({"$metadata": {"$model": "dtmi:no;1"}})).status, 400);
    assert_eq!(lines(&cloud), before + 1, "what was refused was not written");
}

#[test]
fn an_instance_goes_with_all_it_holds() {
    let cloud = busy();
    assert!(cloud.service.delete_instance("FACTORY-ADT").unwrap(), "names do not differ by case");
    assert!(!cloud.service.delete_instance(NAME).unwrap());
    assert!(!file(&cloud).exists());
    assert_eq!(cloud.service.dump(), json!({}));
    assert_eq!(cloud.get("/models").status, 404);
    cloud.service.create_instance(NAME).unwrap();
    assert_eq!(cloud.get("/models").body["value"], json!([]));
    assert!(cloud.service.create_instance("../x").is_err());
}
