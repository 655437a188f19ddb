//! A cloud that is a process of its own, killed in the middle of an import and of patches: what was answered is there, and
//! the import goes on.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its own functions too")]

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use local::Endpoints;
use local::process::{self, Launch, Status};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

const INSTANCE: &str = "factory-adt";
const MODEL: &str = "dtmi:factory:Room;1";
const TWINS: usize = 20_000;
const PATIENCE: Duration = Duration::from_secs(240);

struct Cloud {
    at: Endpoints,
    client: Client,
}

impl Cloud {
    async fn up(dir: &Path) -> Self {
        let tests = std::env::current_exe().expect("a test has a path");
        let program: PathBuf = tests.parent().and_then(Path::parent).expect("target/debug/deps").join("examples/serve");
        let launch = Launch { program, args: vec![dir.into()], deadline: Duration::from_secs(60) };
        let at = process::up(dir, &launch).await.unwrap();
        let client = at.client().unwrap().timeout(Duration::from_secs(30)).build().unwrap();
        Self { at, client }
    }

    async fn kill(&self, dir: &Path) {
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.at.pid).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        let start = Instant::now();
        while !matches!(process::status(dir).await.unwrap(), Status::Stopped) {
            assert!(start.elapsed() < PATIENCE, "the dead process still holds the folder");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn send(&self, method: Method, url: &str, body: Option<Value>) -> Option<(StatusCode, Value)> {
        let mut request = self.client.request(method, url).bearer_auth("t");
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.ok()?;
        let status = answer.status();
        Some((status, serde_json::from_str(&answer.text().await.ok()?).unwrap_or_default()))
    }

    /// Puts a resource and waits until it is there.
    async fn create(&self, id: &str, version: &str, body: Value) {
        let path = format!("/subscriptions/{}/resourceGroups/rg{id}?api-version={version}", self.at.subscription);
        let url = self.at.arm.join(&path).unwrap();
        self.send(Method::PUT, url.as_str(), Some(body)).await.unwrap();
        let start = Instant::now();
        loop {
            let (status, found) = self.send(Method::GET, url.as_str(), None).await.unwrap();
            let state = &found["properties"]["provisioningState"];
            if status == 200 && (state.is_null() || state == "Succeeded") {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "{id}: {status} {found}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn deploy(&self) {
        let storage = "/providers/Microsoft.Storage/storageAccounts/factorystore";
        let account = json!({"location": "westeurope", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}});
        self.create("", "2024-07-01", json!({"location": "westeurope"})).await;
        self.create(storage, "2023-05-01", account).await;
        self.create(&format!("{storage}/blobServices/default/containers/jobs"), "2023-05-01", json!({})).await;
        let instance = format!("/providers/Microsoft.DigitalTwins/digitalTwinsInstances/{INSTANCE}");
        self.create(&instance, "2023-01-31", json!({"location": "westeurope"})).await;
    }

    fn blob(&self, name: &str) -> String {
        format!("https://factorystore.blob.localhost:{}/jobs/{name}", self.at.data.port().unwrap())
    }

    fn adt(&self, path: &str) -> String {
        format!("{}{path}?api-version=2023-10-31", self.at.adt_http)
    }

    async fn get(&self, path: &str) -> Value {
        self.send(Method::GET, &self.adt(path), None).await.unwrap().1
    }

    async fn area(&self) -> Value {
        self.get("digitaltwins/first").await["area"].clone()
    }

    async fn log(&self) -> Vec<Value> {
        let answer = self.client.get(self.blob("out.ndjson")).bearer_auth("t").send().await.unwrap();
        answer.text().await.unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn input() -> String {
    let mut text = "{\"Section\":\"Header\"}\n{\"fileVersion\":\"1.0.0\"}\n{\"Section\":\"Twins\"}\n".to_owned();
    for number in 0..TWINS {
        writeln!(text, "{}", json!({"$dtId": format!("r{number:05}"), "$metadata": {"$model": MODEL}, "area": number}))
            .unwrap();
    }
    text.push_str("{\"Section\":\"Relationships\"}\n");
    for number in 1..TWINS {
        let (source, target) = (format!("r{number:05}"), format!("r{:05}", number / 2));
        writeln!(
            text,
            "{}",
            json!({"$dtId": source, "$relationshipId": "up", "$targetId": target, "$relationshipName": "next"})
        )
        .unwrap();
    }
    text
}

#[tokio::test]
async fn what_was_answered_survives_a_kill_and_the_import_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let cloud = Cloud::up(dir.path()).await;
    cloud.deploy().await;
    let model = json!([{"@id": MODEL, "@type": "Interface", "@context": "dtmi:dtdl:context;2", "contents": [
        {"@type": "Property", "name": "area", "schema": "double"}, {"@type": "Relationship", "name": "next"},
    ]}]);
    cloud.send(Method::POST, &cloud.adt("models"), Some(model)).await.unwrap();
    let first = json!({"$metadata": {"$model": MODEL}, "area": -1});
    cloud.send(Method::PUT, &cloud.adt("digitaltwins/first"), Some(first)).await.unwrap();
    let blob =
        cloud.client.put(cloud.blob("in.ndjson")).bearer_auth("t").header("x-ms-blob-type", "BlockBlob").body(input());
    assert_eq!(blob.send().await.unwrap().status(), 201);
    let uris = json!({"inputBlobUri": cloud.blob("in.ndjson"), "outputBlobUri": cloud.blob("out.ndjson")});
    assert_eq!(cloud.send(Method::PUT, &cloud.adt("jobs/imports/j"), Some(uris)).await.unwrap().0, 201);
    let (mut patched, start) = (-1, Instant::now());
    loop {
        let patch = json!([{"op": "replace", "path": "/area", "value": patched + 1}]);
        let (status, _) = cloud.send(Method::PATCH, &cloud.adt("digitaltwins/first"), Some(patch)).await.unwrap();
        assert_eq!(status, 204);
        patched += 1;
        if cloud.get("digitaltwins/r00500").await["area"] == 500 {
            break;
        }
        assert!(start.elapsed() < PATIENCE, "the import does not begin");
    }
    cloud.kill(dir.path()).await;
    let cloud = Cloud::up(dir.path()).await;
    assert_eq!(cloud.area().await, patched, "the last patch that was answered");
    let job = loop {
        let job = cloud.get("jobs/imports/j").await;
        if job["status"] == "succeeded" {
            break job;
        }
        assert_eq!(job["status"], "running", "{job}");
        assert!(start.elapsed() < PATIENCE, "the import does not end");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(job["error"].is_null(), "{job}");
    let query = |text: &str| json!({"query": text});
    for (what, count) in [("DIGITALTWINS", TWINS + 1), ("RELATIONSHIPS", TWINS - 1)] {
        let query = query(&format!("SELECT COUNT() FROM {what}"));
        let rows = cloud.send(Method::POST, &cloud.adt("query"), Some(query)).await.unwrap().1;
        assert_eq!(rows["value"][0]["COUNT"], count, "{rows}");
    }
    let details: Vec<_> = cloud.log().await.iter().map(|line| line["details"].clone()).collect();
    let section = |section: &str, status: &str| json!({"section": section, "status": status});
    let expected = [
        json!({"status": "Started"}),
        section("Twins", "Started"),
        section("Twins", "Succeeded"),
        section("Relationships", "Started"),
        section("Relationships", "Succeeded"),
        json!({"status": "Succeeded"}),
    ];
    assert_eq!(details, expected, "nothing is logged twice or not at all");
    process::down(dir.path()).await.unwrap();
}
