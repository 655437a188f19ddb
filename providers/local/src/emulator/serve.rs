//! The body of the emulator's process: it takes the folder, notes who it is, and becomes the emulator.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::folder::{Folder, Record};
use super::{Error, REGION, environment, manage};
use crate::apps::leftover::Identity;
use crate::apps::process::free_port;
use crate::clock::Clock;
use crate::lock::{self, Attempt, Lock};
use crate::tls;

/// How long the folder is waited for: whoever looks holds it for a moment.
const LOCK_PATIENCE: Duration = Duration::from_millis(500);
/// How long the port is waited for: a client's passing connection may sit on it.
const PORT_PATIENCE: Duration = Duration::from_secs(3);

/// Turns this process into the emulator of a local cloud's folder; returns only when that fails.
///
/// The process id stays, and the lock goes along as the emulator's standard input: it is free when the emulator has
/// ended, however that came about. `cloud` is absolute.
pub fn serve(cloud: &Path, program: PathBuf) -> Error {
    match prepare(cloud, &program) {
        Ok(mut emulator) => Error::Spawn { source: emulator.exec(), program },
        Err(error) => error,
    }
}

fn prepare(cloud: &Path, program: &Path) -> Result<Command, Error> {
    // Refused only to a process that leads a session already, which is just as good.
    let _ = rustix::process::setsid();
    let (folder, ca) = (Folder::of(cloud), tls::ca_path(cloud));
    if !ca.exists() {
        return Err(Error::NoCertificate { ca });
    }
    folder.make()?;
    let lock = claim(&folder)?;
    manage::end_leftovers(&folder)?;
    folder.sweep()?;
    let port = port(&folder)?;
    let process = Identity::of(std::process::id()).ok_or_else(|| folder.failed(io::ErrorKind::Unsupported.into()))?;
    folder.write_record(&Record { process, port, region: REGION.to_owned() })?;
    let log = folder.turn_log()?;
    let errors = log.try_clone().map_err(|error| folder.failed(error))?;
    let path = std::env::var_os("PATH");
    let mut emulator = Command::new(program);
    emulator.env_clear().envs(environment::variables(&folder, port, REGION, &ca, path.as_deref()));
    emulator.current_dir(folder.dir()).stdin(lock.into_file()).stdout(log).stderr(errors);
    Ok(emulator)
}

/// Takes the folder; what an emulator that has ended left running does not keep it.
pub(super) fn claim(folder: &Folder) -> Result<Lock, Error> {
    let start = Instant::now();
    loop {
        let since = Clock::system(None).timestamp();
        match lock::take(folder.dir(), since).map_err(|error| folder.failed(error))? {
            Attempt::Taken(lock) => return Ok(lock),
            Attempt::Held(owner) => {
                let pid = owner.map(|owner| owner.pid);
                if manage::is_abandoned(folder, pid) {
                    manage::end_leftovers(folder)?;
                }
                if start.elapsed() >= LOCK_PATIENCE {
                    return Err(Error::Taken { dir: folder.dir().to_owned(), pid });
                }
                thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

/// The port of the first start, once it is free; at the first start a free one.
fn port(folder: &Folder) -> Result<u16, Error> {
    let Some(port) = folder.port()? else {
        let port = free_port().map_err(|error| folder.failed(error))?;
        folder.write_port(port)?;
        return Ok(port);
    };
    let start = Instant::now();
    loop {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(_) => return Ok(port),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && start.elapsed() < PORT_PATIENCE => {
                thread::sleep(Duration::from_millis(50));
            }
            Err(source) => return Err(Error::Port { port, source }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_chosen_once_and_waited_for() {
        let cloud = tempfile::tempdir().unwrap();
        let folder = Folder::of(cloud.path());
        folder.make().unwrap();
        let chosen = port(&folder).unwrap();
        assert_eq!(port(&folder).unwrap(), chosen);
        let other = TcpListener::bind((Ipv4Addr::LOCALHOST, chosen)).unwrap();
        assert!(matches!(port(&folder), Err(Error::Port { port, .. }) if port == chosen));
        drop(other);
        assert_eq!(port(&folder).unwrap(), chosen);
    }

    #[test]
    fn a_folder_that_is_held_is_not_taken() {
        let cloud = tempfile::tempdir().unwrap();
        let folder = Folder::of(cloud.path());
        folder.make().unwrap();
        let lock = claim(&folder).unwrap();
        let pid = Some(std::process::id());
        assert!(matches!(claim(&folder), Err(Error::Taken { pid: holder, .. }) if holder == pid));
        drop(lock);
        claim(&folder).unwrap();
    }
}
