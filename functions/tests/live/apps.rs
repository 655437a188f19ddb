//! Functions built from settings when they are first called.

use std::{collections::BTreeMap, fs};

use functions::{
    answer::Code,
    app::App,
    call::{Call, What},
    function::Function,
    twin_info::TwinInfo,
};

use crate::support::{TOKEN, app, in_time, secret};

fn post(body: &str) -> Call {
    Call { what: What::Post { token: Some(secret()), body: body.into() }, deadline: in_time() }
}

fn settings(given: &[(&str, &str)]) -> BTreeMap<String, String> {
    given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn a_missing_setting_is_named_and_nothing_else_fails() {
    let app = app();
    for (function, setting) in [
        (Function::AdtPusher, "AZURE_CLIENT_ID"),
        (Function::AdtUpdater, "ADT_INSTANCE_URL"),
        (Function::ArchiveWriter, "ARCHIVE_WRITER_INTER_CLOUD_TOKEN"),
        (Function::ColdWriter, "COLD_WRITER_INTER_CLOUD_TOKEN"),
        (Function::Dispatcher, "COSMOS_DB_ENDPOINT"),
        (Function::HotReader, "COSMOS_DB_ENDPOINT"),
        (Function::HotWriter, "HOT_WRITER_INTER_CLOUD_TOKEN"),
        (Function::Ingestion, "INGESTION_INTER_CLOUD_TOKEN"),
        (Function::Persister, "COSMOS_DB_ENDPOINT"),
    ] {
        let answer = app.call(function, post("{}")).await;
        assert_eq!((answer.code, answer.details["setting"].as_str()), (Code::Misconfigured, Some(setting)));
        assert_eq!(answer.message, format!("the function could not read the setting {setting}: it is not set"));
    }
}

#[tokio::test]
async fn a_value_that_does_not_read_is_not_told() {
    let canary = "canary-9f3a";
    let app = App::new(settings(&[("INGESTION_INTER_CLOUD_TOKEN", TOKEN), ("PERSISTER_URL", canary)]), "/nowhere");
    let answer = app.call(Function::Ingestion, post("{}")).await;
    assert_eq!((answer.code, answer.details["setting"].as_str()), (Code::Misconfigured, Some("PERSISTER_URL")));
    assert!(!format!("{answer:?}").contains(canary));
    let clear =
        [("INGESTION_INTER_CLOUD_TOKEN", TOKEN), ("PERSISTER_URL", "http://example.net/"), ("PERSISTER_TOKEN", "t")];
    let answer = App::new(settings(&clear), "/nowhere").call(Function::Ingestion, post("{}")).await;
    assert_eq!(answer.message, "the function could not read the setting PERSISTER_URL: it is not an https URL");
}

#[tokio::test]
async fn a_function_is_built_as_soon_as_it_can_be() {
    let package = tempfile::tempdir().unwrap();
    let given = [
        ("ADT_INSTANCE_URL", ""),
        ("AZURE_CLIENT_ID", "client"),
        ("INTER_CLOUD_TOKEN", TOKEN),
        ("DIGITAL_TWIN_INFO", "@map.json"),
    ];
    let app = App::new(settings(&given), package.path());
    let answer = app.call(Function::AdtPusher, post("{}")).await;
    assert_eq!((answer.code, answer.details["setting"].as_str()), (Code::Misconfigured, Some("DIGITAL_TWIN_INFO")));
    fs::write(package.path().join("map.json"), TwinInfo::default().to_json()).unwrap();
    // Its instance is not known yet: the function is there, and says so to whoever shows the token.
    assert_eq!(app.call(Function::AdtPusher, post("{}")).await.code, Code::NotReady);
    assert_eq!(app.counters().calls(Function::AdtPusher, Code::NotReady), 1);
}
