//! Events in, outcomes out.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use functions::{
    answer::{Answer, Code},
    app::App,
    call::{Call, Handler, What},
    function::Function,
    host::lambda::{self, Ended, Error, Options},
    inbound::envelope::Cloud,
    item::Item,
    persister::Persister,
    remote::Receiver,
    settings::{Remote, Secret},
    storage::Store,
};
use serde_json::{Value, json};
use tokio::{sync::oneshot, task::JoinHandle, time::timeout};

use crate::runtime::{Runtime, Told};

const PATIENCE: Duration = Duration::from_secs(30);
const TOKEN: &str = "a-token";

/// Storage that takes everything but the values of one device, and panics at those of another.
struct Storage;

#[async_trait]
impl Store for Storage {
    async fn store(&self, item: &Item, _: Instant) -> Result<(), Answer> {
        match item.telemetry.device.as_str() {
            "throttled" => Err(Answer::new(Code::Throttled, "the storage is at its limit")),
            "slow" => std::future::pending().await,
            "broken" => panic!("a test's panic"),
            _ => Ok(()),
        }
    }
}

/// Says what it was called with.
struct Echo;

#[async_trait]
impl Handler for Echo {
    async fn call(&self, call: Call) -> Answer {
        match call.what {
            What::Query(query) => Answer::found(json!({"asked": query})),
            _ => Answer::new(Code::Malformed, "the function takes a query"),
        }
    }
}

/// A host at work, and how to end it.
struct Serving {
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Result<Ended, Error>>,
}

impl Serving {
    async fn stopped(self) -> Result<Ended, Error> {
        self.stop.send(()).unwrap();
        timeout(PATIENCE, self.ended).await.unwrap().unwrap()
    }

    /// Ends by itself.
    async fn ended(mut self) -> Result<Ended, Error> {
        timeout(PATIENCE, &mut self.ended).await.unwrap().unwrap()
    }
}

fn serve(runtime: &Runtime, handler: &'static str) -> Serving {
    serve_with(runtime, handler, None)
}

/// The same with a pusher behind the persister.
fn serve_with(runtime: &Runtime, handler: &'static str, pusher: Option<Receiver>) -> Serving {
    let persister = Persister::new(Some(Secret::new(TOKEN)), Arc::new(Storage), pusher, Arc::default());
    let app = App::new(BTreeMap::new(), ".")
        .with(Function::Persister, Arc::new(persister))
        .with(Function::HotReader, Arc::new(Echo));
    let (stop, stopped) = oneshot::channel();
    let options = Options { patience: Duration::from_millis(200), ..Options::default() };
    let address = runtime.address.clone();
    let ended = tokio::spawn(async move {
        let stopped = async { drop(stopped.await) };
        lambda::serve(address, handler, Arc::new(app), options, stopped).await
    });
    Serving { stop, ended }
}

fn request(token: &str, device: &str) -> Value {
    let body = json!({"iotDeviceId": device, "time": "2026-01-01T00:00:00Z", "temperature": 21.5}).to_string();
    json!({
        "version": "2.0", "rawPath": "/", "headers": {"x-inter-cloud-token": token},
        "requestContext": {"http": {"method": "POST", "path": "/"}}, "body": body, "isBase64Encoded": false
    })
}

fn event(device: &str, payload: &Value) -> Value {
    json!({"payload": STANDARD.encode(payload.to_string()), "device": device, "received": 1_767_225_600_000_i64})
}

fn status(told: &Told) -> (u64, String) {
    let body: Value = serde_json::from_str(told.body["body"].as_str().unwrap()).unwrap();
    (told.body["statusCode"].as_u64().unwrap(), body["code"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_gets_its_answer_whatever_comes_of_it() {
    let mut runtime = Runtime::start().await;
    let serving = serve(&runtime, "persister");
    for (token, device, wanted) in [
        (TOKEN, "d-1", (200, "stored")),
        ("another", "d-1", (401, "unauthorized")),
        (TOKEN, "", (400, "malformed")),
        (TOKEN, "throttled", (429, "throttled")),
        (TOKEN, "broken", (502, "upstream")),
        (TOKEN, "d-1", (200, "stored")),
    ] {
        runtime.send(&request(token, device));
        let told = runtime.told().await;
        assert!(told.path.ends_with("/response"), "{told:?}");
        assert_eq!(status(&told), (wanted.0, wanted.1.to_owned()), "{device}");
        assert!(!told.body.to_string().contains(TOKEN));
    }
    assert_eq!(serving.stopped().await.unwrap(), Ended::Stopped);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_fails_is_an_error_which_lambda_repeats() {
    let mut runtime = Runtime::start().await;
    let _serving = serve(&runtime, "persister");
    let values = json!({"temperature": 21.5});

    runtime.send(&event("d-1", &values));
    let told = runtime.told().await;
    assert_eq!((told.path.as_str(), &told.body["code"]), ("invocation/1/response", &json!("stored")));

    runtime.send(&event("throttled", &values));
    let told = runtime.told().await;
    assert_eq!((told.path.as_str(), told.kind.as_deref()), ("invocation/2/error", Some("Function.throttled")));
    let message = "the storage is at its limit";
    assert_eq!(told.body, json!({"errorMessage": message, "errorType": "throttled", "stackTrace": []}));

    runtime.send(&event("d-1", &json!([values, "no message", values])));
    let told = runtime.told().await;
    assert_eq!((told.path.as_str(), &told.body["errorType"]), ("invocation/3/error", &json!("malformed")));

    runtime.send_text("{".into(), Duration::from_secs(60));
    assert_eq!(runtime.told().await.kind.as_deref(), Some("Function.malformed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_comes_before_lambda_ends_the_invocation() {
    let mut runtime = Runtime::start().await;
    let _serving = serve(&runtime, "persister");
    let time = Duration::from_secs(2);
    let began = Instant::now();
    runtime.send_with(&request(TOKEN, "slow"), time);
    let told = runtime.told().await;
    assert!(began.elapsed() < time, "{:?}", began.elapsed());
    assert_eq!(status(&told), (504, "timed-out".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_hangs_stays_within_the_time_of_its_function() {
    // Takes connections, and says nothing.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap()).parse().unwrap();
    let remote = Remote { url, token: Secret::new(TOKEN) };
    let client = azure::transport::client(&[]).unwrap();
    let pusher = Receiver::new("the adt-pusher", remote, Cloud::Aws, client);
    let mut runtime = Runtime::start().await;
    let _serving = serve_with(&runtime, "persister", Some(pusher));
    let (began, time) = (Instant::now(), Duration::from_secs(3));
    runtime.send_with(&event("d-1", &json!({"temperature": 21.5})), time);
    let told = runtime.told().await;
    assert!(began.elapsed() < time, "{:?}", began.elapsed());
    assert_eq!((&told.body["code"], &told.body["twin"]), (&json!("stored"), &json!("timed-out")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_is_answered_with_its_document() {
    let mut runtime = Runtime::start().await;
    let _serving = serve(&runtime, "hot-reader");
    runtime.send(&json!({"entityId": "e"}));
    let told = runtime.told().await;
    assert_eq!((told.path.as_str(), told.body), ("invocation/1/response", json!({"asked": {"entityId": "e"}})));
    runtime.send(&request(TOKEN, "d-1"));
    assert_eq!(status(&runtime.told().await), (400, "malformed".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_went_stale_is_replaced() {
    let mut runtime = Runtime::start_forgetful().await;
    let serving = serve(&runtime, "persister");
    for _ in 0..3 {
        runtime.send(&request(TOKEN, "d-1"));
        assert_eq!(status(&runtime.told().await).0, 200);
    }
    assert_eq!(serving.stopped().await.unwrap(), Ended::Stopped);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_is_no_function_fails_the_start() {
    let mut runtime = Runtime::start().await;
    let serving = serve(&runtime, "bootstrap");
    let told = runtime.told().await;
    assert_eq!((told.path.as_str(), told.kind.as_deref()), ("init/error", Some("Function.not-found")));
    assert_eq!(serving.ended().await.unwrap(), Ended::NoFunction);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_when_the_runtime_is_gone() {
    let mut runtime = Runtime::start().await;
    let serving = serve(&runtime, "persister");
    runtime.send(&request(TOKEN, "d-1"));
    runtime.told().await;
    runtime.die();
    assert!(matches!(serving.ended().await, Err(Error::Unreachable(..) | Error::Broken(_))));
}
