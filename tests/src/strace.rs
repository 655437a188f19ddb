//! twinctl under `strace`: killed at a chosen system call, or with every write that leaves it on record.

use std::{collections::HashMap, fs, io::Write as _, path::Path, process::Command};

use crate::twinctl::Sandbox;

/// Whether processes can be traced here; says so on standard error when they cannot.
#[must_use]
pub fn is_available() -> bool {
    let tried = Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    let available = tried.as_ref().is_ok_and(|output| output.status.success());
    if !available {
        let _ =
            writeln!(std::io::stderr(), "skipped: strace is not installed, or tracing is not allowed here ({tried:?})");
    }
    available
}

/// A command of a sandbox under `strace` with these options.
#[must_use]
pub fn command(sandbox: &Sandbox, options: &[&str], arguments: &[&str]) -> Command {
    let plain = sandbox.command(arguments);
    let mut traced = Command::new("strace");
    traced.args(options).arg("--").arg(plain.get_program()).args(plain.get_args());
    if let Some(folder) = plain.get_current_dir() {
        traced.current_dir(folder);
    }
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => traced.env(name, value),
            None => traced.env_remove(name),
        };
    }
    traced.stdin(std::process::Stdio::null());
    traced.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    traced
}

/// One system call of a trace.
///
/// `strace` stops a thread at the entry and at the return of a call and writes the line before it lets the thread go
/// on. What a call caused, in whatever process, therefore stands after it: line numbers order cause before effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The line on which it was entered.
    pub entered: usize,
    /// The line on which it returned.
    pub returned: usize,
    /// Its name.
    pub name: String,
    /// Its arguments as `strace` writes them, quotes in strings no longer escaped.
    pub arguments: String,
    /// What it returned; `None` when it failed, or did not return.
    pub result: Option<u64>,
}

/// The calls of a trace made with `-f -o`, in order of their entry.
///
/// # Panics
/// When the file cannot be read.
#[must_use]
pub fn read(trace: &Path) -> Vec<Call> {
    let bytes = fs::read(trace).unwrap_or_else(|error| panic!("{}: {error}", trace.display()));
    let text = String::from_utf8_lossy(&bytes);
    let mut calls: Vec<Call> = Vec::new();
    let mut unfinished: HashMap<&str, usize> = HashMap::new();
    for (number, line) in text.lines().enumerate() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        if let Some(resumed) = rest.strip_prefix("<... ") {
            if let Some(place) = unfinished.remove(thread) {
                calls[place].returned = number;
                calls[place].result = result(resumed);
            }
        } else if let Some((name, arguments)) = rest.split_once('(') {
            let is_unfinished = arguments.ends_with("<unfinished ...>");
            if is_unfinished {
                unfinished.insert(thread, calls.len());
            }
            calls.push(Call {
                entered: number,
                returned: if is_unfinished { usize::MAX } else { number },
                name: name.to_owned(),
                arguments: arguments.replace("\\\"", "\""),
                result: if is_unfinished { None } else { result(rest) },
            });
        }
    }
    calls
}

/// The number after the last equals sign; an error's is negative, that of a call which never returned a question mark.
fn result(line: &str) -> Option<u64> {
    line.rsplit_once(" = ")?.1.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_put_together_from_their_parts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trace");
        let lines = [
            r#"1  write(3</a>, "{\"n\":1}", 7) = 7"#,
            "2  fdatasync(13</db> <unfinished ...>",
            r#"1  writev(4<TCP:[a->b]>, [{iov_base="x", iov_len=1}], 1) = -1 EPIPE (Broken pipe)"#,
            "2  <... fdatasync resumed>) = 0",
            "1  +++ exited with 0 +++",
        ];
        fs::write(&path, lines.join("\n")).unwrap();
        let calls = read(&path);
        let seen: Vec<_> = calls.iter().map(|c| (c.name.as_str(), c.entered, c.returned, c.result)).collect();
        assert_eq!(seen, [("write", 0, 0, Some(7)), ("fdatasync", 1, 3, Some(0)), ("writev", 2, 2, None)]);
        assert!(calls[0].arguments.contains(r#"{"n":1}"#));
    }
}
