//! A cloud in a scratch folder, and a client that talks to it as a deployer would.

#![allow(dead_code, reason = "every test file uses its own part")]

use local::Endpoints;
use local::server::{self, Options, Running};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tempfile::TempDir;
use url::Url;

pub(crate) const GROUP: &str = "/subscriptions/10ca1000-5ab5-5c21-9a70-10ca10000001/resourceGroups/factory-rg";
pub(crate) const DATA_OWNER: &str = "bcd981a7-7f74-457b-83e1-cceb9e632ffe";

/// A running cloud and a client for it.
pub(crate) struct Cloud {
    pub(crate) dir: TempDir,
    pub(crate) running: Running,
    pub(crate) client: reqwest::Client,
    pub(crate) token: String,
}

/// Status, headers of interest and body of an answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) operation: Option<String>,
    pub(crate) location: Option<String>,
    pub(crate) retry_after: Option<String>,
}

impl Reply {
    pub(crate) async fn of(response: Response) -> Self {
        let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        Self {
            status: response.status().as_u16(),
            operation: header("azure-asyncoperation"),
            location: header("location"),
            retry_after: header("retry-after"),
            body: serde_json::from_str(&response.text().await.unwrap()).unwrap_or(Value::Null),
        }
    }

    pub(crate) fn code(&self) -> &str {
        self.body["error"]["code"].as_str().or_else(|| self.body["code"].as_str()).unwrap_or_default()
    }
}

impl Cloud {
    pub(crate) async fn start() -> Self {
        Self::open(tempfile::tempdir().unwrap(), None).await
    }

    pub(crate) async fn open(dir: TempDir, realistic: Option<f64>) -> Self {
        Self::serve(dir, Options { realistic, ..Options::default() }).await
    }

    /// Serves a folder in a certain way.
    pub(crate) async fn serve(dir: TempDir, options: Options) -> Self {
        let options = Options { dir: dir.path().to_owned(), ..options };
        let running = server::start(options).await.unwrap();
        let client = running.endpoints().client().unwrap().build().unwrap();
        let mut cloud = Self { dir, running, client, token: String::new() };
        cloud.token = cloud.login("the-deployer").await;
        cloud
    }

    /// Stops the cloud and starts it again on the same folder.
    pub(crate) async fn reopen(self) -> Self {
        let Self { dir, running, .. } = self;
        running.stop().await;
        Self::open(dir, None).await
    }

    pub(crate) fn at(&self) -> &Endpoints {
        self.running.endpoints()
    }

    pub(crate) async fn login(&self, client: &str) -> String {
        self.login_for(client, "https%3A%2F%2Fmanagement.azure.com%2F.default").await
    }

    /// A token for the scope, which is percent-encoded.
    pub(crate) async fn login_for(&self, client: &str, scope: &str) -> String {
        let url = self.at().login.join(&format!("{}/oauth2/v2.0/token", self.at().tenant)).unwrap();
        let form = format!("grant_type=client_credentials&client_id={client}&client_secret=x&scope={scope}");
        let request = self.client.post(url).header("content-type", "application/x-www-form-urlencoded").body(form);
        let body: Value = request.send().await.unwrap().json().await.unwrap();
        body["access_token"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn send(&self, method: Method, url: Url, body: Option<&Value>) -> Reply {
        let mut request = self.client.request(method, url).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(body);
        }
        Reply::of(request.send().await.unwrap()).await
    }

    pub(crate) fn arm(&self, id: &str, version: &str) -> Url {
        self.at().arm.join(&format!("{id}?api-version={version}")).unwrap()
    }

    pub(crate) async fn put(&self, id: &str, version: &str, body: Value) -> Reply {
        self.send(Method::PUT, self.arm(id, version), Some(&body)).await
    }

    pub(crate) async fn get(&self, id: &str, version: &str) -> Reply {
        self.send(Method::GET, self.arm(id, version), None).await
    }

    pub(crate) async fn delete(&self, id: &str, version: &str) -> Reply {
        self.send(Method::DELETE, self.arm(id, version), None).await
    }

    pub(crate) async fn post(&self, id: &str, version: &str, body: Value) -> Reply {
        self.send(Method::POST, self.arm(id, version), Some(&body)).await
    }

    /// Polls the operation that an answer began until it is over; returns its last status.
    pub(crate) async fn finish(&self, begun: &Reply) -> Reply {
        for _ in 0..200 {
            let url = begun.operation.as_ref().or(begun.location.as_ref()).expect("a poll URL");
            let reply = self.send(Method::GET, url.parse().unwrap(), None).await;
            let over = match &begun.operation {
                Some(_) => ["Succeeded", "Failed"].contains(&reply.body["status"].as_str().unwrap_or_default()),
                None => reply.status != 202,
            };
            if over {
                return reply;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        panic!("the operation does not end: {begun:?}");
    }

    /// Puts a resource and sees its operation through.
    pub(crate) async fn create(&self, id: &str, version: &str, body: Value) -> Value {
        let begun = self.put(id, version, body).await;
        assert!(begun.status < 300, "{id}: {begun:?}");
        if begun.operation.is_some() || begun.location.is_some() {
            let ended = self.finish(&begun).await;
            assert!(ended.body["status"].as_str().is_none_or(|status| status == "Succeeded"), "{id}: {ended:?}");
        }
        let reply = self.get(id, version).await;
        assert_eq!(reply.status, 200, "{id}: {reply:?}");
        reply.body
    }

    pub(crate) async fn group(&self) {
        self.create(GROUP, "2024-07-01", json!({ "location": "westeurope", "tags": { "a": "b" } })).await;
    }

    pub(crate) async fn control(&self, method: Method, path: &str, body: Option<&Value>) -> Value {
        self.send(method, self.at().control.join(path).unwrap(), body).await.body
    }

    pub(crate) async fn fault(&self, fault: Value) {
        self.control(Method::PUT, "faults", Some(&json!([fault]))).await;
    }

    /// Operation and resource of every effect, `=` marking those that changed nothing.
    pub(crate) async fn effects(&self) -> Vec<String> {
        let effects = self.control(Method::GET, "effects", None).await;
        let line = |effect: &Value| {
            let same = if effect["unchanged"] == true { "= " } else { "" };
            let resource = effect["resource"].as_str().unwrap();
            let resource = resource.strip_prefix(GROUP).unwrap_or(resource);
            format!("{same}{} {resource}", effect["operation"].as_str().unwrap())
        };
        effects.as_array().unwrap().iter().map(line).collect()
    }

    pub(crate) async fn dump(&self) -> Value {
        self.control(Method::GET, "dump", None).await
    }
}

pub(crate) fn resource(path: &str) -> String {
    format!("{GROUP}/providers/{path}")
}

pub(crate) fn zip(functions: &[(&str, Value)]) -> Vec<u8> {
    use std::io::Write;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("host.json", zip::write::SimpleFileOptions::default()).unwrap();
    zip.write_all(b"{\"version\":\"2.0\"}").unwrap();
    for (name, document) in functions {
        zip.start_file(format!("{name}/function.json"), zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(document.to_string().as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}
