//! The functions, wherever they run: what hosts them, their settings, and what calls them.
//!
//! On Azure the functions of a layer share an app; on AWS each is a Lambda function of its own. What a function is told is
//! the same on either: one struct of settings, written by [`Compute::part`].

use std::{collections::BTreeMap, sync::Arc};

use engine::graph::{After, Handle};
use functions::{
    function::Function,
    settings::{
        self, AdtPusher, AdtUpdater, AppSettings, ArchiveWriter, BlobContainer, ColdWriter, Dispatcher, DynamoTable,
        HotReader, HotWriter, Ingestion, ObjectStore, ObjectWriter, Persister, Remote, S3Bucket, SecretRef, Storage,
    },
};

use super::{
    Hot, Hub, On, Twin, aws, azure,
    needs::{Known, Needs, OwnHot, Receiver},
    site::{At, Site},
};
use crate::{
    naming::{self, Bucket},
    steps::{app_settings::AppSettings as AzureSettings, aws::settings::Variables, outputs::App},
    topology::{Border, Cloud, Feed, Layer},
};

/// What hosts the functions of a deployment.
pub(super) struct Compute {
    apps: BTreeMap<Layer, Handle<App>>,
    lambdas: BTreeMap<Function, aws::lambda::Lambda>,
    hot: Hot,
}

/// The settings of one function: what they take, and what they are then.
pub(super) struct Part {
    needs: Needs,
    settings: Arc<dyn Fn(&Known) -> AppSettings + Send + Sync>,
    /// What is written once, where nothing stands, and belongs to another step from then on.
    initially: AppSettings,
}

impl Part {
    fn new(needs: Needs, settings: impl Fn(&Known) -> AppSettings + Send + Sync + 'static) -> Self {
        Self { needs, settings: Arc::new(settings), initially: AppSettings::new() }
    }
}

/// What wiring a layer left behind: what must come after it.
#[derive(Default)]
pub(super) struct Wired {
    /// The packages of the layer's app on Azure.
    package: Option<After>,
    /// The variables of its Lambda functions.
    variables: Vec<After>,
}

impl Compute {
    /// Adds what hosts the functions, without settings and code on Azure, without settings on AWS.
    pub(super) fn stand(site: &mut Site<'_>, on: &On<'_>, hot: Hot) -> Self {
        let mut compute = Self { apps: BTreeMap::new(), lambdas: BTreeMap::new(), hot };
        for app in site.topology.apps.clone() {
            match app.cloud {
                Cloud::Aws => {
                    for function in app.functions {
                        let called = site.topology.call(function).is_some_and(|call| call.to == Cloud::Aws);
                        let lambda = aws::lambda::stand(site, on.aws(), app.layer, function, called);
                        compute.lambdas.insert(function, lambda);
                    }
                }
                _ => {
                    let added = azure::app::add(site, layer_name(app.layer), app.layer, on.azure());
                    compute.apps.insert(app.layer, added);
                }
            }
        }
        compute
    }

    /// The Lambda function that plays a function.
    pub(super) fn lambda(&self, function: Function) -> Option<&aws::lambda::Lambda> {
        self.lambdas.get(&function)
    }

    /// The app of a layer on Azure.
    pub(super) fn app(&self, layer: Layer) -> Option<Handle<App>> {
        self.apps.get(&layer).copied()
    }

    pub(super) fn wire_l0(&self, site: &mut Site<'_>, on: &On<'_>) {
        if site.topology.borders().next().is_some() {
            let gate = site.gate("L0", &["Setup"]);
            self.settle(site, on, Layer::L0, None, gate);
        }
    }

    pub(super) fn wire_l2(&self, site: &mut Site<'_>, on: &On<'_>, hub: &Hub) {
        let gate = site.gate("L2", &["Setup", "L0", "L1"]);
        let wired = self.settle(site, on, Layer::L2, None, gate);
        match hub {
            Hub::Azure(iot) => self.subscribe(site, on, Layer::L2, iot, Function::Dispatcher, &wired),
            Hub::Aws(_) => {
                let target = if self.lambdas.contains_key(&Function::Dispatcher) {
                    Function::Dispatcher
                } else {
                    Function::Persister
                };
                let lambda = self.lambdas[&target];
                aws::l1_iot::telemetry(site, on.aws(), "L2", lambda.function, &wired.variables);
            }
        }
    }

    pub(super) fn wire_l4(&self, site: &mut Site<'_>, on: &On<'_>, hub: &Hub, twin: &Twin, gate: After) {
        let wired = self.settle(site, on, Layer::L4, Some(twin), gate);
        if let (Feed::EventGrid, Hub::Azure(iot)) = (site.topology.feed, hub) {
            self.subscribe(site, on, Layer::L4, iot, Function::AdtUpdater, &wired);
        }
    }

    fn subscribe(
        &self,
        site: &mut Site<'_>,
        on: &On<'_>,
        layer: Layer,
        iot: &azure::l1_iot::Iot,
        function: Function,
        wired: &Wired,
    ) {
        let app = self.apps[&layer];
        let package = wired.package.expect("the app of a layer has a package once it is wired");
        azure::app::telemetry(site, on.azure(), layer_name(layer), iot.topic, app, function, package);
    }

    /// Adds settings, and on Azure code, of a layer's functions.
    fn settle(&self, site: &mut Site<'_>, on: &On<'_>, layer: Layer, twin: Option<&Twin>, gate: After) -> Wired {
        let mut wired = Wired::default();
        if let Some(app) = self.app(layer) {
            let settings = self.app_settings(site, on, layer, app, twin, gate);
            wired.package = Some(azure::app::package(site, layer_name(layer), layer, on.azure(), app, settings));
        }
        for function in site.topology.functions(Cloud::Aws, layer).to_vec() {
            wired.variables.push(self.variables(site, on, layer, function, gate));
        }
        wired
    }

    fn app_settings(
        &self,
        site: &mut Site<'_>,
        on: &On<'_>,
        layer: Layer,
        app: Handle<App>,
        twin: Option<&Twin>,
        gate: After,
    ) -> After {
        let functions = site.topology.functions(Cloud::Azure, layer).to_vec();
        let parts: Vec<Part> =
            functions.iter().map(|function| self.part(site, on, Cloud::Azure, *function, twin)).collect();
        let host = Needs { identity: Some(on.azure().setup.identity), ..Needs::default() };
        let needs = parts.iter().fold(host, |needs, part| needs.and(part.needs.clone()));
        let initially = merged(parts.iter().map(|part| part.initially.clone()));
        let builders: Vec<_> = parts.into_iter().map(|part| part.settings).collect();
        let storage_name = on.azure().names.storage_account();
        let name = on.azure().names.function_app(layer);
        let at = At::new(layer_name(layer), "settings", format!("settings of {name}"), 3);
        let after = self.after_storage(&functions, gate);
        let handle = site.step(at, (app, needs), &after, move |(app, known)| {
            let client_id = known.client_id.as_deref().expect("apps on Azure take the identity");
            let host = settings::azure_host(&storage_name, client_id);
            let own = builders.iter().map(|settings| settings(&known));
            AzureSettings::new(app.id, merged(own.chain([host]))).initially(initially.clone())
        });
        handle.into()
    }

    fn variables(&self, site: &mut Site<'_>, on: &On<'_>, layer: Layer, function: Function, gate: After) -> After {
        let Part { needs, settings, .. } = self.part(site, on, Cloud::Aws, function, None);
        let lambda = self.lambdas[&function];
        let name = on.aws().names.function(function);
        let at =
            At::new(layer_name(layer), format!("aws-{}-settings", function.name()), format!("settings of {name}"), 3);
        let after = self.after_storage(&[function], gate);
        let handle = site.step(at, (lambda.function, needs), &after, move |(function, known)| {
            Variables::new(function.name, settings(&known))
        });
        handle.into()
    }

    /// Who stores in hot storage waits for it.
    fn after_storage(&self, functions: &[Function], gate: After) -> Vec<After> {
        let stores = functions.iter().any(|function| matches!(function, Function::Persister | Function::HotWriter));
        let storage = match self.hot {
            Hot::Azure(hot) => hot.container,
            Hot::Aws(table) => table.handle.into(),
        };
        if stores { vec![gate, storage] } else { vec![gate] }
    }

    /// What a function on a cloud is told.
    fn part(&self, site: &Site<'_>, on: &On<'_>, cloud: Cloud, function: Function, twin: Option<&Twin>) -> Part {
        let wiring = Wiring { compute: self, site, on, cloud };
        match function {
            Function::Ingestion => wiring.ingestion(),
            Function::HotWriter => wiring.hot_writer(),
            Function::ColdWriter => wiring.cold_writer(),
            Function::ArchiveWriter => wiring.archive_writer(),
            Function::HotReader => wiring.hot_reader(),
            Function::AdtPusher => wiring.adt_pusher(),
            Function::AdtUpdater => wiring.adt_updater(twin),
            Function::Dispatcher => wiring.dispatcher(),
            Function::Persister => wiring.persister(),
        }
    }

    /// The function that receives a call.
    pub(super) fn receiver(&self, call: &Border) -> Receiver {
        match call.to {
            Cloud::Aws => {
                let url = self.lambdas[&call.function].url;
                Receiver::Lambda(url.expect("a Lambda function that is called over HTTP has a URL"))
            }
            _ => Receiver::App(self.apps[&layer_of(call.function)], call.function),
        }
    }
}

/// The layer in which a function receives calls.
const fn layer_of(function: Function) -> Layer {
    match function {
        Function::Persister => Layer::L2,
        _ => Layer::L0,
    }
}

/// A layer's name as it is shown.
pub(super) const fn layer_name(layer: Layer) -> &'static str {
    match layer {
        Layer::L0 => "L0",
        Layer::L2 => "L2",
        Layer::L4 => "L4",
    }
}

fn merged(parts: impl IntoIterator<Item = AppSettings>) -> AppSettings {
    settings::merge(parts).expect("functions that share an app agree on its settings")
}

/// The wiring of one function: where it is, and what is there beside it.
struct Wiring<'a, 'd> {
    compute: &'a Compute,
    site: &'a Site<'d>,
    on: &'a On<'d>,
    cloud: Cloud,
}

impl Wiring<'_, '_> {
    fn ingestion(&self) -> Part {
        let token = self.own_token(Function::Ingestion);
        let (needs, persister) = self.call(Function::Persister);
        Part::new(needs, move |known| {
            Ingestion::<SecretRef> { inter_cloud_token: token.clone(), persister: persister(known) }.to_app_settings()
        })
    }

    fn dispatcher(&self) -> Part {
        if self.site.topology.ingestion.is_none() {
            return Part::new(Needs::default(), |_| Dispatcher::<SecretRef> { ingestion: None }.to_app_settings());
        }
        let (needs, ingestion) = self.call(Function::Ingestion);
        Part::new(needs, move |known| Dispatcher::<SecretRef> { ingestion: Some(ingestion(known)) }.to_app_settings())
    }

    fn persister(&self) -> Part {
        let token = self.site.topology.handover.as_ref().map(|_| self.own_token(Function::Persister));
        let (needs, storage) = self.storage(Function::HotWriter, self.site.topology.hot_writer.is_some());
        Part::new(needs, move |known| {
            let persister = Persister::<SecretRef> {
                storage: storage(known),
                // Told when the pusher is there and knows its instance: see `links`.
                adt_pusher: None,
                inter_cloud_token: token.clone(),
                azure_client_id: known.client_id.clone(),
            };
            persister.to_app_settings()
        })
    }

    fn hot_writer(&self) -> Part {
        let token = self.own_token(Function::HotWriter);
        Part::new(self.own_hot(), move |known| {
            let storage = known.hot.clone().expect("a hot-writer takes hot storage");
            HotWriter { inter_cloud_token: token.clone(), storage, azure_client_id: known.client_id.clone() }
                .to_app_settings()
        })
    }

    fn hot_reader(&self) -> Part {
        let call = self.site.topology.hot_reader.as_ref();
        // The one beside hot storage is called over HTTP, the one beside the twin by TwinMaker.
        let asks = call.is_some() && self.cloud == Cloud::Aws;
        let token = call.filter(|_| !asks).map(|_| self.own_token(Function::HotReader));
        let (needs, storage) = self.storage(Function::HotReader, asks);
        Part::new(needs, move |known| {
            let reader = HotReader::<SecretRef> {
                inter_cloud_token: token.clone(),
                storage: storage(known),
                azure_client_id: known.client_id.clone(),
            };
            reader.to_app_settings()
        })
    }

    fn cold_writer(&self) -> Part {
        let (needs, writer) = self.object_writer(Function::ColdWriter, Bucket::Cold, naming::BlobContainer::Cold);
        Part::new(needs, move |known| ColdWriter(writer(known)).to_app_settings())
    }

    fn archive_writer(&self) -> Part {
        let (needs, writer) =
            self.object_writer(Function::ArchiveWriter, Bucket::Archive, naming::BlobContainer::Archive);
        Part::new(needs, move |known| ArchiveWriter(writer(known)).to_app_settings())
    }

    fn adt_pusher(&self) -> Part {
        let token = self.own_token(Function::AdtPusher);
        let twin_info = self.site.definition.twin_info();
        let pusher = move |client_id: String| AdtPusher::<SecretRef> {
            adt_instance_url: None,
            azure_client_id: client_id,
            inter_cloud_token: token.clone(),
            twin_info: twin_info.clone(),
        };
        // The instance's URL is not known yet; who knows it sets it.
        let instance = |settings: &AppSettings| -> AppSettings {
            settings
                .iter()
                .filter(|(name, _)| *name == settings::ADT_INSTANCE_URL)
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect()
        };
        let initially = instance(&pusher(String::new()).to_app_settings());
        let own = self.host();
        let mut part = Part::new(own, move |known| {
            let mut settings = pusher(known.client_id.clone().expect("the pusher runs on Azure")).to_app_settings();
            settings.remove(settings::ADT_INSTANCE_URL);
            settings
        });
        part.initially = initially;
        part
    }

    fn adt_updater(&self, twin: Option<&Twin>) -> Part {
        let instance = match twin {
            Some(Twin::Azure(twin)) => Some(twin.instance),
            Some(Twin::Aws(_)) | None => None,
        };
        let twin_info = self.site.definition.twin_info();
        Part::new(Needs { twin: instance, ..self.host() }, move |known| {
            let updater = AdtUpdater {
                adt_instance_url: known.twin.clone().expect("the updater takes the instance"),
                azure_client_id: known.client_id.clone().expect("the updater runs on Azure"),
                twin_info: twin_info.clone(),
            };
            updater.to_app_settings()
        })
    }

    /// What every function takes from its cloud.
    fn host(&self) -> Needs {
        let identity = (self.cloud == Cloud::Azure).then(|| self.on.azure().setup.identity);
        Needs { identity, ..Needs::default() }
    }

    /// Hot storage on the function's own cloud.
    fn own_hot(&self) -> Needs {
        let hot = match self.compute.hot {
            Hot::Azure(hot) => OwnHot::Cosmos {
                account: hot.account,
                database: self.on.azure().names.cosmos_database(),
                container: self.on.azure().names.cosmos_container(),
            },
            Hot::Aws(_) => {
                let days = self.site.definition.hot_days;
                OwnHot::Dynamo(DynamoTable { table: self.on.aws().names.table(), days })
            }
        };
        Needs { hot: Some(hot), ..self.host() }
    }

    /// Hot storage, or the function on another cloud that stands before it.
    fn storage(
        &self,
        before: Function,
        remote: bool,
    ) -> (Needs, impl Fn(&Known) -> Storage<SecretRef> + Send + Sync + 'static) {
        let (needs, call) = match remote {
            true => {
                let (needs, call) = self.call(before);
                (self.host().and(needs), Some(call))
            }
            false => (self.own_hot(), None),
        };
        let storage = move |known: &Known| match &call {
            Some(call) => Storage::Remote(call(known)),
            None => known.hot.clone().expect("who stores by itself takes hot storage").into(),
        };
        (needs, storage)
    }

    fn object_writer(
        &self,
        function: Function,
        bucket: Bucket,
        container: naming::BlobContainer,
    ) -> (Needs, impl Fn(&Known) -> ObjectWriter<SecretRef> + Send + Sync + 'static) {
        let token = self.own_token(function);
        let on_aws = (self.cloud == Cloud::Aws).then(|| {
            let storage_class = aws::l3_storage::storage_class(bucket).to_owned();
            S3Bucket { bucket: self.on.aws().names.bucket(bucket), storage_class }
        });
        let (storage, name) = match self.cloud {
            Cloud::Azure => (Some(self.on.azure().setup.storage), self.on.azure().names.blob_container(container)),
            _ => (None, String::new()),
        };
        let tier = match container {
            naming::BlobContainer::Archive => "Archive",
            _ => "Cool",
        };
        let writer = move |known: &Known| {
            let store = match &on_aws {
                Some(bucket) => ObjectStore::S3(bucket.clone()),
                None => ObjectStore::Blob(BlobContainer {
                    endpoint: known.blobs.clone().expect("who writes blobs takes the storage account"),
                    container: name.clone(),
                    tier: tier.to_owned(),
                }),
            };
            ObjectWriter { inter_cloud_token: token.clone(), store, azure_client_id: known.client_id.clone() }
        };
        (Needs { storage, ..self.host() }, writer)
    }

    /// A call to another function: where it is, and the token that it asks for.
    fn call(&self, receiver: Function) -> (Needs, impl Fn(&Known) -> Remote<SecretRef> + Send + Sync + 'static) {
        let token = self.own_token(receiver);
        let call = self.site.topology.call(receiver).expect("who calls a function has a call to it in the topology");
        let needs = Needs { receivers: [(receiver, self.compute.receiver(call))].into(), ..Needs::default() };
        let remote = move |known: &Known| Remote { url: known.receivers[&receiver].clone(), token: token.clone() };
        (needs, remote)
    }

    /// The token that a receiver asks for.
    fn own_token(&self, receiver: Function) -> SecretRef {
        self.site.token(receiver)
    }
}
