//! From the outside: looking, starting, stopping.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::folder::{Folder, Record};
use super::{Aws, Crash, Error, Status, health, serve};
use crate::apps::leftover;
use crate::lock;
use crate::process::Launch;
use crate::tls;

/// How the emulator is ended: what is done, and how long it may take.
///
/// It writes its state down when the last request has been answered, so calls of functions that go on are ended next: with
/// their processes.
const ENDING: [(Whom, Signal, Duration); 3] = [
    (Whom::Alone, Signal::TERM, Duration::from_secs(3)),
    (Whom::Group, Signal::TERM, Duration::from_secs(10)),
    (Whom::Group, Signal::KILL, END),
];
/// How long the end of a killed process may take.
const END: Duration = Duration::from_secs(5);

/// Who gets a signal.
#[derive(Clone, Copy, Debug)]
enum Whom {
    /// The emulator.
    Alone,
    /// What it has started, too.
    Group,
}

/// Starts the emulator of a local cloud's folder unless it runs; returns it once it answers.
///
/// `launch` must end up in [`super::serve`] with the same folder. The local cloud was started before: its certificate is
/// what Lambda functions trust. The emulator gets a session of its own and writes to `aws/log` in the folder.
pub async fn ensure(cloud: &Path, launch: &Launch) -> Result<Aws, Error> {
    if let Status::Running(aws) = status(cloud).await? {
        return Ok(aws);
    }
    let ca = tls::ca_path(cloud);
    if !ca.exists() {
        return Err(Error::NoCertificate { ca });
    }
    let folder = Folder::of(cloud);
    folder.make()?;
    let mut child = spawn(&folder, launch)?;
    let start = Instant::now();
    let mut ended = None;
    while start.elapsed() < launch.deadline {
        match (status(cloud).await?, &ended) {
            (Status::Running(aws), _) => return Ok(aws),
            // Losing a race against another starter is fine: that one's emulator will answer.
            (Status::Stopped | Status::Crashed(_), Some(status)) => {
                return Err(Error::Died { status: format!("{status}"), log: folder.log(), tail: folder.tail() });
            }
            _ => {}
        }
        ended = child.try_wait().map_err(|error| folder.failed(error))?;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Err(Error::TooSlow { seconds: launch.deadline.as_secs(), log: folder.log() })
}

/// The emulator of a local cloud's folder, if it serves; starts nothing.
pub async fn running(cloud: &Path) -> Result<Option<Aws>, Error> {
    Ok(match status(cloud).await? {
        Status::Running(aws) => Some(aws),
        Status::Stopped | Status::Crashed(_) | Status::Unresponsive(_) => None,
    })
}

/// Looks how the emulator of a local cloud's folder stands; changes nothing.
pub async fn status(cloud: &Path) -> Result<Status, Error> {
    let folder = Folder::of(cloud);
    let Some(pid) = server(&folder)? else {
        return Ok(folder.record().map_or(Status::Stopped, |record| {
            Status::Crashed(Crash { pid: record.process.pid(), log: folder.log(), tail: folder.tail() })
        }));
    };
    match folder.record().filter(|record| Some(record.process.pid()) == pid) {
        Some(record) => Ok(health::ask(&record).await.map_or(Status::Unresponsive(pid), Status::Running)),
        None => Ok(Status::Unresponsive(pid)),
    }
}

/// Stops the emulator of a local cloud's folder: asks it to, so that it writes its state down, then kills it. What it has
/// started ends with it. False when none ran.
pub async fn down(cloud: &Path) -> Result<bool, Error> {
    let folder = Folder::of(cloud);
    let ran = server(&folder)?.is_some();
    if ran {
        stop(&folder).await?;
    }
    end_leftovers(&folder)?;
    if folder.record().is_some() {
        forget(&folder)?;
    }
    Ok(ran)
}

/// The same, and takes everything away that it had.
pub async fn reset(cloud: &Path) -> Result<(), Error> {
    down(cloud).await?;
    Folder::of(cloud).remove()
}

/// Ends what an emulator that has ended left running, its process group as a whole.
pub(super) fn end_leftovers(folder: &Folder) -> Result<(), Error> {
    let Some(Record { process, .. }) = folder.record() else { return Ok(()) };
    // The number of a group is nobody else's as long as somebody is in it.
    if process.has_ended() && process.is_unclaimed() {
        leftover::kill(process.pid()).map_err(|error| folder.failed(error))?;
    }
    Ok(())
}

/// Removes the record of an emulator that was stopped; one that somebody has started since keeps its own.
fn forget(folder: &Folder) -> Result<(), Error> {
    match serve::claim(folder) {
        Ok(_lock) => folder.remove_record(),
        Err(Error::Taken { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

async fn stop(folder: &Folder) -> Result<(), Error> {
    let failed = |error| folder.failed(error);
    for (whom, signal, patience) in ENDING {
        let Some(pid) = server(folder)?.flatten() else { break };
        match whom {
            Whom::Alone => leftover::signal_one(pid, signal).map_err(failed)?,
            Whom::Group => leftover::signal(pid, signal).map_err(failed)?,
        }
        if gone(folder, patience).await? {
            return Ok(());
        }
    }
    match gone(folder, END).await? {
        true => Ok(()),
        false => Err(Error::Immortal { pid: server(folder)?.flatten() }),
    }
}

async fn gone(folder: &Folder, patience: Duration) -> Result<bool, Error> {
    let start = Instant::now();
    while server(folder)?.is_some() {
        if start.elapsed() >= patience {
            return Ok(false);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(true)
}

/// Who serves the folder: nobody, or somebody, whose process may not be known yet.
fn server(folder: &Folder) -> Result<Option<Option<u32>>, Error> {
    let holder = lock::holder(folder.dir()).map_err(|error| folder.failed(error))?;
    let server = holder.map(|owner| owner.map(|owner| owner.pid));
    Ok(server.filter(|pid| !is_abandoned(folder, *pid)))
}

/// Whether the process that took the lock has ended: what it has started may hold the lock still, and serves nothing.
pub(super) fn is_abandoned(folder: &Folder, owner: Option<u32>) -> bool {
    // A record of another process is an older one.
    let record = folder.record().filter(|record| Some(record.process.pid()) == owner);
    record.is_some_and(|record| record.process.has_ended())
}

fn spawn(folder: &Folder, launch: &Launch) -> Result<Child, Error> {
    let out = folder.open_log()?;
    let err = out.try_clone().map_err(|error| folder.failed(error))?;
    let mut command = Command::new(&launch.program);
    command.args(&launch.args).stdin(Stdio::null()).stdout(out).stderr(err);
    command.spawn().map_err(|source| Error::Spawn { program: launch.program.clone(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apps::leftover::Identity;
    use std::fs;
    use std::os::unix::process::CommandExt;

    fn launch(script: &str) -> Launch {
        let args = ["-c", script].map(Into::into).to_vec();
        Launch { program: "/bin/sh".into(), args, deadline: Duration::from_millis(300) }
    }

    /// A folder as the local cloud leaves it.
    fn cloud() -> tempfile::TempDir {
        let cloud = tempfile::tempdir().unwrap();
        fs::write(tls::ca_path(cloud.path()), "").unwrap();
        cloud
    }

    #[tokio::test]
    async fn without_a_local_cloud_nothing_is_started() {
        let cloud = tempfile::tempdir().unwrap();
        let error = ensure(cloud.path(), &launch("exit 0")).await.unwrap_err();
        assert!(matches!(error, Error::NoCertificate { .. }), "{error}");
        assert_eq!(status(cloud.path()).await.unwrap(), Status::Stopped);
        assert!(!down(cloud.path()).await.unwrap());
        assert_eq!(fs::read_dir(cloud.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_start_has_a_deadline_and_an_end_is_told() {
        let cloud = cloud();
        let error = ensure(cloud.path(), &launch("exec sleep 2")).await.unwrap_err();
        assert!(matches!(error, Error::TooSlow { .. }), "{error}");
        let patient = Launch { deadline: Duration::from_secs(30), ..launch("echo no such module; exit 3") };
        let error = ensure(cloud.path(), &patient).await.unwrap_err();
        let Error::Died { status, tail, .. } = error else { panic!("{error}") };
        assert_eq!((status.as_str(), tail.as_str()), ("exit status: 3", "no such module"));
    }

    #[tokio::test]
    async fn a_program_that_cannot_be_started_is_named() {
        let cloud = cloud();
        let launch = Launch { program: cloud.path().join("nothing"), ..launch("") };
        assert!(
            matches!(ensure(cloud.path(), &launch).await, Err(Error::Spawn { program, .. }) if program == launch.program)
        );
    }

    /// Where nobody listens, and a process of ours that leads a group.
    fn left_behind(cloud: &Path) -> (Folder, Child, Record) {
        let folder = Folder::of(cloud);
        folder.make().unwrap();
        let child = Command::new("sleep").arg("600").process_group(0).spawn().unwrap();
        let process = Identity::of(child.id()).unwrap();
        let record = Record { process, port: 1, region: "eu-central-1".to_owned() };
        folder.write_record(&record).unwrap();
        (folder, child, record)
    }

    #[tokio::test]
    async fn a_process_that_took_over_an_old_number_is_left_alone() {
        let cloud = cloud();
        let (folder, mut child, record) = left_behind(cloud.path());
        let text = serde_json::to_value(&record).unwrap();
        let mut older = text.clone();
        older["process"]["started"] = 1.into();
        folder.write_record(&serde_json::from_value(older).unwrap()).unwrap();
        assert!(matches!(status(cloud.path()).await.unwrap(), Status::Crashed(crash) if crash.pid == child.id()));
        assert!(!down(cloud.path()).await.unwrap());
        assert!(child.try_wait().unwrap().is_none(), "it still runs");
        assert_eq!(status(cloud.path()).await.unwrap(), Status::Stopped);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[tokio::test]
    async fn one_that_does_not_answer_is_unresponsive_and_is_ended() {
        let cloud = cloud();
        let (folder, mut child, _) = left_behind(cloud.path());
        let lock::Attempt::Taken(lock) = lock::take(folder.dir(), "now".into()).unwrap() else { panic!("it is free") };
        let owner = lock::Owner { pid: child.id(), since: "now".into() };
        fs::write(folder.dir().join("lock"), serde_json::to_vec(&owner).unwrap()).unwrap();
        assert_eq!(status(cloud.path()).await.unwrap(), Status::Unresponsive(Some(child.id())));
        // The lock stays ours: that the process has ended is enough.
        assert!(down(cloud.path()).await.unwrap());
        assert!(child.try_wait().unwrap().is_some(), "it has ended");
        drop(lock);
    }
}
