//! Programs from npm that nobody here wrote: Microsoft's clients for JavaScript, and what drives a browser.
//!
//! They are installed once per set of pinned versions (`tests/<set>/package-lock.json`), into the target folder. Where they
//! cannot be installed the tests are skipped and say so; not so under CI.

use std::{
    env, fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{
    python::{digest, run, start, target},
    twinctl::{Ran, repository, wait},
};

/// The set of Microsoft's clients.
const CLIENTS: &str = "node";

/// Node.js with Microsoft's clients of digital twins.
#[derive(Debug)]
pub struct Node {
    modules: PathBuf,
}

impl Node {
    /// Node with the clients, installed now if need be; `None`, with the reason on standard error, when that cannot be.
    ///
    /// # Panics
    /// When it cannot be under CI, or the target folder is not writable.
    #[must_use]
    pub fn with_digital_twins() -> Option<Self> {
        match modules(CLIENTS) {
            Ok(modules) => Some(Self { modules }),
            Err(reason) => {
                assert!(
                    env::var_os("CI").is_none(),
                    "under CI the packages of tests/{CLIENTS} must be there: {reason}"
                );
                let _ =
                    writeln!(std::io::stderr(), "skipped: the packages of tests/{CLIENTS} are not to be had: {reason}");
                None
            }
        }
    }

    /// Runs one of the scripts of the set to its end; `input` is what it reads, `ca` the certificate authority that it trusts.
    ///
    /// # Panics
    /// When it cannot be started or does not end in time.
    #[must_use]
    pub fn run(&self, script: &str, ca: &Path, input: &Value) -> Ran {
        let mut command = Command::new("node");
        // The local cloud listens on 127.0.0.1, which is not the first address of localhost everywhere.
        command.arg("--dns-result-order=ipv4first").arg(scripts(CLIENTS).join(script));
        command.env("NODE_PATH", &self.modules).env("NODE_EXTRA_CA_CERTS", ca).env_remove("NODE_OPTIONS");
        // A proxy of the environment does not reach this machine's loopback.
        command.env("NO_PROXY", "localhost,127.0.0.1").env("no_proxy", "localhost,127.0.0.1");
        let mut child = start(&mut command, Stdio::piped()).expect("node was there when its packages were installed");
        let written = child.stdin.take().expect("it is piped").write_all(input.to_string().as_bytes());
        let ran = wait(child);
        assert!(written.is_ok(), "{script} did not read its input: {ran:#?}");
        ran
    }
}

/// The folder of a set's modules, installed now if need be.
pub(crate) fn modules(set: &str) -> Result<PathBuf, String> {
    let folder = target().join(format!("{set}-{}", digest(&scripts(set).join("package-lock.json"))));
    let lock = fs::File::create(target().join(format!(".{set}.lock"))).expect("the target folder is writable");
    lock.lock().expect("the target folder takes locks");
    install(set, &folder)?;
    Ok(folder.join("node_modules"))
}

/// The folder of a set: its pinned versions and its scripts.
pub(crate) fn scripts(set: &str) -> PathBuf {
    repository().join("tests").join(set)
}

/// Installs a set unless it is complete; one that was left half made is made anew.
fn install(set: &str, folder: &Path) -> Result<(), String> {
    let complete = folder.join("complete");
    if complete.exists() {
        return run(Command::new("node").arg("--version"));
    }
    let _ = fs::remove_dir_all(folder);
    let done = |result: std::io::Result<()>| result.map_err(|error| error.to_string());
    done(fs::create_dir_all(folder))?;
    for name in ["package.json", "package-lock.json"] {
        done(fs::copy(scripts(set).join(name), folder.join(name)).map(drop))?;
    }
    let mut npm = Command::new("npm");
    run(npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(folder))?;
    done(fs::write(&complete, ""))
}
