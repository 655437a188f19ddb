//! Cold storage and the archive: objects in a bucket or a blob container, and the settings of their writers.
//!
//! The two writers may share an app, so each has settings of its own names.

use url::Url;

use super::{
    AppSettings, Secret, SecretRef,
    functions::AZURE_CLIENT_ID,
    reader::{Environment, Error, Writer},
};

/// The names of one writer's settings.
struct Names {
    token: &'static str,
    bucket: &'static str,
    storage_class: &'static str,
    endpoint: &'static str,
    container: &'static str,
    tier: &'static str,
}

const COLD: Names = Names {
    token: "COLD_WRITER_INTER_CLOUD_TOKEN",
    bucket: "COLD_S3_BUCKET",
    storage_class: "COLD_S3_STORAGE_CLASS",
    endpoint: "COLD_BLOB_ENDPOINT",
    container: "COLD_BLOB_CONTAINER",
    tier: "COLD_BLOB_TIER",
};

const ARCHIVE: Names = Names {
    token: "ARCHIVE_WRITER_INTER_CLOUD_TOKEN",
    bucket: "ARCHIVE_S3_BUCKET",
    storage_class: "ARCHIVE_S3_STORAGE_CLASS",
    endpoint: "ARCHIVE_BLOB_ENDPOINT",
    container: "ARCHIVE_BLOB_CONTAINER",
    tier: "ARCHIVE_BLOB_TIER",
};

/// A bucket, reached with the function's role, in the function's own region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Bucket {
    /// The bucket's name (`COLD_S3_BUCKET`, `ARCHIVE_S3_BUCKET`).
    pub bucket: String,
    /// The storage class of its objects as S3 spells it, `STANDARD_IA` (`COLD_S3_STORAGE_CLASS`, `ARCHIVE_S3_STORAGE_CLASS`).
    pub storage_class: String,
}

/// A container of a storage account, reached with the app's managed identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobContainer {
    /// The account's blob endpoint, as Resource Manager returned it (`COLD_BLOB_ENDPOINT`, `ARCHIVE_BLOB_ENDPOINT`).
    pub endpoint: Url,
    /// The container's name (`COLD_BLOB_CONTAINER`, `ARCHIVE_BLOB_CONTAINER`).
    pub container: String,
    /// The access tier of its blobs as Azure spells it, `Cool` (`COLD_BLOB_TIER`, `ARCHIVE_BLOB_TIER`).
    pub tier: String,
}

/// Where objects are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectStore {
    /// On AWS.
    S3(S3Bucket),
    /// On Azure.
    Blob(BlobContainer),
}

impl ObjectStore {
    fn write(&self, writer: Writer, names: &Names) -> Writer {
        match self {
            Self::S3(at) => writer.plain(names.bucket, &at.bucket).plain(names.storage_class, &at.storage_class),
            Self::Blob(at) => writer
                .plain(names.endpoint, at.endpoint.as_str())
                .plain(names.container, &at.container)
                .plain(names.tier, &at.tier),
        }
    }

    fn read(environment: Environment<'_>, names: &Names) -> Result<Self, Error> {
        // On Lambda nothing but a bucket can be meant, so that its absence is what is told.
        if environment.on_lambda() || environment.optional(names.bucket).is_some() {
            let (bucket, storage_class) = (environment.text(names.bucket)?, environment.text(names.storage_class)?);
            return Ok(Self::S3(S3Bucket { bucket, storage_class }));
        }
        Ok(Self::Blob(BlobContainer {
            endpoint: environment.url(names.endpoint)?,
            container: environment.text(names.container)?,
            tier: environment.text(names.tier)?,
        }))
    }

    fn client_id(&self, environment: Environment<'_>) -> Result<Option<String>, Error> {
        match self {
            Self::Blob(_) => environment.text(AZURE_CLIENT_ID).map(Some),
            Self::S3(_) => Ok(environment.optional(AZURE_CLIENT_ID)),
        }
    }
}

/// What a writer of objects is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectWriter<S> {
    /// The token that callers must show (`COLD_WRITER_INTER_CLOUD_TOKEN`, `ARCHIVE_WRITER_INTER_CLOUD_TOKEN`).
    pub inter_cloud_token: S,
    /// Where it writes.
    pub store: ObjectStore,
    /// The client id of the app's user-assigned identity (`AZURE_CLIENT_ID`); `None` where the function is not on Azure.
    pub azure_client_id: Option<String>,
}

impl ObjectWriter<SecretRef> {
    fn write(&self, names: &Names) -> AppSettings {
        let writer = Writer::default()
            .secret(names.token, &self.inter_cloud_token)
            .maybe(AZURE_CLIENT_ID, self.azure_client_id.as_deref());
        self.store.write(writer, names).finish()
    }
}

impl ObjectWriter<Secret> {
    fn read(environment: Environment<'_>, names: &Names) -> Result<Self, Error> {
        let inter_cloud_token = environment.secret(names.token)?;
        let store = ObjectStore::read(environment, names)?;
        Ok(Self { inter_cloud_token, azure_client_id: store.client_id(environment)?, store })
    }
}

/// Settings of `cold-writer`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColdWriter<S>(pub ObjectWriter<S>);

impl ColdWriter<SecretRef> {
    /// The app settings that hold this.
    #[must_use]
    pub fn to_app_settings(&self) -> AppSettings {
        self.0.write(&COLD)
    }
}

impl ColdWriter<Secret> {
    /// Reads the settings back.
    ///
    /// # Errors
    /// [`Error`] names the first setting that is missing or not readable.
    pub fn from_app_settings(environment: Environment<'_>) -> Result<Self, Error> {
        ObjectWriter::read(environment, &COLD).map(Self)
    }
}

/// Settings of `archive-writer`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveWriter<S>(pub ObjectWriter<S>);

impl ArchiveWriter<SecretRef> {
    /// The app settings that hold this.
    #[must_use]
    pub fn to_app_settings(&self) -> AppSettings {
        self.0.write(&ARCHIVE)
    }
}

impl ArchiveWriter<Secret> {
    /// Reads the settings back.
    ///
    /// # Errors
    /// [`Error`] names the first setting that is missing or not readable.
    pub fn from_app_settings(environment: Environment<'_>) -> Result<Self, Error> {
        ObjectWriter::read(environment, &ARCHIVE).map(Self)
    }
}
