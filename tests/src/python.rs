//! Programs from PyPI that nobody here wrote, run against the local cloud: the clouds' own Python clients, the AWS emulator.
//!
//! They are installed once per set of pinned versions, into a virtual environment in the target folder. Where they cannot be
//! installed the tests are skipped and say so; not so under CI, unless `TWINCTL_SKIP_PYTHON` is set.

use std::{
    env, fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::twinctl::{Ran, repository, wait};

/// The pinned versions of Microsoft's clients.
const CLIENTS: &str = "requirements.txt";
/// The pinned versions of the AWS emulator, and of AWS's client.
const MINISTACK: &str = "ministack.txt";
/// The pinned version of the library that receivers of webhooks verify them with.
const WEBHOOKS: &str = "webhooks.txt";

/// The pinned versions of Microsoft's clients of digital twins, and of what runs their tests.
const DIGITAL_TWINS: &str = "digitaltwins.txt";
/// The source distribution that carries those tests, by version and digest.
const DIGITAL_TWINS_TESTS: &str = "digitaltwins-tests.txt";

/// The file that says that an installation was not left half done.
const COMPLETE: &str = "complete";

/// A Python that has the packages of a set.
#[derive(Debug)]
pub struct Python {
    program: PathBuf,
}

/// The executable of the AWS emulator, installed now if need be; `None`, with the reason on standard error, when that cannot
/// be.
///
/// # Panics
/// When it cannot be under CI, or the target folder is not writable.
#[must_use]
pub fn ministack() -> Option<PathBuf> {
    venv(MINISTACK).map(|folder| folder.join("bin/ministack"))
}

impl Python {
    /// The Python with Microsoft's clients, installed now if need be; `None`, with the reason on standard error, when that
    /// cannot be.
    ///
    /// # Panics
    /// When it cannot be under CI, or the target folder is not writable.
    #[must_use]
    pub fn with_clients() -> Option<Self> {
        venv(CLIENTS).map(|folder| Self { program: folder.join("bin/python") })
    }

    /// The same with AWS's client, boto3, beside the emulator.
    ///
    /// # Panics
    /// When it cannot be under CI, or the target folder is not writable.
    #[must_use]
    pub fn with_boto3() -> Option<Self> {
        venv(MINISTACK).map(|folder| Self { program: folder.join("bin/python") })
    }

    /// The Python with the Standard Webhooks project's own library.
    ///
    /// # Panics
    /// When it cannot be under CI, or the target folder is not writable.
    #[must_use]
    pub fn with_webhooks() -> Option<Self> {
        venv(WEBHOOKS).map(|folder| Self { program: folder.join("bin/python") })
    }

    /// The Python with Microsoft's clients of digital twins.
    ///
    /// # Panics
    /// When it cannot be under CI, or the target folder is not writable.
    #[must_use]
    pub fn with_digital_twins() -> Option<Self> {
        venv(DIGITAL_TWINS).map(|folder| Self { program: folder.join("bin/python") })
    }

    /// The files of Microsoft's own tests of its client of digital twins, in order, fetched now if need be.
    ///
    /// # Panics
    /// When they cannot be under CI, or the target folder is not writable.
    #[must_use]
    pub fn digital_twins_tests(&self) -> Option<Vec<PathBuf>> {
        let requirements = scripts().join(DIGITAL_TWINS_TESTS);
        let folder = target().join(format!("python-tests-{}", digest(&requirements)));
        let _lock = lock();
        had(DIGITAL_TWINS_TESTS, self.unpack(&folder, &requirements).and_then(|()| test_files(&folder)))
    }

    /// Fetches the one source distribution of a set and unpacks it, unless that is done; what was left half done is done anew.
    fn unpack(&self, folder: &Path, requirements: &Path) -> Result<(), String> {
        if folder.join(COMPLETE).exists() {
            return Ok(());
        }
        let _ = fs::remove_dir_all(folder);
        let mut pip = Command::new(&self.program);
        pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps"]);
        // What pip needs to look at the distribution is in this environment, pinned.
        pip.args(["--no-binary", ":all:", "--no-build-isolation", "--require-hashes", "-r"]).arg(requirements);
        run(pip.arg("-d").arg(folder))?;
        let fetched = fs::read_dir(folder).map_err(|error| error.to_string())?.flatten().map(|entry| entry.path());
        for archive in fetched.filter(|path| path.extension().is_some_and(|extension| extension == "gz")) {
            run(Command::new(&self.program).args(["-m", "tarfile", "-e"]).arg(archive).arg(folder))?;
        }
        fs::write(folder.join(COMPLETE), "").map_err(|error| error.to_string())
    }

    /// Runs one of the scripts beside the tests to its end; `input` is what it reads.
    ///
    /// # Panics
    /// When it cannot be started or does not end in time.
    #[must_use]
    pub fn run(&self, script: &str, input: &Value) -> Ran {
        let mut command = Command::new(&self.program);
        command.arg("-B").arg(scripts().join(script)).env_remove("PYTHONPATH");
        // A proxy of the environment does not reach this machine's loopback.
        command.env("NO_PROXY", "localhost,127.0.0.1").env("no_proxy", "localhost,127.0.0.1");
        let mut child = start(&mut command, Stdio::piped()).expect("the Python of the virtual environment starts");
        let written = child.stdin.take().expect("it is piped").write_all(input.to_string().as_bytes());
        let ran = wait(child);
        assert!(written.is_ok(), "{script} did not read its input: {ran:#?}");
        ran
    }
}

/// The virtual environment of a set of packages.
fn venv(set: &str) -> Option<PathBuf> {
    if env::var_os("TWINCTL_SKIP_PYTHON").is_some() {
        return skip(set, "TWINCTL_SKIP_PYTHON is set");
    }
    let requirements = scripts().join(set);
    let folder = target().join(format!("python-{}", digest(&requirements)));
    let _lock = lock();
    had(set, install(&folder, &requirements).map(|()| folder))
}

/// Held while something is installed, so that one process does it and the others find it done.
fn lock() -> fs::File {
    let lock = fs::File::create(target().join(".python.lock")).expect("the target folder is writable");
    lock.lock().expect("the target folder takes locks");
    lock
}

/// What was to be had of a set. Where it was not, the test is skipped; not so under CI.
fn had<T>(set: &str, found: Result<T, String>) -> Option<T> {
    match found {
        Ok(found) => Some(found),
        Err(reason) => {
            assert!(env::var_os("CI").is_none(), "under CI the packages of {set} must be there: {reason}");
            skip(set, &reason)
        }
    }
}

fn skip<T>(set: &str, reason: &str) -> Option<T> {
    let _ = writeln!(std::io::stderr(), "skipped: the packages of tests/python/{set} are not to be had: {reason}");
    None
}

fn scripts() -> PathBuf {
    repository().join("tests/python")
}

/// The target folder, where tests keep what they install and what they leave to look at.
pub(crate) fn target() -> PathBuf {
    let program = env::current_exe().expect("a process knows its executable");
    program.ancestors().nth(3).expect("tests lie in <target>/<profile>/deps").to_owned()
}

/// Names a set of pinned versions.
pub(crate) fn digest(requirements: &Path) -> String {
    let text = fs::read(requirements).expect("the requirements are the repository's");
    uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, &text).simple().to_string()
}

/// Makes the virtual environment unless it is complete; one that was left half made is made anew.
fn install(folder: &Path, requirements: &Path) -> Result<(), String> {
    let complete = folder.join(COMPLETE);
    if complete.exists() {
        return Ok(());
    }
    let _ = fs::remove_dir_all(folder);
    let mut venv = Command::new("python3");
    run(venv.args(["-m", "venv"]).arg(folder))?;
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]);
    // Version 1 of paho-mqtt comes as source only.
    pip.args(["--only-binary", ":all:", "--no-binary", "paho-mqtt", "-r"]).arg(requirements);
    run(&mut pip)?;
    fs::write(&complete, "").map_err(|error| error.to_string())
}

/// The files of tests of the only package that was unpacked in a folder, in the order of their names.
fn test_files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let list = |folder: &Path| fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()));
    let packages = list(folder)?.flatten().map(|entry| entry.path().join("tests"));
    let tests = packages.into_iter().find(|tests| tests.is_dir()).ok_or("the source distribution has no tests")?;
    let is_test = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("test_") && name.ends_with(".py")
    };
    let mut files: Vec<_> = list(&tests)?.flatten().map(|entry| entry.path()).filter(is_test).collect();
    files.sort();
    Ok(files)
}

/// Runs a command that says nothing of interest unless it fails.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let ran = wait(start(command, Stdio::null()).map_err(|error| format!("{command:?}: {error}"))?);
    if ran.code == 0 { Ok(()) } else { Err(format!("{command:?} ended with {}: {}", ran.code, ran.stderr.trim())) }
}

pub(crate) fn start(command: &mut Command, input: Stdio) -> std::io::Result<std::process::Child> {
    command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
}
