//! Where a running local cloud is to be found, and a client that finds it.

use std::fs;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::strictness::Strictness;
use crate::tls;

/// The one subscription of every local cloud.
pub const SUBSCRIPTION: &str = "10ca1000-5ab5-5c21-9a70-10ca10000001";
/// The one tenant of every local cloud.
pub const TENANT: &str = "10ca1000-7e9a-5c21-9a70-10ca10000002";

const FILE: &str = "endpoints.json";

/// Base URLs of a running local cloud; lies in `<dir>/endpoints.json` while the cloud runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoints {
    /// Azure Resource Manager, HTTPS.
    pub arm: Url,
    /// The Azure Digital Twins data plane, HTTPS; instances are `{name}.adt.localhost` on the same port.
    pub adt: Url,
    /// The Azure Digital Twins data plane without TLS, for clients that cannot trust the cloud's own CA.
    pub adt_http: Url,
    /// The OAuth authority, HTTPS; append the tenant.
    pub login: Url,
    /// The instance metadata service and App Service's identity endpoint, HTTP.
    pub imds: Url,
    /// The IoT Hub data plane, HTTPS; hubs are `{name}.hub.localhost` on the same port.
    pub iot_hub: Url,
    /// IoT Hub for devices, MQTT 3.1.1 over TLS; hubs are `{name}.hub.localhost` on the same port.
    pub mqtt: Url,
    /// Function package upload (Kudu), HTTPS; apps are `{name}.scm.localhost` on the same port.
    pub scm: Url,
    /// Function apps, HTTPS; apps are `{name}.web.localhost` on the same port.
    pub web: Url,
    /// Blob and Cosmos DB data planes, HTTPS; `{name}.blob.localhost`, `{name}.documents.localhost`.
    pub data: Url,
    /// AWS IoT TwinMaker, HTTP; SDKs put `api.` and `data.` before the host name.
    pub twinmaker: Url,
    /// The control interface: effects, dump, faults, stop. HTTP.
    pub control: Url,
    /// The certificate that signed all of the above, PEM.
    pub ca_pem: PathBuf,
    /// The subscription that everything lives in.
    pub subscription: String,
    /// The tenant that the subscription belongs to.
    pub tenant: String,
    /// What it enforces.
    #[serde(default)]
    pub strictness: Strictness,
    /// The serving process.
    pub pid: u32,
    /// Drawn anew at every start, so that an old file is never taken for a running cloud.
    pub instance: String,
}

/// Names under which [`Endpoints::url`] finds a base URL.
pub const NAMES: [&str; 12] =
    ["arm", "adt", "adt-http", "login", "imds", "iot-hub", "mqtt", "scm", "web", "data", "twinmaker", "control"];

impl Endpoints {
    /// The base URL of that name (one of [`NAMES`]), or `None`.
    pub fn url(&self, name: &str) -> Option<&Url> {
        Some(match name {
            "arm" => &self.arm,
            "adt" => &self.adt,
            "adt-http" => &self.adt_http,
            "login" => &self.login,
            "imds" => &self.imds,
            "iot-hub" => &self.iot_hub,
            "mqtt" => &self.mqtt,
            "scm" => &self.scm,
            "web" => &self.web,
            "data" => &self.data,
            "twinmaker" => &self.twinmaker,
            "control" => &self.control,
            _ => return None,
        })
    }

    /// Reads what the last start in `dir` wrote; `None` when there is no such file.
    ///
    /// The file alone does not prove that the cloud still runs: see [`crate::process::status`].
    pub fn read(dir: &Path) -> io::Result<Option<Self>> {
        match fs::read(dir.join(FILE)) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes the file, mode 0600, in one step.
    pub(crate) fn write(&self, dir: &Path) -> io::Result<()> {
        let beside = dir.join("endpoints.json.new");
        let mut file = fs::File::options().create(true).truncate(true).write(true).mode(0o600).open(&beside)?;
        file.write_all(&serde_json::to_vec_pretty(self)?)?;
        fs::rename(&beside, dir.join(FILE))
    }

    /// Takes the file away; a missing one is fine.
    pub(crate) fn remove(dir: &Path) -> io::Result<()> {
        match fs::remove_file(dir.join(FILE)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// A client builder that trusts this cloud's CA and resolves every `*.localhost` to loopback itself.
    ///
    /// Proxies from the environment are ignored: they could not reach this machine's loopback.
    pub fn client(&self) -> Result<reqwest::ClientBuilder, tls::Error> {
        let config = tls::client_config(&self.ca_pem)?;
        Ok(reqwest::Client::builder().tls_backend_preconfigured(config).dns_resolver(Arc::new(Loopback)).no_proxy())
    }
}

/// Resolves `localhost` and everything below it to 127.0.0.1, and nothing else.
#[derive(Clone, Copy, Debug)]
pub struct Loopback;

impl Resolve for Loopback {
    fn resolve(&self, name: Name) -> Resolving {
        let known = name.as_str() == "localhost" || name.as_str().ends_with(".localhost");
        let host = name.as_str().to_owned();
        Box::pin(async move {
            if known {
                let address: Addrs = Box::new(std::iter::once(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))));
                Ok(address)
            } else {
                Err(format!("{host} is not a name of the local cloud").into())
            }
        })
    }
}
