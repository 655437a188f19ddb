//! Records of the processes that run, so that those of a cloud that was killed can be ended by the next one.
//!
//! A record is a file `apps/{app}/processes/{pid}`. It names the process by what no other process has: its id and
//! the tick at which it started, in this boot of the machine.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal};
use serde::{Deserialize, Serialize};

/// A process that runs, or ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pid: u32,
    /// Ticks since the machine booted.
    started: u64,
    boot: String,
}

impl Identity {
    /// The identity of a process that runs now; `None` when there is none of that id.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        Some(Self { pid, started: started(&stat)?, boot: boot.trim().to_owned() })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether its id is its own or nobody's, in this boot of the machine.
    pub(crate) fn is_unclaimed(&self) -> bool {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        boot.trim() == self.boot && Self::of(self.pid).is_none_or(|other| other == *self)
    }

    /// Whether it has ended, even if whoever started it has not asked about that yet.
    pub(crate) fn has_ended(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        let state = stat.rsplit_once(')').and_then(|(_, fields)| fields.split_whitespace().next());
        !self.runs() || matches!(state, None | Some("Z" | "X"))
    }

    fn runs(&self) -> bool {
        Self::of(self.pid).as_ref() == Some(self)
    }
}

/// The 22nd field; the second one, the name in parentheses, may hold anything.
fn started(stat: &str) -> Option<u64> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

/// A record on disk, to be taken away when its process has ended.
#[derive(Debug)]
pub(super) struct Record {
    path: PathBuf,
}

impl Record {
    /// Records a process that has just been started in the folder of its app.
    pub(super) fn write(app: &Path, identity: &Identity) -> io::Result<Self> {
        let dir = app.join("processes");
        fs::create_dir_all(&dir)?;
        let path = dir.join(identity.pid.to_string());
        fs::write(&path, serde_json::to_vec(identity)?)?;
        Ok(Self { path })
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        // One that stays names a process that is gone, which the next look notices.
        let _ = fs::remove_file(&self.path);
    }
}

/// Kills what an earlier cloud of the folder has left running, process groups as a whole; returns how many there were.
///
/// The caller holds the folder's lock: what is recorded then belongs to nobody.
pub(crate) fn end(dir: &Path) -> io::Result<usize> {
    let mut ended = 0;
    for app in list(&dir.join("apps"))? {
        for record in list(&app.join("processes"))? {
            // A record that a kill has torn names nobody; its process was not yet given anything to do.
            let identity = serde_json::from_slice::<Identity>(&fs::read(&record)?).ok();
            if let Some(identity) = identity.filter(Identity::runs) {
                kill(identity.pid)?;
                ended += 1;
            }
            fs::remove_file(&record)?;
        }
    }
    Ok(ended)
}

/// Kills a process group; one that is gone is fine.
pub(crate) fn kill(pid: u32) -> io::Result<()> {
    signal(pid, Signal::KILL)
}

/// Sends a signal to a process group; one that is gone is fine.
pub(crate) fn signal(pid: u32, signal: Signal) -> io::Result<()> {
    sent(number(pid).map_or(Ok(()), |group| rustix::process::kill_process_group(group, signal)))
}

/// Sends a signal to a process alone; one that is gone is fine.
pub(crate) fn signal_one(pid: u32, signal: Signal) -> io::Result<()> {
    sent(number(pid).map_or(Ok(()), |process| rustix::process::kill_process(process, signal)))
}

fn number(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

fn sent(result: rustix::io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error != rustix::io::Errno::SRCH => Err(error.into()),
        _ => Ok(()),
    }
}

fn list(dir: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(dir) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::{CommandExt, ExitStatusExt};
    use std::process::{Child, Command};

    fn sleeper() -> Child {
        Command::new("sleep").arg("600").process_group(0).spawn().unwrap()
    }

    #[test]
    fn the_start_is_found_behind_any_name() {
        let fields: Vec<String> = (3..=52).map(|field| field.to_string()).collect();
        assert_eq!(started(&format!("7 (a) b) {}", fields.join(" "))), Some(22));
        assert_eq!(started("nonsense"), None);
    }

    #[test]
    fn what_was_left_is_ended_and_nobody_else() {
        let dir = tempfile::tempdir().unwrap();
        let app = dir.path().join("apps/a");
        let (mut left, mut other) = (sleeper(), sleeper());
        let identity = Identity::of(left.id()).unwrap();
        std::mem::forget(Record::write(&app, &identity).unwrap());
        // The same id, but started at another time: the process of a record that has long ended.
        let reused = Identity { started: 1, ..Identity::of(other.id()).unwrap() };
        std::mem::forget(Record::write(&app, &reused).unwrap());
        fs::write(app.join("processes/torn"), "{\"pid\":").unwrap();
        assert_eq!(end(dir.path()).unwrap(), 1);
        assert_eq!(left.wait().unwrap().signal(), Some(9));
        assert!(other.try_wait().unwrap().is_none(), "it still runs");
        assert_eq!(list(&app.join("processes")).unwrap().len(), 0);
        assert_eq!(end(dir.path()).unwrap(), 0);
        other.kill().unwrap();
        other.wait().unwrap();
    }
}
