//! What the settings of functions are made of: the outputs that they take, and the settings once those are known.

use std::collections::BTreeMap;

use engine::graph::{Handle, InputError, Inputs, Outputs};
use functions::{
    function::Function,
    settings::{CosmosContainer, HotStorage},
};
use url::Url;

use crate::steps::{
    aws::outputs::FunctionUrl,
    outputs::{App, Cosmos, DigitalTwins, Identity, Storage},
};

/// A function that others call, wherever it is: its URL is known once what hosts it stands.
#[derive(Clone, Copy)]
pub(super) enum Receiver {
    /// In an app on Azure.
    App(Handle<App>, Function),
    /// A Lambda function with a URL.
    Lambda(Handle<FunctionUrl>),
}

impl Inputs for Receiver {
    type Values = Url;

    fn nodes(&self) -> Vec<usize> {
        match self {
            Self::App(app, _) => app.nodes(),
            Self::Lambda(url) => url.nodes(),
        }
    }

    fn read(&self, outputs: &Outputs<'_>) -> Result<Url, InputError> {
        match self {
            Self::App(app, function) => Ok(crate::steps::outputs::url_of(&app.read(outputs)?, *function)),
            Self::Lambda(url) => Ok(url.read(outputs)?.url),
        }
    }
}

/// Hot storage on a function's own cloud.
#[derive(Clone)]
pub(super) enum OwnHot {
    Cosmos {
        account: Handle<Cosmos>,
        database: String,
        container: String,
    },
    /// Its name is known from the beginning.
    Dynamo(functions::settings::DynamoTable),
}

impl Inputs for OwnHot {
    type Values = HotStorage;

    fn nodes(&self) -> Vec<usize> {
        match self {
            Self::Cosmos { account, .. } => account.nodes(),
            Self::Dynamo(_) => Vec::new(),
        }
    }

    fn read(&self, outputs: &Outputs<'_>) -> Result<HotStorage, InputError> {
        match self {
            Self::Cosmos { account, database, container } => Ok(HotStorage::Cosmos(CosmosContainer {
                endpoint: endpoint(&account.read(outputs)?.endpoint),
                database: database.clone(),
                container: container.clone(),
            })),
            Self::Dynamo(table) => Ok(HotStorage::Dynamo(table.clone())),
        }
    }
}

/// The outputs that settings take; what nobody needs is not waited for.
#[derive(Clone, Default)]
pub(super) struct Needs {
    pub(super) identity: Option<Handle<Identity>>,
    pub(super) storage: Option<Handle<Storage>>,
    pub(super) hot: Option<OwnHot>,
    pub(super) receivers: BTreeMap<Function, Receiver>,
    pub(super) twin: Option<Handle<DigitalTwins>>,
}

/// The same once they are known.
pub(super) struct Known {
    /// The client id of the identity that apps on Azure act as.
    pub(super) client_id: Option<String>,
    /// Where the storage account on Azure keeps blobs.
    pub(super) blobs: Option<Url>,
    pub(super) hot: Option<HotStorage>,
    pub(super) receivers: BTreeMap<Function, Url>,
    /// The twin instance.
    pub(super) twin: Option<Url>,
}

impl Needs {
    /// What either needs.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.identity = self.identity.or(other.identity);
        self.storage = self.storage.or(other.storage);
        self.hot = self.hot.or(other.hot);
        self.twin = self.twin.or(other.twin);
        self.receivers.extend(other.receivers);
        self
    }
}

impl Inputs for Needs {
    type Values = Known;

    fn nodes(&self) -> Vec<usize> {
        let mut nodes = Vec::new();
        nodes.extend(self.identity.iter().flat_map(Inputs::nodes));
        nodes.extend(self.storage.iter().flat_map(Inputs::nodes));
        nodes.extend(self.hot.iter().flat_map(Inputs::nodes));
        nodes.extend(self.receivers.values().flat_map(Inputs::nodes));
        nodes.extend(self.twin.iter().flat_map(Inputs::nodes));
        nodes
    }

    fn read(&self, outputs: &Outputs<'_>) -> Result<Known, InputError> {
        let read_url = |(function, receiver): (&Function, &Receiver)| Ok((*function, receiver.read(outputs)?));
        Ok(Known {
            client_id: self
                .identity
                .map(|identity| identity.read(outputs))
                .transpose()?
                .map(|identity| identity.client_id),
            blobs: self
                .storage
                .map(|storage| storage.read(outputs))
                .transpose()?
                .map(|storage| endpoint(&storage.blob_endpoint)),
            hot: self.hot.as_ref().map(|hot| hot.read(outputs)).transpose()?,
            receivers: self.receivers.iter().map(read_url).collect::<Result<_, InputError>>()?,
            twin: self.twin.map(|twin| twin.read(outputs)).transpose()?.map(|twin| twin_url(&twin.host_name)),
        })
    }
}

fn endpoint(text: &str) -> Url {
    Url::parse(text).expect("Resource Manager returns endpoints as URLs")
}

pub(super) fn twin_url(host_name: &str) -> Url {
    endpoint(&format!("https://{host_name}"))
}
