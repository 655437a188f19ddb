//! Real kills: `kill -9` of twinctl and of the local cloud, at chosen points and at random ones.

use std::{
    env,
    io::Write as _,
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::Value;
use tests::{
    outcome::{Outcome, assert_same_dump},
    strace,
    twinctl::{Ran, Sandbox, run, signal, wait},
};

/// The exit code of a killed process.
const KILLED: i32 = 128 + 9;

/// At which sync of a thread to kill. Appends sync on the thread that they come from, so the later ones may be beyond
/// what any thread reaches; the run then ends undisturbed.
const SYNCS: [u32; 12] = [2, 3, 4, 6, 8, 11, 14, 18, 23, 29, 36, 50];

/// Holds the hub's creation for longer than any test takes.
const HUB_IS_HELD: &str = "latency,milliseconds=600000,method=PUT,path=*/IotHubs/*";

fn killed_at_sync(sandbox: &Sandbox, sync: u32) -> Ran {
    let _ = sandbox.run(&["cloud", "up"]).code(0);
    let inject = format!("inject=fdatasync:signal=SIGKILL:when={sync}");
    run(strace::command(sandbox, &["-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync", "-e", &inject], &["run"]))
}

/// Goes on with what a killed run left. Killed before its first record it left nothing, and `run` is what is next.
fn go_on(sandbox: &Sandbox) {
    let resumed = sandbox.run(&["resume"]);
    if resumed.code != 0 {
        assert!(resumed.stderr.contains("error[no-journal]"), "{resumed:#?}");
        sandbox.deploy();
    }
}

fn verify(sandbox: &Sandbox) {
    let _ = sandbox.run(&["journal", "verify"]).code(0);
}

#[test]
fn killed_at_a_sync_of_the_journal_a_run_is_resumed() {
    if !strace::is_available() {
        return;
    }
    let undisturbed = Outcome::undisturbed();
    let mut killed = 0;
    for sync in SYNCS {
        let sandbox = Sandbox::of_example("factory");
        let ran = killed_at_sync(&sandbox, sync);
        if ran.code != KILLED {
            let _ = ran.code(0);
            continue;
        }
        killed += 1;
        verify(&sandbox);
        go_on(&sandbox);
        undisturbed.assert_same(&Outcome::of(&sandbox), &format!("killed at sync {sync}"));
        verify(&sandbox);
    }
    eprintln!("{killed} of {} runs were killed at a sync and resumed", SYNCS.len());
    assert!(killed >= 6, "only {killed} runs were killed");
}

#[test]
fn killed_at_a_sync_of_the_journal_a_run_is_rolled_back() {
    if !strace::is_available() {
        return;
    }
    let mut killed = 0;
    for sync in [3, 7, 12, 20, 30] {
        let sandbox = Sandbox::of_example("factory");
        let _ = sandbox.run(&["cloud", "up"]).code(0);
        let before = sandbox.dump();
        let ran = killed_at_sync(&sandbox, sync);
        if ran.code != KILLED {
            let _ = ran.code(0);
            continue;
        }
        killed += 1;
        let _ = sandbox.run(&["rollback"]).code(0);
        assert_same_dump(&before, &sandbox.dump(), &format!("killed at sync {sync}, rolled back"));
        verify(&sandbox);
    }
    eprintln!("{killed} of 5 runs were killed at a sync and rolled back");
    assert!(killed >= 3, "only {killed} runs were killed");
}

/// The case that gave the product its reason: the instance is there, the setting that needs its URL is not.
#[test]
fn killed_between_the_instance_and_the_setting_that_holds_its_url() {
    let undisturbed = Outcome::undisturbed();
    let sandbox = Sandbox::of_example("factory");
    sandbox.fault("latency,milliseconds=600000,method=PUT,path=*-l4-functions-*/config/appsettings");
    let first = sandbox.start(&["run"]);
    sandbox.wait_for("step-intended", "l4/settings");
    signal(&first, "KILL");
    assert_eq!(wait(first).code, KILLED);

    let stopped = sandbox.dump();
    assert!(resource(&stopped, "/digitaltwinsinstances/").is_some(), "the instance exists");
    assert_eq!(instance_url(&stopped), None, "the setting does not");

    let _ = sandbox.run(&["cloud", "fault", "clear"]).code(0);
    let _ = sandbox.run(&["resume"]).code(0);
    let outcome = Outcome::of(&sandbox);
    let instance = resource(&outcome.dump, "/digitaltwinsinstances/").expect("the instance exists");
    let host = instance["properties"]["hostName"].as_str().expect("an instance has a host name");
    assert_eq!(instance_url(&outcome.dump), Some(format!("https://{host}/")));
    undisturbed.assert_same(&outcome, "killed before the setting");
    verify(&sandbox);
}

/// The resource whose id has this kind as its last but one segment.
fn resource<'d>(dump: &'d Value, kind: &str) -> Option<&'d Value> {
    let resources = dump["resources"].as_object().expect("a dump has resources");
    let is_of_kind = |id: &str| id.split_once(kind).is_some_and(|(_, name)| !name.contains('/'));
    resources.iter().find(|(id, _)| is_of_kind(id)).map(|(_, resource)| resource)
}

fn instance_url(dump: &Value) -> Option<String> {
    let resources = dump["resources"].as_object().expect("a dump has resources");
    let settings = resources.iter().filter(|(id, _)| id.ends_with("/config/appsettings"));
    let mut urls = settings.filter_map(|(_, settings)| settings["properties"]["ADT_INSTANCE_URL"].as_str());
    urls.next().map(str::to_owned)
}

/// Whatever the seed: kills fall where they fall, and the end is the same. `TWINCTL_TEST_SEED` repeats one.
#[test]
fn killed_ten_times_in_a_row_at_random() {
    let undisturbed = Outcome::undisturbed();
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").subsec_nanos();
    let seed = env::var("TWINCTL_TEST_SEED").map_or(u64::from(clock), |seed| seed.parse().expect("a number"));
    let _ = writeln!(std::io::stderr(), "TWINCTL_TEST_SEED={seed}");
    let mut random = seed | 1;
    let sandbox = Sandbox::of_example("factory");
    let _ = sandbox.run(&["cloud", "up"]).code(0);
    let mut killed = 0;
    for _ in 0..10 {
        let child = sandbox.start(&["run"]);
        thread::sleep(Duration::from_millis(20 + next(&mut random) % 250));
        // It may have ended by itself; it is not waited for yet, so the id is still its own.
        signal(&child, "KILL");
        let ran = wait(child);
        assert!(ran.code == KILLED || ran.code == 0, "{ran:#?}");
        killed += u32::from(ran.code == KILLED);
        verify_if_any(&sandbox);
    }
    sandbox.deploy();
    undisturbed.assert_same(&Outcome::of(&sandbox), &format!("{killed} kills, seed {seed}"));
    verify(&sandbox);
    eprintln!("{killed} kills");
}

/// A run killed before its first record has left no journal that could be verified.
fn verify_if_any(sandbox: &Sandbox) {
    let verified = sandbox.run(&["journal", "verify"]);
    assert!(verified.code == 0 || verified.stderr.contains("error[no-journal]"), "{verified:#?}");
}

/// Marsaglia's xorshift.
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[test]
fn the_cloud_killed_in_the_middle_loses_nothing() {
    let undisturbed = Outcome::undisturbed();
    let sandbox = Sandbox::of_example("factory");
    sandbox.fault(HUB_IS_HELD);
    let running = sandbox.start(&["run"]);
    sandbox.wait_for("step-intended", "l1/hub");
    let process = sandbox.run(&["cloud", "status", "--json"]).code(0).json()["process"].to_string();
    let killed = std::process::Command::new("kill").args(["-9", &process]).status().expect("a shell starts");
    assert!(killed.success());
    // Its faults die with it. Whether the run waits it out or gives up depends on how long the restart takes.
    let _ = sandbox.run(&["cloud", "up"]).code(0);
    let ran = wait(running);
    assert!(ran.code == 0 || ran.code == 10, "{ran:#?}");
    let _ = sandbox.run(&["resume"]).code(0);
    undisturbed.assert_same(&Outcome::of(&sandbox), "the cloud was killed");
    verify(&sandbox);
}
