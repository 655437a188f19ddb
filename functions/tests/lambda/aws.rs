//! Storage on AWS that answers by a script.

use std::{
    collections::VecDeque,
    convert::Infallible,
    net::Ipv4Addr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use bytes::Bytes;
use chrono::Utc;
use functions::{
    answer::Code,
    dynamo::Table,
    history::{History, Range},
    item::Item,
    objects::{Bucket, Objects},
    settings::{AwsHost, DynamoTable, S3Bucket, Secret},
    storage::Store,
    telemetry::Telemetry,
};
use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

const CANARY: &str = "canary-9f3a";

/// A request as it came.
#[derive(Clone)]
struct Seen {
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Seen {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap().to_str().unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// A service that gives its answers in order, and remembers what it was asked.
struct Service {
    port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
    serving: JoinHandle<()>,
}

impl Drop for Service {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Service {
    async fn new(answers: impl IntoIterator<Item = (u16, Value)>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let answers = Arc::new(Mutex::new(answers.into_iter().collect::<VecDeque<_>>()));
        let serving = tokio::spawn(serve(listener, Arc::clone(&seen), answers));
        Self { port, seen, serving }
    }

    fn host(&self) -> AwsHost {
        AwsHost {
            region: "eu-central-1".into(),
            access_key_id: "AKID".into(),
            secret_access_key: Secret::new(CANARY),
            session_token: Some(Secret::new("session")),
            endpoint: Some(format!("http://127.0.0.1:{}", self.port).parse().unwrap()),
        }
    }

    fn table(&self) -> Table {
        Table::new(DynamoTable { table: "factory-hot".into(), days: 7 }, &self.host())
    }

    fn bucket(&self) -> Bucket {
        let at = S3Bucket { bucket: "factory-cold".into(), storage_class: "GLACIER".into() };
        Bucket::new(&at, &self.host(), azure::transport::client(&[]).unwrap()).unwrap()
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

type Answers = Arc<Mutex<VecDeque<(u16, Value)>>>;

async fn serve(listener: TcpListener, seen: Arc<Mutex<Vec<Seen>>>, answers: Answers) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (seen, answers) = (Arc::clone(&seen), Arc::clone(&answers));
        connections.spawn(async move {
            let service = service_fn(move |request: Request<Incoming>| {
                let (seen, answers) = (Arc::clone(&seen), Arc::clone(&answers));
                async move {
                    let (head, body) = request.into_parts();
                    let body = body.collect().await.unwrap().to_bytes();
                    seen.lock().unwrap().push(Seen { path: head.uri.path().to_owned(), headers: head.headers, body });
                    let (status, answer) = answers.lock().unwrap().pop_front().expect("another request is expected");
                    let answer = Response::builder().status(status).body(Full::<Bytes>::from(answer.to_string()));
                    Ok::<_, Infallible>(answer.unwrap())
                }
            });
            // The other side goes away when its test is over.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

fn refusal(name: &str) -> (u16, Value) {
    (400, json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{name}"), "message": CANARY}))
}

fn item() -> Item {
    let values = json!({"temperature": 21.5, "count": 9_007_199_254_740_993_i64});
    let at = "2026-01-01T12:00:00Z".parse().unwrap();
    Item::of(Telemetry::new("press-1", at, values.as_object().unwrap().clone()))
}

fn in_time() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_is_put_once_signed_and_with_its_end() {
    let service = Service::new([(200, json!({}))]).await;
    let before = Utc::now().timestamp();
    service.table().store(&item(), in_time()).await.unwrap();
    let seen = &service.seen()[0];
    assert_eq!(seen.header("x-amz-target"), "DynamoDB_20120810.PutItem");
    assert!(seen.header("authorization").contains("Credential=AKID/"), "{}", seen.header("authorization"));
    assert_eq!(seen.header("x-amz-security-token"), "session");
    let mut sent = seen.json();
    let expires: i64 = sent["Item"]["expires"]["N"].take().as_str().unwrap().parse().unwrap();
    assert!((0..60).contains(&(expires - before - 7 * 86_400)), "{expires}");
    let telemetry = json!({"M": {"temperature": {"N": "21.5"}, "count": {"N": "9007199254740993"}}});
    assert_eq!(sent["Item"]["telemetry"], telemetry);
    assert_eq!(sent["Item"]["id"], json!({"S": item().id}));
    assert_eq!(sent["ConditionExpression"], "attribute_not_exists(#id)");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_already_is_stored_and_what_passes_is_repeated() {
    let throttled = "ProvisionedThroughputExceededException";
    let answers = [refusal(throttled), (500, json!({})), refusal("ConditionalCheckFailedException")];
    let service = Service::new(answers).await;
    service.table().store(&item(), in_time()).await.unwrap();
    assert_eq!(service.seen().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_has_its_answer_and_not_the_services_words() {
    for (name, code) in [
        ("ResourceNotFoundException", Code::NotReady),
        ("AccessDeniedException", Code::NotReady),
        ("ValidationException", Code::Upstream),
    ] {
        let service = Service::new([refusal(name)]).await;
        let answer = service.table().store(&item(), in_time()).await.unwrap_err();
        assert_eq!(answer.code, code, "{name}");
        assert!(!format!("{answer:?}").contains(CANARY), "{answer:?}");
    }
    let service = Service::new(std::iter::repeat_n(refusal("ThrottlingException"), 50)).await;
    let soon = Instant::now() + Duration::from_millis(400);
    assert_eq!(service.table().store(&item(), soon).await.unwrap_err().code, Code::Throttled);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_goes_on_after_an_item() {
    let (id, text) = (item().id, |text: &str| json!({"S": text}));
    let stored =
        json!({"id": text(&id), "time": text("2026-01-01T12:00:00Z"), "telemetry": {"M": {"t": {"N": "21.5"}}}});
    let service = Service::new([(200, json!({"Items": [stored]}))]).await;
    let day = |day: &str| format!("2026-01-{day}T00:00:00Z").parse().unwrap();
    let range = Range { after: Some(id.clone()), descending: true, ..Range::new("press-1", day("01"), day("02")) };
    let page = service.table().page(&range, in_time()).await.unwrap();
    assert_eq!((page.len(), page[0].values["t"].as_f64()), (1, Some(21.5)));
    let asked = service.seen()[0].json();
    assert_eq!(asked["ExclusiveStartKey"], json!({"iotDeviceId": text("press-1"), "id": text(&id)}));
    assert_eq!((&asked["ScanIndexForward"], &asked["Limit"]), (&json!(false), &json!(100)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_written_once_and_again_where_that_passes() {
    let service = Service::new([(503, json!({})), (409, json!({})), (200, json!({})), (412, json!({}))]).await;
    let (bucket, content) = (service.bucket(), Bytes::from_static(b"{}\n"));
    for _ in 0..2 {
        bucket.put("press-1/2026/a.ndjson", &content, in_time()).await.unwrap();
    }
    let seen = service.seen();
    assert_eq!((seen.len(), seen[0].path.as_str()), (4, "/factory-cold/press-1/2026/a.ndjson"));
    assert_eq!((seen[0].header("if-none-match"), seen[0].header("x-amz-storage-class")), ("*", "GLACIER"));
    assert_eq!(seen[0].body, content);
    let refused = Service::new([(403, json!({}))]).await;
    let answer = refused.bucket().put("a", &content, in_time()).await.unwrap_err();
    assert_eq!(answer.code, Code::NotReady);
}
