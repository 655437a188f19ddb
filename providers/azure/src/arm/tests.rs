use std::{path::PathBuf, sync::Arc};

use serde_json::{Value, json};

use super::*;
use crate::script::{Reply, Script};

const ID: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.DigitalTwins/digitalTwinsInstances/f";
const VERSION: &str = "2023-01-31";

/// Polls to the end without waiting.
async fn finish(client: &Client, submitted: Submitted) -> Result<Option<Value>, Error> {
    let mut operation = match submitted {
        Submitted::Done(body) => return Ok(body),
        Submitted::Running(operation) => operation,
    };
    for _ in 0..5_000 {
        // As a resume would: from its journaled form.
        let journaled = serde_json::to_string(&operation).expect("serialisable");
        assert!(!journaled.contains("token-for"), "no token is journaled");
        operation = serde_json::from_str(&journaled).expect("readable");
        match client.poll(&operation).await? {
            Poll::Done(body) => return Ok(body),
            Poll::Running { .. } => {}
        }
    }
    panic!("the operation does not end");
}

#[tokio::test]
async fn a_created_instance_is_read_when_its_operation_has_succeeded() {
    let script = Script::serve([
        Reply::json(201, &json!({"properties": {"provisioningState": "Provisioning", "hostName": null}}))
            .header("azure-asyncoperation", "{base}/status/1?api-version=x&t=a%3db")
            .header("location", "{base}/result/1")
            .header("retry-after", "10"),
        Reply::json(200, &json!({"status": "Running"})),
        Reply::json(200, &json!({"status": "Succeeded"})),
        Reply::json(200, &json!({"properties": {"provisioningState": "Succeeded", "hostName": "h"}})),
    ])
    .await;
    let azure = script.azure();
    let write = Write { key: Some(Uuid::nil()), if_match: Some("\"1\""), if_absent: false };
    let submitted = azure.arm().put(ID, VERSION, &json!({"location": "westeurope"}), write).await.expect("accepted");
    let Submitted::Running(operation) = &submitted else { panic!("it runs") };
    assert_eq!(operation.retry_after(), Some(Duration::from_secs(10)));
    let body = finish(azure.arm(), submitted).await.expect("created").expect("a body");
    assert_eq!(body["properties"]["hostName"], "h");
    let target = format!("{ID}?api-version={VERSION}");
    assert_eq!(
        script.lines(),
        [
            format!("PUT {target}"),
            "GET /status/1?api-version=x&t=a%3db".into(),
            "GET /status/1?api-version=x&t=a%3db".into(),
            format!("GET {target}"),
        ]
    );
    let put = &script.seen()[0];
    assert_eq!(put.header("x-ms-client-request-id"), Some(Uuid::nil().to_string().as_str()));
    assert_eq!(put.header("if-match"), Some("\"1\""));
    assert_eq!(put.header("authorization"), Some("Bearer token-for-https://management.azure.com/.default"));
    assert_eq!(put.json(), json!({"location": "westeurope"}));
}

#[tokio::test]
async fn a_location_answers_as_the_call_would_have() {
    let script = Script::serve([
        Reply::new(202).header("location", "{base}/async/1").header("retry-after", "17"),
        Reply::new(202).header("retry-after", "17"),
        Reply::json(200, &json!({"name": "account"})),
    ])
    .await;
    let azure = script.azure();
    let submitted = azure.arm().put(ID, VERSION, &json!({}), Write::default()).await.expect("accepted");
    let Submitted::Running(operation) = &submitted else { panic!("it runs") };
    let Poll::Running { retry_after, .. } = azure.arm().poll(operation).await.expect("running") else {
        panic!("it runs")
    };
    assert_eq!(retry_after, Duration::from_secs(17));
    let body = finish(azure.arm(), submitted).await.expect("created");
    assert_eq!(body, Some(json!({"name": "account"})));
}

#[tokio::test]
async fn without_headers_the_provisioning_state_is_followed() {
    let state = |state: &str| Reply::json(200, &json!({"properties": {"provisioningState": state}}));
    let script = Script::serve([state("Accepted"), state("Weird"), state("succeeded")]).await;
    let azure = script.azure();
    let submitted = azure.arm().patch(ID, VERSION, &json!({}), Write::default()).await.expect("accepted");
    assert!(finish(azure.arm(), submitted).await.expect("done").is_some());
    assert_eq!(script.left(), 0);
}

#[tokio::test]
async fn a_location_of_a_finished_201_is_not_followed() {
    let script =
        Script::serve([Reply::json(201, &json!({"name": "identity"})).header("location", "/subscriptions/x")]).await;
    let done = script.azure().arm().put(ID, VERSION, &json!({}), Write::default()).await.expect("created");
    assert_eq!(done, Submitted::Done(Some(json!({"name": "identity"}))));
}

#[tokio::test]
async fn a_failed_operation_is_an_error_with_its_code() {
    let script = Script::serve([
        Reply::json(201, &json!({})).header("azure-asyncoperation", "{base}/status/1"),
        Reply::json(200, &json!({"status": "Failed", "error": {"code": "SkuNotAvailable", "message": "Not here."}})),
    ])
    .await;
    let azure = script.azure();
    let submitted = azure.arm().put(ID, VERSION, &json!({}), Write::default()).await.expect("accepted");
    let error = finish(azure.arm(), submitted).await.expect_err("failed");
    assert_eq!((error.kind(), error.code()), (Kind::Permanent, Some("SkuNotAvailable")));
    assert_eq!(error.to_string(), format!("PUT {ID}: Not here. (SkuNotAvailable)"));
}

#[tokio::test]
async fn a_resource_that_failed_at_once_is_an_error() {
    let script = Script::serve([Reply::json(200, &json!({"properties": {"provisioningState": "Canceled"}}))]).await;
    let error = script.azure().arm().put(ID, VERSION, &json!({}), Write::default()).await.expect_err("cancelled");
    assert_eq!(error.code(), Some("OperationCanceled"));
}

#[tokio::test]
async fn an_unreadable_status_says_nothing_of_the_operation() {
    let script = Script::serve([
        Reply::json(201, &json!({})).header("azure-asyncoperation", "{base}/status/1"),
        Reply::new(500),
        Reply::new(429).header("retry-after", "3"),
        Reply::new(409),
    ])
    .await;
    let azure = script.azure();
    let submitted = azure.arm().put(ID, VERSION, &json!({}), Write::default()).await.expect("accepted");
    let Submitted::Running(operation) = submitted else { panic!("it runs") };
    for kind in [Kind::Transient, Kind::Throttled, Kind::Transient] {
        assert_eq!(azure.arm().poll(&operation).await.expect_err("unreadable").kind(), kind);
    }
}

#[tokio::test]
async fn when_the_operations_record_is_gone_the_resource_knows() {
    let script = Script::serve([
        Reply::json(202, &json!({"properties": {"provisioningState": "Deleting"}}))
            .header("azure-asyncoperation", "{base}/status/1"),
        Reply::new(404),
        Reply::json(200, &json!({"properties": {"provisioningState": "Deleting"}})),
        Reply::new(404),
        Reply::new(404),
    ])
    .await;
    let azure = script.azure();
    let submitted = azure.arm().delete(ID, VERSION, Write::default()).await.expect("accepted");
    assert_eq!(finish(azure.arm(), submitted).await.expect("gone"), None);
    assert_eq!(script.left(), 0);
}

#[tokio::test]
async fn what_is_not_there_is_none_and_deleting_it_succeeds() {
    let script = Script::serve([Reply::new(404), Reply::new(404), Reply::new(204)]).await;
    let azure = script.azure();
    assert_eq!(azure.arm().get(ID, VERSION).await.expect("an answer"), None);
    for _ in 0..2 {
        let deleted = azure.arm().delete(ID, VERSION, Write::default()).await.expect("nothing to delete");
        assert_eq!(deleted, Submitted::Done(None));
    }
}

#[tokio::test]
async fn an_action_takes_its_result_from_the_location() {
    let script = Script::serve([
        Reply::new(202).header("azure-asyncoperation", "{base}/status/1").header("location", "{base}/result/1"),
        Reply::json(200, &json!({"status": "Succeeded"})),
        Reply::json(200, &json!({"key": "k"})),
    ])
    .await;
    let azure = script.azure();
    let submitted = azure.arm().post(ID, "listKeys", VERSION, None, Write::default()).await.expect("accepted");
    assert_eq!(finish(azure.arm(), submitted).await.expect("done"), Some(json!({"key": "k"})));
    assert_eq!(script.lines()[0], format!("POST {ID}/listKeys?api-version={VERSION}"));
}

#[tokio::test]
async fn a_list_is_read_to_its_end() {
    let script = Script::serve([
        Reply::json(200, &json!({"value": [1, 2], "nextLink": "{base}/next?$skiptoken=a%2Fb"})),
        Reply::json(200, &json!({"value": [3], "nextLink": ""})),
    ])
    .await;
    let all = script.azure().arm().list("/subscriptions/s/resourcegroups?$top=2", "2024-07-01").await.expect("a list");
    assert_eq!(all, [json!(1), json!(2), json!(3)]);
    assert_eq!(script.lines()[0], "GET /subscriptions/s/resourcegroups?api-version=2024-07-01&%24top=2");
    assert_eq!(script.lines()[1], "GET /next?$skiptoken=a%2Fb");
}

#[tokio::test]
async fn a_token_is_not_sent_where_an_answer_points() {
    let script =
        Script::serve([Reply::json(201, &json!({})).header("azure-asyncoperation", "http://127.0.0.1:9/steal")]).await;
    let azure = script.azure();
    let Submitted::Running(operation) =
        azure.arm().put(ID, VERSION, &json!({}), Write::default()).await.expect("accepted")
    else {
        panic!("it runs")
    };
    let error = azure.arm().poll(&operation).await.expect_err("refused");
    assert_eq!(error.kind(), Kind::Permanent);
    assert!(error.to_string().contains("another host"), "{error}");
}

#[tokio::test]
async fn a_late_answer_and_a_lost_one_are_transient() {
    let script = Script::serve([Reply::new(200).late(Duration::from_secs(30))]).await;
    let mut options = script.options();
    options.timeout = Duration::from_millis(100);
    let error = Azure::new(options).arm().get(ID, VERSION).await.expect_err("late");
    assert_eq!(error.kind(), Kind::Transient);
    assert!(error.to_string().contains("no answer within 0.1 s"), "{error}");
    let mut options = script.options();
    // A port that was free a moment ago, and that nobody listens on.
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("an address");
    options.arm = Url::parse(&format!("http://{free}")).expect("a URL");
    assert_eq!(Azure::new(options).arm().get(ID, VERSION).await.expect_err("refused").kind(), Kind::Transient);
}

#[tokio::test]
async fn policies_see_every_exchange() {
    #[derive(Debug, Default)]
    struct Count(std::sync::atomic::AtomicUsize);
    #[allow(elided_lifetimes_in_paths)]
    #[async_trait::async_trait]
    impl azure_core::http::policies::Policy for Count {
        async fn send(
            &self,
            ctx: &azure_core::http::Context,
            request: &mut azure_core::http::Request,
            next: &[Arc<dyn azure_core::http::policies::Policy>],
        ) -> azure_core::http::policies::PolicyResult {
            assert!(request.headers().get_optional_str(&"authorization".into()).is_some());
            self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            next[0].send(ctx, request, &next[1..]).await
        }
    }
    let script = Script::serve([Reply::new(503), Reply::new(404)]).await;
    let count = Arc::new(Count::default());
    let mut options = script.options();
    options.per_try_policies.push(count.clone());
    let azure = Azure::new(options);
    assert_eq!(azure.arm().get(ID, VERSION).await.expect_err("503").kind(), Kind::Transient);
    assert_eq!(azure.arm().get(ID, VERSION).await.expect("an answer"), None);
    assert_eq!(count.0.load(std::sync::atomic::Ordering::SeqCst), 2, "nothing is retried");
}

#[tokio::test]
async fn what_is_no_id_is_refused_before_it_is_sent() {
    let script = Script::serve([]).await;
    for id in ["/subscriptions//x", "/subscriptions/../x", "/"] {
        assert!(script.azure().arm().get(id, VERSION).await.is_err(), "{id}");
    }
    assert!(script.lines().is_empty());
}

mod app_settings {
    use super::*;

    const SITE: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/app";

    fn wanted(pairs: &[(&str, &str)]) -> Settings {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect()
    }

    #[tokio::test]
    async fn a_merge_writes_the_whole_set_with_others_settings_in_it() {
        let script = Script::serve([
            Reply::json(200, &json!({"properties": {"THEIRS": "secret", "URL": ""}})),
            Reply::json(200, &json!({})),
        ])
        .await;
        let azure = script.azure();
        let change = azure.arm().merge_settings(SITE, &wanted(&[("URL", "https://f")]), &[], Write::default()).await;
        assert_eq!(change.expect("merged").set, ["URL"]);
        let seen = script.seen();
        assert_eq!(seen[0].line(), format!("POST {SITE}/config/appsettings/list?api-version={}", api::WEB));
        assert_eq!(seen[1].line(), format!("PUT {SITE}/config/appsettings?api-version={}", api::WEB));
        assert_eq!(seen[1].json(), json!({"properties": {"THEIRS": "secret", "URL": "https://f"}}));
    }

    #[tokio::test]
    async fn nothing_to_change_writes_nothing() {
        let script = Script::serve([Reply::json(200, &json!({"properties": {"URL": "https://f"}}))]).await;
        let azure = script.azure();
        let change =
            azure.arm().merge_settings(SITE, &wanted(&[("URL", "https://f")]), &["OLD".into()], Write::default()).await;
        assert!(change.expect("merged").is_empty());
        assert_eq!(script.lines().len(), 1);
    }

    #[tokio::test]
    async fn an_app_that_is_not_there_has_no_settings() {
        let script = Script::serve([Reply::new(404)]).await;
        assert_eq!(script.azure().arm().settings(SITE).await.expect("an answer"), None);
    }

    use crate::api;
}

mod recordings;
use crate::Azure;

/// The shared facts, for tests that want them: a folder beside the repository.
fn shared() -> Option<PathBuf> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let folder = std::env::var_os("TWINCTL_SHARED").map_or(beside, PathBuf::from);
    folder.is_dir().then_some(folder)
}
