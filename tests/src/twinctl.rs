//! The built `twinctl`, run the way a user runs it: own process, own folders, bounded in time.

use std::{
    env, fs,
    io::Read,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant, SystemTime},
};

/// No command of a test takes this long.
const DEADLINE: Duration = Duration::from_secs(180);

/// What differs from run to run, for `insta`: folders, ids, ports, times, hashes.
pub const FILTERS: &[(&str, &str)] = &[
    (r"/[^ `]*/\.tmp[A-Za-z0-9]{6}", "[folder]"),
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "[id]"),
    (r"\b[0-9a-f]{64}\b", "[hash]"),
    (r"\b[0-9a-f]{8}-[0-9a-f]{4}\b", "[run]"),
    (r"\b[0-9a-f]{12}\b", "[digest]"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[time]"),
    (r"(?m)^ *\d+  \[time\]", "[seq]  [time]"),
    (r"\b(\d+h \d\dm|\d+m \d\ds|\d+\.\ds|\d+s)\b", "[took]"),
    (r"(localhost|127\.0\.0\.1):\d+", "$1:[port]"),
    (r"process \d+", "process [pid]"),
    (r"finished  [A-Za-z0-9_.-]+@[A-Za-z0-9_.-]+", "finished  [user]@[host]"),
    (r"[A-Za-z0-9_.-]+@[A-Za-z0-9_.-]+, process", "[user]@[host], process"),
];

/// What a command left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// The exit code; 128 + signal when a signal ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Ran {
    /// Standard output as JSON.
    ///
    /// # Panics
    /// When it is not JSON; both streams are in the message.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("stdout is not JSON: {error}\n{self:#?}"))
    }

    /// Itself, once the exit code is checked.
    ///
    /// # Panics
    /// When the exit code is another one.
    #[must_use]
    pub fn code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    /// Everything that a snapshot holds: exit code and both streams.
    #[must_use]
    pub fn snapshot(&self) -> String {
        let part = |name: &str, text: &str| {
            if text.is_empty() { String::new() } else { format!("--- {name}\n{}\n", text.trim_end()) }
        };
        format!("exit {}\n{}{}", self.code, part("stdout", &self.stdout), part("stderr", &self.stderr))
    }
}

/// Folders of its own for one test, and the local cloud that runs on them until it is dropped.
#[derive(Debug)]
pub struct Sandbox {
    folder: tempfile::TempDir,
}

impl Sandbox {
    /// A copy of an example project, with empty state and cloud folders beside it.
    ///
    /// # Panics
    /// When the folders cannot be made.
    #[must_use]
    pub fn of_example(name: &str) -> Self {
        let sandbox = Self::empty();
        copy(&repository().join("examples").join(name), &sandbox.project());
        sandbox
    }

    /// An empty project folder.
    ///
    /// # Panics
    /// When the folders cannot be made.
    #[must_use]
    pub fn empty() -> Self {
        let sandbox = Self { folder: tempfile::tempdir().expect("a temporary folder can be made") };
        fs::create_dir(sandbox.project()).expect("the temporary folder is empty");
        sandbox
    }

    /// The same with a program for function apps that is small and does nothing: for what looks at every byte.
    ///
    /// # Panics
    /// When the program cannot be written.
    #[must_use]
    pub fn without_functions(self) -> Self {
        fs::write(self.idle_program(), "#!/bin/sh\nexit 1\n").expect("the temporary folder is there");
        self
    }

    /// The same with a program that serves AWS.
    ///
    /// # Panics
    /// When the temporary folder cannot be written.
    #[must_use]
    pub fn with_aws(self, program: &Path) -> Self {
        std::os::unix::fs::symlink(program, self.ministack()).expect("the temporary folder is there");
        self
    }

    fn ministack(&self) -> PathBuf {
        self.folder.path().join("ministack")
    }

    fn idle_program(&self) -> PathBuf {
        self.folder.path().join("idle-program")
    }

    /// The project folder; commands run in it.
    #[must_use]
    pub fn project(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    /// The state folder.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// The local cloud's folder.
    #[must_use]
    pub fn cloud(&self) -> PathBuf {
        self.folder.path().join("cloud")
    }

    /// A command that works on these folders.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(arguments);
        command.current_dir(self.project());
        command.env("TWINCTL_STATE_DIR", self.state()).env("TWINCTL_CLOUD_DIR", self.cloud());
        if self.ministack().exists() {
            command.env("TWINCTL_MINISTACK", self.ministack());
        }
        if self.idle_program().exists() {
            command.env("TWINCTL_FUNCTIONS", self.idle_program());
        }
        command
    }

    /// Runs a command on these folders to its end.
    ///
    /// # Panics
    /// When it does not end in time.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> Ran {
        run(self.command(arguments))
    }

    /// Starts a command on these folders and does not wait for it.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().expect("the binary starts")
    }

    /// Deploys the project.
    ///
    /// # Panics
    /// When the run does not finish.
    pub fn deploy(&self) {
        let _ = self.run(&["run"]).code(0);
    }

    /// What the local cloud holds, in canonical form.
    ///
    /// # Panics
    /// When the cloud is not up.
    #[must_use]
    pub fn dump(&self) -> serde_json::Value {
        self.run(&["cloud", "dump", "--json"]).code(0).json()
    }

    /// The mutating effects in the local cloud so far.
    ///
    /// # Panics
    /// When the cloud is not up.
    #[must_use]
    pub fn effects(&self) -> Vec<serde_json::Value> {
        let effects = self.run(&["cloud", "effects", "--json"]).code(0).json();
        effects.as_array().expect("effects are a list").clone()
    }

    /// Puts a fault in force, instead of all others.
    ///
    /// # Panics
    /// When the cloud cannot be started or refuses it.
    pub fn fault(&self, fault: &str) {
        let _ = self.run(&["cloud", "up"]).code(0);
        let _ = self.run(&["cloud", "fault", "set", fault]).code(0);
    }

    /// Waits until the journal holds a record of this type for this step, while a run is in progress.
    ///
    /// # Panics
    /// When that takes too long.
    pub fn wait_for(&self, event: &str, step: &str) {
        let start = Instant::now();
        while !self.has_record(event, step) {
            assert!(start.elapsed() < DEADLINE, "no {event} of {step} came");
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn has_record(&self, event: &str, step: &str) -> bool {
        let shown = self.run(&["journal", "records", "--json", "--step", step]);
        if shown.code != 0 {
            // The journal is being made.
            return false;
        }
        let records = shown.json();
        records.as_array().into_iter().flatten().any(|record| record["event"]["type"] == event)
    }

    /// Changes a file of the project.
    ///
    /// # Panics
    /// When the file does not hold `from`.
    pub fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.project().join(file);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(text.contains(from), "{file} does not hold {from:?}");
        fs::write(&path, text.replacen(from, to, 1)).expect("the project is writable");
    }

    /// Replaces a file of the project.
    ///
    /// # Panics
    /// When the project is not writable.
    pub fn write(&self, file: &str, json: &serde_json::Value) {
        fs::write(self.project().join(file), format!("{json:#}")).expect("the project is writable");
    }

    /// Where AWS is served.
    ///
    /// # Panics
    /// When it is not.
    #[must_use]
    pub fn aws(&self) -> String {
        self.run(&["cloud", "url", "aws"]).code(0).stdout.trim().to_owned()
    }

    /// Every file below the project, state and cloud folders with its size and time of change.
    #[must_use]
    pub fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        list(self.folder.path(), self.folder.path(), &mut files);
        files.sort();
        files
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if self.cloud().exists() {
            let ran = self.run(&["cloud", "down"]);
            if ran.code != 0 && !thread::panicking() {
                panic!("the local cloud could not be stopped: {ran:#?}");
            }
        }
    }
}

/// A command without folders of its own. Nothing from the environment reaches it that would change what it does.
#[must_use]
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    for name in
        ["TWINCTL_STATE_DIR", "TWINCTL_CLOUD_DIR", "TWINCTL_MINISTACK", "TWINCTL_LOG", "NO_COLOR", "COLUMNS", "CI"]
    {
        command.env_remove(name);
    }
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs a command to its end.
///
/// # Panics
/// When it cannot be started or does not end in time.
#[must_use]
pub fn run(mut command: Command) -> Ran {
    wait(command.spawn().expect("the binary starts"))
}

/// Waits for a started command with captured output to end.
///
/// # Panics
/// When it does not end in time; it is then killed.
#[must_use]
pub fn wait(mut child: Child) -> Ran {
    let stdout = drain(child.stdout.take());
    let stderr = drain(child.stderr.take());
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("the child is ours") {
            break status;
        }
        if start.elapsed() > DEADLINE {
            child.kill().expect("the child is ours");
            let text = stderr.join().expect("reading does not panic");
            panic!("the command did not end within {DEADLINE:?}; it said:\n{text}");
        }
        thread::sleep(Duration::from_millis(5));
    };
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
    let text = |reader: thread::JoinHandle<String>| reader.join().expect("reading does not panic");
    Ran { code, stdout: text(stdout), stderr: text(stderr) }
}

/// Sends a signal to a started command: `INT`, `TERM`, `KILL`.
///
/// # Panics
/// When it cannot be sent.
pub fn signal(child: &Child, name: &str) {
    let kill = format!("kill -{name} {}", child.id());
    let status = Command::new("sh").args(["-c", &kill]).status().expect("a shell starts");
    assert!(status.success(), "{kill}: {status}");
}

/// The repository's folder.
#[must_use]
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are a folder of the repository")
}

fn drain(stream: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            stream.read_to_end(&mut bytes).expect("a pipe can be read");
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the temporary folder is writable");
    for entry in fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display())) {
        let entry = entry.expect("the example can be listed");
        let target = to.join(entry.file_name());
        if entry.file_name() == ".twinctl" {
            continue;
        }
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("the example can be copied");
        }
    }
}

fn list(root: &Path, folder: &Path, files: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("the folder can be listed") {
        let path = entry.expect("the folder can be listed").path();
        let about = fs::symlink_metadata(&path).expect("the file is there");
        let name = path.strip_prefix(root).expect("it is below the root").display().to_string();
        let changed = about.modified().expect("the system keeps times");
        files.push(format!("{name} {} {changed:?}", about.len()));
        if about.is_dir() {
            list(root, &path, files);
        }
    }
}

/// The binary that belongs to this test: beside it in the target folder, built when it is missing or older than its
/// sources. (`cargo test --workspace` builds it anyhow; `cargo test -p twinctl-tests` does not.)
fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let test = env::current_exe().expect("a process knows its executable");
        let profile = test.ancestors().nth(2).expect("tests lie in <target>/<profile>/deps").to_owned();
        let binary = profile.join("twinctl");
        if is_stale(&binary) {
            build(&profile, &binary);
        }
        binary
    })
}

/// Whether the binary is missing or a source of it is newer. (Cargo notes the sources of what it was asked for only, and
/// `cargo test` builds the binary unasked.)
fn is_stale(binary: &Path) -> bool {
    let Ok(built) = fs::metadata(binary).and_then(|about| about.modified()) else { return true };
    let sources =
        ["journal", "audit", "engine", "notify", "scheduler", "dtdl", "functions", "providers", "workflows", "bin"];
    sources.iter().any(|folder| is_newer(&repository().join(folder), built))
}

/// Whether a Rust source or manifest at or below `path` changed after `time`; tests and benchmarks are no sources.
fn is_newer(path: &Path, time: SystemTime) -> bool {
    if path.ends_with("tests") || path.ends_with("benches") {
        return false;
    }
    if let Ok(entries) = fs::read_dir(path) {
        return entries.flatten().any(|entry| is_newer(&entry.path(), time));
    }
    let is_source = path.extension().is_some_and(|extension| extension == "rs" || extension == "toml");
    is_source && fs::metadata(path).and_then(|about| about.modified()).is_ok_and(|changed| changed > time)
}

/// Builds it, one test process at a time: the first builds, the others find it done.
fn build(profile: &Path, binary: &Path) {
    let lock = fs::File::create(profile.join(".twinctl-build.lock")).expect("the target folder is writable");
    lock.lock().expect("the target folder takes locks");
    if !is_stale(binary) {
        return;
    }
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "-p", "twinctl"]).current_dir(repository());
    cargo.env("CARGO_TARGET_DIR", profile.parent().expect("a profile lies in the target folder"));
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    let output = cargo.output().expect("cargo starts");
    assert!(output.status.success(), "twinctl does not build:\n{}", String::from_utf8_lossy(&output.stderr));
}
