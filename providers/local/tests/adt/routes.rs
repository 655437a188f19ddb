//! Event routes, and what no route leads to.

use axum::http::Request;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::cloud::{Cloud, NAME};

#[test]
fn a_route_needs_an_endpoint_and_a_filter_that_parses() {
    let cloud = Cloud::new();
    let put = |endpoint: &str, filter: &str| {
        cloud.put("/eventroutes/r1", json!({"endpointName": endpoint, "filter": filter}))
    };
    assert_eq!(put("hub", "true").verdict(), (400, "EventRouteEndpointInvalid"));
    cloud.service.put_endpoint(NAME, "hub").unwrap();
    let refused = put("hub", "this is not a filter");
    assert_eq!(refused.verdict(), (400, "EventRouteFilterInvalid"));
    assert_eq!(refused.body["error"]["message"], "Parsing error, Line=1, Position=6, Message=Unexpected input 'is'.");
    let filter = "$eventType = 'DigitalTwinTelemetryMessages' or $eventType = 'DigitalTwinLifecycleNotification'";
    assert_eq!(put("hub", filter).status, 204);
    let route = json!({"id": "r1", "endpointName": "hub", "filter": filter});
    assert_eq!(cloud.get("/eventroutes/r1").body, route);
    assert_eq!(cloud.get("/eventroutes").body, json!({"value": [route], "nextLink": null}));
    for at in 2..=6 {
        let body = json!({"endpointName": "hub", "filter": "true"});
        assert_eq!(cloud.put(&format!("/eventroutes/r{at}"), body).status, 204);
    }
    let seventh = cloud.put("/eventroutes/r7", json!({"endpointName": "hub", "filter": "true"}));
    assert_eq!(seventh.verdict(), (400, "LimitExceeded"));
    assert_eq!(cloud.delete("/eventroutes/r1").status, 204);
    assert_eq!(cloud.delete("/eventroutes/r1").verdict(), (404, "EventRouteNotFound"));
    cloud.service.delete_endpoint(NAME, "hub").unwrap();
    assert_eq!(put("hub", "true").verdict(), (400, "EventRouteEndpointInvalid"));
}

#[test]
fn what_is_not_there_says_so() {
    let cloud = Cloud::new();
    let jobs = cloud.get("/jobs/exports");
    assert_eq!(jobs.verdict(), (501, "NotImplemented"));
    assert!(jobs.body["error"]["message"].as_str().unwrap().contains("GET /jobs/exports"));
    assert_eq!(cloud.get("/models?api-version=2019-01-01").verdict(), (400, "UnsupportedApiVersion"));
}

#[test]
fn a_caller_without_a_token_is_not_let_in() {
    let cloud = Cloud::new();
    let request = || Request::get("/models?api-version=2023-10-31").body(Bytes::new()).unwrap();
    let answer = cloud.service.handle(NAME, request());
    assert_eq!(answer.status(), 401);
    let body: Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(body, json!({"statusCode": 401, "message": "Unauthorized"}));
    assert_eq!(cloud.service.handle("no-such-instance", request()).status(), 404);
}
