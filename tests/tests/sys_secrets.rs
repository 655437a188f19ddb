//! Secrets stay where they belong: canaries in every credential, and every token and key that a deployment makes, are
//! looked for in all that twinctl writes, says and is called with.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use functions::settings::SecretRef;
use serde_json::{Value, json};
use tests::{
    python,
    twinctl::{Ran, Sandbox, wait},
};
use workflows::inter_cloud::Key;

/// What is planted: credentials that no command may ever repeat.
const CANARIES: [(&str, &str); 6] = [
    ("AZURE_CLIENT_SECRET", "canary-azure-client-secret-0f3a"),
    ("AWS_SECRET_ACCESS_KEY", "canary-aws-secret-access-key-77b1"),
    ("AWS_SESSION_TOKEN", "canary-aws-session-token-41c9"),
    ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=canary-otel-header-93d2"),
    ("TWINCTL_WEBHOOK_SECRET", "whsec_Y2FuYXJ5LXdlYmhvb2stc2VjcmV0LTVhZTg="),
    ("GITHUB_TOKEN", "canary-github-token-e2f0"),
];

/// A command that sees all canaries, logs everything and reads credentials of the project.
fn command(sandbox: &Sandbox, words: &[&str]) -> Command {
    let mut command = sandbox.command(words);
    command.envs(CANARIES).env("TWINCTL_LOG", "trace").env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9");
    command
}

fn ran(sandbox: &Sandbox, words: &[&str]) -> Ran {
    wait(command(sandbox, words).spawn().expect("the binary starts"))
}

/// Every secret of a sandbox: what was planted, what twinctl made, what the clouds made.
fn secrets(sandbox: &Sandbox) -> BTreeSet<String> {
    let mut secrets: BTreeSet<String> = CANARIES.iter().map(|(_, value)| value.replace("authorization=", "")).collect();
    secrets.insert("canary-in-the-credentials-file-6b".to_owned());
    secrets.insert(fs::read_to_string(sandbox.state().join("inter-cloud.key")).unwrap().trim().to_owned());
    let cloud = fs::read_to_string(sandbox.cloud().join("cloud.jsonl")).unwrap();
    for line in cloud.lines() {
        collect(&serde_json::from_str(line).unwrap_or_default(), &mut secrets);
    }
    private(&sandbox.state().join("devices"), &mut secrets);
    secrets.extend(tokens(sandbox));
    secrets
}

/// The tokens that calls between clouds show: derived from the key, by the definitions' references.
fn tokens(sandbox: &Sandbox) -> Vec<String> {
    let key = Key::load(&sandbox.state()).unwrap().expect("the key was made");
    let definitions = fs::read_dir(sandbox.state().join("definitions")).unwrap().flatten();
    let definitions = definitions.map(|file| fs::read_to_string(file.path()).unwrap());
    let tokens = definitions.flat_map(|text| {
        let definition: Value = serde_json::from_str(&text).unwrap();
        definition["tokens"].as_object().cloned().unwrap_or_default().into_iter()
    });
    tokens
        .map(|(_, reference)| serde_json::from_value::<SecretRef>(reference).unwrap())
        .map(|reference| key.reveal(&reference).unwrap().reveal().to_owned())
        .collect()
}

/// The values of members whose names say that they are secret.
fn collect(value: &Value, secrets: &mut BTreeSet<String>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| collect(value, secrets)),
        Value::Object(members) => {
            for (name, value) in members {
                let name = name.to_lowercase();
                let telling = ["token", "secret", "primarykey", "secondarykey", "accountkey", "connectionstring"];
                match value.as_str().filter(|text| text.len() >= 20 && telling.iter().any(|word| name.contains(word))) {
                    // A reference into a vault, or an address, tells nothing.
                    Some(text) if !text.starts_with("http") && !text.starts_with('@') => {
                        secrets.insert(text.to_owned());
                    }
                    _ => collect(value, secrets),
                }
            }
        }
        _ => {}
    }
}

/// The lines of private keys below a folder.
fn private(folder: &Path, secrets: &mut BTreeSet<String>) {
    for path in fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
        let text = fs::read_to_string(&path).unwrap_or_default();
        if path.is_dir() {
            private(&path, secrets);
        } else if text.contains("PRIVATE KEY") {
            let lines = text.lines().filter(|line| line.len() >= 40 && !line.starts_with("-----"));
            secrets.extend(lines.map(str::to_owned));
        }
    }
}

/// Watches the arguments of every process of the system for as long as it lives.
struct Arguments {
    watch: Option<thread::JoinHandle<BTreeSet<String>>>,
    ended: std::sync::Arc<AtomicBool>,
}

impl Arguments {
    fn watch() -> Self {
        let ended = std::sync::Arc::new(AtomicBool::new(false));
        let flag = std::sync::Arc::clone(&ended);
        let watch = thread::spawn(move || {
            let mut seen = BTreeSet::new();
            while !flag.load(Ordering::SeqCst) {
                for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
                    let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
                    seen.insert(String::from_utf8_lossy(&line).replace('\0', " "));
                }
                thread::sleep(Duration::from_millis(5));
            }
            seen
        });
        Self { watch: Some(watch), ended }
    }

    fn all(mut self) -> String {
        self.ended.store(true, Ordering::SeqCst);
        let seen = self.watch.take().expect("it is taken once").join().expect("watching does not panic");
        seen.into_iter().collect::<Vec<_>>().join("\n")
    }
}

/// Everything below a folder that is not meant to hold secrets, with its name.
fn files(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        // The keys themselves, which nobody but their owner can read; a test of each says so.
        if name.ends_with(".key") || name == "devices" || name == "cloud" {
            continue;
        }
        if path.is_dir() {
            files(&path, found);
        } else if let Ok(bytes) = fs::read(&path) {
            found.push((path.display().to_string(), bytes));
        }
    }
}

fn find(bytes: &[u8], secrets: &BTreeSet<String>, place: &str) {
    for secret in secrets {
        let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "{place} holds the secret {}...", &secret[..8]);
    }
}

/// Deploys, fails, resumes, drifts, exports and destroys, and looks everywhere.
fn nothing_leaks(sandbox: &Sandbox) {
    let credentials = json!({
        "azure": { "azure_client_secret": "canary-in-the-credentials-file-6b" },
        "aws": { "aws_secret_access_key": "canary-in-the-credentials-file-6b" },
    });
    sandbox.write("config_credentials.json", &credentials);
    let arguments = Arguments::watch();
    let mut said = Vec::new();
    let mut say = |words: &[&str]| said.push((words.join(" "), ran(sandbox, words)));
    say(&["cloud", "up"]);
    say(&["cloud", "fault", "set", "error,status=500,method=PUT,nth=9,times=1"]);
    say(&["run", "-vv"]);
    say(&["run", "-vv", "--target", "cloud", "--yes"]);
    say(&["status", "--json"]);
    say(&["drift", "--json"]);
    say(&["journal", "list", "--json"]);
    say(&["journal", "show", "last", "--json"]);
    say(&["journal", "records", "--jsonl"]);
    say(&["journal", "export", "--format", "cloudevents"]);
    say(&["journal", "report", "last"]);
    say(&["journal", "at", "2999-01-01", "--json"]);
    say(&["journal", "checkpoint", "--json"]);
    say(&["verify", "--json", "-vv"]);
    let secrets = secrets(sandbox);
    assert!(secrets.len() > CANARIES.len() + 4, "keys and tokens were made: {}", secrets.len());
    say(&["destroy", "--yes", "-vv"]);
    let deployed = said.iter().find(|(words, _)| words == "run -vv").map(|(_, ran)| ran);
    assert_eq!(deployed.unwrap().code, 0, "{deployed:#?}");
    assert!(said.iter().map(|(_, ran)| ran.stderr.len()).sum::<usize>() > 10_000, "the logs are there");
    for (words, ran) in &said {
        find(ran.stdout.as_bytes(), &secrets, &format!("the output of `{words}`"));
        find(ran.stderr.as_bytes(), &secrets, &format!("the log of `{words}`"));
    }
    find(arguments.all().as_bytes(), &secrets, "a process's arguments");
    let mut written = Vec::new();
    files(&sandbox.state(), &mut written);
    assert!(written.iter().any(|(name, _)| name.ends_with("journal/db")), "the journal is among what is looked at");
    written.iter().for_each(|(name, bytes)| find(bytes, &secrets, name));
}

#[test]
fn nothing_leaks_on_azure() {
    nothing_leaks(&Sandbox::of_example("factory"));
}

#[test]
fn nothing_leaks_across_clouds() {
    let Some(program) = python::ministack() else { return };
    let sandbox = Sandbox::of_example("factory-aws").with_aws(&program);
    nothing_leaks(&sandbox);
}
