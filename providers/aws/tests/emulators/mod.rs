//! Emulators of AWS by others, from PyPI: each in a virtual environment of its own in the target folder, made once per set of
//! pinned versions.
//!
//! Where they cannot be installed the tests are skipped and say so; not so under CI.

mod install;

use std::{
    env,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError, Weak},
    thread,
    time::{Duration, Instant},
};

use url::Url;

/// How long an emulator may take to answer.
const START: Duration = Duration::from_secs(60);

/// Which emulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// ministack.
    Ministack,
    /// moto's server.
    Moto,
}

impl Which {
    fn name(self) -> &'static str {
        match self {
            Self::Ministack => "ministack",
            Self::Moto => "moto",
        }
    }
}

/// A running emulator; it ends when the last test that uses it does, or dies.
#[derive(Debug)]
pub(crate) struct Emulator {
    /// Which one.
    pub(crate) which: Which,
    /// Where it answers.
    pub(crate) url: Url,
    child: Child,
    // The folder that it may write to; it outlives the process, which `drop` ends.
    _folder: tempfile::TempDir,
}

/// The running ones, which tests of one program share.
static RUNNING: Mutex<[Weak<Emulator>; 2]> = Mutex::new([Weak::new(), Weak::new()]);

impl Emulator {
    /// The emulator, started now unless another test uses it; `None`, with the reason on standard error, when it is not to
    /// be had.
    pub(crate) fn of(which: Which) -> Option<Arc<Self>> {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = &mut running[usize::from(which == Which::Moto)];
        if let Some(emulator) = slot.upgrade() {
            return Some(emulator);
        }
        match install::python(which.name()) {
            Ok(python) => {
                let emulator = Arc::new(Self::start(which, &python));
                *slot = Arc::downgrade(&emulator);
                Some(emulator)
            }
            Err(reason) => {
                assert!(env::var_os("CI").is_none(), "under CI {} must be there: {reason}", which.name());
                let _ = writeln!(std::io::stderr(), "skipped: {} is not to be had: {reason}", which.name());
                None
            }
        }
    }

    fn start(which: Which, python: &std::path::Path) -> Self {
        let folder = tempfile::tempdir().expect("a folder for what it writes");
        let port = free_port();
        let mut command = Command::new(python);
        command.arg("-B").arg(install::folder().join("run.py")).args([which.name(), &port.to_string()]);
        // Nothing of this process's environment: neither credentials nor proxies.
        command.env_clear().envs(env::var_os("PATH").map(|path| ("PATH", path)));
        command.env("HOME", folder.path()).env("TMPDIR", folder.path()).current_dir(folder.path());
        command.env("BIND_HOST", "127.0.0.1").env("MINISTACK_HOST", "localhost").env("GATEWAY_PORT", port.to_string());
        command.env("IOT_MTLS_ENABLED", "0").env("SFTP_ENABLED", "0");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("the Python of the virtual environment starts");
        let url = Url::parse(&format!("http://127.0.0.1:{port}")).expect("a URL");
        let mut emulator = Self { which, url, child, _folder: folder };
        emulator.wait(port);
        emulator
    }

    fn wait(&mut self, port: u16) {
        let deadline = Instant::now() + START;
        while !answers(port) {
            let ended = self.child.try_wait().expect("a child's state is known");
            assert!(ended.is_none(), "{} ended with {ended:?}", self.which.name());
            assert!(Instant::now() < deadline, "{} does not answer", self.which.name());
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("a bound listener has an address").port()
}

/// Whether HTTP is spoken at the port.
fn answers(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { return false };
    let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
    let asked = stream.write_all(b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n");
    asked.is_ok() && stream.read_exact(&mut [0; 8]).is_ok()
}
