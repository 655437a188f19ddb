//! Definitions for tests: the example project, and a small one that has every kind of step.

use std::{path::Path, sync::OnceLock};

use serde_json::{Value, json};
use workflows::{
    definition::{AwsAccount, AzureAccount, Definition, Target, TargetKind},
    inter_cloud::Key,
    problem::Severity,
    project::{self, Access, Files, Report},
    regions::Regions,
    topology::{Cloud, Providers},
};

/// The repository's root.
#[must_use]
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The example project as a definition for the local cloud.
///
/// # Panics
/// When it does not validate.
#[must_use]
pub fn factory() -> Definition {
    define(project::read(&root().join("examples/factory"), Access::Local))
}

/// A plant with one room, one machine and a sensor each; small enough to be swept at every point.
///
/// # Panics
/// When it does not validate.
#[must_use]
pub fn plant() -> Definition {
    define(project::check(files(&plant_hierarchy(), &plant_devices())))
}

/// The plant after a change of everything that can change: a newer model, a new twin and device, others gone, values and
/// relationships other than before, another retention.
///
/// # Panics
/// When it does not validate.
#[must_use]
pub fn plant_changed() -> Definition {
    let mut hierarchy = plant_hierarchy();
    let text = hierarchy.to_string().replace("dtmi:plant:Machine;1", "dtmi:plant:Machine;2");
    hierarchy = serde_json::from_str(&text).expect("replacing a name leaves JSON");
    let twins = hierarchy["twins"].as_array_mut().expect("twins are a list");
    twins.retain(|twin| twin["$dtId"] != "sensor-b");
    twins[0]["name"] = json!("Hall A, renamed");
    twins.push(twin("sensor-c", "dtmi:plant:Sensor;1", json!({})));
    hierarchy["relationships"] = json!([
        relationship("hall", "hall-machine", "press", "contains"),
        relationship("press", "press-sensor", "sensor-c", "hasSensor"),
    ]);
    let devices = json!([device("sensor-a"), device("sensor-c")]);
    let mut changed = define(project::check(files(&hierarchy, &devices)));
    changed.hot_days += 1;
    changed
}

/// The definition of a report without errors, for the local cloud.
///
/// # Panics
/// When there are errors; they are in the message.
#[must_use]
pub fn define(report: Report) -> Definition {
    let errors: Vec<String> = report.of(Severity::Error).map(|problem| format!("{problem:?}")).collect();
    let project = report.project.unwrap_or_else(|| panic!("the project does not validate: {errors:#?}"));
    project.define(Target {
        kind: TargetKind::Local,
        azure: Some(AzureAccount {
            tenant: local::endpoints::TENANT.into(),
            subscription: local::endpoints::SUBSCRIPTION.into(),
            regions: Regions::default(),
        }),
        aws: None,
    })
}

/// The key of this process's worlds.
///
/// # Panics
/// When the system gives no random bytes.
pub fn key() -> &'static Key {
    static KEY: OnceLock<Key> = OnceLock::new();
    KEY.get_or_init(|| Key::ephemeral().expect("the system gives random bytes"))
}

/// A definition with its layers on these clouds, in the account of the emulator's worlds.
#[must_use]
pub fn on(mut definition: Definition, providers: Providers) -> Definition {
    definition.providers = providers;
    definition.target.aws = providers
        .uses(Cloud::Aws)
        .then(|| AwsAccount { account: "000000000000".into(), region: "eu-central-1".into() });
    definition.with_tokens(key())
}

/// L1 to L3 on AWS, the twin on Azure.
#[must_use]
pub fn devices_on_aws() -> Providers {
    Providers { l4: Cloud::Azure, ..Providers::all(Cloud::Aws) }
}

fn files(hierarchy: &Value, devices: &Value) -> Files {
    let config = json!({ "digital_twin_name": "plant", "hot_storage_size_in_days": 7, "cold_storage_size_in_days": 30, "mode": "production" });
    let providers = json!({
        "layer_1_provider": "azure", "layer_2_provider": "azure", "layer_3_hot_provider": "azure",
        "layer_3_cold_provider": "azure", "layer_3_archive_provider": "azure", "layer_4_provider": "azure"
    });
    Files::from_texts([
        (project::CONFIG, config.to_string()),
        (project::PROVIDERS, providers.to_string()),
        (project::DEVICES, devices.to_string()),
        (project::HIERARCHY_JSON, hierarchy.to_string()),
    ])
}

fn plant_devices() -> Value {
    json!([device("sensor-a"), device("sensor-b")])
}

fn device(id: &str) -> Value {
    json!({ "id": id, "properties": [{ "name": "temperature", "dataType": "DOUBLE", "initValue": 20.5 }] })
}

fn plant_hierarchy() -> Value {
    json!({
        "header": { "fileVersion": "1.0.0", "author": "tests", "organization": "twinctl" },
        "models": [
            model("dtmi:plant:Thing;1", json!([property("name", "string")]), None),
            model("dtmi:plant:Motor;1", json!([property("power", "integer")]), None),
            model("dtmi:plant:Room;1", json!([{ "@type": "Relationship", "name": "contains" }]), Some("dtmi:plant:Thing;1")),
            model("dtmi:plant:Machine;1", json!([
                { "@type": "Component", "name": "motor", "schema": "dtmi:plant:Motor;1" },
                { "@type": "Relationship", "name": "hasSensor" }
            ]), Some("dtmi:plant:Thing;1")),
            model("dtmi:plant:Sensor;1", json!([property("temperature", "double")]), None),
        ],
        "twins": [
            twin("hall", "dtmi:plant:Room;1", json!({ "name": "Hall A" })),
            twin("press", "dtmi:plant:Machine;1", json!({ "name": "Press", "motor": { "$metadata": {}, "power": 40 } })),
            twin("sensor-a", "dtmi:plant:Sensor;1", json!({})),
            twin("sensor-b", "dtmi:plant:Sensor;1", json!({})),
        ],
        "relationships": [
            relationship("hall", "hall-machine", "press", "contains"),
            relationship("press", "press-sensor", "sensor-a", "hasSensor"),
            relationship("press", "press-other", "sensor-b", "hasSensor"),
        ]
    })
}

fn model(id: &str, contents: Value, extends: Option<&str>) -> Value {
    let mut model = json!({ "@id": id, "@type": "Interface", "@context": "dtmi:dtdl:context;3", "contents": contents });
    if let Some(extends) = extends {
        model["extends"] = json!(extends);
    }
    model
}

fn property(name: &str, schema: &str) -> Value {
    json!({ "@type": "Property", "name": name, "schema": schema })
}

fn twin(id: &str, model: &str, properties: Value) -> Value {
    let mut twin = json!({ "$dtId": id, "$metadata": { "$model": model } });
    let properties = properties.as_object().expect("properties are an object").clone();
    twin.as_object_mut().expect("a twin is an object").extend(properties);
    twin
}

fn relationship(source: &str, id: &str, target: &str, name: &str) -> Value {
    json!({ "$sourceId": source, "$relationshipId": id, "$targetId": target, "$relationshipName": name })
}
