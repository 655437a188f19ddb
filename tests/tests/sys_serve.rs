//! `twinctl serve` and the world: what it tells of runs, and the clock in AWS that it hears.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    process::Child,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use chrono::{Timelike as _, Utc};
use notify::clock::Clock;
use serde_json::{Value, json};
use tests::{
    python::{self, Python},
    twinctl::{Sandbox, signal, wait},
};

/// No step of a test takes this long.
const DEADLINE: Duration = Duration::from_secs(120);

/// A daemon that is stopped when the test ends.
struct Daemon(Option<Child>);

impl Daemon {
    fn start(sandbox: &Sandbox, words: &[&str]) -> Self {
        let mut child = sandbox.start(&[&["serve"][..], words].concat());
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        assert!(line.starts_with("keeping the schedules"), "{line}");
        // What it says later must not fill the pipe.
        thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        Self(Some(child))
    }

    fn stop(mut self) {
        let child = self.0.take().unwrap();
        signal(&child, "TERM");
        let _ = wait(child).code(0);
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A receiver of webhooks: what is posted comes out of the channel, with its headers.
fn receiver() -> (String, mpsc::Receiver<(String, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (posted, posts) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = take(stream.unwrap(), &posted);
        }
    });
    (url, posts)
}

/// Takes the requests of one connection.
fn take(stream: TcpStream, posted: &mpsc::Sender<(String, Value)>) -> std::io::Result<()> {
    let (mut reader, mut writer) = (BufReader::new(stream.try_clone()?), stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head)? == 0 {
                return Ok(());
            }
        }
        let head = head.to_lowercase();
        let length = head.split("content-length: ").nth(1).unwrap().split("\r\n").next().unwrap().parse().unwrap();
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        posted.send((head, serde_json::from_slice(&body).unwrap())).unwrap();
        writer.write_all(b"HTTP/1.1 204 No Content\r\n\r\n")?;
    }
}

fn events(body: Value) -> Vec<Value> {
    match body {
        Value::Array(events) => events,
        event => vec![event],
    }
}

#[test]
fn a_webhook_hears_of_a_run_that_somebody_starts_by_hand() {
    let sandbox = Sandbox::of_example("factory");
    let (url, posts) = receiver();
    let secret = sandbox.project().join("hook.secret");
    fs::write(&secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
    let exposed = sandbox.run(&["serve", "--webhook", &url, "--webhook-secret", "hook.secret"]).code(2);
    assert!(exposed.stderr.contains("chmod 600"), "{exposed:#?}");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let daemon = Daemon::start(&sandbox, &["--webhook", &url, "--webhook-secret", "hook.secret", "--from-beginning"]);
    sandbox.deploy();
    let mut told = Vec::new();
    while !told.iter().any(|event: &Value| event["type"] == "twinctl.run.finished") {
        let (head, body) = posts.recv_timeout(DEADLINE).expect("the events of the run are posted");
        assert!(head.contains("webhook-signature: v1,"), "{head}");
        told.extend(events(body));
    }
    assert_eq!(told[0]["type"], "twinctl.run.started");
    let ids: BTreeSet<&str> = told.iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), told.len(), "none twice: {told:#?}");
    let key = sandbox.run(&["journal", "key"]).code(0).stdout;
    let journal = key.strip_prefix("twinctl-journal-").unwrap().split('+').next().unwrap();
    assert_eq!(told[0]["source"], format!("urn:twinctl:journal:{journal}"));
    daemon.stop();
}

/// Somebody on AWS, at the sandbox's emulator.
fn ask_aws(sandbox: &Sandbox, python: &Python, mut what: Value) -> tests::twinctl::Ran {
    what["endpoint"] = json!(sandbox.aws());
    python.run("eventbridge.py", &what)
}

/// What EventBridge puts into a queue when a rule fires (EventBridge User Guide, "Creating a rule that runs on a schedule").
fn firing(id: &str, rule: &str, time: &str) -> String {
    let resource = format!("arn:aws:events:eu-central-1:000000000000:rule/{rule}");
    json!({ "version": "0", "id": id, "detail-type": "Scheduled Event", "source": "aws.events",
        "account": "000000000000", "time": time, "region": "eu-central-1", "resources": [resource], "detail": {} })
    .to_string()
}

fn schedule(sandbox: &Sandbox) -> Value {
    sandbox.run(&["schedule", "list", "--json"]).code(0).json()[0].clone()
}

fn ended(schedule: &Value) -> u64 {
    schedule["ended"].as_object().unwrap().values().filter_map(Value::as_u64).sum()
}

#[test]
fn a_rule_of_eventbridge_asks_for_a_redeploy_and_a_bus_hears_of_it() {
    let (Some(program), Some(python)) = (python::ministack(), Python::with_boto3()) else { return };
    let sandbox = Sandbox::of_example("factory").with_aws(&program);
    let _ = sandbox.run(&["cloud", "up", "--aws"]).code(0);
    let add = ["schedule", "add", ".", "--name", "nightly", "--cron", "0 3 1 1 *", "--on", "eventbridge"];
    let zone = sandbox.run(&[&add[..], &["--timezone", "Europe/Vienna"]].concat());
    assert_ne!(zone.code, 0, "a rule runs in UTC: {zone:#?}");
    let replace = sandbox.run(&[&add[..], &["--overlap", "replace"]].concat()).code(2);
    assert!(replace.stderr.contains("cannot stop what is in progress"), "{replace:#?}");
    let _ = sandbox.run(&[&add[..], &["--overlap", "queue"]].concat()).code(0);
    let key = sandbox.run(&["journal", "key"]).code(0).stdout;
    let journal = key.strip_prefix("twinctl-journal-").unwrap().split('+').next().unwrap().parse().unwrap();
    let rule = Clock::new(journal, "nightly").name();
    let made = ask_aws(&sandbox, &python, json!({ "do": "look", "name": rule })).code(0).json();
    assert_eq!(made["targets"][0], made["queue"]);
    let bus = ask_aws(&sandbox, &python, json!({ "do": "collect", "bus": "default" })).code(0).json();

    let daemon = Daemon::start(&sandbox, &["--eventbridge", "default", "--from-beginning"]);
    let minute = Utc::now().with_second(0).and_then(|time| time.with_nanosecond(0)).unwrap();
    let next = (minute + chrono::Duration::minutes(1)).to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let bodies = [firing("e-1", &rule, &next), firing("e-1", &rule, &next), firing("e-2", &rule, &next)];
    let _ = ask_aws(&sandbox, &python, json!({ "do": "send", "name": rule, "bodies": bodies })).code(0);
    let begun = Instant::now();
    while ended(&schedule(&sandbox)) == 0 {
        assert!(begun.elapsed() < DEADLINE, "nothing ended: {:#}", schedule(&sandbox));
        thread::sleep(Duration::from_millis(200));
    }
    let last = schedule(&sandbox);
    assert_eq!((ended(&last), last["last"]["outcome"].as_str()), (1, Some("finished")), "{last:#}");

    let mut told: Vec<Value> = Vec::new();
    while !told.iter().any(|event| event["detail-type"] == "twinctl.run.finished") {
        assert!(begun.elapsed() < DEADLINE, "the bus does not hear: {told:#?}");
        let more = ask_aws(&sandbox, &python, json!({ "do": "drain", "queue": bus["queue"] })).code(0).json();
        told.extend(more.as_array().unwrap().iter().cloned());
        thread::sleep(Duration::from_millis(200));
    }
    let started = told.iter().find(|event| event["detail-type"] == "twinctl.run.started").unwrap();
    assert_eq!(started["detail"]["data"]["trigger"]["schedule"], "nightly", "{started:#}");
    let runs = sandbox.run(&["journal", "list", "--json"]).code(0).json();
    assert_eq!(runs.as_array().unwrap().len(), 1, "asked three times, done once");
    daemon.stop();
    let _ = sandbox.run(&["schedule", "remove", "nightly"]).code(0);
    assert_ne!(ask_aws(&sandbox, &python, json!({ "do": "look", "name": rule })).code, 0, "the queue is gone");
}
