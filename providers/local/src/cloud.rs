//! What all services of one running cloud share.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::adt;
use crate::apps::Apps;
use crate::arm::lifecycle;
use crate::blob;
use crate::clock::Clock;
use crate::cosmos;
use crate::effects;
use crate::events::{Grid, Outlet};
use crate::faults::Faults;
use crate::iot;
use crate::listen::Service;
use crate::recording::Recording;
use crate::server::Error;
use crate::state::State;
use crate::strictness::Strictness;
use crate::token;
use crate::twinmaker::Neighbour;

/// How long a write was recorded to take until queries of Azure Digital Twins see it.
const QUERY_LAG: Duration = Duration::from_secs(5);

/// One running cloud.
pub(crate) struct Cloud {
    pub(crate) clock: Clock,
    pub(crate) effects: effects::Log,
    pub(crate) faults: Faults,
    pub(crate) hosts: Hosts,
    pub(crate) twins: adt::Service,
    pub(crate) apps: Apps,
    pub(crate) devices: iot::Sessions,
    pub(crate) blobs: blob::Store,
    pub(crate) grid: Arc<Grid>,
    pub(crate) documents: cosmos::Store,
    pub(crate) neighbour: Neighbour,
    pub(crate) recording: Recording,
    /// What tokens are signed with.
    pub(crate) token_key: token::Key,
    pub(crate) strictness: Strictness,
    pub(crate) instance: String,
    pub(crate) stop: CancellationToken,
    /// Data-plane requests refused so far per role assignment, for the propagation fault.
    pub(crate) refused: Mutex<BTreeMap<String, u32>>,
    state: Mutex<State>,
}

impl Cloud {
    /// Opens the folder's state and brings the twins' instances in line with the resources.
    pub(crate) fn open(
        dir: &Path,
        clock: Clock,
        faults: Faults,
        hosts: Hosts,
        instance: &str,
        stop: CancellationToken,
    ) -> Result<Self, Error> {
        let effects = effects::Log::open(dir, clock.clone())?;
        let state = State::open(dir)?;
        let twins = adt::Service::open_lagging(dir, effects.clone(), clock.clone(), clock.lasts(QUERY_LAG))
            .map_err(|error| Error::Twins(Box::new(error)))?;
        let cloud = Self {
            apps: Apps::open(dir).map_err(|source| Error::Folder { dir: dir.to_owned(), source })?,
            blobs: blob::Store::new(dir),
            devices: iot::Sessions::default(),
            grid: Arc::new(Grid::open(dir, clock.clone())?),
            documents: cosmos::Store::open(dir)?,
            neighbour: Neighbour::open(dir).map_err(|source| Error::Folder { dir: dir.to_owned(), source })?,
            recording: Recording::default(),
            token_key: token::Key::open(dir).map_err(|source| Error::Folder { dir: dir.to_owned(), source })?,
            strictness: Strictness::default(),
            clock,
            effects,
            faults,
            hosts,
            twins,
            instance: instance.to_owned(),
            stop,
            refused: Mutex::default(),
            state: Mutex::new(state),
        };
        lifecycle::reconcile_instances(&cloud, &cloud.state());
        cloud.grid.renew(&cloud.state());
        cloud.twins.connect(Arc::new(Outlet { grid: Arc::clone(&cloud.grid), hosts: cloud.hosts.clone() }));
        blob::sweep(&cloud);
        Ok(cloud)
    }

    /// The same, enforcing what is asked for.
    pub(crate) fn enforcing(mut self, strictness: Strictness) -> Self {
        if strictness.rates {
            self.twins.limit();
        }
        self.strictness = strictness;
        self
    }

    /// The control plane's state; requests on it are served one at a time.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Host names and base URLs as they are handed out: the port is added only then, it is not part of the state.
#[derive(Clone, Debug)]
pub(crate) struct Hosts(BTreeMap<Service, u16>);

impl Hosts {
    pub(crate) fn new(ports: BTreeMap<Service, u16>) -> Self {
        Self(ports)
    }

    /// `{name}.{zone}.localhost:{port}`.
    pub(crate) fn of(&self, service: Service, zone: &str, name: &str) -> String {
        format!("{}.{zone}.localhost:{}", name.to_lowercase(), self.port(service))
    }

    /// `https://localhost:{port}`, without a slash at the end.
    pub(crate) fn base(&self, service: Service) -> String {
        format!("https://localhost:{}", self.port(service))
    }

    pub(crate) fn port(&self, service: Service) -> u16 {
        self.0.get(&service).copied().unwrap_or_default()
    }
}
