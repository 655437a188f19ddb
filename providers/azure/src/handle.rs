//! The handle to one cloud, and how it is reached.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use azure_core::{credentials::TokenCredential, http::policies::Policy};
use url::Url;

use crate::{
    Error, arm,
    auth::Tokens,
    blob, cosmos,
    credentials::{Principal, Secret},
    digital_twins::{self, Limits, Pace},
    error::Plane,
    http::Service,
    iot_hub, scm,
};

/// The scope of tokens for Resource Manager and for deployment sites.
const ARM_SCOPE: &str = "https://management.azure.com/.default";
const DIGITAL_TWINS_SCOPE: &str = "https://digitaltwins.azure.net/.default";
/// What every account in the public cloud takes; the official SDKs fall back to it.
const COSMOS_SCOPE: &str = "https://cosmos.azure.com/.default";
const STORAGE_SCOPE: &str = "https://storage.azure.com/.default";
const IOT_HUB_SCOPE: &str = "https://iothubs.azure.net/.default";

/// How to reach a cloud.
#[derive(Debug, Clone)]
pub struct Options {
    /// Resource Manager's base URL.
    pub arm: Url,
    /// Who we are.
    pub credential: Arc<dyn TokenCredential>,
    /// The client under the pipeline ([`crate::transport::client`]).
    pub transport: reqwest::Client,
    /// Policies that see every request and every answer, closest to the wire.
    pub per_try_policies: Vec<Arc<dyn Policy>>,
    /// The time that one request may take, its answer's body included. Uploads of packages get ten times as much.
    pub timeout: Duration,
    /// The wait between two polls of an operation when the service names none.
    pub poll_interval: Duration,
    /// The rates of a twin instance that the client keeps to.
    pub limits: Limits,
    /// Is told the id of each answered request that may have changed something; not of live data, which is no step's.
    pub observer: Option<Observer>,
}

impl Options {
    /// The options with the defaults that suit the real cloud.
    #[must_use]
    pub fn new(arm: Url, credential: Arc<dyn TokenCredential>, transport: reqwest::Client) -> Self {
        Self {
            arm,
            credential,
            transport,
            per_try_policies: Vec::new(),
            timeout: Duration::from_secs(60),
            poll_interval: Duration::from_secs(5),
            limits: Limits::default(),
            observer: None,
        }
    }
}

/// Is told the id of a request, as the service states it.
#[derive(Clone)]
pub struct Observer(Arc<dyn Fn(&str) + Send + Sync>);

impl Observer {
    /// An observer that calls a function.
    pub fn new(told: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(told))
    }

    pub(crate) fn tell(&self, id: &str) {
        (self.0)(id);
    }
}

impl std::fmt::Debug for Observer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Observer")
    }
}

/// The handle to one cloud; cheap to clone, its clones share connections, tokens and the pace.
#[derive(Debug, Clone)]
pub struct Azure {
    shared: Arc<Shared>,
    arm: arm::Client,
}

#[derive(Debug)]
struct Shared {
    options: Options,
    arm_tokens: Arc<Tokens>,
    digital_twins_tokens: Arc<Tokens>,
    iot_hub_tokens: Arc<Tokens>,
    cosmos_tokens: Arc<Tokens>,
    storage_tokens: Arc<Tokens>,
    /// By host: the limits are the instance's, whoever asks.
    paces: Mutex<HashMap<String, Arc<Pace>>>,
}

impl Azure {
    /// A handle; sends nothing yet.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let tokens = |scope| Tokens::new(Arc::clone(&options.credential), scope);
        let (arm_tokens, digital_twins_tokens) = (tokens(ARM_SCOPE), tokens(DIGITAL_TWINS_SCOPE));
        let (iot_hub_tokens, cosmos_tokens) = (tokens(IOT_HUB_SCOPE), tokens(COSMOS_SCOPE));
        let storage_tokens = tokens(STORAGE_SCOPE);
        let service = Service::new(&options, Plane::Arm, options.arm.clone(), &arm_tokens);
        let arm = arm::Client::new(service, options.poll_interval);
        let paces = Mutex::default();
        Self {
            shared: Arc::new(Shared {
                options,
                arm_tokens,
                digital_twins_tokens,
                iot_hub_tokens,
                cosmos_tokens,
                storage_tokens,
                paces,
            }),
            arm,
        }
    }

    /// Azure Resource Manager.
    #[must_use]
    pub fn arm(&self) -> &arm::Client {
        &self.arm
    }

    /// The data plane of a Digital Twins instance, by the `hostName` that Resource Manager returned.
    ///
    /// # Errors
    /// When `host_name` is not one.
    pub fn digital_twins(&self, host_name: &str) -> Result<digital_twins::Client, Error> {
        let base = base_url(host_name)?;
        let pace = {
            let mut paces = self.shared.paces.lock().unwrap_or_else(PoisonError::into_inner);
            let pace = paces.entry(host_name.to_ascii_lowercase());
            Arc::clone(pace.or_insert_with(|| Arc::new(Pace::new(self.shared.options.limits))))
        };
        let service = Service::new(&self.shared.options, Plane::DigitalTwins, base, &self.shared.digital_twins_tokens);
        Ok(digital_twins::Client::new(service, pace))
    }

    /// The device registry of a hub, by the `properties.hostName` that Resource Manager returned.
    ///
    /// # Errors
    /// When `host_name` is not one.
    pub fn iot_hub(&self, host_name: &str) -> Result<iot_hub::Client, Error> {
        let base = base_url(host_name)?;
        Ok(iot_hub::Client::new(Service::new(&self.shared.options, Plane::IotHub, base, &self.shared.iot_hub_tokens)))
    }

    /// The items of a container, by the account's `properties.documentEndpoint` that Resource Manager returned.
    ///
    /// # Errors
    /// When `endpoint` is not one.
    pub fn cosmos(&self, endpoint: &Url, database: &str, container: &str) -> Result<cosmos::Container, Error> {
        let base = base_url(endpoint.as_str())?;
        let service = Service::new(&self.shared.options, Plane::Cosmos, base, &self.shared.cosmos_tokens);
        Ok(cosmos::Container::new(service, database, container))
    }

    /// The blobs of a container, by the account's `properties.primaryEndpoints.blob` that Resource Manager returned.
    ///
    /// # Errors
    /// When `endpoint` is not one.
    pub fn blobs(&self, endpoint: &Url, container: &str) -> Result<blob::Container, Error> {
        let base = base_url(endpoint.as_str())?;
        let service = Service::new(&self.shared.options, Plane::Blob, base, &self.shared.storage_tokens);
        Ok(blob::Container::new(service, container))
    }

    /// A device of a hub, as which messages are sent, by the `properties.hostName` that Resource Manager returned. `key`
    /// is the device's primary or secondary key ([`iot_hub::Device::primary_key`]).
    ///
    /// # Errors
    /// When `hub_host` is not a host name or `key` not base64.
    pub fn device(&self, hub_host: &str, device_id: &str, key: &Secret) -> Result<iot_hub::device::Sender, Error> {
        let base = base_url(hub_host)?;
        let tokens = iot_hub::sas::Tokens::new(&base, device_id, key)?;
        let service = Service::authorised_by(&self.shared.options, Plane::Device, base, Arc::new(tokens));
        Ok(iot_hub::device::Sender::new(service, device_id))
    }

    /// The deployment site of a function app, by the host that its site resource names ([`scm::host_of`]).
    ///
    /// # Errors
    /// When `host` is not one.
    pub fn scm(&self, host: &str) -> Result<scm::Client, Error> {
        let base = base_url(host)?;
        let mut service = Service::new(&self.shared.options, Plane::Scm, base, &self.shared.arm_tokens);
        service.timeout *= 10;
        Ok(scm::Client::new(service))
    }

    /// Asks the credential who we are; a token is fetched, nothing else is called.
    ///
    /// # Errors
    /// When the credential gives no token, or one that names nobody.
    pub async fn principal(&self) -> Result<Principal, Error> {
        let timeout = self.shared.options.timeout;
        let token = tokio::time::timeout(timeout, self.shared.arm_tokens.token())
            .await
            .map_err(|_| Error::timed_out("get a token".into(), timeout))?
            .map_err(|error| Error::from_pipeline("get a token".into(), &error))?;
        Principal::from_token(&token)
    }
}

/// The base URL for a host name as Azure returns it. A whole URL is taken as it stands (`http` is for this machine).
fn base_url(host_name: &str) -> Result<Url, Error> {
    let text = if host_name.contains("://") { host_name.to_owned() } else { format!("https://{host_name}/") };
    let url = Url::parse(&text).ok().filter(|url| url.has_host() && url.path() == "/" && url.query().is_none());
    url.ok_or_else(|| Error::permanent(format!("{host_name:?} is not a host name")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_become_https_and_nothing_else_is_one() {
        assert_eq!(base_url("f.api.weu.digitaltwins.azure.net").expect("a host").scheme(), "https");
        assert_eq!(base_url("f.adt.localhost:4123").expect("a host").port(), Some(4123));
        assert_eq!(base_url("http://127.0.0.1:80").expect("a URL").scheme(), "http");
        for wrong in ["", "a b", "host/path", "https://h/?x=1"] {
            assert!(base_url(wrong).is_err(), "{wrong}");
        }
    }
}
