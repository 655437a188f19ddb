//! The processes of function apps: shown while they run, gone with their cloud however it ends.

use std::{
    fs,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tests::twinctl::{Ran, Sandbox};

/// A process that is to end has ended long before that.
const DEADLINE: Duration = Duration::from_secs(60);

/// The processes that run a program below a folder.
fn running_below(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir("/proc").expect("this is Linux").filter_map(Result::ok);
    let running = entries.filter_map(|entry| {
        let pid = entry.file_name().to_str().filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))?.to_owned();
        // Of others' processes, and of those that end meanwhile, nothing can be read.
        let program = fs::read_link(entry.path().join("exe")).ok()?;
        program.starts_with(folder).then_some(pid)
    });
    running.collect()
}

fn deployed_and_live() -> Sandbox {
    let sandbox = Sandbox::of_example("factory");
    sandbox.deploy();
    let message = r#"{"temperature": 22.5}"#;
    let _: Ran = sandbox.run(&["send", ".", "climate-press-hall", message, "--wait"]).code(0);
    sandbox
}

fn status(sandbox: &Sandbox) -> Value {
    sandbox.run(&["cloud", "status", "--json"]).code(0).json()
}

#[test]
fn functions_die_with_their_cloud() {
    let sandbox = deployed_and_live();
    let folder = sandbox.cloud().canonicalize().expect("the cloud is up");
    assert!(!running_below(&folder).is_empty(), "a message arrived, and no function runs");
    let cloud = status(&sandbox)["process"].as_u64().expect("a cloud that is up has a process");
    let killed = Command::new("kill").args(["-9", &cloud.to_string()]).status().expect("kill is there");
    assert!(killed.success());
    let start = Instant::now();
    loop {
        let left = running_below(&folder);
        if left.is_empty() {
            break;
        }
        assert!(start.elapsed() < DEADLINE, "these outlive their cloud: {left:?}");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn the_status_of_the_cloud_shows_apps_and_events() {
    let sandbox = deployed_and_live();
    let status = status(&sandbox);
    let apps = status["apps"].as_object().expect("apps are listed by name");
    let running: Vec<_> = apps.iter().filter(|(_, app)| app["state"] == "running").collect();
    assert!(!running.is_empty(), "{status:#}");
    assert!(running.iter().all(|(_, app)| app["pid"].is_u64()), "{status:#}");
    assert!(status["events"]["undelivered"].is_u64(), "{status:#}");
    let text = sandbox.run(&["cloud", "status"]).code(0).stdout;
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert!(lines.contains(&vec!["APP", "STATE", "PROCESS", "CALLS", "CRASHES"]), "{text}");
    for name in apps.keys() {
        assert!(lines.iter().any(|line| line.first() == Some(&name.as_str())), "{name}: {text}");
    }
    assert!(lines.iter().any(|line| line.starts_with(&["events", "waiting:"])), "{text}");
}
