//! Processes end with their cloud, whatever end that takes.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use local::process::{self, Launch, Status};
use local::{Endpoints, server};
use serde_json::json;

use crate::app::{App, call, gone, lives};
use crate::cloud::Cloud;

/// The example that serves a folder; cargo builds it with the tests.
pub(crate) fn launch(dir: &Path) -> Launch {
    let tests = std::env::current_exe().unwrap();
    let program: PathBuf = tests.parent().and_then(Path::parent).unwrap().join("examples/serve");
    Launch { program, args: vec![dir.into()], deadline: Duration::from_secs(60) }
}

async fn call_pid(at: &Endpoints) -> u64 {
    let client = at.client().unwrap().build().unwrap();
    let (status, body) = call(&client, &at.web, json!({})).await;
    assert_eq!(status, 200, "{body}");
    body["pid"].as_u64().unwrap()
}

/// Kills the serving process and waits until its folder is free.
pub(crate) async fn kill(dir: &Path, at: &Endpoints) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(at.pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    let start = Instant::now();
    while !matches!(process::status(dir).await.unwrap(), Status::Stopped) {
        assert!(start.elapsed() < Duration::from_secs(60), "the dead process still holds the folder");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_cloud_that_stops_ends_its_processes_first() {
    let app = App::deploy(&[]).await;
    let pid = app.pid().await;
    app.cloud.running.stop().await;
    assert!(!lives(pid));
    let left = std::fs::read_dir(app.cloud.dir.path().join("apps").join(crate::app::NAME).join("processes")).unwrap();
    assert_eq!(left.count(), 0);
}

#[tokio::test]
async fn what_a_killed_cloud_leaves_is_ended_by_whoever_comes_next() {
    let app = App::deploy(&[]).await;
    let Cloud { dir, running, .. } = app.cloud;
    running.stop().await;
    let launch = launch(dir.path());
    let at = process::up(dir.path(), &launch).await.unwrap();
    let first = call_pid(&at).await;
    kill(dir.path(), &at).await;
    assert!(lives(first), "this handler does not heed the end of its input");
    let at = process::up(dir.path(), &launch).await.unwrap();
    gone(first).await;
    let second = call_pid(&at).await;
    assert_ne!(first, second);
    kill(dir.path(), &at).await;
    assert!(lives(second));
    assert!(!process::down(dir.path()).await.unwrap(), "no cloud runs");
    gone(second).await;
    process::reset(dir.path()).await.unwrap();
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing stays");
    drop(server::start(server::Options { dir: dir.path().to_owned(), ..Default::default() }).await.unwrap());
}
