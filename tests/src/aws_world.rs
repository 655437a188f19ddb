//! A world for the engine's sweeps that spans two clouds: AWS played by an emulator of others, Azure by the local cloud.
//!
//! Crash points are before and after every record, and before and after every request to either cloud. The emulator is one
//! process per sweep, emptied for each world.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use aws::{Aws, Credentials, Kind};
use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
    },
    orchestrator::HttpRequest,
    runtime_components::RuntimeComponents,
};
use engine::{
    Definitions, Options,
    sweep::{CrashPoints, World, Worlds},
};
use journal::{Append, StreamState};
use serde_json::{Map, Value, json};
use workflows::{clouds::Clouds, definition::Definition, device_keys::DeviceKeys};

use crate::world::{LocalWorld, LocalWorlds};

/// The account and the region that the emulator's worlds are in.
const ACCOUNT: &str = "000000000000";
const REGION: &str = "eu-central-1";

/// How long the emulator may take until it answers.
const START: Duration = Duration::from_secs(60);

/// An emulator of AWS that lives as long as this.
pub struct Emulator {
    process: Child,
    endpoint: url::Url,
    client: reqwest::Client,
    _folder: tempfile::TempDir,
}

impl Emulator {
    /// Starts one on a free port.
    ///
    /// # Panics
    /// When it does not start in time.
    #[must_use]
    pub fn start(program: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let port = free_port();
        let process = Command::new(program)
            .env_clear()
            .envs([("BIND_HOST", "127.0.0.1"), ("MINISTACK_HOST", "localhost"), ("MINISTACK_REGION", REGION)])
            .envs([("IOT_MTLS_ENABLED", "0"), ("SFTP_ENABLED", "0"), ("LOG_LEVEL", "WARNING")])
            .env("GATEWAY_PORT", port.to_string())
            .env("HOME", folder.path())
            .env("TMPDIR", folder.path())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the emulator starts");
        let endpoint = url::Url::parse(&format!("http://127.0.0.1:{port}")).expect("it is a URL");
        let client = azure::transport::client(&[]).expect("the system has certificates");
        let mut emulator = Self { process, endpoint, client, _folder: folder };
        emulator.wait(port);
        emulator
    }

    fn wait(&mut self, port: u16) {
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = self.process.try_wait().expect("the child is ours");
            assert!(ended.is_none(), "the emulator ended: {ended:?}");
            assert!(begun.elapsed() < START, "the emulator does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    async fn empty(&self) {
        let url = self.endpoint.join("_ministack/reset").expect("a path joins a base URL");
        let answer = self.client.post(url).send().await.expect("the emulator answers");
        assert!(answer.status().is_success(), "the emulator is not emptied: {}", answer.status());
    }

    /// Where it answers.
    #[must_use]
    pub fn endpoint(&self) -> &url::Url {
        &self.endpoint
    }

    /// A handle to its account and region.
    #[must_use]
    pub fn aws(&self, http_client: Option<SharedHttpClient>) -> Aws {
        Aws::new(aws::Options {
            region: REGION.into(),
            endpoint: Some(self.endpoint.clone()),
            twin_maker_endpoint: None,
            credentials: Credentials::Static {
                access_key: ACCOUNT.into(),
                secret_key: aws::Secret::new("sweep".into()),
            },
            observer: None,
            http_client,
        })
    }

    /// The names of what is there, as the emulator itself lists them: no code of ours decides what is looked at.
    async fn names(&self, service: &str, list: List<'_>, member: &str) -> BTreeSet<String> {
        let scope = format!("AWS4-HMAC-SHA256 Credential={ACCOUNT}/20260101/{REGION}/{service}/aws4_request");
        let request = match list {
            List::Get(path) => self.client.get(self.endpoint.join(path).expect("a path joins a base URL")),
            List::Target(target) => self
                .client
                .post(self.endpoint.clone())
                .header("x-amz-target", target)
                .header("content-type", "application/x-amz-json-1.1")
                .body("{}"),
            List::Action(action) => self
                .client
                .post(self.endpoint.clone())
                .header("content-type", "application/x-www-form-urlencoded")
                .body(format!("Action={action}&Version=2010-05-08")),
        };
        let answer = request.header("authorization", scope).send().await.expect("the emulator answers");
        let text = answer.text().await.expect("the answer is text");
        match serde_json::from_str::<Value>(&text) {
            Ok(json) => members(&json, member).into_iter().collect(),
            Err(_) => elements(&text, member).map(str::to_owned).collect(),
        }
    }
}

/// How a service lists what it has.
#[derive(Clone, Copy)]
enum List<'a> {
    Get(&'a str),
    Target(&'a str),
    Action(&'a str),
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // Nothing to do about a process that is gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it is bound").port()
}

/// Every text under a member's name, as deep as it stands; a list of texts under it counts too.
fn members(json: &Value, member: &str) -> Vec<String> {
    match json {
        Value::Object(object) => object
            .iter()
            .flat_map(|(name, value)| match (name == member, value) {
                (true, Value::String(text)) => vec![text.clone()],
                (true, Value::Array(texts)) => texts.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
                _ => members(value, member),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(|item| members(item, member)).collect(),
        _ => Vec::new(),
    }
}

/// The text of each XML element of a name.
fn elements<'a>(xml: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let parts: Vec<&str> = xml.split(open.as_str()).skip(1).collect();
    parts.into_iter().filter_map(move |part| part.split(close.as_str()).next())
}

/// Makes worlds of two clouds in which some definitions are known.
pub struct AwsWorlds {
    local: LocalWorlds,
    emulator: Arc<Emulator>,
}

impl AwsWorlds {
    /// Worlds that know `definitions`, with an emulator of their own.
    #[must_use]
    pub fn new(program: PathBuf, definitions: impl IntoIterator<Item = Definition>) -> Self {
        Self { local: LocalWorlds::new(definitions), emulator: Arc::new(Emulator::start(&program)) }
    }
}

/// One world: a local cloud, and an emulator that was emptied for it.
pub struct AwsWorld {
    local: LocalWorld,
    emulator: Arc<Emulator>,
    effects: Effects,
}

#[async_trait]
impl Worlds for AwsWorlds {
    type World = AwsWorld;

    async fn fresh(&self, points: CrashPoints) -> AwsWorld {
        self.emulator.empty().await;
        let effects = Effects::default();
        let watched = Watched { inner: aws::http_client(), points: points.clone(), effects: effects.clone() };
        let mut local = self.local.fresh(points).await;
        let aws = self.emulator.aws(Some(SharedHttpClient::new(watched)));
        let keys = DeviceKeys::of(local.folder(), "sweep");
        local.change(|clouds: Clouds| clouds.with_aws(aws).with_device_keys(keys));
        AwsWorld { local, emulator: Arc::clone(&self.emulator), effects }
    }
}

#[async_trait]
impl World for AwsWorld {
    type Env = Clouds;

    fn env(&self) -> &Clouds {
        self.local.env()
    }

    fn definitions(&self) -> &dyn Definitions<Clouds> {
        self.local.definitions()
    }

    fn options(&self) -> Options {
        self.local.options()
    }

    async fn journal(&self) -> (Box<dyn Append>, StreamState) {
        self.effects.rest().await;
        self.local.journal().await
    }

    async fn dump(&self) -> Value {
        self.effects.rest().await;
        json!({ "azure": self.local.dump().await, "aws": plain(dump(&self.emulator).await) })
    }

    async fn effects(&self) -> Vec<String> {
        let mut effects = self.local.effects().await;
        effects.extend(self.effects.all());
        effects
    }
}

/// Everything that the emulator holds, by kind and name.
async fn dump(emulator: &Emulator) -> Value {
    let aws = emulator.aws(None);
    let mut all = Map::new();
    let found = [
        (Kind::Role, emulator.names("iam", List::Action("ListRoles"), "RoleName").await),
        (Kind::Function, emulator.names("lambda", List::Get("2015-03-31/functions/"), "FunctionName").await),
        (Kind::LogGroup, emulator.names("logs", List::Target("Logs_20140328.DescribeLogGroups"), "logGroupName").await),
        (Kind::Table, emulator.names("dynamodb", List::Target("DynamoDB_20120810.ListTables"), "TableNames").await),
        (Kind::Bucket, emulator.names("s3", List::Get(""), "Name").await),
        (Kind::Thing, emulator.names("iot", List::Get("things"), "thingName").await),
        (Kind::IotPolicy, emulator.names("iot", List::Get("policies"), "policyName").await),
        (Kind::TopicRule, emulator.names("iot", List::Get("rules"), "ruleName").await),
    ];
    for (kind, names) in found {
        for name in names {
            let found = aws.get(kind, &name).await.expect("the emulator answers").expect("what is listed is there");
            let mut told = json!({ "properties": found.properties, "tags": found.tags });
            about(&aws, kind, &name, &mut told).await;
            all.insert(format!("{kind} {name}"), told);
        }
    }
    let certificates = emulator.names("iot", List::Get("certificates"), "certificateId").await;
    all.insert("certificates".into(), certificates.len().into());
    all.into()
}

/// What belongs to a resource and is looked at apart.
async fn about(aws: &Aws, kind: Kind, name: &str, told: &mut Value) {
    match kind {
        Kind::Function => {
            let variables = aws.environment(name).await.expect("the emulator answers").unwrap_or_default();
            let variables = variables.iter().map(|(name, value)| (name.clone(), value.expose().into()));
            told["environment"] = Value::Object(variables.collect());
            let url = aws.get(Kind::FunctionUrl, name).await.expect("the emulator answers");
            told["url"] = url.map(|url| url.properties).unwrap_or_default();
        }
        Kind::Bucket => {
            told["objects"] = json!(aws.objects(name, "").await.expect("the emulator answers"));
        }
        Kind::Thing => {
            let principals = aws.principals_of_thing(name).await.expect("the emulator answers");
            told["principals"] = principals.len().into();
        }
        _ => {}
    }
}

/// The same without what chance has drawn: long runs of digits and letters, and ports.
fn plain(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(plain_text(&text)),
        Value::Array(items) => items.into_iter().map(plain).collect(),
        Value::Object(members) => members.into_iter().map(|(name, value)| (name, plain(value))).collect(),
        other => other,
    }
}

fn plain_text(text: &str) -> String {
    const LONG: usize = 32;
    let mut plain = String::new();
    for run in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let word = run.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let port = plain.ends_with("localhost:") && !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
        plain.push_str(if word.len() >= LONG || port { "<drawn>" } else { word });
        plain.push_str(&run[word.len()..]);
    }
    plain
}

/// What was made or deleted at AWS, in order, and how many requests are under way. Clones share it.
#[derive(Debug, Clone, Default)]
struct Effects(Arc<Noted>);

#[derive(Debug, Default)]
struct Noted {
    done: Mutex<Vec<String>>,
    under_way: AtomicUsize,
}

impl Effects {
    fn note(&self, effect: &str) {
        self.0.done.lock().expect("nothing panics while it holds this lock").push(plain_text(effect));
    }

    fn all(&self) -> Vec<String> {
        self.0.done.lock().expect("nothing panics while it holds this lock").clone()
    }

    /// Waits until no request is under way any more.
    async fn rest(&self) {
        let begun = Instant::now();
        while self.0.under_way.load(Ordering::SeqCst) > 0 {
            assert!(begun.elapsed() < START, "a request does not come to its end");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// A client that has a crash point before and after every exchange, and notes what was made and deleted.
#[derive(Debug)]
struct Watched {
    inner: SharedHttpClient,
    points: CrashPoints,
    effects: Effects,
}

impl HttpClient for Watched {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector {
            inner: self.inner.http_connector(settings, components),
            points: self.points.clone(),
            effects: self.effects.clone(),
        })
    }
}

#[derive(Debug, Clone)]
struct Connector {
    inner: SharedHttpConnector,
    points: CrashPoints,
    effects: Effects,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Self { inner, points, effects } = self.clone();
        HttpConnectorFuture::new(async move {
            points.pass().await;
            // A request that has left comes to its end, whether or not its sender lives to see it.
            effects.0.under_way.fetch_add(1, Ordering::SeqCst);
            let sent = tokio::spawn(async move {
                let effect = effect(&request);
                let answer = inner.call(request).await;
                if let (Some(effect), Ok(answer)) = (effect, &answer)
                    && answer.status().is_success()
                {
                    effects.note(&effect);
                }
                effects.0.under_way.fetch_sub(1, Ordering::SeqCst);
                answer
            });
            let answer = sent.await.expect("sending does not panic");
            points.pass().await;
            answer
        })
    }
}

/// What a request makes or deletes, if it does: changes of what is there may be repeated, and are seen in the dump.
fn effect(request: &HttpRequest) -> Option<String> {
    let path =
        request.uri().split_once("://").map_or("", |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
    let path = path.split('?').next().unwrap_or_default();
    let body = request.body().bytes().map(String::from_utf8_lossy).unwrap_or_default();
    let action = request
        .headers()
        .get("x-amz-target")
        .map(str::to_owned)
        .or_else(|| body.split('&').find_map(|pair| pair.strip_prefix("Action=")).map(str::to_owned));
    let name = ["RoleName=", "\"TableName\":", "\"logGroupName\":"]
        .iter()
        .find_map(|key| body.split_once(key))
        .map(|(_, rest)| rest.split(['&', ',', '}']).next().unwrap_or_default().to_owned());
    match action {
        Some(action) => {
            let verb = action.rsplit('.').next().unwrap_or_default();
            let makes = verb.starts_with("Create") || verb.starts_with("Delete");
            makes.then(|| format!("aws {verb} {}", name.unwrap_or_default()))
        }
        // A URL of a function and its statements are its own; objects are named by their contents.
        None => {
            let made = ["2015-03-31/functions", "things/", "rules/", "policies/", "certificate/"];
            let whole = made.iter().any(|prefix| path.starts_with(prefix)) && path.split('/').count() <= 3;
            let method = request.method();
            (whole && (method == "POST" || method == "DELETE")).then(|| format!("aws {method} {path}"))
        }
    }
}
