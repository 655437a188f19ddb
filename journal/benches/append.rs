//! What an append costs: beside the bare `fdatasync` of the same bytes, to a file that grows by it and to one that
//! does not, beside SQLite (`--features bench-sqlite`), and shared by 64 appenders.
//!
//! The contenders take turns, so that a busy disk is busy for all of them.
#![allow(clippy::print_stdout, reason = "a benchmark's table is its output")]
#![allow(clippy::unwrap_used, reason = "a benchmark stops at the first surprise")]

use std::fs::File;
use std::io::{Seek, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use journal::{Action, Actor, Digest, Event, Record, RunId, RunKind, StepId, Store, Stream};

/// How many single appends each contender makes.
const ROUNDS: usize = 1500;

/// How many appenders work at once in the second part, and what each appends.
const APPENDERS: usize = 64;
const EACH: usize = 100;

fn main() {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    println!("on {}", dir.path().display());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = open(&dir.path().join("state"));
        let stream = store.stream("bench").unwrap();
        let run = start(&stream).await;
        let single = singles(&stream, run, dir.path()).await;
        let shared = concurrent(&stream, run).await;
        println!(
            "1 appender {single:>8.0} appends/s\n{APPENDERS} appenders {shared:>7.0} appends/s, {:.1}x",
            shared / single
        );
    });
}

fn open(state: &Path) -> Store {
    let actor = Actor::current("bench", |_| None);
    Store::open(state, actor, "bench").unwrap()
}

async fn start(stream: &Stream) -> RunId {
    let run = RunId::fresh();
    let definition = Digest("0".repeat(64));
    let event = Event::RunStarted {
        kind: RunKind::Deploy,
        definition,
        previous: None,
        target: "local".into(),
        adopt: false,
        trigger: None,
    };
    stream.append(Some(run), event).await.unwrap();
    let step = StepId::new("l4/adt-instance");
    stream.append(Some(run), Event::StepStarted { step, document: Digest("1".repeat(64)) }).await.unwrap();
    intend(stream, run).await;
    run
}

/// The event of every append: an intent, which may be repeated.
async fn intend(stream: &Stream, run: RunId) -> Record {
    let step = StepId::new("l4/adt-instance");
    let event = Event::StepIntended { step, action: Action::Create, key: uuid::Uuid::nil() };
    stream.append(Some(run), event).await.unwrap()
}

async fn singles(stream: &Stream, run: RunId, dir: &Path) -> f64 {
    let mut growing = Bare::growing(dir);
    let mut flat = Bare::flat(dir);
    let mut sqlite = sqlite::Wal::open(dir);
    let (mut ours, mut grown, mut overwritten, mut wal) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let record = intend(stream, run).await;
        ours.push(begun.elapsed());
        let line = record.line();
        grown.push(timed(|| growing.append(line.as_bytes())));
        overwritten.push(timed(|| flat.append(line.as_bytes())));
        wal.push(timed(|| sqlite.append(line.as_bytes())));
    }
    println!("{:<24} {:>9} {:>9} {:>9} {:>7}", "one synced append", "p50 µs", "p90 µs", "x growing", "x flat");
    let unit = [median(&mut grown), median(&mut overwritten)];
    for (name, times) in [
        ("bare, file grows", &mut grown),
        ("bare, file does not grow", &mut overwritten),
        ("journal", &mut ours),
        (sqlite::NAME, &mut wal),
    ] {
        let (p50, p90) = (median(times), times[times.len() * 9 / 10]);
        let us = |it: Duration| it.as_secs_f64() * 1e6;
        let [grows, flat] = unit.map(|unit| p50.as_secs_f64() / unit.as_secs_f64());
        println!("{name:<24} {:>9.0} {:>9.0} {grows:>9.2} {flat:>7.2}", us(p50), us(p90));
    }
    ROUNDS as f64 / ours.iter().sum::<Duration>().as_secs_f64()
}

fn timed(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

/// The median; leaves the times sorted.
fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

async fn concurrent(stream: &Stream, run: RunId) -> f64 {
    let begun = Instant::now();
    let appenders = (0..APPENDERS).map(|_| {
        let stream = stream.clone();
        tokio::spawn(async move {
            for _ in 0..EACH {
                intend(&stream, run).await;
            }
        })
    });
    for appender in appenders.collect::<Vec<_>>() {
        appender.await.unwrap();
    }
    (APPENDERS * EACH) as f64 / begun.elapsed().as_secs_f64()
}

/// A file that is synced after each append.
struct Bare(File);

impl Bare {
    /// One that grows by each append.
    fn growing(dir: &Path) -> Self {
        Self(File::create(dir.join("growing")).unwrap())
    }

    /// One that has its length already, so that a sync writes the bytes and nothing about the file.
    fn flat(dir: &Path) -> Self {
        let mut file = File::create(dir.join("flat")).unwrap();
        file.write_all(&vec![0; ROUNDS * 1024]).unwrap();
        file.sync_all().unwrap();
        file.rewind().unwrap();
        Self(file)
    }

    fn append(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
        self.0.sync_data().unwrap();
    }
}

#[cfg(feature = "bench-sqlite")]
mod sqlite {
    use std::path::Path;

    pub(crate) const NAME: &str = "SQLite WAL, FULL";

    pub(crate) struct Wal(rusqlite::Connection);

    impl Wal {
        pub(crate) fn open(dir: &Path) -> Self {
            let connection = rusqlite::Connection::open(dir.join("sqlite")).unwrap();
            connection.pragma_update(None, "journal_mode", "WAL").unwrap();
            connection.pragma_update(None, "synchronous", "FULL").unwrap();
            connection.execute("CREATE TABLE record (seq INTEGER PRIMARY KEY, line BLOB NOT NULL)", []).unwrap();
            Self(connection)
        }

        pub(crate) fn append(&mut self, bytes: &[u8]) {
            self.0.prepare_cached("INSERT INTO record (line) VALUES (?1)").unwrap().execute([bytes]).unwrap();
        }
    }
}

#[cfg(not(feature = "bench-sqlite"))]
mod sqlite {
    use std::path::Path;

    pub(crate) const NAME: &str = "SQLite: not built";

    pub(crate) struct Wal;

    impl Wal {
        pub(crate) fn open(_: &Path) -> Self {
            Self
        }

        pub(crate) fn append(&mut self, _: &[u8]) {}
    }
}
