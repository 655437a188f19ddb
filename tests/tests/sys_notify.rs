//! Lifecycle events on their way out, and asks on their way in, against an emulator and a library that others make.

use std::{
    collections::BTreeMap,
    env,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{body::Bytes, http::HeaderMap};
use chrono::{DateTime, TimeDelta, Utc};
use journal::{Action, Actor, Digest, Event, FailureKind, Outcome, Record, RunId, RunKind, StepId, Store, Stream};
use notify::{
    EventBridge, Outbox, Pace, Sink, Start, Webhook,
    asks::{Ask, Ear},
    clock::Clock,
    sink,
};
use serde_json::{Value, json};
use tests::{
    aws_world::Emulator,
    python::{Python, ministack},
};
use tokio_util::sync::CancellationToken;

const BUS: &str = "operations";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// No test lasts longer; what is waited for comes much sooner, but for a clock that strikes once a minute.
const PATIENCE: Duration = Duration::from_secs(240);

/// A quick look, so that a kill hits something.
fn pace() -> Pace {
    let millis = Duration::from_millis;
    Pace { look: millis(20), first_delay: millis(20), longest_delay: millis(200) }
}

/// A cloud with somebody on it; `None`, said on standard error, where they cannot be had.
fn cloud() -> Option<(Emulator, Python)> {
    let (program, python) = (ministack()?, Python::with_boto3()?);
    Some((Emulator::start(&program), python))
}

fn ask_aws(emulator: &Emulator, python: &Python, mut what: Value) -> Value {
    what["endpoint"] = json!(emulator.endpoint());
    python.run("eventbridge.py", &what).code(0).json()
}

/// A journal in the making, and the events that it ought to become, as this test has it: by place, with their type.
struct Book {
    store: Store,
    streams: Vec<Stream>,
    expected: BTreeMap<String, &'static str>,
}

impl Book {
    fn open(state: &Path) -> Self {
        let actor = Actor { user: "ada".into(), host: "lab".into(), process: 1, version: "0".into(), ci: None };
        let store = Store::open(state, actor, "run").unwrap();
        let streams = ["factory", "plant 2"].map(|name| store.stream(name).unwrap()).into();
        Self { store, streams, expected: BTreeMap::new() }
    }

    async fn write(&mut self, stream: usize, run: RunId, event: Event, told: Option<&'static str>) {
        let record: Record = self.streams[stream].append(Some(run), event).await.unwrap();
        if let Some(kind) = told {
            self.expected.insert(format!("{}/{}/{}", self.store.id(), record.stream, record.seq), kind);
        }
    }

    /// A run that waits, is interrupted, and ends well.
    async fn run(&mut self, stream: usize) {
        let (run, step) = (RunId::fresh(), || StepId::new("l4/twins"));
        let (target, definition) = (json!("local"), Digest("ab".repeat(32)));
        let previous = self.streams[stream].state().definition().cloned();
        let started =
            Event::RunStarted { kind: RunKind::Deploy, definition, previous, target, adopt: false, trigger: None };
        self.write(stream, run, started, Some("twinctl.run.started")).await;
        let begun = || Event::StepStarted { step: step(), document: Digest("cd".repeat(32)) };
        self.write(stream, run, begun(), None).await;
        for (attempt, told) in [(1, Some("twinctl.run.waiting")), (2, None), (3, None)] {
            let (kind, message) = (FailureKind::NotYet, "the role is not known yet".to_owned());
            let failed = Event::StepAttemptFailed { step: step(), attempt, kind, message, retry_in_ms: None };
            self.write(stream, run, failed, told).await;
        }
        let interrupted = Event::RunInterrupted { reason: "SIGTERM".into() };
        self.write(stream, run, interrupted, Some("twinctl.run.interrupted")).await;
        self.write(stream, run, Event::RunResumed { adopt: false, trigger: None }, None).await;
        self.write(stream, run, begun(), None).await;
        let key = uuid::Uuid::nil();
        self.write(stream, run, Event::StepIntended { step: step(), action: Action::Update, key }, None).await;
        let completed =
            Event::StepCompleted { step: step(), outcome: Outcome::Updated, output: Value::Null, requests: Vec::new() };
        self.write(stream, run, completed, None).await;
        self.write(stream, run, Event::RunFinished, Some("twinctl.run.finished")).await;
    }
}

/// A process that does nothing but bring events to the bus.
fn sender(state: &Path, emulator: &Emulator) -> Child {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "process_that_sends", "--ignored"]);
    command.env("NOTIFY_STATE", state).env("NOTIFY_ENDPOINT", emulator.endpoint().as_str());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[tokio::test]
#[ignore = "a process of its own, which another test starts and kills"]
async fn process_that_sends() {
    let (Some(state), Ok(endpoint)) = (env::var_os("NOTIFY_STATE"), env::var("NOTIFY_ENDPOINT")) else { return };
    let aws = aws::Aws::new(aws::Options {
        region: "eu-central-1".into(),
        endpoint: Some(endpoint.parse().unwrap()),
        twin_maker_endpoint: None,
        credentials: aws::Credentials::Static { access_key: "000000000000".into(), secret_key: "local".into() },
        http_client: None,
        observer: None,
    });
    let sink = Arc::new(EventBridge::new(aws, BUS));
    let outbox = Outbox::new(Path::new(&state), sink, Start::Beginning).at_pace(pace());
    // It ends by being killed; should its starter be gone, by itself.
    tokio::time::timeout(PATIENCE, outbox.run(CancellationToken::new())).await.unwrap_err();
}

/// Whether the cursor on disk says that a batch is on its way.
fn is_sending(state: &Path) -> bool {
    let cursor = state.join(format!("outbox/eventbridge-eu-central-1-{BUS}.json"));
    std::fs::read_to_string(cursor).is_ok_and(|text| text.contains("\"sending\""))
}

/// The process is killed while it sends, again and again, and started anew; the owner of the journal comes and goes.
#[tokio::test(flavor = "multi_thread")]
async fn a_bus_has_every_event_though_who_sends_is_killed() {
    let Some((emulator, python)) = cloud() else { return };
    let queue = ask_aws(&emulator, &python, json!({ "do": "collect", "bus": BUS }))["queue"].clone();
    let state = tempfile::tempdir().unwrap();
    let (mut expected, mut hits, begun) = (BTreeMap::new(), 0, Instant::now());
    // Only kills that hit a batch on its way count.
    for round in 0_u64.. {
        if hits == 8 {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{hits} kills hit in {round} rounds");
        let mut process = sender(state.path(), &emulator);
        let mut book = Book::open(state.path());
        for number in 0..4 {
            book.run(number % 2).await;
        }
        expected.append(&mut book.expected);
        if round % 2 == 0 {
            drop(book);
        }
        let deadline = Instant::now() + Duration::from_secs(5);
        while !is_sending(state.path()) && Instant::now() < deadline {}
        std::thread::sleep(Duration::from_micros(round * 700 % 5_000));
        process.kill().unwrap();
        process.wait().unwrap();
        hits += u32::from(is_sending(state.path()));
    }
    let mut process = sender(state.path(), &emulator);
    let (mut collected, mut repeated) = (BTreeMap::<String, Value>::new(), 0);
    let begun = Instant::now();
    while collected.len() < expected.len() {
        assert!(begun.elapsed() < PATIENCE, "{} of {} events came", collected.len(), expected.len());
        let drained = ask_aws(&emulator, &python, json!({ "do": "drain", "queue": queue }));
        for message in drained.as_array().unwrap() {
            let detail = &message["detail"];
            assert_eq!((&message["source"], &message["detail-type"]), (&json!("twinctl"), &detail["type"]));
            let before = collected.insert(detail["id"].as_str().unwrap().to_owned(), detail.clone());
            repeated += usize::from(before.is_some());
            assert!(before.is_none_or(|before| before == *detail), "an id stands for one content");
        }
    }
    process.kill().unwrap();
    process.wait().unwrap();
    let kinds: BTreeMap<_, _> =
        collected.iter().map(|(id, event)| (id.clone(), event["type"].as_str().unwrap())).collect();
    assert_eq!(kinds, expected);
    eprintln!("{} events, {repeated} of them more than once", expected.len());
}

/// What came to the receiver of webhooks: headers and body.
type Came = Arc<Mutex<Vec<Value>>>;

/// A receiver that says no to every third request, when it has kept it.
async fn receiver() -> (url::Url, Came) {
    let came = Came::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    let kept = Arc::clone(&came);
    let app = axum::Router::new().fallback(move |headers: HeaderMap, body: Bytes| async move {
        let text = |(name, value): (&axum::http::HeaderName, &axum::http::HeaderValue)| {
            (name.to_string(), json!(value.to_str().unwrap()))
        };
        let headers: serde_json::Map<_, _> = headers.iter().map(text).collect();
        let mut kept = kept.lock().unwrap();
        kept.push(json!({ "headers": headers, "body": String::from_utf8(body.to_vec()).unwrap() }));
        if kept.len() % 3 == 0 { axum::http::StatusCode::BAD_GATEWAY } else { axum::http::StatusCode::NO_CONTENT }
    });
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, came)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_verified_by_the_standards_own_library() {
    let Some(python) = Python::with_webhooks() else { return };
    let (url, came) = receiver().await;
    let state = tempfile::tempdir().unwrap();
    let mut book = Book::open(state.path());
    for number in 0..8 {
        book.run(number % 2).await;
    }
    let webhook: Arc<dyn Sink> = Arc::new(Webhook::new(url, sink::Secret::parse(SECRET).unwrap()).unwrap());
    let outbox = Outbox::new(state.path(), webhook, Start::Beginning).at_pace(pace());
    let stop = CancellationToken::new();
    let (ended, ()) = tokio::join!(outbox.run(stop.clone()), async {
        let begun = Instant::now();
        while outbox.lag().sent < book.expected.len() as u64 {
            assert!(begun.elapsed() < PATIENCE, "{:?}", outbox.lag());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        stop.cancel();
    });
    ended.unwrap();
    let requests = came.lock().unwrap().clone();
    let verified = python.run("webhook_verify.py", &json!({ "secret": SECRET, "requests": requests })).code(0).json();
    let mut taken: Vec<&str> = verified["taken"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    taken.sort_unstable();
    assert_eq!(taken, book.expected.keys().map(String::as_str).collect::<Vec<_>>(), "each once");
    assert!(verified["repeated"].as_u64().unwrap() >= 1, "the answer to some was lost: {verified}");
    let cursor = std::fs::read_to_string(state.path().join(format!("outbox/{}.json", outbox.sink()))).unwrap();
    assert!(!cursor.contains(&SECRET[6..]), "{cursor}");
}

fn clock(schedule: &str) -> Clock {
    Clock::new(uuid::Uuid::from_u128(1), schedule)
}

/// The emulator's clock is a real one.
#[tokio::test]
async fn a_schedule_whose_clock_is_eventbridge_asks() {
    let Some(program) = ministack() else { return };
    let emulator = Emulator::start(&program);
    let (aws, state, clock) = (emulator.aws(None), tempfile::tempdir().unwrap(), clock("every minute"));
    let absent = Ear::open(aws.clone(), state.path(), clock.clone()).await.unwrap_err();
    assert!(matches!(absent, notify::Error::NoQueue { .. }), "{absent}");
    for _ in 0..2 {
        clock.set(&aws, "* * * * *", "UTC", true).await.unwrap();
    }
    let mut ear = Ear::open(aws.clone(), state.path(), clock.clone()).await.unwrap();
    let begun = Utc::now();
    let ask = loop {
        assert!(Utc::now() - begun < TimeDelta::from_std(PATIENCE).unwrap(), "the clock does not strike");
        if let Some(ask) = ear.next(Duration::from_secs(20)).await.unwrap() {
            break ask;
        }
    };
    assert_eq!(ask.schedule, "every minute");
    assert!(ask.at >= begun - TimeDelta::minutes(1) && ask.at <= Utc::now(), "{ask:?} since {begun}");
    assert_eq!(ask.at.timestamp() % 60, 0);
    ear.acknowledge(&ask).await.unwrap();
    for _ in 0..2 {
        clock.remove(&aws).await.unwrap();
    }
    assert_eq!((aws.schedule_rule(&clock.name()).await, aws.queue(&clock.name()).await), (Ok(None), Ok(None)));
}

/// What EventBridge puts into a queue (EventBridge User Guide, "Creating a rule that runs on a schedule").
fn firing(id: &str, rule: &str, time: &str) -> String {
    let resource = format!("arn:aws:events:eu-central-1:000000000000:rule/{rule}");
    json!({ "version": "0", "id": id, "detail-type": "Scheduled Event", "source": "aws.events",
        "account": "000000000000", "time": time, "region": "eu-central-1", "resources": [resource], "detail": {} })
    .to_string()
}

async fn all(ear: &mut Ear) -> Vec<Ask> {
    let mut asks = Vec::new();
    while let Some(ask) = ear.next(Duration::ZERO).await.unwrap() {
        asks.push(ask);
    }
    asks
}

#[tokio::test]
async fn an_ask_is_told_once_however_often_its_event_comes() {
    let Some((emulator, python)) = cloud() else { return };
    let (aws, state, clock) = (emulator.aws(None), tempfile::tempdir().unwrap(), clock("nightly"));
    clock.set(&aws, "0 3 * * *", "UTC", false).await.unwrap();
    let name = clock.name();
    let send =
        |bodies: Vec<String>| ask_aws(&emulator, &python, json!({ "do": "send", "name": name, "bodies": bodies }));
    let [one, two] =
        [("e-1", "2026-01-02T03:00:00Z"), ("e-2", "2026-01-03T03:00:41Z")].map(|(id, time)| firing(id, &name, time));

    send(vec![one.clone(), one.clone(), "junk".into(), firing("e-3", "another", "2026-01-02T03:00:00Z"), two.clone()]);
    let mut ear = Ear::open(aws.clone(), state.path(), clock.clone()).await.unwrap();
    let mut asks = all(&mut ear).await;
    asks.sort_by(|a, b| a.event.cmp(&b.event));
    let time = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    let told: Vec<_> = asks.iter().map(|ask| (ask.event.as_str(), ask.at)).collect();
    assert_eq!(told, [("e-1", time("2026-01-02T03:00:00Z")), ("e-2", time("2026-01-03T03:00:00Z"))]);

    // It comes again before it is acknowledged, and after, and to a process that starts anew.
    send(vec![one.clone()]);
    assert_eq!(all(&mut ear).await, []);
    ear.acknowledge(&asks[0]).await.unwrap();
    send(vec![one.clone()]);
    assert_eq!(all(&mut ear).await, []);
    send(vec![one, two]);
    let mut ear = Ear::open(aws.clone(), state.path(), clock.clone()).await.unwrap();
    // Only what nobody acknowledged is told again, as it was.
    assert_eq!(all(&mut ear).await, [asks[1].clone()]);
    ear.acknowledge(&asks[1]).await.unwrap();
    clock.remove(&aws).await.unwrap();
}

#[tokio::test]
async fn a_clock_is_its_journals_alone() {
    let Some((emulator, python)) = cloud() else { return };
    let (aws, ours) = (emulator.aws(None), clock("nightly"));
    let theirs = BTreeMap::from([("twinctl-journal".to_owned(), uuid::Uuid::from_u128(2).to_string())]);
    aws.put_schedule_rule(&ours.name(), "cron(0 4 * * ? *)", true, &theirs).await.unwrap();
    for refused in [ours.set(&aws, "0 3 * * *", "UTC", true).await, ours.remove(&aws).await] {
        assert!(matches!(&refused, Err(notify::Error::Aws(error)) if error.code() == Some("not-ours")), "{refused:?}");
    }
    aws.delete_schedule_rule(&ours.name(), &theirs).await.unwrap();
    ours.set(&aws, "0 3 * * *", "UTC", true).await.unwrap();
    ours.set(&aws, "30 3 * * *", "UTC", false).await.unwrap();
    let rule = aws.schedule_rule(&ours.name()).await.unwrap().unwrap();
    assert_eq!((rule.expression.as_deref(), rule.enabled), (Some("cron(30 3 * * ? *)"), false));
    let seen = ask_aws(&emulator, &python, json!({ "do": "look", "name": ours.name() }));
    assert_eq!(seen["targets"], json!([seen["queue"]]));
    assert_eq!(seen["senders"], json!([{ "service": "events.amazonaws.com", "rule": rule.arn }]));
}

#[tokio::test]
async fn what_a_rule_cannot_keep_is_refused_before_anything_is_made() {
    let Some(program) = ministack() else { return };
    let emulator = Emulator::start(&program);
    let (aws, clock) = (emulator.aws(None), clock("nightly"));
    for (cron, zone) in [("0 3 * * *", "Europe/Vienna"), ("0 3 1 * 1", "UTC")] {
        let refused = clock.set(&aws, cron, zone, true).await.unwrap_err();
        assert!(matches!(refused, notify::Error::Untranslatable(_)), "{refused}");
    }
    assert_eq!((aws.schedule_rule(&clock.name()).await, aws.queue(&clock.name()).await), (Ok(None), Ok(None)));
}
