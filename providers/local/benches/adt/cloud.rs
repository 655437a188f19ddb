//! The cloud that is measured, a process of its own, and what is asked of it.

use std::path::Path;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use local::Endpoints;
use local::process::{self, Launch, Status};
use reqwest::{Client, Method, RequestBuilder};
use rustix::process::{Pid, Signal};
use serde_json::{Value, json};

use crate::graph::Graph;

pub(crate) const INSTANCE: &str = "bench-adt";
const GROUP: &str = "resourceGroups/bench";
const ACCOUNT: &str = "benchaccount";
/// How long an import may take.
const PATIENCE: Duration = Duration::from_secs(1800);

/// Whatever goes wrong; the benchmark only says so.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A running cloud.
pub(crate) struct Cloud {
    at: Endpoints,
    client: Client,
}

/// How long sections of an import took, as its log says.
pub(crate) struct Sections {
    pub(crate) twins: Duration,
    pub(crate) relationships: Duration,
}

impl Cloud {
    /// Starts the cloud of a folder.
    pub(crate) async fn start(dir: &Path) -> Result<Self, Failure> {
        let args = vec!["--serve".into(), dir.into()];
        let launch = Launch { program: std::env::current_exe()?, args, deadline: Duration::from_secs(300) };
        let at = process::up(dir, &launch).await?;
        let client = at.client()?.build()?;
        Ok(Self { at, client })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.at.pid
    }

    /// Kills it and waits until it is gone; it gets no chance to write anything down.
    pub(crate) async fn kill(&self, dir: &Path) -> Result<(), Failure> {
        let pid = Pid::from_raw(i32::try_from(self.pid())?).ok_or("a process has an id")?;
        rustix::process::kill_process(pid, Signal::KILL)?;
        let started = Instant::now();
        while !matches!(process::status(dir).await?, Status::Stopped) {
            if started.elapsed() > Duration::from_secs(30) {
                return Err("the process does not end".into());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// Makes an instance, and a container for the job's blobs.
    pub(crate) async fn deploy(&self) -> Result<(), Failure> {
        let storage = format!("{GROUP}/providers/Microsoft.Storage/storageAccounts/{ACCOUNT}");
        let sku = json!({"location": "westeurope", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}});
        self.create(GROUP, "2024-07-01", json!({"location": "westeurope"})).await?;
        self.create(&storage, "2023-05-01", sku).await?;
        self.create(&format!("{storage}/blobServices/default/containers/jobs"), "2023-05-01", json!({})).await?;
        let instance = format!("{GROUP}/providers/Microsoft.DigitalTwins/digitalTwinsInstances/{INSTANCE}");
        self.create(&instance, "2023-01-31", json!({"location": "westeurope"})).await
    }

    async fn create(&self, id: &str, version: &str, body: Value) -> Result<(), Failure> {
        let path = format!("/subscriptions/{}/{id}?api-version={version}", self.at.subscription);
        let url = self.at.arm.join(&path)?;
        self.ask(Method::PUT, url.as_str()).json(&body).send().await?.error_for_status()?;
        let started = Instant::now();
        loop {
            let answer = self.ask(Method::GET, url.as_str()).send().await?;
            let is_there = answer.status().is_success();
            let state = answer.json::<Value>().await?["properties"]["provisioningState"].clone();
            if is_there && (state.is_null() || state == "Succeeded") {
                return Ok(());
            }
            if started.elapsed() > Duration::from_secs(30) {
                return Err(format!("{id} is not there in time").into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn ask(&self, method: Method, url: &str) -> RequestBuilder {
        self.client.request(method, url).bearer_auth("t")
    }

    fn blob(&self, name: &str) -> String {
        format!("https://{ACCOUNT}.blob.localhost:{}/jobs/{name}", self.at.data.port().unwrap_or_default())
    }

    fn job(&self) -> String {
        format!("{}jobs/imports/load?api-version=2023-10-31", self.at.adt_http)
    }

    /// Writes the job's input into a blob and says how many bytes it has.
    pub(crate) async fn upload(&self, graph: &Graph) -> Result<usize, Failure> {
        let url = self.blob("in.ndjson");
        let create = self.ask(Method::PUT, &url).header("x-ms-blob-type", "AppendBlob");
        create.send().await?.error_for_status()?;
        let mut bytes = 0;
        for block in graph.blocks() {
            bytes += block.len();
            self.ask(Method::PUT, &format!("{url}?comp=appendblock")).body(block).send().await?.error_for_status()?;
        }
        Ok(bytes)
    }

    /// Runs the job to its end.
    pub(crate) async fn import(&self) -> Result<Sections, Failure> {
        let body = json!({"inputBlobUri": self.blob("in.ndjson"), "outputBlobUri": self.blob("out.ndjson")});
        self.ask(Method::PUT, &self.job()).json(&body).send().await?.error_for_status()?;
        let started = Instant::now();
        loop {
            let job: Value = self.ask(Method::GET, &self.job()).send().await?.json().await?;
            match job["status"].as_str() {
                Some("succeeded") => return self.sections().await,
                Some("failed") => return Err(job.to_string().into()),
                _ if started.elapsed() > PATIENCE => return Err("the import does not end".into()),
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    async fn sections(&self) -> Result<Sections, Failure> {
        let log = self.ask(Method::GET, &self.blob("out.ndjson")).send().await?.error_for_status()?.text().await?;
        let lines: Vec<Value> = log.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        let at = |section: &str, status: &str| -> Result<DateTime<Utc>, Failure> {
            let line = lines.iter().find(|line| line["details"] == json!({"section": section, "status": status}));
            Ok(line.and_then(|line| line["timestamp"].as_str()).ok_or("the log misses a line")?.parse()?)
        };
        let took = |section| Ok::<_, Failure>((at(section, "Succeeded")? - at(section, "Started")?).to_std()?);
        Ok(Sections { twins: took("Twins")?, relationships: took("Relationships")? })
    }

    /// How long each of so many exchanges takes that do nothing, since they show no token.
    pub(crate) async fn exchange(&self, graph: &Graph, count: u64) -> Result<Vec<Duration>, Failure> {
        let mut times = Vec::new();
        for number in 0..count {
            let request = self.client.patch(self.address(graph, number % graph.twins)).body("[]");
            let started = Instant::now();
            request.send().await?;
            times.push(started.elapsed());
        }
        Ok(times)
    }

    /// How long each of so many patches takes, all over the graph, one after the other on one connection.
    pub(crate) async fn patch(&self, graph: &Graph, count: u64) -> Result<Vec<Duration>, Failure> {
        let mut times = Vec::new();
        for number in 0..count {
            let body = json!([{"op": "replace", "path": "/temperature", "value": number}]);
            let request = self.ask(Method::PATCH, &self.address(graph, number * 7_368_787 % graph.twins)).json(&body);
            let started = Instant::now();
            request.send().await?.error_for_status()?;
            times.push(started.elapsed());
        }
        Ok(times)
    }

    /// Reads a twin.
    pub(crate) async fn twin(&self, graph: &Graph, number: u64) -> Result<(), Failure> {
        self.ask(Method::GET, &self.address(graph, number)).send().await?.error_for_status()?;
        Ok(())
    }

    fn address(&self, graph: &Graph, number: u64) -> String {
        format!("{}digitaltwins/{}?api-version=2023-10-31", self.at.adt_http, graph.id(number))
    }
}
