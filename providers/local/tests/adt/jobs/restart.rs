//! A job whose cloud is killed. What a kill leaves is a copy of the folder, taken while the job waits in the middle.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::storage::{INPUT, OUTPUT, Storage};
use super::{cloud, ended, input, log, models, next_to, put, room, until, until_twins};
use crate::cloud::Cloud;

/// An input of 1,000 twins, of which every 50th is wrong, and 999 relationships.
fn large() -> String {
    let twin = |number: usize| {
        if number % 50 == 7 {
            json!({"$dtId": format!("r{number:04}"), "$metadata": {"$model": "dtmi:no;1"}})
        } else {
            room(&format!("r{number:04}"))
        }
    };
    let rooms = (0..1000).map(twin).collect();
    let links = (1..1000).map(|number| next_to(&format!("r{number:04}"), "r0000")).collect();
    input(&[("Models", models()), ("Twins", rooms), ("Relationships", links)])
}

/// What a process that begins now finds.
fn copy(cloud: &Cloud) -> (Cloud, Storage) {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("adt")).unwrap();
    for folder in ["", "adt"] {
        for entry in fs::read_dir(cloud.dir.path().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                fs::copy(&path, dir.path().join(folder).join(path.file_name().unwrap())).unwrap();
            }
        }
    }
    let storage = Storage::new(dir.path());
    (Cloud::open(dir, cloud.clock.clone(), Duration::ZERO), storage)
}

#[test]
fn an_import_goes_on_where_it_was() {
    let (cloud, storage) = cloud();
    let text = large();
    storage.write(INPUT, &text);
    for (place, twins) in [("r0300", 249), ("r0900", 877), ("to-r0000", 980)] {
        storage.open_gate(0);
        storage.rewind();
        put(&cloud, "j");
        until(&cloud, "imports/j", |job| job["status"] == "running");
        storage.open_gate(text.find(place).unwrap() as u64);
        until_twins(&cloud, twins);
        let (other, its) = copy(&cloud);
        // Half a line that nobody said was written.
        fs::write(other.dir.path().join("out.ndjson"), format!("{}{{\"timest", its.text(OUTPUT))).unwrap();
        other.service.attach(Arc::new(its.clone()));
        storage.open_gate(u64::MAX);
        let (job, its_job) = (ended(&cloud, "imports/j"), ended(&other, "imports/j"));
        assert_eq!((&job["status"], &job["error"]), (&its_job["status"], &its_job["error"]));
        assert_eq!(log(&storage, "j"), log(&its, "j"), "at {place}");
        let bare = |cloud: &Cloud| cloud.service.dump()[crate::cloud::NAME]["relationships"].as_array().unwrap().len();
        assert_eq!((bare(&cloud), bare(&other)), (979, 979));
        assert_eq!(cloud.delete("/jobs/imports/j").status, 204);
        fs::remove_file(cloud.dir.path().join("out.ndjson")).unwrap();
        assert_eq!(cloud.post("/jobs/deletions", json!(null)).status, 202);
        let id = cloud.get("/jobs/deletions").body["value"][0]["id"].as_str().unwrap().to_owned();
        ended(&cloud, &format!("deletions/{id}"));
        cloud.clock.advance(std::time::Duration::from_secs(31 * 24 * 3600));
    }
}

#[test]
fn an_import_whose_input_was_replaced_fails() {
    let (cloud, storage) = cloud();
    let text = large();
    storage.write(INPUT, &text);
    storage.open_gate(text.find("r0300").unwrap() as u64);
    put(&cloud, "j");
    until_twins(&cloud, 249);
    let (other, its) = copy(&cloud);
    its.write(INPUT, &format!("{text}\n"));
    other.service.attach(Arc::new(its.clone()));
    let job = ended(&other, "imports/j");
    assert_eq!((&job["status"], &job["error"]["code"]), (&json!("failed"), &json!("InputBlobChanged")));
    storage.open_gate(u64::MAX);
    ended(&cloud, "imports/j");
}

#[test]
fn a_cancelled_import_is_not_taken_up_again() {
    let (cloud, storage) = cloud();
    let text = large();
    storage.write(INPUT, &text);
    storage.open_gate(text.find("r0300").unwrap() as u64);
    put(&cloud, "j");
    until_twins(&cloud, 249);
    cloud.post("/jobs/imports/j/cancel", json!(null));
    let (other, its) = copy(&cloud);
    other.service.attach(Arc::new(its.clone()));
    assert_eq!(ended(&other, "imports/j")["status"], "cancelled");
    storage.open_gate(u64::MAX);
    ended(&cloud, "imports/j");
}

#[test]
fn a_cloud_that_stops_leaves_the_job_to_the_next_one() {
    let (cloud, storage) = cloud();
    storage.write(INPUT, &large());
    storage.open_gate(0);
    put(&cloud, "j");
    std::thread::scope(|scope| {
        let halting = scope.spawn(|| cloud.service.halt());
        storage.open_gate(u64::MAX);
        halting.join().unwrap();
    });
    let cloud = cloud.reopened();
    cloud.service.attach(Arc::new(storage.clone()));
    ended(&cloud, "imports/j");
    until_twins(&cloud, 980);
    assert_eq!(log(&storage, "j").iter().filter(|line| line["status"] == "Started").count(), 4);
}
