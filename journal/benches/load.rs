//! What a long journal costs: 100,000 records of 500 runs, opened, folded, verified, listed and followed.
#![allow(clippy::print_stdout, reason = "a benchmark's table is its output")]
#![allow(clippy::unwrap_used, reason = "a benchmark stops at the first surprise")]

use std::path::Path;
use std::time::{Duration, Instant};

use journal::verify::Known;
use journal::{Action, Actor, Digest, Event, Outcome, Reader, RunId, RunKind, StepId, Store, Stream};

/// The runs, and the steps of each (three records a step, two a run).
const RUNS: usize = 500;
const STEPS: usize = 66;

fn main() {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let state = dir.path().join("state");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(fill(&state));
    let size: u64 =
        std::fs::read_dir(state.join("journal")).unwrap().map(|it| it.unwrap().metadata().unwrap().len()).sum();
    println!("{} records, {} KiB on disk", RUNS * (STEPS * 3 + 2), size / 1024);
    let before = resident();
    for round in 0..5 {
        let begun = Instant::now();
        let store = open(&state);
        let opened = begun.elapsed();
        let records = store.stream("bench").unwrap().state().head.as_ref().unwrap().seq + 1;
        let all = begun.elapsed();
        println!(
            "round {round}: open {:>5.1} ms, fold {:>5.1} ms, together {:>5.1} ms, {records} records, resident +{} KiB",
            ms(opened),
            ms(all - opened),
            ms(all),
            resident().saturating_sub(before)
        );
    }
    for round in 0..3 {
        verify(&state, round);
    }
    for round in 0..3 {
        list(&state, "nobody at work", round);
    }
    runtime.block_on(follow(&state));
}

/// As a command does it: nothing is kept from one round to the next.
fn verify(state: &Path, round: u32) {
    let begun = Instant::now();
    let report = Reader::open(state).unwrap().verify("bench", &Known::default()).unwrap();
    println!("round {round}: verify {:.1} ms, {} records", ms(begun.elapsed()), report.records);
}

fn list(state: &Path, while_what: &str, round: u32) {
    let begun = Instant::now();
    let runs = Reader::open(state).unwrap().overview("bench").unwrap().runs.len();
    println!("round {round}: list with {while_what} {:.1} ms, {runs} runs", ms(begun.elapsed()));
}

/// How long after its append a record reaches somebody who follows from another process's point of view.
async fn follow(state: &Path) {
    let store = open(state);
    let stream = store.stream("bench").unwrap();
    list(state, "an owner", 0);
    let from = stream.state().head.as_ref().unwrap().seq + 1;
    let mut follow = Reader::open(state).unwrap().follow("bench", from).unwrap();
    let (seen, arrivals) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        while let Ok(Some(_)) = follow.next(Duration::from_secs(5)) {
            seen.send(Instant::now()).unwrap();
        }
    });
    let run = RunId::fresh();
    let mut latencies = Vec::new();
    for number in 0..200 {
        let event = if number == 0 { started(RUNS) } else { Event::RunResumed { adopt: false, trigger: None } };
        stream.append(Some(run), event).await.unwrap();
        let appended = Instant::now();
        latencies.push(ms(arrivals.recv().unwrap().saturating_duration_since(appended)));
    }
    // The first waits until the follower has found the owner.
    latencies.sort_by(f64::total_cmp);
    println!("tail: a record after its append p50 {:.2} ms, most {:.2} ms", latencies[100], latencies[199]);
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn open(state: &Path) -> Store {
    Store::open(state, Actor::current("bench", |_| None), "bench").unwrap()
}

/// The resident memory of this process, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

async fn fill(state: &Path) {
    let store = open(state);
    let stream = store.stream("bench").unwrap();
    for number in 0..RUNS {
        fill_run(&stream, number).await;
    }
}

async fn fill_run(stream: &Stream, number: usize) {
    let run = RunId::fresh();
    stream.append(Some(run), started(number)).await.unwrap();
    let steps: Vec<_> = (0..STEPS).map(|step| tokio::spawn(fill_step(stream.clone(), run, step))).collect();
    for step in steps {
        step.await.unwrap();
    }
    stream.append(Some(run), Event::RunFinished).await.unwrap();
}

fn started(number: usize) -> Event {
    let definition = Digest(format!("{number:064}"));
    let previous = number.checked_sub(1).map(|number| Digest(format!("{number:064}")));
    let target = serde_json::json!({"name": "local", "subscription": "00000000-0000-0000-0000-000000000000"});
    Event::RunStarted { kind: RunKind::Deploy, definition, previous, target, adopt: false, trigger: None }
}

async fn fill_step(stream: Stream, run: RunId, number: usize) {
    let step = || StepId::new(format!("l4/twin-graph-{number}"));
    let output = serde_json::json!({"host_name": format!("factory-{number}.api.weu.digitaltwins.azure.net"),
        "id": format!("/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/factory-rg/providers/x/{number}")});
    let events = [
        Event::StepStarted { step: step(), document: Digest("1".repeat(64)) },
        Event::StepIntended { step: step(), action: Action::Update, key: uuid::Uuid::from_u128(number as u128) },
        Event::StepCompleted { step: step(), outcome: Outcome::Updated, output, requests: Vec::new() },
    ];
    for event in events {
        stream.append(Some(run), event).await.unwrap();
    }
}
