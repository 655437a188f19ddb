//! Contracts of everything that is in use: the local cloud itself writes down what every command, every function process and
//! every method of the Azure client sends it, and what it answers; both are held against Microsoft's specifications.

use std::{
    collections::BTreeSet,
    io::Write as _,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use azure::{
    Azure, api,
    digital_twins::{Client, Condition, EventRoute, JobStatus},
};
use reqwest::{Method, Url};
use serde_json::{Value, json};
use tests::{
    by_hand::ByHand,
    contract::{Contracts, Report, recording},
    twinctl::Sandbox,
};
use workflows::clouds::{Clouds, LocalAccess};

/// The document of the twins' data plane, all of whose operations are ours to serve.
const DATA_PLANE: &str = "stable/2023-10-31/digitaltwins.json";

/// The operations on paths in use, and of the twins' data plane, that nothing of ours asks for, and why.
const UNREACHED: [(&str, &str); 15] = [
    ("AppServicePlans_Update", WHOLE),
    ("BlobContainers_Update", WHOLE),
    ("DatabaseAccounts_Update", WHOLE),
    ("DigitalTwins_Update", WHOLE),
    ("IotHubResource_Update", WHOLE),
    ("ResourceGroups_CheckExistence", "a group is read, with its tags: they tell whose it is"),
    ("ResourceGroups_Update", WHOLE),
    ("StorageAccounts_Update", WHOLE),
    ("SystemTopicEventSubscriptions_Update", WHOLE),
    ("SystemTopics_Update", WHOLE),
    ("Topics_Update", WHOLE),
    ("UserAssignedIdentities_Update", WHOLE),
    ("WebApps_CreateFunction", "functions come and go with the app's package"),
    ("WebApps_DeleteFunction", "functions come and go with the app's package"),
    ("WebApps_Update", WHOLE),
];
const WHOLE: &str = "a resource is replaced whole, by PUT";

/// Starts to write down what is said to a sandbox's cloud.
fn record(sandbox: &Sandbox) -> PathBuf {
    let file = sandbox.state().with_file_name("said.jsonl");
    let _ = sandbox.run(&["cloud", "up"]).code(0);
    let _ = sandbox.run(&["cloud", "record", file.to_str().expect("the folder's name is text")]).code(0);
    file
}

/// A whole life of the example: every command that speaks to the cloud.
fn commands(sandbox: &Sandbox) {
    sandbox.deploy();
    for words in [
        &["plan"][..],
        &["status"],
        &["run"],
        &["verify"],
        &["simulate", "--rate", "20", "--duration", "1", "--seed", "1"],
        &["send", ".", "climate-press-hall", r#"{"temperature":30.5}"#, "--wait"],
        &["twins"],
        &["drift"],
    ] {
        let _ = sandbox.run(words).code(0);
    }
    ByHand::at(sandbox).narrow_the_filter(sandbox);
    let _ = sandbox.run(&["drift"]).code(16);
    let _ = sandbox.run(&["drift", "--revert"]).code(0);
    // A newer model: its twin moves, the older model goes.
    for place in ["\"@id\": \"", "\"$model\": \""] {
        let (from, to) = (format!("{place}dtmi:factory:Site;1"), format!("{place}dtmi:factory:Site;2"));
        sandbox.edit("twin_hierarchy/azure_hierarchy.json", &from, &to);
    }
    sandbox.edit("config.json", r#""hot_storage_size_in_days": 7"#, r#""hot_storage_size_in_days": 8"#);
    for words in [&["run"][..], &["rollback"], &["destroy", "--yes"]] {
        let _ = sandbox.run(words).code(0);
    }
}

fn azure_of(sandbox: &Sandbox) -> Azure {
    let endpoints = local::Endpoints::read(&sandbox.cloud()).expect("readable").expect("the cloud is up");
    let access = LocalAccess {
        arm: endpoints.arm.clone(),
        login: endpoints.login.clone(),
        tenant: endpoints.tenant.clone(),
        ca_pem: std::fs::read(&endpoints.ca_pem).expect("the cloud wrote its certificate"),
        policies: Vec::new(),
        rates: false,
    };
    Clouds::local(access, None).expect("the certificate is one").azure
}

const GROUP: &str = "/subscriptions/10ca1000-5ab5-5c21-9a70-10ca10000001/resourceGroups/by-hand";

/// Puts a resource and looks until it is done; the resource.
fn settled(by_hand: &ByHand, id: &str, version: &str, body: Value) -> Value {
    let (status, answer) = by_hand.arm(Method::PUT, id, version, Some(body));
    assert!(status < 300, "{answer}");
    // Each look at an operation brings it on.
    let looks = (0..500).map(|_| by_hand.arm(Method::GET, id, version, None).1);
    let mut looks = looks.skip_while(|found| found["properties"]["provisioningState"] != "Succeeded");
    looks.next().unwrap_or_else(|| panic!("{id} is never done"))
}

/// A storage account with a container for jobs; where its blobs are.
fn storage(by_hand: &ByHand) -> Url {
    let account = format!("{GROUP}/providers/Microsoft.Storage/storageAccounts/byhandstore");
    let body = json!({ "location": "westeurope", "kind": "StorageV2", "sku": { "name": "Standard_LRS" } });
    let account_there = settled(by_hand, &account, api::STORAGE, body);
    let container = format!("{account}/blobServices/default/containers/jobs");
    assert_eq!(by_hand.arm(Method::PUT, &container, api::STORAGE, Some(json!({}))).0, 201);
    let endpoint = account_there["properties"]["primaryEndpoints"]["blob"].as_str().expect("an account has blobs");
    Url::parse(endpoint).expect("an endpoint is a URL")
}

/// An instance with an endpoint to a topic; its host name.
fn instance(by_hand: &ByHand) -> String {
    let settled = |id: &str, version: &str, body: Value| settled(by_hand, id, version, body);
    assert_eq!(by_hand.arm(Method::PUT, GROUP, api::RESOURCES, Some(json!({ "location": "westeurope" }))).0, 201);
    let twins = format!("{GROUP}/providers/Microsoft.DigitalTwins/digitalTwinsInstances/by-hand-twins");
    let there = settled(&twins, api::DIGITAL_TWINS, json!({ "location": "westeurope" }));
    let topic = format!("{GROUP}/providers/Microsoft.EventGrid/topics/by-hand-topic");
    let topic = settled(&topic, api::EVENT_GRID, json!({ "location": "westeurope", "properties": {} }));
    let endpoint = json!({ "properties": {
        "endpointType": "EventGrid", "authenticationType": "KeyBased",
        "TopicEndpoint": topic["properties"]["endpoint"], "accessKey1": "by-hand",
    } });
    let _ = settled(&format!("{twins}/endpoints/events"), api::DIGITAL_TWINS, endpoint);
    there["properties"]["hostName"].as_str().expect("an instance has a host name").to_owned()
}

/// Every method of the client of the data plane.
async fn client(twins: &Client) -> Result<(), azure::Error> {
    let model = |id: &str, contents: Value| json!({ "@context": "dtmi:dtdl:context;3", "@id": id, "@type": "Interface", "contents": contents });
    let part = model("dtmi:by:Part;1", json!([{ "@type": "Property", "name": "level", "schema": "integer" }]));
    let contents = json!([
        { "@type": "Property", "name": "name", "schema": "string" },
        { "@type": "Component", "name": "part", "schema": "dtmi:by:Part;1" },
        {
            "@type": "Relationship", "name": "knows", "target": "dtmi:by:Thing;1",
            "properties": [{ "@type": "Property", "name": "since", "schema": "integer" }],
        },
    ]);
    twins.probe().await?;
    let _ = twins.create_models(&[part, model("dtmi:by:Thing;1", contents), model("dtmi:by:Old;1", json!([]))]).await?;
    assert_eq!(twins.models(true).await?.len(), 3);
    assert!(twins.model("dtmi:by:Thing;1").await?.is_some() && twins.model("dtmi:by:None;1").await?.is_none());
    twins.decommission_model("dtmi:by:Old;1").await?;
    twins.delete_model("dtmi:by:Old;1").await?;
    let thing = json!({ "$metadata": { "$model": "dtmi:by:Thing;1" }, "name": "x", "part": { "$metadata": {} } });
    for id in ["a", "b"] {
        let _ = twins.put_twin(id, &thing, Condition::IfAbsent).await?;
    }
    let refused = twins.put_twin("a", &thing, Condition::IfAbsent).await.expect_err("it is there");
    assert_eq!(refused.status(), Some(412));
    let etag = twins.twin("a").await?.expect("it is there").etag.expect("twins have ETags");
    let rename = json!([{ "op": "add", "path": "/name", "value": "y" }]);
    let _ = twins.patch_twin("a", &rename, Condition::IfMatch(&etag)).await?;
    let level = json!([{ "op": "add", "path": "/level", "value": 3 }]);
    let _ = twins.patch_component("a", "part", &level, Condition::Always).await?;
    assert_eq!(twins.component("a", "part").await?.expect("it is there").document["level"], 3);
    let link = json!({ "$targetId": "b", "$relationshipName": "knows" });
    let _ = twins.put_relationship("a", "ab", &link, Condition::Always).await?;
    assert!(twins.relationship("a", "ab").await?.is_some());
    assert_eq!(twins.relationships("a").collect().await?.len(), 1);
    assert_eq!(twins.incoming_relationships("b").collect().await?.len(), 1);
    assert_eq!(twins.query("SELECT * FROM DIGITALTWINS").per_page(1).collect().await?.len(), 2);
    twins.put_event_route("all", &EventRoute { endpoint: "events".into(), filter: "true".into() }).await?;
    assert!(twins.event_route("all").await?.is_some());
    assert_eq!(twins.event_routes().collect().await?.len(), 1);
    twins.delete_event_route("all").await?;
    twins.delete_relationship("a", "ab", Condition::Always).await?;
    twins.delete_twin("a", Condition::Always).await
}

/// An import from its blob to its log.
async fn import(azure: &Azure, twins: &Client, blobs: &Url) -> Result<(), azure::Error> {
    let graph = [
        json!({ "Section": "Header" }),
        json!({ "fileVersion": "1.0.0" }),
        json!({ "Section": "Twins" }),
        json!({ "$dtId": "imported", "$metadata": { "$model": "dtmi:by:Part;1" }, "level": 7 }),
    ];
    let graph: String = graph.iter().map(|line| format!("{line}\n")).collect();
    let container = azure.blobs(blobs, "jobs")?;
    assert!(container.create("graph.ndjson", graph.into(), "application/x-ndjson", "Hot").await?);
    let blob = |name: &str| blobs.join(&format!("jobs/{name}")).expect("a name joins a URL");
    let _ = twins.start_import("by-hand", &blob("graph.ndjson"), &blob("log.ndjson")).await?;
    let again = twins.start_import("by-hand", &blob("graph.ndjson"), &blob("log.ndjson")).await;
    assert_eq!(again.expect_err("ids are used once").status(), Some(409));
    let begun = Instant::now();
    let ended = loop {
        let job = twins.import_job("by-hand").await?.expect("it was started");
        if !matches!(job.status, JobStatus::Running(_)) {
            break job.status;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{job:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(ended, JobStatus::Succeeded);
    assert_eq!(twins.twin("imported").await?.expect("it is there").document["level"], 7);
    assert_eq!(twins.cancel_import("by-hand").await?.status, JobStatus::Succeeded, "it is too late for that");
    Ok(())
}

/// The deletion of everything, and the lists of jobs.
fn deletion(by_hand: &ByHand) {
    let (status, imports) = by_hand.twins(Method::GET, "/jobs/imports", None);
    assert_eq!((status, &imports["value"][0]["id"]), (200, &json!("by-hand")));
    assert_eq!(by_hand.twins(Method::DELETE, "/jobs/imports/by-hand", None).0, 204);
    let (status, job) = by_hand.twins_with(Method::POST, "/jobs/deletions", &[("operation-id", "all")], None);
    assert_eq!(status, 202, "{job}");
    let path = format!("/jobs/deletions/{}", job["id"].as_str().expect("a job has an id"));
    let begun = Instant::now();
    while by_hand.twins(Method::GET, &path, None).1["status"] != "succeeded" {
        assert!(begun.elapsed() < Duration::from_secs(60), "the deletion does not end");
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(by_hand.twins(Method::GET, "/jobs/deletions", None).0, 200);
    assert_eq!(by_hand.twins(Method::GET, "/models", None).1["value"], json!([]));
}

/// What the client has no method for, since no step and no function needs it.
fn by_hand_only(by_hand: &ByHand) {
    let telemetry = [("message-id", "m-1")];
    for path in ["/digitaltwins/b/telemetry", "/digitaltwins/b/components/part/telemetry"] {
        let (status, answer) = by_hand.twins_with(Method::POST, path, &telemetry, Some(json!({ "warmth": 3 })));
        assert_eq!(status, 204, "{answer}");
    }
    let thing = json!({ "$metadata": { "$model": "dtmi:by:Thing;1" }, "part": { "$metadata": {} } });
    assert_eq!(by_hand.twins(Method::PUT, "/digitaltwins/c", Some(thing)).0, 200);
    let link = json!({ "$targetId": "c", "$relationshipName": "knows" });
    assert_eq!(by_hand.twins(Method::PUT, "/digitaltwins/b/relationships/bc", Some(link)).0, 200);
    let since = json!([{ "op": "add", "path": "/since", "value": 2026 }]);
    assert_eq!(by_hand.twins(Method::PATCH, "/digitaltwins/b/relationships/bc", Some(since)).0, 204);
    for (id, version) in [
        ("DigitalTwins/digitalTwinsInstances/by-hand-twins/endpoints/events", api::DIGITAL_TWINS),
        ("EventGrid/topics/by-hand-topic", api::EVENT_GRID),
    ] {
        let (status, answer) = by_hand.arm(Method::DELETE, &format!("{GROUP}/providers/Microsoft.{id}"), version, None);
        assert!(status < 300, "{answer}");
    }
}

/// Holds what was written down against the specifications.
fn check(contracts: &Contracts, file: &Path) -> Report {
    let (exchanges, others) = recording::read(file).expect("the cloud wrote a recording");
    assert!(!exchanges.is_empty());
    let report = contracts.check(&exchanges);
    let _ = writeln!(std::io::stderr(), "{report}  {:>5}x other services, without documents", others.len());
    report.assert_kept();
    report
}

#[test]
fn what_is_in_use_keeps_to_the_specifications_and_what_is_not_reached_is_known() {
    let Some(contracts) = Contracts::ours() else { return };
    let sandbox = Sandbox::of_example("factory");
    let file = record(&sandbox);
    commands(&sandbox);
    let by_hand = ByHand::at(&sandbox);
    let azure = azure_of(&sandbox);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    let twins = azure.digital_twins(&instance(&by_hand)).expect("it is a host name");
    runtime.block_on(client(&twins)).expect("the local cloud does all of it");
    by_hand_only(&by_hand);
    runtime.block_on(import(&azure, &twins, &storage(&by_hand))).expect("the local cloud imports");
    deletion(&by_hand);
    let _ = sandbox.run(&["cloud", "record", "--stop"]).code(0);
    let report = check(&contracts, &file);
    let unreached = contracts.unreached(&report, &[DATA_PLANE]);
    for ((document, id), template) in &unreached {
        let _ = writeln!(std::io::stderr(), "  not reached: {id} ({document}) {template}");
    }
    let ids: BTreeSet<&str> = unreached.keys().map(|(_, id)| id.as_str()).collect();
    let known: BTreeSet<&str> = UNREACHED.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, known, "the list of what no test reaches is to be put right");
}
