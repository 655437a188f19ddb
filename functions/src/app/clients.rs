//! Building functions, and what they share.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use azure::{Azure, cosmos::Container, credentials::managed_identity, digital_twins::Limits, transport};
use url::Url;

use crate::{
    adt_pusher::AdtPusher,
    adt_updater::AdtUpdater,
    answer::{Answer, Code},
    call::Handler,
    counters::Counters,
    dispatcher::{Dispatcher, Next},
    dynamo::Table,
    function::Function,
    hot_reader::{HotReader, Source},
    hot_writer::HotWriter,
    inbound::envelope::Cloud,
    ingestion::Ingestion,
    object_writer::ObjectWriter,
    objects::{Blobs, Bucket, Objects},
    persister::Persister,
    remote::Receiver,
    settings::{self, AwsHost, CosmosContainer, DynamoTable, Environment, ObjectStore, Remote, Secret, Storage},
    storage::Store,
    twin::Writer,
};

/// Resource Manager, which no function calls; the handle wants to know where it is.
const ARM: &str = "https://management.azure.com/";

/// The clients that functions of one app share.
pub(super) struct Clients {
    counters: Arc<Counters>,
    /// Made at the first need: it loads the trusted roots, which takes longer than the rest of the start.
    http: Option<reqwest::Client>,
    /// By the client id of the identity.
    azure: BTreeMap<String, Azure>,
    /// By instance.
    writers: BTreeMap<Url, Writer>,
    persister: Option<Arc<Persister>>,
    table: Option<Table>,
    /// The cloud that the process runs on.
    cloud: Cloud,
}

impl Clients {
    pub(super) fn new(counters: Arc<Counters>, cloud: Cloud) -> Self {
        let (azure, writers) = (BTreeMap::new(), BTreeMap::new());
        Self { counters, http: None, azure, writers, persister: None, table: None, cloud }
    }

    /// Builds a function from the settings.
    pub(super) fn build(
        &mut self,
        function: Function,
        settings: &BTreeMap<String, String>,
        root: &Path,
    ) -> Result<Arc<dyn Handler>, Answer> {
        let environment = Environment::new(settings, root);
        Ok(match function {
            Function::AdtPusher => Arc::new(self.adt_pusher(environment)?),
            Function::AdtUpdater => Arc::new(self.adt_updater(environment)?),
            Function::Dispatcher => Arc::new(self.dispatcher(environment)?),
            Function::HotWriter => Arc::new(self.hot_writer(environment)?),
            Function::Ingestion => Arc::new(self.ingestion(environment)?),
            Function::Persister => self.persister(environment)?,
            Function::HotReader => Arc::new(self.hot_reader(environment)?),
            Function::ColdWriter => {
                let settings = settings::ColdWriter::from_app_settings(environment).map_err(misconfigured)?;
                Arc::new(self.object_writer(settings.0, environment)?)
            }
            Function::ArchiveWriter => {
                let settings = settings::ArchiveWriter::from_app_settings(environment).map_err(misconfigured)?;
                Arc::new(self.object_writer(settings.0, environment)?)
            }
        })
    }

    fn adt_pusher(&mut self, environment: Environment<'_>) -> Result<AdtPusher, Answer> {
        let settings = settings::AdtPusher::from_app_settings(environment).map_err(misconfigured)?;
        let writer = match &settings.adt_instance_url {
            Some(instance) => Some((settings.twin_info, self.writer(instance, &settings.azure_client_id)?)),
            None => None,
        };
        Ok(AdtPusher::new(settings.inter_cloud_token, writer))
    }

    fn adt_updater(&mut self, environment: Environment<'_>) -> Result<AdtUpdater, Answer> {
        let settings = settings::AdtUpdater::from_app_settings(environment).map_err(misconfigured)?;
        let writer = self.writer(&settings.adt_instance_url, &settings.azure_client_id)?;
        Ok(AdtUpdater::new(settings.twin_info, writer))
    }

    fn dispatcher(&mut self, environment: Environment<'_>) -> Result<Dispatcher, Answer> {
        let settings = settings::Dispatcher::from_app_settings(environment).map_err(misconfigured)?;
        let next = match settings.ingestion {
            Some(remote) => Next::Ingestion(self.receiver("the ingestion", remote)?),
            None => Next::Persister(self.persister(environment)?),
        };
        Ok(Dispatcher::new(next))
    }

    fn hot_writer(&mut self, environment: Environment<'_>) -> Result<HotWriter, Answer> {
        let settings = settings::HotWriter::from_app_settings(environment).map_err(misconfigured)?;
        let store = self.store(settings.storage.into(), settings.azure_client_id.as_deref(), environment)?;
        Ok(HotWriter::new(settings.inter_cloud_token, store))
    }

    fn hot_reader(&mut self, environment: Environment<'_>) -> Result<HotReader, Answer> {
        let settings = settings::HotReader::from_app_settings(environment).map_err(misconfigured)?;
        let source = match settings.storage {
            Storage::Cosmos(container) => {
                Source::Own(Arc::new(self.container(&container, client_id(settings.azure_client_id.as_deref()))?))
            }
            Storage::Dynamo(table) => Source::Own(Arc::new(self.table(table, environment)?)),
            Storage::Remote(remote) => Source::Remote(self.receiver("the hot-reader", remote)?),
        };
        Ok(HotReader::new(settings.inter_cloud_token, source))
    }

    fn object_writer(
        &mut self,
        settings: settings::ObjectWriter<Secret>,
        environment: Environment<'_>,
    ) -> Result<ObjectWriter, Answer> {
        let objects: Arc<dyn Objects> = match &settings.store {
            ObjectStore::S3(at) => {
                let host = AwsHost::from_environment(environment).map_err(misconfigured)?;
                let bucket = Bucket::new(at, &host, self.http()?);
                Arc::new(bucket.ok_or_else(|| Answer::new(Code::Misconfigured, "the bucket's name is none"))?)
            }
            ObjectStore::Blob(at) => {
                let azure = self.azure(client_id(settings.azure_client_id.as_deref()))?;
                let container = azure.blobs(&at.endpoint, &at.container);
                Arc::new(Blobs::new(container.map_err(|error| unusable("BLOB_ENDPOINT", &error))?, at.tier.clone()))
            }
        };
        Ok(ObjectWriter::new(settings.inter_cloud_token, objects))
    }

    fn ingestion(&mut self, environment: Environment<'_>) -> Result<Ingestion, Answer> {
        let settings = settings::Ingestion::from_app_settings(environment).map_err(misconfigured)?;
        let persister = self.receiver("the persister", settings.persister)?;
        Ok(Ingestion::new(settings.inter_cloud_token, persister))
    }

    /// The one persister, called from outside and by the dispatcher.
    fn persister(&mut self, environment: Environment<'_>) -> Result<Arc<Persister>, Answer> {
        if let Some(persister) = &self.persister {
            return Ok(Arc::clone(persister));
        }
        let settings = settings::Persister::from_app_settings(environment).map_err(misconfigured)?;
        let store = self.store(settings.storage, settings.azure_client_id.as_deref(), environment)?;
        let pusher = settings.adt_pusher.map(|remote| self.receiver("the adt-pusher", remote)).transpose()?;
        let persister = Persister::new(settings.inter_cloud_token, store, pusher, Arc::clone(&self.counters));
        Ok(Arc::clone(self.persister.insert(Arc::new(persister))))
    }

    fn store(
        &mut self,
        at: Storage<Secret>,
        client_id: Option<&str>,
        environment: Environment<'_>,
    ) -> Result<Arc<dyn Store>, Answer> {
        Ok(match at {
            Storage::Cosmos(container) => Arc::new(self.container(&container, self::client_id(client_id))?),
            Storage::Dynamo(table) => Arc::new(self.table(table, environment)?),
            Storage::Remote(remote) => Arc::new(self.receiver("the hot-writer", remote)?),
        })
    }

    fn receiver(&mut self, name: &'static str, remote: Remote<Secret>) -> Result<Receiver, Answer> {
        Ok(Receiver::new(name, remote, self.cloud, self.http()?))
    }

    /// The table of hot storage: one, so that its connections are shared.
    fn table(&mut self, at: DynamoTable, environment: Environment<'_>) -> Result<Table, Answer> {
        if let Some(table) = &self.table {
            return Ok(table.clone());
        }
        let host = AwsHost::from_environment(environment).map_err(misconfigured)?;
        Ok(self.table.insert(Table::new(at, &host)).clone())
    }

    fn container(&mut self, at: &CosmosContainer, client_id: &str) -> Result<Container, Answer> {
        let azure = self.azure(client_id)?;
        azure.cosmos(&at.endpoint, &at.database, &at.container).map_err(|error| unusable("COSMOS_DB_ENDPOINT", &error))
    }

    /// The writer of an instance: one, since it merges and orders what its callers write.
    fn writer(&mut self, instance: &Url, client_id: &str) -> Result<Writer, Answer> {
        if let Some(writer) = self.writers.get(instance) {
            return Ok(writer.clone());
        }
        let client = self.azure(client_id)?.digital_twins(instance.as_str());
        let client = client.map_err(|error| unusable("ADT_INSTANCE_URL", &error))?;
        let writer = Writer::new(Arc::new(client), crate::twin::Options::default());
        Ok(self.writers.entry(instance.clone()).or_insert(writer).clone())
    }

    fn azure(&mut self, client_id: &str) -> Result<Azure, Answer> {
        if let Some(azure) = self.azure.get(client_id) {
            return Ok(azure.clone());
        }
        let http = self.http()?;
        let credential = managed_identity(client_id, &http).map_err(|error| unusable("IDENTITY_ENDPOINT", &error))?;
        let arm = Url::parse(ARM).expect("it is a URL");
        let mut options = azure::Options::new(arm, credential, http);
        // The instance's rates are shared with other processes, so a pace of our own would prove nothing: its 429 counts.
        options.limits = Limits::none();
        Ok(self.azure.entry(client_id.to_owned()).or_insert(Azure::new(options)).clone())
    }

    fn http(&mut self) -> Result<reqwest::Client, Answer> {
        if let Some(client) = &self.http {
            return Ok(client.clone());
        }
        let client = transport::client(&[]).map_err(|error| unusable("SSL_CERT_FILE", &error))?;
        Ok(self.http.insert(client).clone())
    }
}

/// The identity with which Azure's storage is reached.
fn client_id(read: Option<&str>) -> &str {
    read.expect("the settings of Azure's storage are read with the identity, or not at all")
}

fn misconfigured(error: settings::Error) -> Answer {
    Answer::new(Code::Misconfigured, format!("the function could not {error}")).detail("setting", error.name())
}

/// A setting that reads well and does not work. What exactly is wrong with it is for the log.
fn unusable(name: &str, error: &azure::Error) -> Answer {
    tracing::error!(setting = name, error = %error, "setting unusable");
    Answer::new(Code::Misconfigured, format!("the function could not use the setting {name}")).detail("setting", name)
}
