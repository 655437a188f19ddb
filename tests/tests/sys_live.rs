//! Live data through everything that goes wrong: no final value is lost.
//!
//! The simulation itself is the judge. It ends with 0 only when every device's last value of every property is in its
//! twin with its source time; it cannot be satisfied by a value that is older, of another device or of another run.

use std::{
    io::Write as _,
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tests::{
    control,
    twinctl::{Ran, Sandbox, wait},
};

/// No wait of these tests takes this long.
const DEADLINE: Duration = Duration::from_secs(120);

fn deployed() -> Sandbox {
    let sandbox = Sandbox::of_example("factory");
    sandbox.deploy();
    sandbox
}

fn simulation(sandbox: &Sandbox, seed: &str) -> Child {
    sandbox.start(&["simulate", "--rate", "60", "--duration", "6", "--seed", seed, "--settle", "120", "--json"])
}

/// Checks how a simulation ended, and that what was said of it is true: another look finds every device's twin alive.
fn assert_nothing_is_lost(sandbox: &Sandbox, simulation: Child) -> Value {
    let summary = wait(simulation).code(0).json();
    assert_eq!(summary["live"], true, "{summary:#}");
    assert_eq!(summary["missing"], 0, "{summary:#}");
    assert!(summary["sent"].as_u64() >= Some(60), "{summary:#}");
    assert_eq!(summary["sent"], summary["acknowledged"], "{summary:#}");
    let _: Ran = sandbox.run(&["verify", "--timeout", "100"]).code(0);
    summary
}

/// Waits until so many deliveries more than before have arrived; false when the simulation has ended before.
fn is_under_way(sandbox: &Sandbox, simulation: &mut Child, more: u64) -> bool {
    let (start, before) = (Instant::now(), control::delivered(sandbox));
    while control::delivered(sandbox) < before + more {
        if simulation.try_wait().expect("a child can be asked").is_some() {
            return false;
        }
        assert!(start.elapsed() < DEADLINE, "events no longer arrive");
        thread::sleep(Duration::from_millis(20));
    }
    true
}

/// Says how much was covered, past the runner's capture.
fn said(what: &str) {
    let _ = writeln!(std::io::stderr(), "live data: {what}");
}

fn app_names(sandbox: &Sandbox) -> Vec<String> {
    control::apps(sandbox).as_object().expect("apps are listed by name").keys().cloned().collect()
}

#[test]
fn killed_functions_lose_nothing() {
    let sandbox = deployed();
    let mut simulation = simulation(&sandbox, "1");
    let mut killed = 0;
    for _ in 0..4 {
        if is_under_way(&sandbox, &mut simulation, 40) {
            killed += app_names(&sandbox).iter().filter(|app| control::kill(&sandbox, app)).count();
        }
    }
    assert_nothing_is_lost(&sandbox, simulation);
    assert!(killed >= 1, "no process was there to be killed");
    said(&format!("{killed} processes were killed while data was on its way"));
}

#[test]
fn a_cloud_that_is_killed_and_started_again_loses_nothing() {
    let sandbox = deployed();
    let mut simulation = simulation(&sandbox, "2");
    let mut killed = 0;
    for _ in 0..3 {
        if !is_under_way(&sandbox, &mut simulation, 40) {
            break;
        }
        let status = sandbox.run(&["cloud", "status", "--json"]).code(0).json();
        let cloud = status["process"].as_u64().expect("a cloud that is up has a process");
        let ended = Command::new("kill").args(["-9", &cloud.to_string()]).status().expect("kill is there");
        assert!(ended.success());
        killed += 1;
        let _: Ran = sandbox.run(&["cloud", "up"]).code(0);
    }
    assert_nothing_is_lost(&sandbox, simulation);
    assert!(killed >= 1, "the cloud was never killed");
    said(&format!("the cloud was killed {killed} times while data was on its way"));
}

#[test]
fn throttling_errors_and_lost_replies_lose_nothing() {
    let sandbox = deployed();
    let faults = [
        "throttle,retry_after=1,service=adt,method=PATCH,nth=10,times=5",
        "error,status=503,code=ServiceUnavailable,service=adt,method=PATCH,nth=30,times=8",
        "reply-lost,service=adt,method=PATCH,nth=50,times=8",
        "error,status=500,service=adt,method=GET,times=4",
        "error,status=500,service=web,nth=20,times=10",
        "reply-lost,service=web,nth=60,times=10",
        "throttle,retry_after=1,service=iot-hub,method=POST,nth=25,times=5",
        "reply-lost,service=iot-hub,method=POST,nth=60,times=5",
        "error,status=500,service=data,nth=10,times=5",
    ];
    let _: Ran = sandbox.run(&[&["cloud", "fault", "set"], &faults[..]].concat()).code(0);
    let simulation = simulation(&sandbox, "3");
    let summary = assert_nothing_is_lost(&sandbox, simulation);
    assert!(summary["retries"].as_u64() >= Some(1), "the hub's faults hit nothing: {summary:#}");
}

#[test]
fn events_that_come_twice_and_in_any_order_end_in_the_newest_value() {
    let sandbox = deployed();
    let faults = ["reorder,seed=7,milliseconds=700,times=0", "duplicate,nth=5,times=200"];
    let _: Ran = sandbox.run(&[&["cloud", "fault", "set"], &faults[..]].concat()).code(0);
    let simulation = simulation(&sandbox, "4");
    assert_nothing_is_lost(&sandbox, simulation);
}
