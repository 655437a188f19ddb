//! The settings of each function.
//!
//! `S` is [`SecretRef`] on the deployer's side and [`Secret`] on the function's.

use url::Url;

use super::{
    AppSettings, Secret, SecretRef, Storage,
    reader::{Environment, Error, Writer},
};
use crate::twin_info::TwinInfo;

/// The setting that holds the instance's URL: the pusher's is set by whoever knows it, once it is known.
pub const ADT_INSTANCE_URL: &str = "ADT_INSTANCE_URL";
const ADT_PUSHER_TOKEN: &str = "ADT_PUSHER_TOKEN";
pub(super) const AZURE_CLIENT_ID: &str = "AZURE_CLIENT_ID";
const DIGITAL_TWIN_INFO: &str = "DIGITAL_TWIN_INFO";
const INGESTION_INTER_CLOUD_TOKEN: &str = "INGESTION_INTER_CLOUD_TOKEN";
const INTER_CLOUD_TOKEN: &str = "INTER_CLOUD_TOKEN";
const PERSISTER_INTER_CLOUD_TOKEN: &str = "PERSISTER_INTER_CLOUD_TOKEN";
const PERSISTER_TOKEN: &str = "PERSISTER_TOKEN";
const PERSISTER_URL: &str = "PERSISTER_URL";
const REMOTE_ADT_PUSHER_URL: &str = "REMOTE_ADT_PUSHER_URL";
const REMOTE_INGESTION_TOKEN: &str = "REMOTE_INGESTION_TOKEN";
const REMOTE_INGESTION_URL: &str = "REMOTE_INGESTION_URL";
const REMOTE_WRITER_TOKEN: &str = "REMOTE_WRITER_TOKEN";
const REMOTE_WRITER_URL: &str = "REMOTE_WRITER_URL";

/// A receiver on another cloud or in another app: where it is and the token that it asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote<S> {
    /// The receiver's full URL, function included.
    pub url: Url,
    /// Sent as `X-Inter-Cloud-Token`.
    pub token: S,
}

impl Remote<SecretRef> {
    pub(super) fn write(&self, writer: Writer, url: &'static str, token: &'static str) -> Writer {
        writer.plain(url, self.url.as_str()).secret(token, &self.token)
    }
}

impl Remote<Secret> {
    pub(super) fn read(environment: Environment<'_>, url: &'static str, token: &'static str) -> Result<Self, Error> {
        Ok(Self { url: environment.receiver(url)?, token: environment.secret(token)? })
    }

    pub(super) fn read_optional(
        environment: Environment<'_>,
        url: &'static str,
        token: &'static str,
    ) -> Result<Option<Self>, Error> {
        environment.optional(url).map(|_| Self::read(environment, url, token)).transpose()
    }
}

/// Settings of `adt-updater`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdtUpdater {
    /// The instance's URL, `https://` and the host name that Resource Manager returned (`ADT_INSTANCE_URL`).
    pub adt_instance_url: Url,
    /// The client id of the app's user-assigned identity (`AZURE_CLIENT_ID`).
    pub azure_client_id: String,
    /// Which twin each device feeds (`DIGITAL_TWIN_INFO`: the map, or `@` and its file in the package, which is what the
    /// deployer writes).
    pub twin_info: TwinInfo,
}

impl AdtUpdater {
    /// The app settings that hold this.
    #[must_use]
    pub fn to_app_settings(&self) -> AppSettings {
        Writer::default()
            .plain(ADT_INSTANCE_URL, self.adt_instance_url.as_str())
            .plain(AZURE_CLIENT_ID, &self.azure_client_id)
            .twin_info(DIGITAL_TWIN_INFO)
            .finish()
    }

    /// Reads the settings back.
    ///
    /// # Errors
    /// [`Error`] names the first setting that is missing or not readable.
    pub fn from_app_settings(environment: Environment<'_>) -> Result<Self, Error> {
        Ok(Self {
            adt_instance_url: environment.url(ADT_INSTANCE_URL)?,
            azure_client_id: environment.text(AZURE_CLIENT_ID)?,
            twin_info: environment.twin_info(DIGITAL_TWIN_INFO)?,
        })
    }
}

/// Settings of `adt-pusher`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdtPusher<S> {
    /// The instance's URL (`ADT_INSTANCE_URL`); `None`, written as empty text, until L4 has produced it.
    pub adt_instance_url: Option<Url>,
    /// The client id of the app's user-assigned identity (`AZURE_CLIENT_ID`).
    pub azure_client_id: String,
    /// The token that callers must show (`INTER_CLOUD_TOKEN`).
    pub inter_cloud_token: S,
    /// Which twin each device feeds (`DIGITAL_TWIN_INFO`: the map, or `@` and its file in the package, which is what the
    /// deployer writes).
    pub twin_info: TwinInfo,
}

impl AdtPusher<SecretRef> {
    /// The app settings that hold this.
    #[must_use]
    pub fn to_app_settings(&self) -> AppSettings {
        Writer::default()
            .plain(ADT_INSTANCE_URL, self.adt_instance_url.as_ref().map_or("", Url::as_str))
            .plain(AZURE_CLIENT_ID, &self.azure_client_id)
            .secret(INTER_CLOUD_TOKEN, &self.inter_cloud_token)
            .twin_info(DIGITAL_TWIN_INFO)
            .finish()
    }
}

impl AdtPusher<Secret> {
    /// Reads the settings back.
    ///
    /// # Errors
    /// [`Error`] names the first setting that is missing or not readable.
    pub fn from_app_settings(environment: Environment<'_>) -> Result<Self, Error> {
        Ok(Self {
            adt_instance_url: environment.optional_url(ADT_INSTANCE_URL)?,
            azure_client_id: environment.text(AZURE_CLIENT_ID)?,
            inter_cloud_token: environment.secret(INTER_CLOUD_TOKEN)?,
            twin_info: environment.twin_info(DIGITAL_TWIN_INFO)?,
        })
    }
}

/// Settings of `persister`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Persister<S> {
    /// Where it stores.
    pub storage: Storage<S>,
    /// The twin's pusher, called in addition to storing (`REMOTE_ADT_PUSHER_URL`, `ADT_PUSHER_TOKEN`).
    pub adt_pusher: Option<Remote<S>>,
    /// The token that the ingestion must show (`PERSISTER_INTER_CLOUD_TOKEN`); `None` where only the dispatcher of the
    /// same app hands over, in-process, and no caller from outside is served.
    pub inter_cloud_token: Option<S>,
    /// The client id of the app's user-assigned identity (`AZURE_CLIENT_ID`); `None` where the function is not on Azure.
    pub azure_client_id: Option<String>,
}

impl Persister<SecretRef> {
    /// The settings that tell a persister of the pusher, and nothing else: they are written once the pusher is ready.
    #[must_use]
    pub fn pusher_settings(pusher: &Remote<SecretRef>) -> AppSettings {
        pusher.write(Writer::default(), REMOTE_ADT_PUSHER_URL, ADT_PUSHER_TOKEN).finish()
    }

    /// The app settings that hold this.
    #[must_use]
    pub fn to_app_settings(&self) -> AppSettings {
        let mut writer = Writer::default().maybe(AZURE_CLIENT_ID, self.azure_client_id.as_deref());
        writer = self.storage.write(writer, REMOTE_WRITER_URL, REMOTE_WRITER_TOKEN);
        if let Some(pusher) = &self.adt_pusher {
            writer = pusher.write(writer, REMOTE_ADT_PUSHER_URL, ADT_PUSHER_TOKEN);
        }
        if let Some(token) = &self.inter_cloud_token {
            writer = writer.secret(PERSISTER_INTER_CLOUD_TOKEN, token);
        }
        writer.finish()
    }
}

impl Persister<Secret> {
    /// Reads the settings back.
    ///
    /// # Errors
    /// [`Error`] names the first setting that is missing or not readable.
    pub fn from_app_settings(environment: Environment<'_>) -> Result<Self, Error> {
        let storage = Storage::read(environment, REMOTE_WRITER_URL, REMOTE_WRITER_TOKEN)?;
        Ok(Self {
            adt_pusher: Remote::read_optional(environment, REMOTE_ADT_PUSHER_URL, ADT_PUSHER_TOKEN)?,
            inter_cloud_token: environment.optional(PERSISTER_INTER_CLOUD_TOKEN).map(Secret::new),
            azure_client_id: storage.client_id(environment)?,
            storage,
        })
    }
}

/// Settings of `dispatcher`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispatcher<S> {
    /// The ingestion on L2's cloud (`REMOTE_INGESTION_URL`, `REMOTE_INGESTION_TOKEN`); `None` hands over in-process to
    /// the persister of the same app.
    pub ingestion: Option<Remote<S>>,
}

impl Dispatcher<SecretRef> {
    /// The app settings that hold this.
    #[must_use]
    pub fn to_app_settings(&self) -> AppSettings {
        match &self.ingestion {
            Some(remote) => remote.write(Writer::default(), REMOTE_INGESTION_URL, REMOTE_INGESTION_TOKEN).finish(),
            None => AppSettings::new(),
        }
    }
}

impl Dispatcher<Secret> {
    /// Reads the settings back.
    ///
    /// # Errors
    /// [`Error`] names the first setting that is missing or not readable.
    pub fn from_app_settings(environment: Environment<'_>) -> Result<Self, Error> {
        let ingestion = Remote::read_optional(environment, REMOTE_INGESTION_URL, REMOTE_INGESTION_TOKEN)?;
        Ok(Self { ingestion })
    }
}

/// Settings of `ingestion`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ingestion<S> {
    /// The token that callers must show (`INGESTION_INTER_CLOUD_TOKEN`).
    pub inter_cloud_token: S,
    /// The persister on the same cloud, in L2's app (`PERSISTER_URL`, `PERSISTER_TOKEN`).
    pub persister: Remote<S>,
}

impl Ingestion<SecretRef> {
    /// The app settings that hold this.
    #[must_use]
    pub fn to_app_settings(&self) -> AppSettings {
        let writer = Writer::default().secret(INGESTION_INTER_CLOUD_TOKEN, &self.inter_cloud_token);
        self.persister.write(writer, PERSISTER_URL, PERSISTER_TOKEN).finish()
    }
}

impl Ingestion<Secret> {
    /// Reads the settings back.
    ///
    /// # Errors
    /// [`Error`] names the first setting that is missing or not readable.
    pub fn from_app_settings(environment: Environment<'_>) -> Result<Self, Error> {
        Ok(Self {
            inter_cloud_token: environment.secret(INGESTION_INTER_CLOUD_TOKEN)?,
            persister: Remote::read(environment, PERSISTER_URL, PERSISTER_TOKEN)?,
        })
    }
}
