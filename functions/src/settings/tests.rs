//! What the deployer writes is what the function reads.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    sync::{Arc, LazyLock},
};

use proptest::prelude::*;
use url::Url;

use super::*;
use crate::twin_info::{self, DeviceInfo, PropertyInfo, TwinInfo, ValueSchema};

fn token(connection: &str) -> SecretRef {
    SecretRef { connection: connection.into(), generation: 1, fingerprint: "0011223344556677".into() }
}

/// The token that the tests reveal for a reference.
fn revealed(connection: &str) -> Secret {
    Secret::new(format!("token of {connection}"))
}

/// An app's environment, as the cloud hands it to the function.
fn environment(settings: &AppSettings) -> BTreeMap<String, String> {
    let resolved = resolve(settings, |reference| Ok::<_, std::convert::Infallible>(revealed(&reference.connection)));
    let Ok(resolved) = resolved;
    resolved.into_iter().map(|(name, value)| (name, value.reveal().to_owned())).collect()
}

/// The same, read by a function of a package without files.
fn seen(environment: &BTreeMap<String, String>) -> Environment<'_> {
    /// An unpacked package, as far as settings look into it.
    static PACKAGE: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
        let package = tempfile::tempdir().unwrap();
        fs::write(package.path().join(twin_info::FILE), info().to_json()).unwrap();
        package
    });
    Environment::new(environment, PACKAGE.path())
}

fn url(text: &str) -> Url {
    text.parse().unwrap()
}

fn info() -> TwinInfo {
    let property = PropertyInfo {
        component: None,
        property: "temperature".into(),
        field: Vec::new(),
        schema: ValueSchema::Double,
    };
    let properties = [("temperature".to_owned(), property)].into();
    let device =
        DeviceInfo { twin: "room-1".into(), model: "dtmi:example:Room;1".into(), properties: Arc::new(properties) };
    TwinInfo { digital_twin_name: "factory".into(), devices: [("room-1".to_owned(), device)].into() }
}

fn cosmos() -> CosmosContainer {
    CosmosContainer {
        endpoint: url("https://factory.documents.azure.com:443/"),
        database: "iot-data".into(),
        container: "hot".into(),
    }
}

fn table() -> DynamoTable {
    DynamoTable { table: "factory-hot".into(), days: 7 }
}

fn bucket(name: &str) -> ObjectStore {
    ObjectStore::S3(S3Bucket { bucket: name.into(), storage_class: "STANDARD_IA".into() })
}

fn blobs(name: &str) -> ObjectStore {
    let endpoint = url("https://factory.blob.core.windows.net/");
    ObjectStore::Blob(BlobContainer { endpoint, container: name.into(), tier: "Cool".into() })
}

fn remote(connection: &str) -> Remote<SecretRef> {
    Remote { url: url("https://example.net/api/receiver"), token: token(connection) }
}

fn remote_read(connection: &str) -> Remote<Secret> {
    Remote { url: url("https://example.net/api/receiver"), token: revealed(connection) }
}

fn updater() -> AdtUpdater {
    AdtUpdater { adt_instance_url: url("https://adt.example.net"), azure_client_id: "client".into(), twin_info: info() }
}

fn pusher(adt_instance_url: Option<Url>) -> AdtPusher<SecretRef> {
    let azure_client_id = "client".into();
    AdtPusher { adt_instance_url, azure_client_id, inter_cloud_token: token("pusher"), twin_info: info() }
}

fn persister(storage: Storage<SecretRef>, adt_pusher: bool, inter_cloud_token: bool) -> Persister<SecretRef> {
    Persister {
        storage,
        adt_pusher: adt_pusher.then(|| remote("pusher")),
        inter_cloud_token: inter_cloud_token.then(|| token("persister")),
        azure_client_id: Some("client".into()),
    }
}

fn ingestion() -> Ingestion<SecretRef> {
    Ingestion { inter_cloud_token: token("ingestion"), persister: remote("persister") }
}

fn hot_writer() -> HotWriter<SecretRef> {
    let storage = HotStorage::Cosmos(cosmos());
    HotWriter { inter_cloud_token: token("hot-writer"), storage, azure_client_id: Some("client".into()) }
}

#[test]
fn the_updater_comes_back() {
    assert_eq!(AdtUpdater::from_app_settings(seen(&environment(&updater().to_app_settings()))), Ok(updater()));
}

#[test]
fn the_pusher_comes_back_with_and_without_an_instance() {
    for instance in [None, Some(url("https://adt.example.net"))] {
        let read =
            AdtPusher::from_app_settings(seen(&environment(&pusher(instance.clone()).to_app_settings()))).unwrap();
        assert_eq!(read.adt_instance_url, instance);
        assert_eq!(read.inter_cloud_token, revealed("pusher"));
        assert_eq!((read.azure_client_id.as_str(), read.twin_info), ("client", info()));
    }
    // Written even when it is not known: the plan's empty setting, filled in once L4 has produced it.
    assert_eq!(pusher(None).to_app_settings()["ADT_INSTANCE_URL"], Setting::Plain(String::new()));
}

#[test]
fn the_persister_comes_back_in_all_its_forms() {
    for (pushes, called) in [(false, false), (false, true), (true, false), (true, true)] {
        for storage in [Storage::Cosmos(cosmos()), Storage::Dynamo(table()), Storage::Remote(remote("writer"))] {
            let wanted = match &storage {
                Storage::Cosmos(container) => Storage::Cosmos(container.clone()),
                Storage::Dynamo(table) => Storage::Dynamo(table.clone()),
                Storage::Remote(_) => Storage::Remote(remote_read("writer")),
            };
            let settings = persister(storage, pushes, called).to_app_settings();
            let read = Persister::from_app_settings(seen(&environment(&settings))).unwrap();
            assert_eq!(read.storage, wanted);
            assert_eq!(read.adt_pusher, pushes.then(|| remote_read("pusher")));
            assert_eq!(read.inter_cloud_token, called.then(|| revealed("persister")));
        }
    }
}

#[test]
fn the_others_come_back() {
    let read = Ingestion::from_app_settings(seen(&environment(&ingestion().to_app_settings()))).unwrap();
    assert_eq!(read, Ingestion { inter_cloud_token: revealed("ingestion"), persister: remote_read("persister") });
    let read = HotWriter::from_app_settings(seen(&environment(&hot_writer().to_app_settings()))).unwrap();
    assert_eq!((read.inter_cloud_token, read.storage), (revealed("hot-writer"), HotStorage::Cosmos(cosmos())));
    for ingestion in [false, true] {
        let dispatcher = Dispatcher { ingestion: ingestion.then(|| remote("ingestion")) };
        let read = Dispatcher::from_app_settings(seen(&environment(&dispatcher.to_app_settings()))).unwrap();
        assert_eq!(read.ingestion, ingestion.then(|| remote_read("ingestion")));
    }
}

#[test]
fn the_hot_writer_of_aws_comes_back() {
    let storage = HotStorage::Dynamo(table());
    let written = HotWriter { storage: storage.clone(), azure_client_id: None, ..hot_writer() };
    let read = HotWriter::from_app_settings(seen(&environment(&written.to_app_settings()))).unwrap();
    assert_eq!(read, HotWriter { inter_cloud_token: revealed("hot-writer"), storage, azure_client_id: None });
}

#[test]
fn the_hot_reader_comes_back_in_all_its_forms() {
    for (written, wanted) in [
        (Storage::Cosmos(cosmos()), Storage::Cosmos(cosmos())),
        (Storage::Dynamo(table()), Storage::Dynamo(table())),
        (Storage::Remote(remote("reader")), Storage::Remote(remote_read("reader"))),
    ] {
        for called in [false, true] {
            let written = HotReader {
                inter_cloud_token: called.then(|| token("hot-reader")),
                storage: written.clone(),
                azure_client_id: Some("client".into()),
            };
            let read = HotReader::from_app_settings(seen(&environment(&written.to_app_settings()))).unwrap();
            assert_eq!(read.storage, wanted);
            assert_eq!(read.inter_cloud_token, called.then(|| revealed("hot-reader")));
        }
    }
}

#[test]
fn the_writers_of_objects_come_back_and_share_an_app() {
    for (cold, archive, client) in
        [(bucket("cold"), bucket("archive"), None), (blobs("cold"), blobs("archive"), Some("client".to_owned()))]
    {
        let writer = |name: &str, store: &ObjectStore| ObjectWriter {
            inter_cloud_token: token(name),
            store: store.clone(),
            azure_client_id: client.clone(),
        };
        let parts = [
            ColdWriter(writer("cold-writer", &cold)).to_app_settings(),
            ArchiveWriter(writer("archive-writer", &archive)).to_app_settings(),
        ];
        let shared = environment(&merge(parts).unwrap());
        let ColdWriter(read) = ColdWriter::from_app_settings(seen(&shared)).unwrap();
        assert_eq!((read.inter_cloud_token, read.store), (revealed("cold-writer"), cold));
        let ArchiveWriter(read) = ArchiveWriter::from_app_settings(seen(&shared)).unwrap();
        assert_eq!((read.inter_cloud_token, read.store), (revealed("archive-writer"), archive));
    }
}

#[test]
fn on_lambda_what_is_missing_is_of_aws() {
    let missing = |own: &[(&str, &str)]| {
        let mut environment: BTreeMap<String, String> =
            own.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        environment.insert("AWS_LAMBDA_RUNTIME_API".into(), "127.0.0.1:9001".into());
        Persister::from_app_settings(seen(&environment)).unwrap_err()
    };
    assert_eq!(missing(&[]), Error::Missing("DYNAMODB_TABLE"));
    assert_eq!(missing(&[("DYNAMODB_TABLE", "hot")]), Error::Missing("HOT_STORAGE_DAYS"));
    let wrong = missing(&[("DYNAMODB_TABLE", "hot"), ("HOT_STORAGE_DAYS", "seven")]);
    assert_eq!(wrong.to_string(), "read the setting HOT_STORAGE_DAYS: it is not a whole number");
}

#[test]
fn functions_that_share_an_app_agree() {
    let l0 = [
        ingestion().to_app_settings(),
        hot_writer().to_app_settings(),
        pusher(None).to_app_settings(),
        azure_host("storage", "client"),
    ];
    let parts: BTreeSet<String> = l0.iter().flat_map(|part| part.keys().cloned()).collect();
    assert_eq!(merge(l0).unwrap().into_keys().collect::<BTreeSet<_>>(), parts);
    let l2 = [
        Dispatcher { ingestion: Some(remote("ingestion")) }.to_app_settings(),
        persister(Storage::Remote(remote("writer")), true, true).to_app_settings(),
        azure_host("storage", "client"),
    ];
    assert!(merge(l2).is_ok());
}

#[test]
fn a_contradiction_is_named() {
    let merged = merge([azure_host("storage", "client"), azure_host("storage", "other")]);
    assert_eq!(merged, Err(Contradiction { name: "AZURE_CLIENT_ID".into() }));
}

#[test]
fn what_is_missing_or_malformed_is_named_and_its_value_is_not() {
    let mut environment = environment(&updater().to_app_settings());
    environment.insert("DIGITAL_TWIN_INFO".into(), "canary".into());
    let error = AdtUpdater::from_app_settings(seen(&environment)).unwrap_err().to_string();
    assert_eq!(error, "read the setting DIGITAL_TWIN_INFO: it is not a device to twin map in JSON");
    environment.insert("ADT_INSTANCE_URL".into(), "canary".into());
    let error = AdtUpdater::from_app_settings(seen(&environment)).unwrap_err().to_string();
    assert_eq!(error, "read the setting ADT_INSTANCE_URL: it is not an absolute URL");
    environment.insert("ADT_INSTANCE_URL".into(), String::new());
    assert_eq!(AdtUpdater::from_app_settings(seen(&environment)), Err(Error::Missing("ADT_INSTANCE_URL")));
}

#[test]
fn the_map_may_stand_in_a_file_of_the_package() {
    let root = tempfile::tempdir().unwrap();
    let mut environment = environment(&updater().to_app_settings());
    environment.insert("DIGITAL_TWIN_INFO".into(), "@map.json".into());
    let missing = AdtUpdater::from_app_settings(Environment::new(&environment, root.path())).unwrap_err();
    assert_eq!(missing, Error::Unreadable { name: "DIGITAL_TWIN_INFO", why: io::ErrorKind::NotFound });
    assert_eq!(missing.to_string(), "read the setting DIGITAL_TWIN_INFO: its file: entity not found");
    fs::write(root.path().join("map.json"), serde_json::to_string(&info()).unwrap()).unwrap();
    assert_eq!(AdtUpdater::from_app_settings(Environment::new(&environment, root.path())), Ok(updater()));
}

#[test]
fn settings_for_the_journal_hold_no_secret() {
    let json = serde_json::to_string(&pusher(None).to_app_settings()).unwrap();
    assert!(json.contains("fingerprint") && !json.contains("token of"));
    let resolved = resolve(&pusher(None).to_app_settings(), |_| Ok::<_, ()>(Secret::new("canary"))).unwrap();
    assert!(!format!("{resolved:?}").contains("canary"));
}

proptest! {
    #[test]
    fn any_environment_is_read_or_refused(values in prop::collection::btree_map(
        prop::sample::select(vec!["ADT_INSTANCE_URL", "AZURE_CLIENT_ID", "DIGITAL_TWIN_INFO", "INTER_CLOUD_TOKEN", "REMOTE_WRITER_URL",
            "REMOTE_WRITER_TOKEN", "COSMOS_DB_ENDPOINT", "PERSISTER_URL"]).prop_map(str::to_owned),
        prop_oneof![".{0,20}", Just("https://example.net".to_owned()), Just("{\"digital_twin_name\":\"a\",\"devices\":{}}".to_owned())],
        0..8,
    )) {
        let read = AdtUpdater::from_app_settings(seen(&values));
        prop_assert_eq!(read.is_ok(), ["ADT_INSTANCE_URL", "AZURE_CLIENT_ID"].iter().all(|name| values.get(*name).is_some_and(|v| !v.is_empty()))
            && values["ADT_INSTANCE_URL"].parse::<Url>().is_ok()
            && values.get("DIGITAL_TWIN_INFO").is_some_and(|text| serde_json::from_str::<TwinInfo>(text).is_ok()));
        let _ = (AdtPusher::from_app_settings(seen(&values)), Persister::from_app_settings(seen(&values)), Ingestion::from_app_settings(seen(&values)),
            HotWriter::from_app_settings(seen(&values)), Dispatcher::from_app_settings(seen(&values)));
    }
}
