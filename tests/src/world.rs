//! A world for the engine's sweeps: the real journal, the real Azure client, the local cloud, in one process.
//!
//! A kill is simulated: from the fatal point on no future of the process resolves, and the executor is dropped. What it
//! had on disk and what the cloud had done stays, as after `kill -9`; connections and memory are gone. Crash points are
//! before and after every record, and before and after every request (after: the reply is lost).

use std::{collections::BTreeMap, path::Path, sync::Arc};

use async_trait::async_trait;
use azure::azure_core::http::{
    Context, Request,
    policies::{Policy, PolicyResult},
};
use engine::{
    DefinitionError, Definitions, Options,
    graph::Graph,
    sweep::{CrashPoints, World, Worlds},
};
use functions::package::Handler;
use journal::{Actor, Append, Digest, Event, Record, RunId, Store, Stream, StreamState};
use serde_json::Value;
use tempfile::TempDir;
use workflows::{
    clouds::{Clouds, LocalAccess},
    definition::Definition,
    deploy::deployment_id,
    layers,
};

/// Makes worlds in which some definitions are known.
pub struct LocalWorlds {
    definitions: BTreeMap<Digest, Definition>,
    policies: Vec<Arc<dyn Policy>>,
}

impl LocalWorlds {
    /// Worlds that know `definitions`.
    #[must_use]
    pub fn new(definitions: impl IntoIterator<Item = Definition>) -> Self {
        let definitions = definitions.into_iter().map(|definition| (definition.digest(), definition)).collect();
        Self { definitions, policies: Vec::new() }
    }

    /// The same with a policy that sees every request and every answer.
    #[must_use]
    pub fn watched_by(mut self, policy: Arc<dyn Policy>) -> Self {
        self.policies.push(policy);
        self
    }
}

/// One world: a folder with a journal and a cloud, and what reaches them.
pub struct LocalWorld {
    folder: TempDir,
    cloud: local::server::Running,
    control: reqwest::Client,
    /// There but for the moment in which they are changed.
    clouds: Option<Clouds>,
    known: Known,
    deployment: String,
}

/// A memory-backed folder where there is one: the sweeps open thousands of journals, and none of them must survive the
/// machine.
fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let inside = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
    inside.expect("a temporary folder can be made")
}

#[async_trait]
impl Worlds for LocalWorlds {
    type World = LocalWorld;

    async fn fresh(&self, points: CrashPoints) -> LocalWorld {
        let folder = folder();
        let options = local::server::Options { dir: folder.path().join("cloud"), ..Default::default() };
        let cloud = local::server::start(options).await.expect("a local cloud starts in an empty folder");
        let endpoints = cloud.endpoints().clone();
        let mut policies: Vec<Arc<dyn Policy>> = vec![Arc::new(Fatal(points))];
        policies.extend(self.policies.iter().cloned());
        let access = LocalAccess {
            arm: endpoints.arm.clone(),
            login: endpoints.login.clone(),
            tenant: endpoints.tenant.clone(),
            ca_pem: std::fs::read(&endpoints.ca_pem).expect("the cloud wrote its certificate"),
            rates: endpoints.strictness.rates,
            policies,
        };
        let deployment = self.definitions.values().next().map(deployment_id).unwrap_or_default();
        LocalWorld {
            control: endpoints.client().expect("the certificate is one").build().expect("a client can be built"),
            clouds: Some(
                Clouds::local(access, Some(crate::projects::key().clone()))
                    .expect("the certificate is one")
                    .with_handler(Handler::bytes(*b"never started")),
            ),
            known: Known(self.definitions.clone()),
            folder,
            cloud,
            deployment,
        }
    }
}

impl LocalWorld {
    /// Asks the cloud's control interface.
    async fn control(&self, path: &str) -> Value {
        let url = self.cloud.endpoints().control.join(path).expect("a path joins a base URL");
        let answer = self.control.get(url).send().await.expect("the local cloud answers");
        answer.json().await.expect("the control interface answers JSON")
    }

    /// The folder that outlives the world's processes.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Reaches further clouds, too.
    pub fn change(&mut self, change: impl FnOnce(Clouds) -> Clouds) {
        self.clouds = self.clouds.take().map(change);
    }

    /// The cloud under test.
    #[must_use]
    pub fn cloud(&self) -> &local::server::Running {
        &self.cloud
    }
}

#[async_trait]
impl World for LocalWorld {
    type Env = Clouds;

    fn env(&self) -> &Clouds {
        self.clouds.as_ref().expect("they are there but for the moment in which they are changed")
    }

    fn definitions(&self) -> &dyn Definitions<Clouds> {
        &self.known
    }

    fn options(&self) -> Options {
        Options::new(&self.deployment, "10ca1000-0000-4000-8000-000000000000")
    }

    async fn journal(&self) -> (Box<dyn Append>, StreamState) {
        let actor = Actor { user: "sweep".into(), host: "test".into(), process: 1, version: "0".into(), ci: None };
        let store = Store::open(&self.folder.path().join("state"), actor, "sweep").expect("the last process is gone");
        let stream = store.stream(&self.deployment).expect("the stream is whole");
        let state = StreamState::clone(&stream.state());
        (Box::new(Owned { stream, _store: store }), state)
    }

    async fn dump(&self) -> Value {
        self.control("dump").await
    }

    async fn effects(&self) -> Vec<String> {
        let effects = self.control("effects").await;
        let effects = effects.as_array().expect("effects are a list").iter();
        effects
            .filter(|effect| effect["unchanged"] != true)
            .map(|effect| {
                format!("{} {} {}", text(effect, "service"), text(effect, "operation"), named(text(effect, "resource")))
            })
            .collect()
    }
}

/// A resource's name without its random parts: an assignment's id is made of the identity's, which is drawn anew in
/// every world.
fn named(resource: &str) -> String {
    let segment =
        |segment: &str| if uuid::Uuid::parse_str(segment).is_ok() { "<id>".into() } else { segment.to_owned() };
    resource.split('/').map(segment).collect::<Vec<_>>().join("/")
}

fn text<'a>(effect: &'a Value, member: &str) -> &'a str {
    effect[member].as_str().unwrap_or_default()
}

struct Known(BTreeMap<Digest, Definition>);

impl Definitions<Clouds> for Known {
    fn graph(&self, digest: &Digest) -> Result<Arc<Graph<Clouds>>, DefinitionError> {
        let wrong = |reason: String| DefinitionError { definition: digest.clone(), reason };
        let definition = self.0.get(digest).ok_or_else(|| wrong("it is not known in this world".into()))?;
        layers::graph(definition).map(Arc::new).map_err(|error| wrong(error.to_string()))
    }
}

/// A stream that keeps its store open.
struct Owned {
    stream: Stream,
    _store: Store,
}

#[async_trait]
impl Append for Owned {
    async fn append(&self, run: Option<RunId>, event: Event) -> Result<Record, journal::Error> {
        self.stream.append(run, event).await
    }
}

/// A crash point before and after every request.
#[derive(Debug)]
struct Fatal(CrashPoints);

#[async_trait]
impl Policy for Fatal {
    #[allow(elided_lifetimes_in_paths, reason = "the trait is written so")]
    async fn send(&self, context: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        self.0.pass().await;
        let answer = next[0].send(context, request, &next[1..]).await;
        self.0.pass().await;
        answer
    }
}
