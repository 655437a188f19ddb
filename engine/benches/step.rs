//! What journaling adds to a step: a run of steps that do nothing, over a real journal, beside the bare `fdatasync`s.
//!
//! `cargo bench -p twinctl-engine` prints a table; nothing is asserted, since disks differ.
#![allow(clippy::print_stdout, reason = "the table is what this is for")]

use std::{
    fs::File,
    io::Write,
    num::NonZeroUsize,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use engine::{
    DefinitionError, Definitions, Executor, Options, Seams, Stop,
    graph::{Builder, Graph, Label},
    step::{Change, Context, Error, Observation, Step},
};
use journal::{Actor, Append, Digest, Store, StreamState};
use serde_json::{Value, json};

const STEPS: usize = 300;
/// `StepStarted`, `StepIntended`, `StepCompleted`.
const RECORDS_PER_STEP: u32 = 3;

struct Nothing(usize);

#[async_trait]
impl Step<()> for Nothing {
    type Output = ();

    fn document(&self) -> Value {
        json!({ "number": self.0 })
    }

    async fn observe(&self, _: &Context<'_, ()>) -> Result<Observation<()>, Error> {
        Ok(Observation::Absent)
    }

    async fn apply(&self, _: &Context<'_, ()>, _: Change<'_>) -> Result<(), Error> {
        Ok(())
    }

    async fn compensate(&self, _: &Context<'_, ()>) -> Result<(), Error> {
        Ok(())
    }
}

struct Wide;

impl Definitions<()> for Wide {
    fn graph(&self, _: &Digest) -> Result<Arc<Graph<()>>, DefinitionError> {
        let mut builder = Builder::default();
        for number in 0..STEPS {
            let label = Label {
                id: format!("step-{number}"),
                layer: "bench",
                title: "nothing".into(),
                expected: Duration::from_secs(1),
            };
            builder.step(label, (), &[], move |()| Nothing(number));
        }
        Ok(Arc::new(builder.finish()))
    }
}

/// The time of one step of a run over `journal`.
async fn run(journal: &dyn Append, parallelism: usize) -> Duration {
    let options = Options {
        parallelism: NonZeroUsize::new(parallelism).expect("the bench asks for at least one"),
        ..Options::new("bench", "bench")
    };
    let silence = |_| {};
    let seams = Seams { env: &(), definitions: &Wide, journal, progress: &silence };
    let executor = Executor::new(seams, StreamState::default(), options, Stop::new());
    let started = Instant::now();
    executor.deploy(&Digest("0".repeat(64)), Value::Null).await.expect("steps that do nothing do not fail");
    started.elapsed() / u32::try_from(STEPS).expect("a few hundred")
}

/// The time of one append of 700 bytes, a record's usual size, and its `fdatasync`.
fn bare(folder: &std::path::Path) -> Duration {
    let mut file = File::create(folder.join("bare")).expect("a temporary folder can be written");
    let started = Instant::now();
    for _ in 0..STEPS {
        file.write_all(&[b'x'; 700]).expect("a temporary folder can be written");
        file.sync_data().expect("a file can be synced");
    }
    started.elapsed() / u32::try_from(STEPS).expect("a few hundred")
}

fn actor() -> Actor {
    Actor { user: "bench".into(), host: "bench".into(), process: 1, version: "0".into(), ci: None }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .expect("threads can be made");
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let bare = bare(folder.path());
    println!("{STEPS} steps that do nothing, {RECORDS_PER_STEP} records each; times are per step\n");
    println!("{:<34} {:>10}", format!("{RECORDS_PER_STEP} bare fdatasyncs"), micros(bare * RECORDS_PER_STEP));
    for parallelism in [1, 8, 32] {
        let store = Store::open(&folder.path().join(format!("state-{parallelism}")), actor(), "bench")
            .expect("a fresh journal opens");
        let stream = store.stream("bench").expect("the name is one");
        let time = runtime.block_on(run(&stream, parallelism));
        let ratio = time.as_secs_f64() / (bare * RECORDS_PER_STEP).as_secs_f64();
        println!(
            "{:<34} {:>10}   {ratio:.2} of the bare ones",
            format!("journaled, parallelism {parallelism}"),
            micros(time)
        );
    }
    let memory = engine::sweep::memory::Journal::default();
    println!("{:<34} {:>10}", "in memory, parallelism 8", micros(runtime.block_on(run(&memory, 8))));
}

fn micros(time: Duration) -> String {
    format!("{} us", time.as_micros())
}
