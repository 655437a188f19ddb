use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::Request;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::adt::Service;
use crate::clock::Clock;
use crate::effects;

use super::*;

const NAME: &str = "factory";
const MODEL: &str = "dtmi:factory:Room;1";

struct Home {
    dir: tempfile::TempDir,
    service: Service,
}

impl Home {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let home = Self { service: service(&dir), dir };
        home.service.create_instance(NAME).unwrap();
        home.call("POST", "/models", json!([model(MODEL)]));
        home
    }

    fn call(&self, method: &str, target: &str, body: Value) {
        let request = Request::builder().method(method).uri(format!("http://h{target}?api-version=2023-10-31"));
        let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        let answer = self.service.handle(NAME, request.header("authorization", "Bearer x").body(body).unwrap());
        assert!(answer.status().is_success(), "{method} {target}: {answer:?}");
    }

    fn twin(&self, id: &str, area: u64) {
        self.call("PUT", &format!("/digitaltwins/{id}"), json!({"$metadata": {"$model": MODEL}, "area": area}));
    }

    fn instance(&self) -> Arc<RwLock<Instance>> {
        self.service.find(NAME).unwrap()
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("adt").join(format!("{NAME}.jsonl"))
    }

    /// What another process would find on disk now.
    fn on_disk(&self) -> Value {
        let copy = tempfile::tempdir().unwrap();
        std::fs::create_dir(copy.path().join("adt")).unwrap();
        std::fs::copy(self.file(), copy.path().join("adt").join(self.file().file_name().unwrap())).unwrap();
        service(&copy).dump()
    }
}

fn service(dir: &tempfile::TempDir) -> Service {
    let clock = Clock::system(None);
    let log = effects::Log::open(dir.path(), clock.clone()).unwrap();
    Service::open(dir.path(), log, clock).unwrap()
}

fn model(id: &str) -> Value {
    let contents = json!([
        {"@type": "Property", "name": "area", "schema": "double"},
        {"@type": "Relationship", "name": "next"},
    ]);
    json!({"@id": id, "@type": "Interface", "@context": "dtmi:dtdl:context;2", "contents": contents})
}

/// Writes, overwrites and deletes some of everything.
fn work(home: &Home) {
    for round in 0..40 {
        for number in 0..14 {
            home.twin(&format!("r{number}"), round);
        }
        let link = |of: u64| format!("/digitaltwins/r{}/relationships/next", of % 12);
        let to = |of: u64| json!({"$relationshipName": "next", "$targetId": format!("r{}", 12 + of % 2)});
        home.call("PUT", &link(round), to(round));
        home.call("PUT", &link(round), to(round + 1));
        home.call("DELETE", &link(round), Value::Null);
        home.call("PUT", &link(round), to(round + 2));
        home.twin("passing", round);
        home.call("DELETE", "/digitaltwins/passing", Value::Null);
        let passing = format!("dtmi:factory:Passing{round};1");
        home.call("POST", "/models", json!([model(&passing)]));
        if round % 2 == 0 {
            home.call("DELETE", &format!("/models/{passing}"), Value::Null);
        }
    }
}

#[test]
fn a_file_rewritten_while_it_is_written_to_misses_nothing() {
    let home = Home::new();
    let mut rewritten = 0;
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| work(&home));
        while !worker.is_finished() {
            rewrite(&home.instance()).unwrap();
            rewritten += 1;
        }
    });
    assert_eq!(home.on_disk(), home.service.dump(), "after {rewritten} times");
    let before = read(&home.instance()).length();
    rewrite(&home.instance()).unwrap();
    assert!(read(&home.instance()).length() <= before);
    assert_eq!(home.on_disk(), home.service.dump());
    home.twin("later", 1);
    assert_eq!(home.on_disk(), home.service.dump(), "what follows goes to the new file");
}

#[test]
fn changes_between_two_turns_are_kept() {
    let home = Home::new();
    for number in 0..TURN + 3 {
        home.twin(&format!("r{number:04}"), 1);
    }
    let instance = home.instance();
    let (mut fresh, mut old) = begin(&instance).unwrap().unwrap();
    home.call("POST", "/models", json!([model("dtmi:factory:Late;1")]));
    home.call("DELETE", "/digitaltwins/r0000", Value::Null);
    twins(&instance, &mut fresh).unwrap();
    home.call("DELETE", "/digitaltwins/r0001", Value::Null);
    home.twin("r0002", 2);
    relationships(&instance, &mut fresh).unwrap();
    home.call("PUT", "/digitaltwins/r0002/relationships/n", json!({"$relationshipName": "next", "$targetId": "r0003"}));
    instance.write().unwrap().exchange(fresh, &mut old).unwrap();
    assert_eq!(home.on_disk(), home.service.dump());
}

#[test]
fn a_file_that_grows_is_rewritten_on_its_own() {
    let home = Home::new();
    home.instance().write().unwrap().set_compact_from(4096);
    let start = Instant::now();
    let mut last = 0;
    for round in 0.. {
        home.twin("r", round);
        let length = read(&home.instance()).length();
        if length < last {
            break;
        }
        last = length;
        assert!(start.elapsed() < Duration::from_secs(60), "the file has {length} bytes");
    }
    // The change that made it due may have been the last that was seen to be missing.
    assert!(last >= 2048, "it was rewritten long before it was due, at {last} bytes");
    assert_eq!(home.on_disk(), home.service.dump());
}

#[test]
fn a_kill_at_any_byte_of_the_new_file_loses_nothing() {
    let home = Home::new();
    home.twin("r1", 1);
    home.twin("r2", 1);
    home.twin("r1", 2);
    let (before, old) = (home.service.dump(), std::fs::read(home.file()).unwrap());
    rewrite(&home.instance()).unwrap();
    let whole = std::fs::read(home.file()).unwrap();
    assert!(whole.len() < old.len());
    for cut in (0..=whole.len()).step_by(3) {
        std::fs::write(home.file(), &old).unwrap();
        std::fs::write(home.file().with_extension("jsonl.new"), &whole[..cut]).unwrap();
        assert_eq!(service(&home.dir).dump(), before, "killed after {cut} bytes");
    }
}

#[test]
fn a_deleted_instance_stays_deleted() {
    let home = Home::new();
    let instance = home.instance();
    let (fresh, mut old) = begin(&instance).unwrap().unwrap();
    assert!(home.service.delete_instance(NAME).unwrap());
    home.service.create_instance(NAME).unwrap();
    instance.write().unwrap().exchange(fresh, &mut old).unwrap();
    assert!(begin(&instance).unwrap().is_none());
    assert_eq!(home.on_disk()[NAME]["models"], json!([]), "nothing of the old one came back");
    assert_eq!(std::fs::read_dir(home.dir.path().join("adt")).unwrap().count(), 1);
}
