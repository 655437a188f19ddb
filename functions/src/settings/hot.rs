//! Hot storage: where it is, and the settings of the functions that write and read it from outside.

use url::Url;

use super::{
    AppSettings, Remote, Secret, SecretRef,
    functions::AZURE_CLIENT_ID,
    reader::{Environment, Error, Writer},
};

const COSMOS_DB_CONTAINER: &str = "COSMOS_DB_CONTAINER";
const COSMOS_DB_DATABASE: &str = "COSMOS_DB_DATABASE";
const COSMOS_DB_ENDPOINT: &str = "COSMOS_DB_ENDPOINT";
const DYNAMODB_TABLE: &str = "DYNAMODB_TABLE";
const HOT_READER_INTER_CLOUD_TOKEN: &str = "HOT_READER_INTER_CLOUD_TOKEN";
const HOT_STORAGE_DAYS: &str = "HOT_STORAGE_DAYS";
const HOT_WRITER_INTER_CLOUD_TOKEN: &str = "HOT_WRITER_INTER_CLOUD_TOKEN";
const REMOTE_READER_TOKEN: &str = "REMOTE_READER_TOKEN";
const REMOTE_READER_URL: &str = "REMOTE_READER_URL";

/// Hot storage on Azure, reached with the app's managed identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CosmosContainer {
    /// The account's document endpoint, as Resource Manager returned it (`COSMOS_DB_ENDPOINT`).
    pub endpoint: Url,
    /// The database (`COSMOS_DB_DATABASE`).
    pub database: String,
    /// The container (`COSMOS_DB_CONTAINER`).
    pub container: String,
}

impl CosmosContainer {
    fn write(&self, writer: Writer) -> Writer {
        writer
            .plain(COSMOS_DB_ENDPOINT, self.endpoint.as_str())
            .plain(COSMOS_DB_DATABASE, &self.database)
            .plain(COSMOS_DB_CONTAINER, &self.container)
    }

    fn read(environment: Environment<'_>) -> Result<Self, Error> {
        Ok(Self {
            endpoint: environment.url(COSMOS_DB_ENDPOINT)?,
            database: environment.text(COSMOS_DB_DATABASE)?,
            container: environment.text(COSMOS_DB_CONTAINER)?,
        })
    }
}

/// Hot storage on AWS, reached with the function's role, in the function's own region.
///
/// The deployer makes the table with the keys and the TTL attribute of [`crate::dynamo`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DynamoTable {
    /// The table's name (`DYNAMODB_TABLE`).
    pub table: String,
    /// How many days after its arrival an item expires (`HOT_STORAGE_DAYS`).
    pub days: u32,
}

impl DynamoTable {
    fn write(&self, writer: Writer) -> Writer {
        writer.plain(DYNAMODB_TABLE, &self.table).plain(HOT_STORAGE_DAYS, self.days.to_string())
    }

    fn read(environment: Environment<'_>) -> Result<Self, Error> {
        Ok(Self { table: environment.text(DYNAMODB_TABLE)?, days: environment.number(HOT_STORAGE_DAYS)? })
    }
}

/// Hot storage on a function's own cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HotStorage {
    /// On Azure.
    Cosmos(CosmosContainer),
    /// On AWS.
    Dynamo(DynamoTable),
}

impl HotStorage {
    fn write(&self, writer: Writer) -> Writer {
        match self {
            Self::Cosmos(container) => container.write(writer),
            Self::Dynamo(table) => table.write(writer),
        }
    }

    fn read(environment: Environment<'_>) -> Result<Self, Error> {
        // On Lambda nothing but a table can be meant, so that its absence is what is told.
        if environment.on_lambda() || environment.optional(DYNAMODB_TABLE).is_some() {
            return DynamoTable::read(environment).map(Self::Dynamo);
        }
        CosmosContainer::read(environment).map(Self::Cosmos)
    }

    /// The identity with which the storage is reached: only Azure's asks for one by name.
    fn client_id(&self, environment: Environment<'_>) -> Result<Option<String>, Error> {
        match self {
            Self::Cosmos(_) => environment.text(AZURE_CLIENT_ID).map(Some),
            Self::Dynamo(_) => Ok(environment.optional(AZURE_CLIENT_ID)),
        }
    }
}

/// Where a function has its hot storage: one or the other, never two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Storage<S> {
    /// On the function's own cloud, Azure.
    Cosmos(CosmosContainer),
    /// On the function's own cloud, AWS.
    Dynamo(DynamoTable),
    /// Behind a function on another cloud: the hot-writer (`REMOTE_WRITER_URL`, `REMOTE_WRITER_TOKEN`), or for a
    /// hot-reader the one there (`REMOTE_READER_URL`, `REMOTE_READER_TOKEN`).
    Remote(Remote<S>),
}

impl<S> From<HotStorage> for Storage<S> {
    fn from(own: HotStorage) -> Self {
        match own {
            HotStorage::Cosmos(container) => Self::Cosmos(container),
            HotStorage::Dynamo(table) => Self::Dynamo(table),
        }
    }
}

impl Storage<SecretRef> {
    pub(super) fn write(&self, writer: Writer, url: &'static str, token: &'static str) -> Writer {
        match self {
            Self::Cosmos(container) => container.write(writer),
            Self::Dynamo(table) => table.write(writer),
            Self::Remote(remote) => remote.write(writer, url, token),
        }
    }
}

impl Storage<Secret> {
    pub(super) fn read(environment: Environment<'_>, url: &'static str, token: &'static str) -> Result<Self, Error> {
        Ok(match Remote::read_optional(environment, url, token)? {
            Some(remote) => Self::Remote(remote),
            None => HotStorage::read(environment)?.into(),
        })
    }

    /// The identity with which the storage is reached: only Azure's asks for one by name.
    pub(super) fn client_id(&self, environment: Environment<'_>) -> Result<Option<String>, Error> {
        match self {
            Self::Cosmos(_) => environment.text(AZURE_CLIENT_ID).map(Some),
            Self::Dynamo(_) | Self::Remote(_) => Ok(environment.optional(AZURE_CLIENT_ID)),
        }
    }
}

/// Settings of `hot-writer`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HotWriter<S> {
    /// The token that callers must show (`HOT_WRITER_INTER_CLOUD_TOKEN`).
    pub inter_cloud_token: S,
    /// Where it writes.
    pub storage: HotStorage,
    /// The client id of the app's user-assigned identity (`AZURE_CLIENT_ID`); `None` where the function is not on Azure.
    pub azure_client_id: Option<String>,
}

impl HotWriter<SecretRef> {
    /// The app settings that hold this.
    #[must_use]
    pub fn to_app_settings(&self) -> AppSettings {
        let writer = Writer::default()
            .secret(HOT_WRITER_INTER_CLOUD_TOKEN, &self.inter_cloud_token)
            .maybe(AZURE_CLIENT_ID, self.azure_client_id.as_deref());
        self.storage.write(writer).finish()
    }
}

impl HotWriter<Secret> {
    /// Reads the settings back.
    ///
    /// # Errors
    /// [`Error`] names the first setting that is missing or not readable.
    pub fn from_app_settings(environment: Environment<'_>) -> Result<Self, Error> {
        let inter_cloud_token = environment.secret(HOT_WRITER_INTER_CLOUD_TOKEN)?;
        let storage = HotStorage::read(environment)?;
        Ok(Self { inter_cloud_token, azure_client_id: storage.client_id(environment)?, storage })
    }
}

/// Settings of `hot-reader`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HotReader<S> {
    /// The token that callers over HTTP must show (`HOT_READER_INTER_CLOUD_TOKEN`); `None` where only TwinMaker calls,
    /// which the function's policy admits.
    pub inter_cloud_token: Option<S>,
    /// Where it reads.
    pub storage: Storage<S>,
    /// The client id of the app's user-assigned identity (`AZURE_CLIENT_ID`); `None` where the function is not on Azure.
    pub azure_client_id: Option<String>,
}

impl HotReader<SecretRef> {
    /// The app settings that hold this.
    #[must_use]
    pub fn to_app_settings(&self) -> AppSettings {
        let mut writer = Writer::default().maybe(AZURE_CLIENT_ID, self.azure_client_id.as_deref());
        if let Some(token) = &self.inter_cloud_token {
            writer = writer.secret(HOT_READER_INTER_CLOUD_TOKEN, token);
        }
        self.storage.write(writer, REMOTE_READER_URL, REMOTE_READER_TOKEN).finish()
    }
}

impl HotReader<Secret> {
    /// Reads the settings back.
    ///
    /// # Errors
    /// [`Error`] names the first setting that is missing or not readable.
    pub fn from_app_settings(environment: Environment<'_>) -> Result<Self, Error> {
        let storage = Storage::read(environment, REMOTE_READER_URL, REMOTE_READER_TOKEN)?;
        Ok(Self {
            inter_cloud_token: environment.optional(HOT_READER_INTER_CLOUD_TOKEN).map(Secret::new),
            azure_client_id: storage.client_id(environment)?,
            storage,
        })
    }
}
