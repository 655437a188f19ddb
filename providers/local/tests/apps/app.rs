//! An app in a cloud of its own, and what a test does with it.

use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use reqwest::{Client, Method, Url};
use serde_json::{Map, Value, json};
use zip::write::SimpleFileOptions;

use crate::cloud::{Cloud, resource};
use crate::handler::ARGUMENTS;

pub(crate) const NAME: &str = "factory-app";
const WEB: &str = "2024-04-01";

/// An app whose handler is this test program.
pub(crate) struct App {
    pub(crate) cloud: Cloud,
}

impl App {
    /// Deploys the app with these settings beside those that its handler needs.
    pub(crate) async fn deploy(settings: &[(&str, &str)]) -> Self {
        let app = Self { cloud: Cloud::start().await };
        app.cloud.group().await;
        let plan = resource("Microsoft.Web/serverfarms/factory-plan");
        let body = json!({ "location": "westeurope", "sku": { "name": "FC1", "tier": "FlexConsumption" } });
        app.cloud.create(&plan, WEB, body).await;
        let runtime = json!({ "name": "custom", "version": "1.0" });
        let config = json!({ "deployment": { "storage": { "type": "blobContainer" } }, "runtime": runtime });
        let properties = json!({ "serverFarmId": plan, "functionAppConfig": config });
        app.cloud.create(&site(), WEB, json!({ "location": "westeurope", "properties": properties })).await;
        app.set(settings).await;
        app.publish(&package(false, "1")).await;
        app
    }

    /// Replaces the settings.
    pub(crate) async fn set(&self, settings: &[(&str, &str)]) {
        let program = std::env::current_exe().unwrap().display().to_string();
        let mut all: Map<String, Value> =
            settings.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        all.insert("PROGRAM".into(), program.into());
        let id = format!("{}/config/appsettings", site());
        let put = self.cloud.put(&id, WEB, json!({ "properties": all })).await;
        assert_eq!(put.status, 200, "{put:?}");
    }

    /// Uploads a package and sees its deployment through.
    pub(crate) async fn publish(&self, package: &[u8]) {
        let id = self.upload(package).await;
        let poll = self.scm(&format!("deployments/{id}"));
        let mut seen = Vec::new();
        while seen.last() != Some(&json!(4)) {
            assert!(seen.len() < 5, "the deployment does not end: {seen:?}");
            seen.push(self.cloud.send(Method::GET, poll.clone(), None).await.body["status"].clone());
        }
    }

    /// Uploads a package; gives the deployment's id.
    pub(crate) async fn upload(&self, package: &[u8]) -> String {
        let request = self.cloud.client.post(self.scm("publish")).bearer_auth(&self.cloud.token);
        let answer = request.body(package.to_vec()).send().await.unwrap();
        assert_eq!(answer.status(), 202);
        answer.json().await.unwrap()
    }

    pub(crate) fn scm(&self, path: &str) -> Url {
        let port = self.cloud.at().scm.port().unwrap();
        format!("https://{NAME}.scm.localhost:{port}/api/{path}").parse().unwrap()
    }

    pub(crate) fn url(&self, path: &str) -> Url {
        front(&self.cloud.at().web, path)
    }

    /// Calls the function `hello`, telling the handler what to do.
    pub(crate) async fn call(&self, order: Value) -> (u16, Value) {
        call(&self.cloud.client, &self.cloud.at().web, order).await
    }

    /// The id of the process that answers.
    pub(crate) async fn pid(&self) -> u64 {
        let (status, body) = self.call(json!({})).await;
        assert_eq!(status, 200, "{body}");
        body["pid"].as_u64().unwrap()
    }

    /// How the app stands, as the control interface says.
    pub(crate) async fn state(&self) -> Value {
        self.cloud.control(Method::GET, "apps", None).await[NAME].clone()
    }

    /// Waits until the app stands as expected.
    pub(crate) async fn until(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let start = Instant::now();
        loop {
            let state = self.state().await;
            if fits(&state) {
                return state;
            }
            assert!(start.elapsed() < Duration::from_secs(60), "{what}: {state}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub(crate) async fn keys(&self) -> Value {
        self.cloud.post(&format!("{}/host/default/listkeys", site()), WEB, json!({})).await.body
    }

    pub(crate) async fn restart(&self) {
        assert_eq!(self.cloud.post(&format!("{}/restart", site()), WEB, json!({})).await.status, 200);
    }

    pub(crate) async fn delete(&self) {
        assert_eq!(self.cloud.delete(&site(), WEB).await.status, 200);
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.cloud.dir.path().join("apps").join(NAME).join("log")
    }

    /// The packages that lie in the cloud's folder.
    pub(crate) fn packages(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.cloud.dir.path().join("packages")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != "files").collect()
    }
}

/// Calls the function `hello` of the app behind this front.
pub(crate) async fn call(client: &Client, web: &Url, order: Value) -> (u16, Value) {
    let answer = client.post(front(web, "/api/hello")).body(order.to_string()).send().await.unwrap();
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

fn front(web: &Url, path: &str) -> Url {
    format!("https://{NAME}.web.localhost:{}{path}", web.port().unwrap()).parse().unwrap()
}

fn site() -> String {
    resource(&format!("Microsoft.Web/sites/{NAME}"))
}

/// A package whose handler is a script that becomes this test program.
pub(crate) fn package(forwards: bool, release: &str) -> Vec<u8> {
    let http = |level: &str, route: Option<&str>| {
        let trigger = json!({ "type": "httpTrigger", "direction": "in", "name": "req", "authLevel": level,
            "methods": ["get", "post"], "route": route });
        json!({ "bindings": [trigger, { "type": "http", "direction": "out", "name": "res" }] })
    };
    let events = json!({ "bindings": [{ "type": "eventGridTrigger", "direction": "in", "name": "event" }] });
    let mut off = http("anonymous", None);
    off["disabled"] = true.into();
    let description = json!({ "defaultExecutablePath": "handler", "arguments": ARGUMENTS, "workingDirectory": "" });
    let host = json!({ "version": "2.0",
        "customHandler": { "description": description, "enableForwardingHttpRequest": forwards } });
    let script = "#!/bin/sh\nexec \"$PROGRAM\" \"$@\"\n";
    let files = [
        ("host.json", host.to_string(), 0o644),
        ("hello/function.json", http("anonymous", Some("hello/{id?}")).to_string(), 0o644),
        ("locked/function.json", http("function", None).to_string(), 0o644),
        ("guarded/function.json", http("admin", None).to_string(), 0o644),
        ("off/function.json", off.to_string(), 0o644),
        ("events/function.json", events.to_string(), 0o644),
        ("release", release.to_owned(), 0o644),
        ("handler", script.to_owned(), 0o755),
    ];
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text, mode) in files {
        zip.start_file(name, SimpleFileOptions::default().unix_permissions(mode)).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Whether a process of that id is there and no zombie.
pub(crate) fn lives(pid: u64) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}

/// Waits until the process has ended.
pub(crate) async fn gone(pid: u64) {
    let start = Instant::now();
    while lives(pid) {
        assert!(start.elapsed() < Duration::from_secs(60), "process {pid} still runs");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
