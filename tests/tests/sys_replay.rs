//! The recorded traffic of the real Azure Digital Twins, sent again over plain HTTP by a script that is not ours to change.
//!
//! It does not score what depends on what earlier recordings had left on the instance: clean-ups before the first write, lists and
//! queries of everything, uses of twins that were there. `providers/local/tests/adt/replay.rs` does, in process, by making that
//! first.

use std::{
    fs,
    process::{Command, Stdio},
};

use local::endpoints::Endpoints;
use tests::{
    contract::shared,
    twinctl::{Ran, Sandbox, wait},
};

/// Replays the recordings; `None` when there is no Python, which under CI there must be.
fn replay(sandbox: &Sandbox) -> Option<Ran> {
    let script = shared("tools/replay_adt.py")?;
    let corpus = shared("data/adt-recordings/corpus.jsonl")?;
    if let Err(error) = Command::new("python3").arg("--version").output() {
        assert!(std::env::var_os("CI").is_none(), "under CI there must be a python3: {error}");
        eprintln!("skipped: there is no python3: {error}");
        return None;
    }
    let _ = sandbox.run(&["cloud", "up"]).code(0);
    let endpoints = Endpoints::read(&sandbox.cloud()).expect("the endpoints are readable").expect("the cloud is up");
    let mut python = Command::new("python3");
    python.arg("-B").arg(script).arg(endpoints.adt_http.as_str()).arg(corpus);
    // It leaves a list of what differs where it runs.
    python.current_dir(sandbox.project()).env_remove("PYTHONPATH");
    python.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Some(wait(python.spawn().expect("python3 was there a moment ago")).code(0))
}

/// The counts of the one line that the script prints: `{'ok': 1, ...}`.
fn counts(line: &str) -> Vec<(String, usize)> {
    let counts = line.trim().trim_start_matches('{').trim_end_matches('}').split(", ").map(|count| {
        let (name, count) = count.split_once(": ").expect("a count has a name");
        (name.trim_matches('\'').to_owned(), count.parse().expect("a count is a number"))
    });
    counts.collect()
}

#[test]
fn nothing_differs_from_the_recorded_service_over_plain_http() {
    let sandbox = Sandbox::empty();
    let Some(ran) = replay(&sandbox) else { return };
    println!("{}", ran.stdout.trim());
    let differences = fs::read_to_string(sandbox.project().join("replay_bad.json")).unwrap();
    assert_eq!(differences.trim(), "[]", "{}", ran.stdout);
    let mut counts = counts(&ran.stdout);
    counts.sort();
    let names: Vec<_> = counts.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["ok", "unscored"], "{counts:?}");
    assert!(counts[0].1 > 800, "{counts:?}");
    assert!(sandbox.effects().len() > 300, "it all happened in this cloud");
}
