//! Starting and stopping a local cloud inside this process.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use crate::blob::JobBlobs;
use crate::clock::Clock;
use crate::cloud::{Cloud, Hosts};
use crate::endpoints::{Endpoints, SUBSCRIPTION, TENANT};
use crate::faults::{Fault, Faults};
use crate::listen::{self, Service};
use crate::lock::{self, Attempt, Lock, Owner};
use crate::strictness::{self, Strictness};
use crate::{apps, events, lines, tls, token};

/// How a remembered port that is taken is waited for: a client's passing connection may sit on it.
const PORT_PATIENCE: Duration = Duration::from_secs(3);

/// What to serve.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where all state lies; created when missing.
    pub dir: PathBuf,
    /// Scale for the recorded durations of long operations, and for how far queries lag; `None` means instant.
    pub realistic: Option<f64>,
    /// Faults in force from the start.
    pub faults: Vec<Fault>,
    /// The port for MQTT, on which device SDKs insist (8883); `None` takes a free one.
    pub mqtt_port: Option<u16>,
    /// Whether the rates of digital twins are limited; `None` leaves that as the folder remembers it.
    pub rates: Option<bool>,
    /// Whether the data plane of digital twins enforces roles; `None` leaves that as the folder remembers it.
    pub rbac: Option<bool>,
    /// The AWS emulator at which TwinMaker calls its connectors; `None` keeps the one that was told before.
    pub aws_endpoint: Option<Url>,
}

/// What starting or serving can run into.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file in the folder cannot be used.
    #[error("use the local cloud's folder {dir}", dir = dir.display())]
    Folder {
        /// The folder.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process serves the folder.
    #[error("serve {dir}: {} does already", holder(.owner.as_ref()), dir = dir.display())]
    Taken {
        /// The folder.
        dir: PathBuf,
        /// Who has it, when known.
        owner: Option<Owner>,
    },
    /// A port cannot be listened on.
    #[error("listen on 127.0.0.1:{port} for {service}")]
    Port {
        /// The service's name.
        service: &'static str,
        /// The port; 0 when any would have done.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// The state on disk cannot be read.
    #[error("read the local cloud's state")]
    State(#[from] lines::Error),
    /// The twins on disk cannot be read.
    #[error("read the local cloud's digital twins")]
    Twins(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Certificates cannot be made or read.
    #[error("set up the local cloud's certificates")]
    Tls(#[from] tls::Error),
    /// Signals cannot be waited for.
    #[error("wait for signals")]
    Signals(#[source] io::Error),
}

fn holder(owner: Option<&Owner>) -> String {
    owner.map_or("another process".to_owned(), |owner| format!("process {} (since {})", owner.pid, owner.since))
}

/// A cloud that serves; dropping it stops it without waiting.
#[derive(Debug)]
pub struct Running {
    endpoints: Endpoints,
    dir: PathBuf,
    stop: CancellationToken,
    tasks: TaskTracker,
    _lock: Lock,
}

impl Running {
    /// Where it serves.
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// Stops it and waits until no request is being answered any more.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }

    /// Serves until the control interface, SIGTERM or SIGINT says stop.
    pub async fn wait(self) -> Result<(), Error> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut term = signal(SignalKind::terminate()).map_err(Error::Signals)?;
        let mut int = signal(SignalKind::interrupt()).map_err(Error::Signals)?;
        tokio::select! {
            () = self.stop.cancelled() => {}
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
        self.stop().await;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
        // Best effort: a file that stays behind is recognised as stale by the free lock.
        let _ = Endpoints::remove(&self.dir);
    }
}

/// Starts a cloud on the folder's state; returns when every listener accepts.
pub async fn start(options: Options) -> Result<Running, Error> {
    let dir = options.dir;
    let clock = Clock::system(options.realistic);
    let lock = claim(&dir, &clock)?;
    let strictness = Strictness::settle(&dir, options.rates, options.rbac).map_err(|source| folder(&dir, source))?;
    let listeners = bind_all(&dir, options.mqtt_port).await?;
    let tls = tls::server_config(&dir)?;
    let ports = ports_of(&listeners).map_err(|source| folder(&dir, source))?;
    let faults = Faults::default();
    faults.replace(options.faults);
    let endpoints = endpoints(&dir, &ports, strictness);
    let stop = CancellationToken::new();
    let cloud = Cloud::open(&dir, clock, faults, Hosts::new(ports), &endpoints.instance, stop.clone())?;
    let cloud = Arc::new(cloud.enforcing(strictness));
    if options.aws_endpoint.is_some() {
        cloud.neighbour.tell(options.aws_endpoint).map_err(|source| folder(&dir, source))?;
    }
    cloud.twins.attach(Arc::new(JobBlobs::of(&cloud)));
    let tasks = TaskTracker::new();
    for (service, listener) in listeners {
        let tls = service.is_tls().then(|| Arc::clone(&tls));
        tasks.spawn(listen::serve(Arc::clone(&cloud), service, listener, tls, tasks.clone()));
    }
    tasks.spawn(events::run(Arc::clone(&cloud)));
    tasks.spawn(apps::run(Arc::clone(&cloud)));
    tasks.spawn(halt_jobs(Arc::clone(&cloud)));
    tasks.close();
    endpoints.write(&dir).map_err(|source| folder(&dir, source))?;
    Ok(Running { endpoints, dir, stop, tasks, _lock: lock })
}

/// Stops the twins' jobs with the cloud: the next one takes them up where they were.
async fn halt_jobs(cloud: Arc<Cloud>) {
    cloud.stop.cancelled().await;
    let twins = cloud.twins.clone();
    if let Err(error) = tokio::task::spawn_blocking(move || twins.halt()).await {
        tracing::error!(%error, "the twins' jobs could not be stopped");
    }
}

/// Deletes everything that a cloud keeps in its folder, and nothing else.
pub(crate) fn wipe(dir: &Path) -> io::Result<()> {
    let gone = |result: io::Result<()>| match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    for name in [
        "endpoints.json",
        "endpoints.json.new",
        "ports.json",
        "aws.json",
        "aws.json.new",
        strictness::FILE,
        "strictness.json.new",
        token::KEY_FILE,
        "token.key.new",
        "cloud.jsonl",
        "cloud.jsonl.new",
        "effects.jsonl",
        "ca.pem",
        "ca.key",
        "leaf.pem",
        "leaf.key",
        "cloud.log",
        "lock",
    ] {
        gone(fs::remove_file(dir.join(name)))?;
    }
    for name in ["adt", "apps", "blob", crate::cosmos::FOLDER, "events", "packages"] {
        gone(fs::remove_dir_all(dir.join(name)))?;
    }
    Ok(())
}

fn claim(dir: &Path, clock: &Clock) -> Result<Lock, Error> {
    let failed = |source| folder(dir, source);
    fs::create_dir_all(dir).map_err(failed)?;
    match lock::take(dir, clock.timestamp()).map_err(failed)? {
        Attempt::Taken(lock) => {
            Endpoints::remove(dir).map_err(failed)?;
            Ok(lock)
        }
        Attempt::Held(owner) => Err(Error::Taken { dir: dir.to_owned(), owner }),
    }
}

async fn bind_all(dir: &Path, mqtt: Option<u16>) -> Result<Vec<(Service, TcpListener)>, Error> {
    let path = dir.join("ports.json");
    let mut ports: BTreeMap<String, u16> = match fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| folder(dir, error.into()))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
        Err(error) => return Err(folder(dir, error)),
    };
    let mut listeners = Vec::new();
    for service in Service::ALL {
        let asked = mqtt.filter(|_| service == Service::Mqtt);
        let port = asked.or_else(|| ports.get(service.name()).copied()).unwrap_or(0);
        let listener = bind(service, port).await?;
        let port = listener.local_addr().map_err(|source| folder(dir, source))?.port();
        ports.insert(service.name().to_owned(), port);
        listeners.push((service, listener));
    }
    let text = serde_json::to_vec_pretty(&ports).map_err(|error| folder(dir, error.into()))?;
    fs::write(&path, text).map_err(|source| folder(dir, source))?;
    Ok(listeners)
}

/// Listens on the remembered port: host names and poll URLs that were handed out before a restart hold it.
async fn bind(service: Service, port: u16) -> Result<TcpListener, Error> {
    let start = Instant::now();
    loop {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            Ok(listener) => return Ok(listener),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && start.elapsed() < PORT_PATIENCE => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(source) => return Err(Error::Port { service: service.name(), port, source }),
        }
    }
}

fn ports_of(listeners: &[(Service, TcpListener)]) -> io::Result<BTreeMap<Service, u16>> {
    listeners.iter().map(|(service, listener)| Ok((*service, listener.local_addr()?.port()))).collect()
}

fn endpoints(dir: &Path, ports: &BTreeMap<Service, u16>, strictness: Strictness) -> Endpoints {
    let url = |service: Service| {
        let port = ports.get(&service).copied().unwrap_or_default();
        let base = match service {
            // A name, since clients put others before it.
            Service::TwinMaker => "http://localhost",
            service if service.is_tls() => "https://localhost",
            _ => "http://127.0.0.1",
        };
        Url::parse(&format!("{base}:{port}/")).expect("a host and a port make a URL")
    };
    Endpoints {
        arm: url(Service::Arm),
        adt: url(Service::Adt),
        adt_http: url(Service::AdtHttp),
        login: url(Service::Login),
        imds: url(Service::Imds),
        iot_hub: url(Service::IotHub),
        mqtt: Url::parse(&format!("mqtts://localhost:{}", ports.get(&Service::Mqtt).copied().unwrap_or_default()))
            .expect("a host and a port make a URL"),
        scm: url(Service::Scm),
        web: url(Service::Web),
        data: url(Service::Data),
        twinmaker: url(Service::TwinMaker),
        control: url(Service::Control),
        ca_pem: tls::ca_path(&std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned())),
        subscription: SUBSCRIPTION.to_owned(),
        tenant: TENANT.to_owned(),
        strictness,
        pid: std::process::id(),
        instance: uuid::Uuid::new_v4().to_string(),
    }
}

fn folder(dir: &Path, source: io::Error) -> Error {
    Error::Folder { dir: dir.to_owned(), source }
}
