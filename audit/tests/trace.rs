//! A collector that knows nothing of us gets a run's trace, and what goes wrong on the way is an error in time.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod recorded;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use audit::Timeline;
use audit::trace::{Error, Settings, export};
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::{Router, routing::post};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind, status::StatusCode as SpanStatus};
use prost::Message as _;

/// What a collector was sent.
type Got = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

/// Serves `/v1/traces` on a free port, with one answer after the other and the last one for ever.
async fn collector(answers: &'static [StatusCode]) -> (String, Got) {
    let got = Got::default();
    let kept = Arc::clone(&got);
    let take = move |headers: HeaderMap, body: Bytes| {
        let mut kept = kept.lock().unwrap();
        kept.push((headers, body));
        std::future::ready(answers[(kept.len() - 1).min(answers.len() - 1)])
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/v1/traces", post(take));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (format!("http://{address}"), got)
}

fn settings(variables: &[(&str, &str)]) -> Settings {
    let find = |name: &str| variables.iter().find(|(it, _)| *it == name).map(|(_, value)| (*value).to_owned());
    Settings::read(find).unwrap().unwrap()
}

async fn timeline() -> Timeline {
    Timeline::fold(&recorded::run().await.records).unwrap()
}

fn decode(body: &Bytes) -> (BTreeMap<String, String>, Vec<Span>) {
    let request = ExportTraceServiceRequest::decode(body.clone()).unwrap();
    assert_eq!(request.resource_spans.len(), 1);
    let spans = &request.resource_spans[0];
    assert_eq!(spans.scope_spans.len(), 1);
    assert_eq!(spans.scope_spans[0].scope.as_ref().unwrap().name, "twinctl");
    (texts(&spans.resource.as_ref().unwrap().attributes), spans.scope_spans[0].spans.clone())
}

fn texts(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |value: &KeyValue| match value.value.as_ref()?.value.as_ref()? {
        any_value::Value::StringValue(text) => Some((value.key.clone(), text.clone())),
        any_value::Value::IntValue(number) => Some((value.key.clone(), number.to_string())),
        _ => None,
    };
    attributes.iter().filter_map(text).collect()
}

fn named<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no span {name}"))
}

#[tokio::test]
async fn a_collector_gets_the_run_its_steps_and_their_attempts() {
    let (url, got) = collector(&[StatusCode::OK]).await;
    let timeline = timeline().await;
    let settings = settings(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &url),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-api-key=k%3D1"),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=test"),
    ]);
    let sent = export(&settings, &timeline).await.unwrap();
    let got = got.lock().unwrap();
    assert_eq!(got.len(), 1);
    let (headers, body) = &got[0];
    assert_eq!(headers["x-api-key"], "k=1");
    assert_eq!(headers["content-type"], "application/x-protobuf");
    let (resource, spans) = decode(body);
    assert_eq!((resource["service.name"].as_str(), resource["deployment.environment"].as_str()), ("twinctl", "test"));
    assert_eq!(spans.len(), sent);
    check_tree(&timeline, &spans);
    check_run(&timeline, named(&spans, "deploy local-factory"));
    check_steps(&spans);
}

/// One trace, named by the run; ids are unique; every span but the run's has its parent before it.
fn check_tree(timeline: &Timeline, spans: &[Span]) {
    let attempts = |work: &audit::timeline::Work| 1 + work.attempts.len();
    let undone = timeline.steps.iter().filter_map(|step| step.compensation.as_ref());
    let steps = timeline.steps.iter().map(|step| &step.work);
    assert_eq!(spans.len(), 1 + steps.chain(undone.map(|it| &it.work)).map(attempts).sum::<usize>());
    for (place, span) in spans.iter().enumerate() {
        assert_eq!(span.trace_id, timeline.run.0.as_bytes());
        assert!(spans[..place].iter().all(|other| other.span_id != span.span_id), "{} is there twice", span.name);
        assert!(span.start_time_unix_nano <= span.end_time_unix_nano);
        let parent = spans[..place].iter().any(|other| other.span_id == span.parent_span_id);
        assert!(parent || (place == 0 && span.parent_span_id.is_empty()), "{} has no parent", span.name);
    }
}

fn check_run(timeline: &Timeline, run: &Span) {
    let names: Vec<_> = run.events.iter().map(|event| event.name.as_str()).collect();
    let resumed = ["twinctl.crash", "twinctl.resumed", "twinctl.at_rest", "twinctl.rollback"];
    assert_eq!(names, [&resumed[..], &["twinctl.interrupted", "twinctl.rollback"]].concat());
    let nanos = u64::try_from(timeline.started.timestamp_nanos_opt().unwrap()).unwrap();
    assert_eq!(run.start_time_unix_nano, nanos);
    let attributes = texts(&run.attributes);
    assert_eq!(attributes["twinctl.run.status"], "rolled-back");
    assert_eq!(attributes["twinctl.records.head"], timeline.head.0);
}

fn check_steps(spans: &[Span]) {
    let role = named(spans, "setup/role");
    assert_eq!(texts(&role.attributes)["twinctl.outcome"], "passed");
    let waits: Vec<_> = role.events.iter().map(|event| texts(&event.attributes)["twinctl.wait.ms"].clone()).collect();
    assert_eq!(waits, ["1500", "3000"]);
    let attempts: Vec<_> = spans.iter().filter(|span| span.parent_span_id == role.span_id).collect();
    let codes: Vec<_> = attempts.iter().map(|span| span.status.as_ref().unwrap().code()).collect();
    assert_eq!(codes, [SpanStatus::Error, SpanStatus::Error, SpanStatus::Ok]);
    assert!(attempts.iter().all(|span| span.kind() == SpanKind::Client));
    let twins = named(spans, "l4/twins");
    assert!(twins.status.as_ref().unwrap().message.contains("names no model"));
    let skipped = &named(spans, "undo setup/storage").events[0];
    assert_eq!(skipped.name, "twinctl.skipped");
    assert_eq!(texts(&skipped.attributes)["twinctl.by"], "grace@plant-7");
}

#[tokio::test]
async fn sending_twice_makes_no_second_trace() {
    let (url, got) = collector(&[StatusCode::OK]).await;
    let (timeline, settings) = (timeline().await, settings(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &url)]));
    let _ = export(&settings, &timeline).await.unwrap();
    let _ = export(&settings, &timeline).await.unwrap();
    let got = got.lock().unwrap();
    assert_eq!(got.len(), 2);
    assert_eq!(decode(&got[0].1), decode(&got[1].1));
}

#[tokio::test]
async fn what_passes_by_itself_is_tried_again() {
    let (url, got) = collector(&[StatusCode::SERVICE_UNAVAILABLE, StatusCode::OK]).await;
    let _ = export(&settings(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &url)]), &timeline().await).await.unwrap();
    assert_eq!(got.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_collector_that_refuses_says_why() {
    let (url, _) = collector(&[StatusCode::UNAUTHORIZED]).await;
    let endpoint = format!("{url}/v1/traces?key=s3cret");
    let settings = settings(&[
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &endpoint),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20s3cret"),
    ]);
    let error = export(&settings, &timeline().await).await.unwrap_err();
    let host = url.trim_start_matches("http://");
    assert_eq!(error.to_string(), format!("send the trace to {host}: it answered 401 Unauthorized"));
    assert!(!format!("{error:?}").contains("s3cret"));
}

#[tokio::test]
async fn where_nobody_listens_the_cause_is_told() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/?key=s3cret", listener.local_addr().unwrap());
    drop(listener);
    let settings =
        settings(&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &endpoint), ("OTEL_EXPORTER_OTLP_TIMEOUT", "5000")]);
    let error = export(&settings, &timeline().await).await.unwrap_err().to_string();
    assert!(error.contains("refused"), "{error}");
    assert!(!error.contains("s3cret"), "{error}");
}

#[tokio::test]
async fn a_collector_that_does_not_answer_is_left_at_the_deadline() {
    // It takes connections and never says a word.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let settings = settings(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &url), ("OTEL_EXPORTER_OTLP_TIMEOUT", "300")]);
    let timeline = timeline().await;
    let started = Instant::now();
    let error = export(&settings, &timeline).await.unwrap_err();
    assert!(matches!(error, Error::Deadline { millis: 300, .. } | Error::Refused { .. }), "{error}");
    assert!(started.elapsed() < Duration::from_secs(10), "it took {:?}", started.elapsed());
}
