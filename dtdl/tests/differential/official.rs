//! The official parser as a process: .NET compiled to WebAssembly, run by Node.js.
//!
//! What is known of this build (`@digicatapult/dtdl-parser` 1.1.83), found out by asking it:
//!
//! | question | answer |
//! |---|---|
//! | which parser | DTDLParser 1.1.3; no option can be set |
//! | versions of the language | 2, 3 and 4; minor versions are passed over from 3 on |
//! | extensions | quantitativeTypes, annotation, overriding, historization, mqtt 1 and 2; requirement 1; IoT Central's context 2 |
//! | unknown extensions | allowed in version 2, refused in versions 3 and 4 |
//! | how it refuses | an exception whose message is JSON: `Parsing` with errors that have a `ValidationID`, or `Resolution` with identifiers that nobody defines; the first serious error of an element hides others |
//! | the same `@id` twice | `duplicateDefinition`, also where both definitions are the same |
//! | a member twice | `duplicatePropertyName` or `repeated...`; not for members that it does not know |
//! | what is no JSON, nests more than 64 deep, or has odd values of `@type` | it fails by itself (`Arg_NullReferenceException` and the like), which says nothing |
//!
//! It is installed once per set of pinned versions (`package-lock.json`), into the target folder. Where that cannot be the test is
//! skipped and says so; not so under CI.

use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

/// How long one answer may take; the first one includes the start of the runtime.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the installation may take.
const INSTALLATION: Duration = Duration::from_secs(240);

/// What the official parser says of a set of models.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    Valid,
    /// The ids of the validations that failed, without their common prefix, sorted.
    Invalid(Vec<String>),
    /// The parser itself failed, which says nothing of the models.
    Failed(String),
}

/// The running parser.
pub(crate) struct Official {
    process: Child,
    input: ChildStdin,
    answers: mpsc::Receiver<String>,
    pub(crate) version: String,
}

impl Official {
    /// Starts the parser, installed now if need be; `None`, with the reason on standard error, when that cannot be.
    pub(crate) fn start() -> Option<Self> {
        match install() {
            Ok(modules) => Some(Self::run(&modules)),
            Err(reason) => {
                assert!(env::var_os("CI").is_none(), "under CI there must be the official parser: {reason}");
                let _ = writeln!(std::io::stderr(), "skipped: the official parser is not to be had: {reason}");
                None
            }
        }
    }

    fn run(modules: &Path) -> Self {
        let mut node = Command::new("node");
        node.arg(here().join("parser.mjs")).arg(modules);
        let mut process = node
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("node started a moment ago");
        let input = process.stdin.take().expect("it is piped");
        let output = BufReader::new(process.stdout.take().expect("it is piped"));
        let (sender, answers) = mpsc::channel();
        thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let mut official = Self { process, input, answers, version: String::new() };
        official.version = official.answer()["version"].as_str().expect("it greets with its version").to_owned();
        official
    }

    /// What it says of models, given as one JSON text.
    pub(crate) fn judge(&mut self, text: &str) -> Verdict {
        writeln!(self.input, "{}", Value::from(text)).expect("the parser reads");
        let answer = self.answer();
        let texts = |key: &str| -> Option<Vec<String>> {
            Some(answer[key].as_array()?.iter().filter_map(|id| Some(id.as_str()?.to_owned())).collect())
        };
        if let Some(ids) = texts("errors") {
            let short = |id: String| id.trim_start_matches("dtmi:dtdl:parsingError:").to_owned();
            let mut ids: Vec<_> = ids.into_iter().map(short).collect();
            ids.sort();
            ids.dedup();
            return Verdict::Invalid(ids);
        }
        if texts("undefined").is_some() {
            return Verdict::Invalid(vec!["undefinedReference".to_owned()]);
        }
        match answer["failed"].as_str() {
            Some(message) => Verdict::Failed(message.to_owned()),
            None => Verdict::Valid,
        }
    }

    fn answer(&self) -> Value {
        let line = self.answers.recv_timeout(PATIENCE).expect("the official parser answers in time");
        serde_json::from_str(&line).expect("its answers are JSON")
    }
}

impl Drop for Official {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential")
}

/// The target folder, where tests keep what they install.
fn target() -> PathBuf {
    let program = env::current_exe().expect("a process knows its executable");
    program.ancestors().nth(3).expect("tests lie in <target>/<profile>/deps").to_owned()
}

/// The folder of the installed modules. An installation of other versions, or one left half made, is made anew.
fn install() -> Result<PathBuf, String> {
    finish(Command::new("node").arg("--version"), PATIENCE)?;
    let folder = target().join("dtdl-official");
    let modules = folder.join("node_modules");
    let lock = fs::File::create(target().join(".dtdl-official.lock")).map_err(|error| error.to_string())?;
    lock.lock().map_err(|error| error.to_string())?;
    let versions = fs::read(here().join("package-lock.json")).map_err(|error| error.to_string())?;
    let complete = folder.join("complete");
    if fs::read(&complete).is_ok_and(|installed| installed == versions) {
        return Ok(modules);
    }
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    for name in ["package.json", "package-lock.json"] {
        fs::copy(here().join(name), folder.join(name)).map_err(|error| error.to_string())?;
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]).current_dir(&folder);
    finish(&mut npm, INSTALLATION)?;
    fs::write(&complete, versions).map_err(|error| error.to_string())?;
    Ok(modules)
}

/// Runs a command to its end, within a time.
fn finish(command: &mut Command, time: Duration) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = quiet.spawn().map_err(|error| format!("{name}: {error}"))?;
    let deadline = Instant::now() + time;
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(format!("{name} ended with {status}")),
            Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(20)),
            other => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("{name} did not end within {time:?} ({other:?})"));
            }
        }
    }
}
