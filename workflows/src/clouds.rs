//! What steps act through: the clouds' clients, and the key that settings' secrets are derived from.

use std::{sync::Arc, time::Duration};

use aws::Aws;
use azure::{
    Azure, Observer, Options,
    azure_core::http::policies::Policy,
    credentials::{self, ClientSecret, Login},
    digital_twins::Limits,
    transport,
};
use engine::step::{Error, FailureKind};
use functions::{
    package::{Compression, Handler},
    settings::{Secret, SecretRef},
};
use url::Url;

use crate::{device_keys::DeviceKeys, inter_cloud::Key};

/// The wait between two polls of a local operation that names none: nothing there takes long.
const LOCAL_POLL: Duration = Duration::from_millis(10);

/// Azure Resource Manager of the public cloud.
const ARM: &str = "https://management.azure.com";

/// The clouds that a deployment uses.
pub struct Clouds {
    /// Azure, the real one or the local one.
    pub azure: Azure,
    /// AWS, the real one or an emulator; none where nothing of the deployment is there.
    aws: Option<Aws>,
    /// Where the keys of devices are kept.
    device_keys: Option<DeviceKeys>,
    /// The wait between two looks at something that names none.
    pub(crate) poll_interval: Duration,
    /// How packages are built: compressed where a network lies between.
    pub(crate) compression: Compression,
    key: Option<Key>,
    handler: Option<Handler>,
}

/// How to reach a local cloud.
#[derive(Debug, Clone)]
pub struct LocalAccess {
    /// Its Resource Manager.
    pub arm: Url,
    /// Its OAuth authority.
    pub login: Url,
    /// Its tenant.
    pub tenant: String,
    /// The certificate authority that it made for itself, in PEM form.
    pub ca_pem: Vec<u8>,
    /// Whether it limits the rates of digital twins as the real one does.
    pub rates: bool,
    /// Policies that see every request and every answer; for tests.
    pub policies: Vec<Arc<dyn Policy>>,
}

impl Clouds {
    /// The local cloud. The same clients speak to it as to the real ones; only base URL, trust and login differ.
    ///
    /// # Errors
    /// When the certificate is none.
    pub fn local(access: LocalAccess, key: Option<Key>) -> Result<Self, azure::Error> {
        let transport = transport::client(&[access.ca_pem])?;
        // Any secret will do: the local cloud's accounts guard nothing.
        let secret = credentials::Secret::new("local".into());
        let account = ClientSecret { tenant: access.tenant, client_id: "twinctl".into(), secret };
        let credential = credentials::client_secret(&account, Some(&access.login), &transport)?;
        let options = Options {
            per_try_policies: access.policies,
            poll_interval: LOCAL_POLL,
            limits: if access.rates { Limits::default() } else { Limits::none() },
            observer: Some(Observer::new(engine::requests::note)),
            ..Options::new(access.arm, credential, transport)
        };
        Ok(Self {
            azure: Azure::new(options),
            aws: None,
            device_keys: None,
            poll_interval: LOCAL_POLL,
            compression: Compression::Stored,
            key,
            handler: None,
        })
    }

    /// The real Azure, with the credentials that are at hand.
    ///
    /// # Errors
    /// When there are none that could be tried.
    pub fn public(login: &Login, key: Option<Key>) -> Result<Self, azure::Error> {
        let transport = transport::client(&[])?;
        let credential = credentials::chain(login, &transport)?;
        let arm = Url::parse(ARM).expect("the public cloud's address is a URL");
        let observer = Some(Observer::new(engine::requests::note));
        let options = Options { observer, ..Options::new(arm, credential, transport) };
        Ok(Self {
            poll_interval: options.poll_interval,
            azure: Azure::new(options),
            aws: None,
            device_keys: None,
            compression: Compression::Deflated,
            key,
            handler: None,
        })
    }

    /// The same with the program that function apps run; without it no app's code can be looked at or deployed.
    #[must_use]
    pub fn with_handler(mut self, handler: Handler) -> Self {
        self.handler = Some(handler);
        self
    }

    /// The same with the key that tokens are derived from.
    #[must_use]
    pub fn with_key(mut self, key: Option<Key>) -> Self {
        self.key = key;
        self
    }

    /// The same with AWS.
    #[must_use]
    pub fn with_aws(mut self, aws: Aws) -> Self {
        self.aws = Some(aws);
        self
    }

    /// The same with the place of devices' keys; without it no device that logs in by certificate can be deployed.
    #[must_use]
    pub fn with_device_keys(mut self, keys: DeviceKeys) -> Self {
        self.device_keys = Some(keys);
        self
    }

    pub(crate) fn aws(&self) -> Result<&Aws, Error> {
        let missing = || Error::failed(FailureKind::Permanent, "reach AWS: no connection to it was set up");
        self.aws.as_ref().ok_or_else(|| missing().with_code("no-aws"))
    }

    pub(crate) fn device_keys(&self) -> Result<&DeviceKeys, Error> {
        let missing = || Error::failed(FailureKind::Permanent, "find the keys of devices: no place for them is known");
        self.device_keys.as_ref().ok_or_else(missing)
    }

    pub(crate) fn handler(&self) -> Result<&Handler, Error> {
        let missing = "find the functions' program: none was given";
        self.handler
            .as_ref()
            .ok_or_else(|| Error::failed(FailureKind::Permanent, missing).with_code("no-functions-program"))
    }

    pub(crate) fn reveal(&self, reference: &SecretRef) -> Result<Secret, Error> {
        let wrong = |why: String| Error::failed(FailureKind::Permanent, why).with_code("wrong-key");
        match &self.key {
            Some(key) => key.reveal(reference).map_err(|error| wrong(error.to_string())),
            None => Err(wrong(format!("derive the token of {}: there is no key file", reference.connection))),
        }
    }
}
