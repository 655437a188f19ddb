//! What opening a long journal costs: 20,000 records of 100 runs, opened and folded, and the memory that this takes.
#![allow(clippy::print_stdout, reason = "a benchmark's table is its output")]
#![allow(clippy::unwrap_used, reason = "a benchmark stops at the first surprise")]

use std::path::Path;
use std::time::{Duration, Instant};

use journal::{Action, Actor, Digest, Event, Outcome, Reader, RunId, RunKind, StepId, Store, Stream};

/// The runs, and the steps of each (three records a step, two a run).
const RUNS: usize = 100;
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
    let begun = Instant::now();
    let report = Reader::open(&state).unwrap().verify("bench", None).unwrap();
    println!("verify from a copy: {:.1} ms, {} records", ms(begun.elapsed()), report.records);
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
    let definition = Digest(format!("{number:064}"));
    let previous = number.checked_sub(1).map(|number| Digest(format!("{number:064}")));
    let target = serde_json::json!({"name": "local", "subscription": "00000000-0000-0000-0000-000000000000"});
    let event = Event::RunStarted { kind: RunKind::Deploy, definition, previous, target, adopt: false, trigger: None };
    stream.append(Some(run), event).await.unwrap();
    let steps: Vec<_> = (0..STEPS).map(|step| tokio::spawn(fill_step(stream.clone(), run, step))).collect();
    for step in steps {
        step.await.unwrap();
    }
    stream.append(Some(run), Event::RunFinished).await.unwrap();
}

async fn fill_step(stream: Stream, run: RunId, number: usize) {
    let step = || StepId::new(format!("l4/twin-graph-{number}"));
    let output = serde_json::json!({"host_name": format!("factory-{number}.api.weu.digitaltwins.azure.net"),
        "id": format!("/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/factory-rg/providers/x/{number}")});
    let events = [
        Event::StepStarted { step: step(), document: Digest("1".repeat(64)) },
        Event::StepIntended { step: step(), action: Action::Update, key: uuid::Uuid::from_u128(number as u128) },
        Event::StepCompleted { step: step(), outcome: Outcome::Updated, output },
    ];
    for event in events {
        stream.append(Some(run), event).await.unwrap();
    }
}
