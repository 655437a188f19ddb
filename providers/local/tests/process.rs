//! The cloud as a process of its own: started once, found, killed, started again, stopped.

use std::path::{Path, PathBuf};
use std::time::Duration;

use local::process::{self, Launch, Status};

/// The example that serves a folder; cargo builds it with the tests.
fn launch(dir: &Path) -> Launch {
    let tests = std::env::current_exe().expect("a test has a path");
    let program: PathBuf = tests.parent().and_then(Path::parent).expect("target/debug/deps").join("examples/serve");
    Launch { program, args: vec![dir.into()], deadline: Duration::from_secs(20) }
}

#[tokio::test]
async fn up_is_idempotent_and_down_stops() {
    let dir = tempfile::tempdir().unwrap();
    let launch = launch(dir.path());
    let first = process::up(dir.path(), &launch).await.unwrap();
    let second = process::up(dir.path(), &launch).await.unwrap();
    assert_eq!(first, second, "the running one is taken");
    assert_ne!(first.pid, std::process::id());
    assert!(process::down(dir.path()).await.unwrap());
    assert!(matches!(process::status(dir.path()).await.unwrap(), Status::Stopped));
    assert!(!process::down(dir.path()).await.unwrap(), "nothing left to stop");
    process::reset(dir.path()).await.unwrap();
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_killed_cloud_is_not_mistaken_for_a_living_one() {
    let dir = tempfile::tempdir().unwrap();
    let launch = launch(dir.path());
    let first = process::up(dir.path(), &launch).await.unwrap();
    let pid = rustix::process::Pid::from_raw(i32::try_from(first.pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(5);
    while !matches!(process::status(dir.path()).await.unwrap(), Status::Stopped) {
        assert!(std::time::Instant::now() < deadline, "the dead process still holds the folder");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(dir.path().join("endpoints.json").exists(), "a kill leaves the file behind");
    let second = process::up(dir.path(), &launch).await.unwrap();
    assert_ne!(second.pid, first.pid);
    assert_eq!(second.arm, first.arm, "on the ports that it had");
    process::down(dir.path()).await.unwrap();
}

#[tokio::test]
async fn a_start_that_fails_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let broken = Launch { args: vec![dir.path().into(), "no-such-fault".into()], ..launch(dir.path()) };
    let error = process::up(dir.path(), &broken).await.expect_err("it ends at once");
    assert!(error.to_string().starts_with("start the local cloud: it ended with exit status: 2"), "{error}");
}
