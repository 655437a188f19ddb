//! `twinctl serve`.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, ChildStderr},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tests::twinctl::{Sandbox, signal, wait};

/// No step of a test takes this long.
const DEADLINE: Duration = Duration::from_secs(150);

/// A daemon, and where it serves.
struct Daemon {
    /// Absent once it was stopped or killed.
    process: Option<(Child, BufReader<ChildStderr>)>,
    address: String,
}

/// A test that fails leaves none behind.
impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some((mut child, _)) = self.process.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Daemon {
    fn start(sandbox: &Sandbox) -> Self {
        let mut child = sandbox.start(&["serve", "--listen", "127.0.0.1:0"]);
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        let (_, address) = line.trim().split_once("http://").unwrap_or_else(|| panic!("it said: {line}"));
        let address = address.to_owned();
        Self { process: Some((child, said)), address }
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Waits until it has said something.
    fn wait_for(&mut self, what: &str) {
        let mut line = String::new();
        while !line.contains(what) {
            line.clear();
            assert!(
                self.process.as_mut().unwrap().1.read_line(&mut line).unwrap() > 0,
                "it ended without saying {what:?}"
            );
        }
    }

    fn stop(mut self) {
        let (child, mut said) = self.process.take().unwrap();
        signal(&child, "TERM");
        // What it says must not fill the pipe.
        thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        let _ = wait(child).code(0);
    }

    fn kill(mut self) {
        let (mut child, _) = self.process.take().unwrap();
        signal(&child, "KILL");
        child.wait().unwrap();
    }
}

fn scheduled(sandbox: &Sandbox) {
    let words = ["schedule", "add", ".", "--cron", "0 3 1 1 *", "--name", "yearly"];
    let _ = sandbox.run(&words).code(0);
}

fn run_now(sandbox: &Sandbox) {
    let _ = sandbox.run(&["schedule", "run-now", "yearly"]).code(0);
}

fn listed(sandbox: &Sandbox) -> Value {
    sandbox.run(&["schedule", "list", "--json"]).code(0).json()[0].clone()
}

/// Waits until so many occurrences have ended.
fn wait_for_ends(sandbox: &Sandbox, count: u64) -> Value {
    let begun = Instant::now();
    loop {
        let schedule = listed(sandbox);
        let ended: u64 = schedule["ended"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
        if ended >= count {
            return schedule;
        }
        assert!(begun.elapsed() < DEADLINE, "nothing ended: {schedule:#}");
        thread::sleep(Duration::from_millis(100));
    }
}

fn runs(sandbox: &Sandbox) -> Vec<Value> {
    sandbox.run(&["journal", "list", "--json"]).code(0).json().as_array().unwrap().clone()
}

#[test]
fn a_run_is_asked_for_done_once_and_seen() {
    let sandbox = Sandbox::of_example("factory");
    scheduled(&sandbox);
    let mut daemon = Daemon::start(&sandbox);
    assert!(daemon.get("/healthz").starts_with("HTTP/1.1 200 OK"));
    let asked = Instant::now();
    run_now(&sandbox);
    daemon.wait_for("yearly");
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(20), "it was taken up after {took:?}");
    let schedule = wait_for_ends(&sandbox, 1);
    assert_eq!(schedule["last"]["outcome"], "finished", "{schedule:#}");
    let runs = runs(&sandbox);
    assert_eq!(runs.len(), 1);
    assert_eq!(schedule["last"]["run"], runs[0]["run"]);
    let records = sandbox.run(&["journal", "records", "--json"]).code(0).json();
    assert_eq!(records[0]["event"]["trigger"]["schedule"], "yearly");
    let metrics = daemon.get("/metrics");
    for line in [
        "twinctl_serve_healthy 1",
        "twinctl_schedule_last_success{schedule=\"yearly\"} 1",
        "twinctl_schedule_ended_total{schedule=\"yearly\",outcome=\"finished\"} 1",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
    let second = sandbox.run(&["serve"]).code(14);
    assert!(second.stderr.contains("error[served]"), "{second:#?}");
    daemon.stop();
}

/// Slow enough that a signal comes in the middle.
fn slow(sandbox: &Sandbox) {
    sandbox.fault("latency,milliseconds=6000,method=PUT,path=*/IotHubs/*");
}

fn wait_for_step(sandbox: &Sandbox) {
    sandbox.wait_for("step-completed", "setup/resource-group");
}

#[test]
fn what_a_stopped_daemon_leaves_is_gone_on_with_by_the_next() {
    let sandbox = Sandbox::of_example("factory");
    scheduled(&sandbox);
    slow(&sandbox);
    let daemon = Daemon::start(&sandbox);
    run_now(&sandbox);
    wait_for_step(&sandbox);
    daemon.stop();
    assert_eq!(runs(&sandbox)[0]["status"], "interrupted");
    assert_eq!(listed(&sandbox)["open"].as_array().unwrap().len(), 1);
    let daemon = Daemon::start(&sandbox);
    let schedule = wait_for_ends(&sandbox, 1);
    assert_eq!(schedule["last"]["outcome"], "finished", "{schedule:#}");
    assert_eq!(runs(&sandbox).len(), 1, "gone on with, not begun again");
    daemon.stop();
}

/// The run goes on alone; the next daemon waits for it and records how it ended.
#[test]
fn what_a_killed_daemon_leaves_is_waited_for_by_the_next() {
    let sandbox = Sandbox::of_example("factory");
    scheduled(&sandbox);
    slow(&sandbox);
    let daemon = Daemon::start(&sandbox);
    run_now(&sandbox);
    wait_for_step(&sandbox);
    daemon.kill();
    let daemon = Daemon::start(&sandbox);
    let schedule = wait_for_ends(&sandbox, 1);
    assert_eq!(schedule["last"]["outcome"], "finished", "{schedule:#}");
    assert_eq!(runs(&sandbox).len(), 1);
    daemon.stop();
}
