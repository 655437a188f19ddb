//! The local TwinMaker against botocore: a scenario over every operation, each raw answer held against the service model.
//!
//! boto3 comes from `TWINCTL_BOTO_PYTHON`, a Python that has it, or is installed into the target folder. Where neither works
//! the test is skipped and says so; not so under CI, unless `TWINCTL_SKIP_PYTHON` is set.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its own functions too")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs};

use local::server::{self, Options};
use serde_json::json;

/// How long the scenario may take; it takes a second or two.
const DEADLINE: Duration = Duration::from_secs(120);

/// What is implemented.
const OPERATIONS: [&str; 20] = [
    "CreateComponentType",
    "CreateEntity",
    "CreateWorkspace",
    "DeleteComponentType",
    "DeleteEntity",
    "DeleteWorkspace",
    "GetComponentType",
    "GetEntity",
    "GetPropertyValue",
    "GetPropertyValueHistory",
    "GetWorkspace",
    "ListComponentTypes",
    "ListEntities",
    "ListTagsForResource",
    "ListWorkspaces",
    "TagResource",
    "UntagResource",
    "UpdateComponentType",
    "UpdateEntity",
    "UpdateWorkspace",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_as_the_service_model_says() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let running = server::start(Options { dir: folder.path().to_owned(), ..Options::default() }).await.unwrap();
    let at = running.endpoints();
    let input = json!({ "endpoint": at.twinmaker, "control": at.control }).to_string();
    let said = tokio::task::spawn_blocking(move || run(&python, &input)).await.unwrap();
    assert_eq!(said.lines().collect::<Vec<_>>(), OPERATIONS, "every operation that is implemented has succeeded");
    running.stop().await;
}

/// Runs the scenario to its end and returns what it prints.
fn run(python: &Path, input: &str) -> String {
    let script = scripts().join("twinmaker.py");
    let mut command = Command::new(python);
    command.arg("-B").arg(script).env_remove("PYTHONPATH").env_remove("AWS_PROFILE");
    command.env("AWS_CONFIG_FILE", "/dev/null").env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    // A proxy of the environment does not reach this machine's loopback.
    command.env("NO_PROXY", "localhost,127.0.0.1").env("no_proxy", "localhost,127.0.0.1");
    let output = folder_file("out");
    command.stdin(Stdio::piped()).stdout(output.reopen().unwrap());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let start = Instant::now();
    let ended = loop {
        match child.try_wait().unwrap() {
            Some(ended) => break ended,
            None if start.elapsed() > DEADLINE => {
                child.kill().unwrap();
                panic!("the scenario does not end");
            }
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    assert!(ended.success(), "the scenario failed, see above");
    fs::read_to_string(output.path()).unwrap()
}

fn folder_file(name: &str) -> tempfile::NamedTempFile {
    tempfile::Builder::new().prefix(name).tempfile().unwrap()
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/botocore")
}

/// A Python that has boto3; `None`, with the reason on standard error, when there is none.
fn python() -> Option<PathBuf> {
    if env::var_os("TWINCTL_SKIP_PYTHON").is_some() {
        return skip("TWINCTL_SKIP_PYTHON is set");
    }
    if let Some(given) = env::var_os("TWINCTL_BOTO_PYTHON") {
        return Some(given.into());
    }
    let target = env::current_exe().unwrap().ancestors().nth(3).unwrap().to_owned();
    let requirements = scripts().join("requirements.txt");
    let text = fs::read(&requirements).unwrap();
    let name = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, &text).simple().to_string();
    let folder = target.join(format!("boto-{name}"));
    let lock = fs::File::create(target.join(".boto.lock")).unwrap();
    lock.lock().unwrap();
    match install(&folder, &requirements) {
        Ok(()) => Some(folder.join("bin/python")),
        Err(reason) => {
            assert!(env::var_os("CI").is_none(), "under CI boto3 must be there: {reason}");
            skip(&reason)
        }
    }
}

fn skip(reason: &str) -> Option<PathBuf> {
    let _ = writeln!(std::io::stderr(), "skipped: boto3 is not to be had: {reason}");
    None
}

/// Makes the virtual environment unless it is complete; one that was left half made is made anew.
fn install(folder: &Path, requirements: &Path) -> Result<(), String> {
    let complete = folder.join("complete");
    if complete.exists() {
        return Ok(());
    }
    let _ = fs::remove_dir_all(folder);
    finish(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-input",
        "--only-binary",
        ":all:",
    ]);
    finish(pip.args(["--timeout", "15", "--retries", "1", "-r"]).arg(requirements))?;
    fs::write(&complete, "").map_err(|error| error.to_string())
}

fn finish(command: &mut Command) -> Result<(), String> {
    let ran = command.stdin(Stdio::null()).output().map_err(|error| format!("{command:?}: {error}"))?;
    let said = String::from_utf8_lossy(&ran.stderr).trim().to_owned();
    if ran.status.success() { Ok(()) } else { Err(format!("{command:?} ended with {}: {said}", ran.status)) }
}
