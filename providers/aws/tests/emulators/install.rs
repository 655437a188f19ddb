//! Virtual environments, as the system tests make them for clients.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The folder of the requirements.
pub(super) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/emulators")
}

/// The Python of an emulator's environment, which is made now if need be.
pub(super) fn python(name: &str) -> Result<PathBuf, String> {
    let requirements = folder().join(format!("{name}.txt"));
    let target = env::current_exe().expect("a process knows its executable");
    let target = target.ancestors().nth(3).expect("tests lie in <target>/<profile>/deps").to_owned();
    let folder = target.join(format!("{name}-{}", digest(&requirements)));
    let lock = fs::File::create(target.join(format!(".{name}.lock"))).expect("the target folder is writable");
    lock.lock().expect("the target folder takes locks");
    install(&folder, &requirements)?;
    Ok(folder.join("bin/python"))
}

/// Names a set of pinned versions.
fn digest(requirements: &Path) -> String {
    let text = fs::read(requirements).expect("the requirements are the repository's");
    uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, &text).simple().to_string()
}

/// Makes the environment unless it is complete; one that was left half made is made anew.
fn install(folder: &Path, requirements: &Path) -> Result<(), String> {
    let complete = folder.join("complete");
    if complete.exists() {
        return Ok(());
    }
    let _ = fs::remove_dir_all(folder);
    run(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]);
    pip.args(["--only-binary", ":all:", "-r"]).arg(requirements);
    run(&mut pip)?;
    fs::write(&complete, "").map_err(|error| error.to_string())
}

/// Runs it to its end; pip has time-outs of its own.
fn run(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?} ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim()))
}
