//! Write ahead, seen from outside: no request leaves for the cloud before the record of its intent is on disk.
//!
//! twinctl and the local cloud that it starts are traced together. The requests are encrypted, so their bytes do not
//! say what they are; but
//! - a record is found in the trace by its hash, which stands in the write to a file of the journal;
//! - an effect is found by its place in the cloud's effect log, which is plain text;
//! - a send is a write to a socket whose other end is one of the cloud's ports, of a record of application data that is
//!   long enough for a request. What a connection does for itself (a handshake that nobody waits for any more because
//!   another connection became free, a farewell to one that was idle) may happen at any time and carries no request.
//!
//! With one step at a time, each effect must then happen between the sync of one intent and the outcome of that
//! very step, with a send in between; and nothing may be sent between the write of an intent and the return of its
//! sync. An engine that sent first and recorded afterwards, or that did not wait for the sync, fails this.

use std::{
    fs,
    io::{Read, Seek, SeekFrom},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tests::{
    outcome::records,
    strace::{self, Call},
    twinctl::{Ran, Sandbox, wait},
};

/// Long enough for every record and effect; what matters stands in full.
const OPTIONS: [&str; 6] = ["-f", "-yy", "-s", "700000", "-e", "trace=pwrite64,fdatasync,write,writev,sendto,sendmsg"];

/// How a record of application data begins (RFC 8446, section 5.1), as `strace` writes it.
const APPLICATION_DATA: &str = r#""\27\3\3"#;

/// Bytes of the shortest request: its line and its bearer token alone take more. The end of a handshake takes at most 74,
/// a farewell 24.
const SHORTEST_REQUEST: u64 = 150;

/// How long a traced command may take.
const DEADLINE: Duration = Duration::from_secs(120);

#[test]
fn no_request_of_a_run_precedes_its_intent() {
    if !strace::is_available() {
        return;
    }
    let sandbox = Sandbox::of_example("factory").without_functions();
    let trace = Trace::of(&sandbox, &["run", "--parallelism", "1"]);
    trace.starts_with_a_record();
    let checked = trace.check("step-intended", "step-completed", 0);
    eprintln!("{checked} effects of a run come after the sync of their step's intent");
    assert!(checked >= 70, "the factory has more effects than {checked}");
}

#[test]
fn no_request_of_a_rollback_precedes_its_intent() {
    if !strace::is_available() {
        return;
    }
    let sandbox = Sandbox::of_example("factory").without_functions();
    sandbox.deploy();
    let before = sandbox.effects().len();
    let _ = sandbox.run(&["cloud", "down"]).code(0);
    let trace = Trace::of(&sandbox, &["rollback"]);
    let checked = trace.check("undo-intended", "undo-completed", before);
    eprintln!("{checked} effects of a rollback come after the sync of their step's intent");
    assert!(checked >= 30, "the factory has more steps to undo than {checked}");
}

/// What a command and its cloud did.
struct Trace {
    calls: Vec<Call>,
    records: Vec<Value>,
    effects: Vec<Value>,
    /// The lines on which a request, or a part of one, was handed to the system.
    sends: Vec<usize>,
}

/// Where a record was written and synced.
#[derive(Clone, Copy)]
struct Durable {
    written: usize,
    synced: usize,
}

impl Trace {
    /// Runs a command that starts the cloud. The trace ends with the cloud, which outlives the command.
    fn of(sandbox: &Sandbox, arguments: &[&str]) -> Self {
        let file = sandbox.project().with_file_name("trace");
        let path = file.to_str().expect("temporary folders have plain names");
        let options = [&OPTIONS[..], &["-o", path]].concat();
        let traced = strace::command(sandbox, &options, arguments).spawn().expect("strace is there");
        has_ended(&file);
        let records = records(sandbox);
        let effects = sandbox.effects();
        let ports = ports(sandbox);
        let _ = sandbox.run(&["cloud", "down"]).code(0);
        let _: Ran = wait(traced).code(0);
        let calls = strace::read(&file);
        let sends = sends(&calls, &ports);
        assert!(sends.len() > 100, "the trace names too few sockets: {}", sends.len());
        let _ = sandbox.run(&["cloud", "up"]).code(0);
        Self { calls, records, effects, sends }
    }

    /// Nothing is sent before the first record is on disk.
    fn starts_with_a_record(&self) {
        assert_eq!(self.records[0]["event"]["type"], "run-started");
        let first = self.durable(&self.records[0]);
        assert!(self.sends[0] > first.synced, "sent on line {}, synced on line {}", self.sends[0], first.synced);
    }

    /// Checks every effect after the first `skip` ones and returns how many there were.
    fn check(&self, intended: &str, completed: &str, skip: usize) -> usize {
        let windows = self.windows(intended, completed);
        for (_, intent, _) in &windows {
            let early = self.sends.iter().find(|line| (intent.written..intent.synced).contains(line));
            assert_eq!(early, None, "sent while an intent was being synced");
        }
        let effects = &self.effects[skip..];
        for effect in effects {
            let line = self.line_of(effect);
            let open = windows.iter().find(|(_, intent, end)| (intent.synced..*end).contains(&line));
            let (step, intent, _) = open.unwrap_or_else(|| panic!("no step's intent was on disk for {effect}"));
            assert!(belongs(effect, step), "{effect} happened in {step}");
            assert!(
                self.sends.iter().any(|send| (intent.synced..line).contains(send)),
                "nothing was sent for {effect}"
            );
        }
        effects.len()
    }

    /// Each step with its intent and the line on which the writing of its outcome began.
    fn windows(&self, intended: &str, completed: &str) -> Vec<(&str, Durable, usize)> {
        let of = |kind: &str| {
            let kind = kind.to_owned();
            self.records.iter().filter(move |record| record["event"]["type"] == *kind)
        };
        let window = |record: &Value| {
            let step = record["event"]["step"].as_str().expect("an intent has a step");
            let end = of(completed).find(|end| end["event"]["step"] == step).expect("every step was completed");
            (self.durable(record), self.durable(end).written)
        };
        of(intended)
            .map(|record| {
                let (intent, end) = window(record);
                (record["event"]["step"].as_str().expect("an intent has a step"), intent, end)
            })
            .collect()
    }

    /// Where a record was first written to a file of the journal, and that file's first sync begun after it.
    fn durable(&self, record: &Value) -> Durable {
        let hash = format!(r#""hash":"{}""#, record["hash"].as_str().expect("a record has a hash"));
        let is_write = |call: &&Call| in_journal(call).is_some() && call.arguments.contains(&hash);
        let write = self.calls.iter().find(is_write).unwrap_or_else(|| panic!("{record} was never written"));
        let is_sync = |call: &&Call| {
            call.name == "fdatasync"
                && in_journal(call) == in_journal(write)
                && call.entered > write.returned
                && call.result.is_some()
        };
        let sync = self.calls.iter().find(is_sync).unwrap_or_else(|| panic!("{record} was never synced"));
        Durable { written: write.entered, synced: sync.returned }
    }

    /// The line on which the cloud noted an effect.
    fn line_of(&self, effect: &Value) -> usize {
        let sequence = format!(r#""sequence":{},"#, effect["sequence"]);
        let notes = |call: &&Call| {
            call.name.starts_with("write")
                && call.arguments.contains("/effects.jsonl>")
                && call.arguments.contains(&sequence)
        };
        self.calls.iter().find(notes).unwrap_or_else(|| panic!("{effect} is not in the trace")).entered
    }
}

/// The journal's file that a call is about.
fn in_journal(call: &Call) -> Option<&str> {
    let (descriptor, _) = call.arguments.split_once('>')?;
    let (_, path) = descriptor.split_once('<')?;
    path.contains("/state/journal/").then_some(path)
}

/// Whether an effect is one of this step's.
fn belongs(effect: &Value, step: &str) -> bool {
    let resource = effect["resource"].as_str().unwrap_or_default().to_lowercase();
    match effect["service"].as_str().unwrap_or_default() {
        "adt" => step == "l4/twin-graph",
        "iot-hub" => step == "l1/devices",
        "scm" => step.ends_with("/package"),
        _ if resource.ends_with("/config/appsettings") => step.ends_with("/settings") || step.ends_with("/package"),
        _ => {
            let kinds = [
                ("/digitaltwinsinstances/", "l4/adt"),
                ("/iothubs/", "l1/hub"),
                ("/databaseaccounts/", "l3/cosmos"),
                ("/storageaccounts/", "setup/storage"),
                ("/userassignedidentities/", "setup/identity"),
            ];
            let named = resource.rsplit_once('/').map_or("", |(parent, _)| parent);
            kinds.iter().all(|(kind, owner)| !format!("{named}/").ends_with(kind) || step == *owner)
        }
    }
}

/// The lines of writes to the cloud's services. Asking the cloud's control interface whether it is up is no request.
fn sends(calls: &[Call], ports: &[String]) -> Vec<usize> {
    let sends = calls.iter().filter(|call| ["write", "writev", "sendto", "sendmsg"].contains(&call.name.as_str()));
    let to_cloud = |call: &&Call| {
        let (socket, bytes) = call.arguments.split_once(">,").unwrap_or_default();
        let carries_request =
            bytes.contains(APPLICATION_DATA) && call.result.is_some_and(|sent| sent >= SHORTEST_REQUEST);
        carries_request && ports.iter().any(|port| socket.ends_with(&format!(":{port}]")))
    };
    sends.filter(to_cloud).map(|call| call.entered).collect()
}

fn ports(sandbox: &Sandbox) -> Vec<String> {
    let status = sandbox.run(&["cloud", "status", "--json"]).code(0).json();
    let urls = status["urls"].as_object().expect("a cloud that is up has URLs");
    let services = urls.iter().filter(|(name, _)| *name != "control");
    services.filter_map(|(_, url)| Some(url.as_str()?.rsplit_once(':')?.1.to_owned())).collect()
}

/// Waits until the command itself, the first process of the trace, has exited. What it still had to write is long in the
/// file by then, so only what was added since the last look is read.
fn has_ended(trace: &Path) {
    let start = Instant::now();
    let (mut text, mut seen, mut process) = (String::new(), 0, None);
    loop {
        seen += added(trace, seen, &mut text);
        if process.is_none() {
            process = text.split_once(' ').map(|(process, _)| process.to_owned());
        }
        let ended = |line: &str| {
            line.split_once(' ').is_some_and(|(id, rest)| Some(id) == process.as_deref() && rest.contains("+++ "))
        };
        if text.lines().any(ended) {
            return;
        }
        // The last line may be half written.
        text.drain(..text.rfind('\n').map_or(0, |end| end + 1));
        assert!(start.elapsed() < DEADLINE, "the traced command did not end");
        thread::sleep(Duration::from_millis(100));
    }
}

/// Reads what a file holds from a place on; returns how many bytes that were.
fn added(path: &Path, from: u64, text: &mut String) -> u64 {
    let Ok(mut file) = fs::File::open(path) else { return 0 };
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(from)).and_then(|_| file.read_to_end(&mut bytes)).expect("a file of ours is readable");
    text.push_str(&String::from_utf8_lossy(&bytes));
    bytes.len() as u64
}
