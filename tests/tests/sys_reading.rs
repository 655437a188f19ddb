//! Reading while a run is in progress, a second writer, a dead owner; and commands that write nothing.

use std::{
    collections::BTreeMap,
    process::Child,
    time::{Duration, Instant},
};

use tests::{
    outcome::contents,
    twinctl::{Sandbox, signal, wait},
};

/// Holds the resource group's creation for longer than any test takes. Everything else waits for the group.
const GROUP_IS_HELD: &str = "latency,milliseconds=600000,method=PUT,path=*/resourceGroups/factory-rg";

/// What "at once" is at most, on a machine that is busy with other tests.
const AT_ONCE: Duration = Duration::from_secs(20);

/// A run that waits for the cloud until it is killed.
fn held() -> (Sandbox, Child) {
    let sandbox = Sandbox::of_example("factory");
    sandbox.fault(GROUP_IS_HELD);
    let running = sandbox.start(&["run", "--parallelism", "1"]);
    sandbox.wait_for("step-intended", "setup/resource-group");
    (sandbox, running)
}

fn kill(running: Child) {
    signal(&running, "KILL");
    assert_eq!(wait(running).code, 128 + 9, "the run was still in progress");
}

#[test]
fn everything_can_be_read_while_a_run_is_in_progress() {
    let (sandbox, running) = held();
    let runs = sandbox.run(&["journal", "list", "--json"]).code(0).json();
    assert_eq!(runs[0]["status"], "running", "{runs}");
    let records = sandbox.run(&["journal", "records", "--json"]).code(0).json();
    let started = records.as_array().is_some_and(|records| records[0]["event"]["type"] == "run-started");
    assert!(started, "{records}");
    let verified = sandbox.run(&["journal", "verify"]).code(0);
    assert!(verified.stdout.contains("whole"), "{verified:#?}");
    let tail = sandbox.run(&["journal", "tail", "-n", "2", "--json"]).code(0);
    assert_eq!(tail.stdout.lines().count(), 2, "{tail:#?}");
    let status = sandbox.run(&["status", "--json"]);
    assert!(status.code == 0 || status.code == 16, "{status:#?}");
    let status = status.json();
    assert_eq!(status["deployed"], false, "{status}");
    assert_eq!(status["owner"]["process"], running.id(), "{status}");
    kill(running);
}

#[test]
fn a_second_writer_is_refused_at_once_and_told_who() {
    let (sandbox, running) = held();
    let before = sandbox.effects();
    for words in [&["run"][..], &["resume"], &["rollback"], &["destroy", "--yes"]] {
        let start = Instant::now();
        let refused = sandbox.run(words).code(14);
        assert!(start.elapsed() < AT_ONCE, "{words:?} took {:?}", start.elapsed());
        assert!(refused.stderr.contains("error[locked]"), "{words:?}: {refused:#?}");
        let owner = format!("process {} (twinctl run), since ", running.id());
        assert!(refused.stderr.contains(&owner), "{words:?}: {refused:#?}");
    }
    assert_eq!(sandbox.effects(), before);
    kill(running);
}

#[test]
fn an_owner_that_was_killed_blocks_nobody() {
    let (sandbox, running) = held();
    kill(running);
    let runs = sandbox.run(&["journal", "list", "--json"]).code(0).json();
    assert_eq!(runs.as_array().map(Vec::len), Some(1), "{runs}");
    let _ = sandbox.run(&["cloud", "fault", "clear"]).code(0);
    let _ = sandbox.run(&["resume"]).code(0);
    let _ = sandbox.run(&["rollback"]).code(0);
}

#[test]
fn reading_leaves_every_file_as_it_is() {
    let sandbox = Sandbox::of_example("factory");
    let untouched = |when: &str| {
        let before = (sandbox.files(), bytes(&sandbox));
        for words in [
            &["plan"][..],
            &["validate"],
            &["status"],
            &["journal", "list"],
            &["journal", "records"],
            &["journal", "verify"],
            &["journal", "tail"],
            &["resume", "--plan"],
        ] {
            let ran = sandbox.run(words);
            assert!(ran.code < 3 || ran.code == 16, "{when}, {words:?}: {ran:#?}");
            assert_eq!(sandbox.files(), before.0, "{when}: {words:?} wrote");
            assert!(bytes(&sandbox) == before.1, "{when}: {words:?} changed a file");
        }
    };
    untouched("before the first run");
    sandbox.deploy();
    untouched("after a run");
    let _ = sandbox.run(&["rollback"]).code(0);
    let _ = sandbox.run(&["cloud", "down"]).code(0);
    untouched("with the cloud down");
}

fn bytes(sandbox: &Sandbox) -> BTreeMap<String, Vec<u8>> {
    let mut bytes = contents(&sandbox.project());
    if sandbox.state().exists() {
        bytes.extend(contents(&sandbox.state()));
    }
    bytes
}
