use std::time::Duration;

use serde_json::json;

use super::*;
use crate::{
    Kind,
    script::{Reply, Script},
};

fn client(script: &Script) -> Client {
    script.azure().digital_twins(script.base.as_str()).expect("a host")
}

const VERSION: &str = "api-version=2023-10-31";

#[tokio::test]
async fn a_twin_is_written_read_patched_and_deleted() {
    let twin = json!({"$dtId": "room 1", "$etag": "W/\"1\"", "$metadata": {"$model": "dtmi:m;1"}});
    let script = Script::serve([
        Reply::json(200, &twin).header("etag", "W/\"1\""),
        Reply::json(200, &twin),
        Reply::new(204).header("etag", "W/\"2\""),
        Reply::new(204),
        Reply::new(404),
    ])
    .await;
    let twins = client(&script);
    let put = twins.put_twin("room 1", &json!({"$metadata": {"$model": "dtmi:m;1"}}), Condition::IfAbsent).await;
    assert_eq!(put.expect("made").etag.as_deref(), Some("W/\"1\""));
    let read = twins.twin("room 1").await.expect("an answer").expect("a twin");
    assert_eq!(read.etag.as_deref(), Some("W/\"1\""), "from the body");
    let patch = json!([{"op": "add", "path": "/temperature", "value": 21.5}]);
    let etag = twins.patch_twin("room 1", &patch, Condition::IfMatch("W/\"1\"")).await.expect("patched");
    assert_eq!(etag.as_deref(), Some("W/\"2\""));
    twins.delete_twin("room 1", Condition::Always).await.expect("deleted");
    twins.delete_twin("room 1", Condition::Always).await.expect("nothing to delete");
    let seen = script.seen();
    assert_eq!(seen[0].line(), format!("PUT /digitaltwins/room%201?{VERSION}"));
    assert_eq!(seen[0].header("if-none-match"), Some("*"));
    assert_eq!(seen[0].header("authorization"), Some("Bearer token-for-https://digitaltwins.azure.net/.default"));
    assert_eq!(seen[2].header("if-match"), Some("W/\"1\""));
    assert_eq!(seen[2].header("content-type"), Some("application/json-patch+json"));
    assert_eq!(seen[2].json(), patch);
}

#[tokio::test]
async fn refusals_have_their_meaning() {
    let error = |status: u16, code: &str| Reply::json(status, &json!({"error": {"code": code, "message": "m"}}));
    let script = Script::serve([
        error(412, "PreconditionFailed"),
        error(400, "ValidationFailed"),
        Reply::json(401, &json!({"statusCode": 401, "message": "Unauthorized"})),
        Reply::new(403),
        Reply::json(429, &json!({"error": {"statusCode": 429, "message": "slow down"}})).header("retry-after", "11"),
    ])
    .await;
    let twins = client(&script);
    for kind in [Kind::Conflict, Kind::Permanent, Kind::NotYet, Kind::NotYet, Kind::Throttled] {
        let refused = twins.put_twin("t", &json!({}), Condition::Always).await.expect_err("refused");
        assert_eq!(refused.kind(), kind, "{refused}");
    }
    let guarded = twins.put_twin("t", &json!({}), Condition::IfMatch("W/\"1\"")).await;
    assert_eq!(guarded.expect_err("no such thing").kind(), Kind::Permanent);
    assert_eq!(script.lines().len(), 5, "what the service does not know is not sent");
}

#[tokio::test]
async fn the_probe_tells_whether_we_are_let_in() {
    let script = Script::serve([Reply::new(403), Reply::json(200, &json!({"value": [], "nextLink": null}))]).await;
    let twins = client(&script);
    assert_eq!(twins.probe().await.expect_err("not yet").kind(), Kind::NotYet);
    twins.probe().await.expect("let in");
    assert_eq!(script.lines()[0], format!("GET /models?{VERSION}"));
    assert_eq!(script.seen()[0].header("max-items-per-page"), Some("1"));
}

#[tokio::test]
async fn a_query_is_read_page_by_page_by_its_token_alone() {
    let script = Script::serve([
        Reply::json(200, &json!({"value": [{"a": 1}], "continuationToken": "{\"_t\":1}"})),
        Reply::new(500),
        Reply::json(200, &json!({"value": [], "continuationToken": null})),
    ])
    .await;
    let mut pages = client(&script).query("SELECT * FROM DIGITALTWINS").per_page(1);
    assert_eq!(pages.next().await.expect("a page").map(|page| page.len()), Some(1));
    assert_eq!(pages.next().await.expect_err("a fault").kind(), Kind::Transient);
    assert_eq!(pages.next().await.expect("the same page again"), Some(vec![]));
    assert_eq!(pages.next().await.expect("the end"), None);
    let bodies: Vec<_> = script.seen().iter().map(crate::script::Seen::json).collect();
    assert_eq!(bodies[0], json!({"query": "SELECT * FROM DIGITALTWINS"}));
    assert_eq!(bodies[1], json!({"continuationToken": "{\"_t\":1}"}));
    assert_eq!(bodies[1], bodies[2]);
    assert!(script.seen().iter().all(|seen| seen.header("max-items-per-page") == Some("1")));
}

#[tokio::test]
async fn lists_follow_their_links() {
    let script = Script::serve([
        Reply::json(200, &json!({"nextLink": "{base}/digitaltwins/t/relationships?continuationToken=x%3D&api-version=2023-10-31", "value": [1]})),
        Reply::json(200, &json!({"nextLink": null, "value": [2]})),
    ])
    .await;
    let all = client(&script).relationships("t").collect().await.expect("a list");
    assert_eq!(all, [json!(1), json!(2)]);
    assert_eq!(script.lines()[1], "GET /digitaltwins/t/relationships?continuationToken=x%3D&api-version=2023-10-31");
}

#[tokio::test]
async fn models_are_uploaded_listed_and_taken_out_of_use() {
    let stored = json!({"id": "dtmi:m;1", "decommissioned": false, "model": {"@id": "dtmi:m;1"}});
    let script = Script::serve([
        Reply::json(201, &json!([stored])),
        Reply::json(200, &json!({"value": [stored], "nextLink": null})),
        Reply::json(200, &stored),
        Reply::new(204),
        Reply::json(409, &json!({"error": {"code": "ModelReferencesNotDeleted", "message": "dtmi:n;1"}})),
    ])
    .await;
    let twins = client(&script);
    assert_eq!(twins.create_models(&[json!({"@id": "dtmi:m;1"})]).await.expect("made").len(), 1);
    assert_eq!(twins.models(true).await.expect("a list")[0].id, "dtmi:m;1");
    assert!(twins.model("dtmi:m;1").await.expect("an answer").expect("a model").definition.is_some());
    twins.decommission_model("dtmi:m;1").await.expect("taken out of use");
    assert_eq!(twins.delete_model("dtmi:m;1").await.expect_err("referenced").kind(), Kind::Conflict);
    assert_eq!(
        script.lines(),
        [
            format!("POST /models?{VERSION}"),
            format!("GET /models?{VERSION}&includeModelDefinition=true"),
            format!("GET /models/dtmi:m;1?{VERSION}&includeModelDefinition=true"),
            format!("PATCH /models/dtmi:m;1?{VERSION}"),
            format!("DELETE /models/dtmi:m;1?{VERSION}"),
        ]
    );
}

#[tokio::test]
async fn components_relationships_and_routes_have_their_places() {
    let relationship = json!({"$relationshipId": "r", "$sourceId": "a", "$targetId": "b", "$relationshipName": "has"});
    let script = Script::serve([
        Reply::json(200, &json!({"$metadata": {}})),
        Reply::new(204).header("etag", "W/\"3\""),
        Reply::json(200, &relationship).header("etag", "W/\"4\""),
        Reply::json(200, &relationship),
        Reply::new(204),
        Reply::json(200, &json!({"value": [], "nextLink": null})),
        Reply::new(204),
        Reply::json(200, &json!({"id": "e", "endpointName": "ep", "filter": "true"})),
        Reply::new(204),
        Reply::json(200, &json!({"value": []})),
    ])
    .await;
    let twins = client(&script);
    assert!(twins.component("t", "c").await.expect("an answer").is_some());
    let patch = json!([{"op": "add", "path": "/p", "value": 1}]);
    assert_eq!(
        twins.patch_component("t", "c", &patch, Condition::Always).await.expect("patched").as_deref(),
        Some("W/\"3\"")
    );
    let body = json!({"$targetId": "b", "$relationshipName": "has"});
    twins.put_relationship("a", "r", &body, Condition::Always).await.expect("made");
    assert!(twins.relationship("a", "r").await.expect("an answer").is_some());
    twins.delete_relationship("a", "r", Condition::Always).await.expect("deleted");
    assert!(twins.incoming_relationships("b").collect().await.expect("a list").is_empty());
    let route = EventRoute { endpoint: "ep".into(), filter: "true".into() };
    twins.put_event_route("e", &route).await.expect("made");
    assert_eq!(twins.event_route("e").await.expect("an answer"), Some(route));
    twins.delete_event_route("e").await.expect("deleted");
    assert!(twins.event_routes().collect().await.expect("a list").is_empty());
    assert_eq!(script.lines()[1], format!("PATCH /digitaltwins/t/components/c?{VERSION}"));
    assert_eq!(script.lines()[5], format!("GET /digitaltwins/b/incomingrelationships?{VERSION}"));
    assert_eq!(script.seen()[6].json(), json!({"endpointName": "ep", "filter": "true"}));
}

#[tokio::test]
async fn a_job_is_started_watched_and_cancelled() {
    let job = |status: &str| json!({"id": "j", "inputBlobUri": "https://b/i", "outputBlobUri": "https://b/o", "status": status});
    let mut failed = job("failed");
    failed["error"] = json!({"code": "ImportFailed", "message": "line 3"});
    let script = Script::serve([
        Reply::json(201, &job("notstarted")),
        Reply::json(200, &failed),
        Reply::json(200, &job("cancelled")),
        Reply::new(204),
    ])
    .await;
    let mut options = script.options();
    options.limits.jobs = 100;
    let twins = crate::Azure::new(options).digital_twins(script.base.as_str()).expect("a host");
    let blob = |text: &str| Url::parse(text).expect("a URL");
    let started = twins.start_import("j", &blob("https://b/i"), &blob("https://b/o")).await.expect("started");
    assert_eq!(started.status, JobStatus::Running("notstarted".into()));
    let watched = twins.import_job("j").await.expect("an answer").expect("a job");
    let code = Some("ImportFailed".to_owned());
    assert_eq!(watched.status, JobStatus::Failed { code, message: "line 3".into() });
    assert_eq!(twins.cancel_import("j").await.expect("cancelled").status, JobStatus::Cancelled);
    twins.delete_import("j").await.expect("deleted");
    assert_eq!(script.lines()[0], format!("PUT /jobs/imports/j?{VERSION}"));
    assert_eq!(script.lines()[2], format!("POST /jobs/imports/j/cancel?{VERSION}"));
}

#[tokio::test]
async fn clients_of_one_instance_share_its_pace() {
    let script = Script::serve((0..3).map(|_| Reply::new(204))).await;
    let mut options = script.options();
    options.limits.per_twin = 2;
    let azure = crate::Azure::new(options);
    let start = std::time::Instant::now();
    for _ in 0..3 {
        let twins = azure.digital_twins(script.base.as_str()).expect("a host");
        twins.patch_twin("t", &json!([]), Condition::Always).await.expect("patched");
    }
    assert!(start.elapsed() >= Duration::from_secs(1), "the third had to wait for its turn");
}
