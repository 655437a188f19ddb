//! Bulk jobs: our own client runs them in the local cloud as it does in the real one.

use std::time::{Duration, Instant};

use azure::{
    Azure, Kind, Options,
    credentials::{ClientSecret, Secret, client_secret},
    digital_twins::{Client, ImportJob, JobStatus},
    transport,
};
use local::server;
use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

const GROUP: &str = "resourceGroups/jobs";
const PATIENCE: Duration = Duration::from_secs(60);

/// A cloud in this process, with an instance and a container.
struct World {
    cloud: server::Running,
    http: reqwest::Client,
    _folder: tempfile::TempDir,
}

impl World {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let options = server::Options { dir: folder.path().to_owned(), ..Default::default() };
        let cloud = server::start(options).await.expect("a local cloud starts in an empty folder");
        let http = cloud.endpoints().client().expect("the certificate is one").build().expect("a client can be built");
        let world = Self { cloud, http, _folder: folder };
        let storage = format!("{GROUP}/providers/Microsoft.Storage/storageAccounts/jobstore");
        let account = json!({ "location": "westeurope", "kind": "StorageV2", "sku": { "name": "Standard_LRS" } });
        world.create(GROUP, "2024-07-01", json!({ "location": "westeurope" })).await;
        world.create(&storage, "2023-05-01", account).await;
        world.create(&format!("{storage}/blobServices/default/containers/jobs"), "2023-05-01", json!({})).await;
        let instance = format!("{GROUP}/providers/Microsoft.DigitalTwins/digitalTwinsInstances/jobs-adt");
        world.create(&instance, "2023-01-31", json!({ "location": "westeurope" })).await;
        world
    }

    /// Puts a resource and looks at it until it is there.
    async fn create(&self, id: &str, version: &str, body: Value) {
        let at = self.cloud.endpoints();
        let path = format!("/subscriptions/{}/{id}?api-version={version}", at.subscription);
        let url = at.arm.join(&path).expect("a path joins a base URL");
        let put =
            self.http.put(url.clone()).bearer_auth("t").json(&body).send().await.expect("the local cloud answers");
        assert!(put.status().is_success(), "{id}: {}", put.status());
        let start = Instant::now();
        loop {
            let shown = self.http.get(url.clone()).bearer_auth("t").send().await.expect("the local cloud answers");
            let is_there = shown.status().is_success();
            let shown: Value = shown.json().await.expect("resources are JSON");
            let state = shown["properties"]["provisioningState"].as_str();
            if is_there && state.is_none_or(|state| state == "Succeeded") {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "{id}: {shown}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn client(&self) -> Client {
        let at = self.cloud.endpoints();
        let ca = std::fs::read(&at.ca_pem).expect("the cloud wrote its certificate");
        let transport = transport::client(&[ca]).expect("the certificate is one");
        let who = ClientSecret {
            tenant: at.tenant.clone(),
            client_id: "a-deployer".to_owned(),
            secret: Secret::new("any".to_owned()),
        };
        let credential = client_secret(&who, Some(&at.login), &transport).expect("a secret is one");
        let azure = Azure::new(Options::new(at.arm.clone(), credential, transport));
        let host = format!("jobs-adt.adt.localhost:{}", at.adt.port().expect("it has one"));
        azure.digital_twins(&host).expect("a host is one")
    }

    fn blob(&self, name: &str) -> Url {
        let port = self.cloud.endpoints().data.port().expect("it has one");
        format!("https://jobstore.blob.localhost:{port}/jobs/{name}").parse().expect("a host and a path make a URL")
    }

    async fn upload(&self, name: &str, text: String) {
        let request = self.http.put(self.blob(name)).bearer_auth("t").header("x-ms-blob-type", "BlockBlob").body(text);
        assert_eq!(request.send().await.expect("the local cloud answers").status(), 201);
    }

    /// A request that our client has no word for.
    async fn ask(&self, method: Method, path: &str) -> Value {
        let url = format!("{}{path}?api-version=2023-10-31", self.cloud.endpoints().adt_http);
        let answer = self.http.request(method, url).bearer_auth("t").send().await.expect("the local cloud answers");
        answer.json().await.expect("it answers JSON")
    }
}

fn input(twins: usize) -> String {
    let model = json!({ "@id": "dtmi:jobs:Room;1", "@type": "Interface", "@context": "dtmi:dtdl:context;2" });
    let head =
        [json!({ "Section": "Header" }), json!({ "fileVersion": "1.0.0" }), json!({ "Section": "Models" }), model];
    let twin = |number| json!({ "$dtId": format!("r{number}"), "$metadata": { "$model": "dtmi:jobs:Room;1" } });
    let lines = head.into_iter().chain([json!({ "Section": "Twins" })]).chain((0..twins).map(twin));
    lines.map(|line| format!("{line}\n")).collect()
}

async fn ended(client: &Client, id: &str) -> ImportJob {
    let start = Instant::now();
    loop {
        let job = client.import_job(id).await.expect("an answer").expect("a job");
        if !matches!(job.status, JobStatus::Running(_)) {
            return job;
        }
        assert!(start.elapsed() < PATIENCE, "{job:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn our_client_imports_and_what_was_imported_can_be_deleted() {
    let world = World::start().await;
    let client = world.client();
    let (good, bad, log) = (world.blob("good.ndjson"), world.blob("bad.ndjson"), world.blob("log.ndjson"));
    world.upload("good.ndjson", input(300)).await;
    world.upload("bad.ndjson", "no header\n".to_owned()).await;
    assert_eq!(client.import_job("first").await.expect("an answer"), None);
    let begun = client.start_import("first", &good, &log).await.expect("it begins");
    assert_eq!((begun.input, begun.status), (good.to_string(), JobStatus::Running("notstarted".to_owned())));
    assert_eq!(ended(&client, "first").await.status, JobStatus::Succeeded);
    let again = client.start_import("first", &good, &log).await.expect_err("its id is taken");
    assert_eq!(again.kind(), Kind::Conflict, "{again}");
    assert_eq!(client.cancel_import("first").await.expect("an answer").status, JobStatus::Succeeded);
    client.start_import("second", &bad, &log).await.expect("it begins");
    let failed = ended(&client, "second").await;
    assert!(
        matches!(&failed.status, JobStatus::Failed { code: Some(code), .. } if code == "UnsupportedFileFormat"),
        "{failed:?}"
    );
    client.delete_import("second").await.expect("it is deleted");
    client.delete_import("second").await.expect("there is none");
    assert_eq!(world.ask(Method::GET, "digitaltwins/r299").await["$dtId"], "r299");
    let begun = world.ask(Method::POST, "jobs/deletions").await;
    let job = format!("jobs/deletions/{}", begun["id"].as_str().expect("a job has an id"));
    let start = Instant::now();
    while world.ask(Method::GET, &job).await["status"] != "succeeded" {
        assert!(start.elapsed() < PATIENCE, "the deletion does not end");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(world.ask(Method::GET, "models").await["value"], json!([]));
    assert_eq!(world.ask(Method::GET, "digitaltwins/r299").await["error"]["code"], "DigitalTwinNotFound");
    world.cloud.stop().await;
}
