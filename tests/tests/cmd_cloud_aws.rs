//! `twinctl cloud` with AWS: the emulator that others make, and programs that play it.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use insta::assert_snapshot;
use serde_json::{Value, json};
use tests::{
    listeners,
    python::{self, Python},
    twinctl::{self, FILTERS, Ran, Sandbox},
};

/// A program that plays ministack; `before` runs before it listens.
fn player(folder: &Path, version: &str, before: &str) -> PathBuf {
    let text = format!(
        r#"#!/usr/bin/env python3
import http.server, os, signal, subprocess, sys, time
{before}
class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/_ministack/health" else 404)
        self.end_headers()
        self.wfile.write(b'{{"version": "{version}"}}')
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer((os.environ["BIND_HOST"], int(os.environ["GATEWAY_PORT"])), Health)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
server.serve_forever()
"#
    );
    let path = folder.join("player");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// A sandbox with such a program. It needs a Python, which CI has.
fn played(version: &str, before: &str) -> Option<(Sandbox, tempfile::TempDir)> {
    if Command::new("python3").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "under CI there must be a Python");
        eprintln!("skipped: there is no python3");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::empty().with_aws(&player(folder.path(), version, before));
    Some((sandbox, folder))
}

fn aws(sandbox: &Sandbox) -> Value {
    sandbox.run(&["cloud", "status", "--json"]).code(0).json()["aws"].clone()
}

fn pid(sandbox: &Sandbox) -> u32 {
    u32::try_from(aws(sandbox)["process"].as_u64().expect("it is up")).unwrap()
}

fn kill(pid: u32) {
    let status = Command::new("kill").args(["-KILL", &pid.to_string()]).status().unwrap();
    assert!(status.success());
}

/// Whether a process runs; one that has ended and that nobody has asked about yet does not.
fn runs(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, fields)| !fields.trim_start().starts_with(['Z', 'X']))
}

fn eventually(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(30), "never: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A command that finds no ministack of the machine's.
fn uninstalled(sandbox: &Sandbox, arguments: &[&str]) -> Ran {
    let mut command = sandbox.command(arguments);
    command.env("PATH", sandbox.project()).env("HOME", "/home/ann").env_remove("XDG_DATA_HOME");
    twinctl::run(command)
}

#[test]
fn without_the_emulator_nothing_is_begun_and_one_command_installs_it() {
    let sandbox = Sandbox::empty();
    fs::write(sandbox.project().join("config_providers.json"), r#"{"layer_1_provider": "aws"}"#).unwrap();
    let before = sandbox.files();
    let [needed, asked] = [&["cloud", "up"][..], &["cloud", "up", "--aws"]].map(|words| uninstalled(&sandbox, words));
    assert_eq!(needed, asked);
    assert_snapshot!(asked.snapshot(), @r#"
        exit 1
        --- stderr
        error[no-aws-emulator]: failed to find the AWS emulator
          cause: ministack is not installed
        hint: this installs it: python3 -m venv /home/ann/.local/share/twinctl/ministack && /home/ann/.local/share/twinctl/ministack/bin/pip install 'ministack==1.5.33' cryptography
        "#);
    assert_eq!(sandbox.files(), before);
    let _ = uninstalled(&sandbox, &["cloud", "up", "--no-aws"]).code(0);
    assert_eq!(aws(&sandbox), Value::Null);
}

#[test]
fn a_project_without_aws_does_not_need_it() {
    let sandbox = Sandbox::of_example("factory");
    let up = uninstalled(&sandbox, &["cloud", "up", "--json"]).code(0);
    assert_eq!((up.json()["aws"].clone(), up.stderr.as_str()), (Value::Null, ""));
}

#[test]
fn what_was_named_must_be_a_program() {
    let sandbox = Sandbox::empty().with_aws(&twinctl::repository().join("README.md"));
    insta::with_settings!({ filters => FILTERS.to_vec() }, {
        assert_snapshot!(sandbox.run(&["cloud", "up", "--aws"]).snapshot(), @r#"
        exit 1
        --- stderr
        error[no-aws-emulator]: failed to use [folder]/ministack as the AWS emulator
          cause: it is no program
        hint: `TWINCTL_MINISTACK` names ministack's executable; without it the usual places are searched
        "#);
    });
}

#[test]
fn it_is_found_in_the_clouds_own_folder_and_on_the_path() {
    let Some((sandbox, folder)) = played("1.5.33", "") else { return };
    let program = folder.path().join("player");
    let elsewhere = Sandbox::empty();
    let own = elsewhere.cloud().join("ministack/bin");
    fs::create_dir_all(&own).unwrap();
    fs::copy(&program, own.join("ministack")).unwrap();
    let _ = elsewhere.run(&["cloud", "up", "--aws"]).code(0);
    assert_eq!(aws(&elsewhere)["up"], true);
    fs::rename(&program, folder.path().join("ministack")).unwrap();
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    let mut command = sandbox.command(&["cloud", "up", "--aws"]);
    command.env("PATH", path).env("HOME", "/nowhere").env_remove("XDG_DATA_HOME").env_remove("TWINCTL_MINISTACK");
    let _ = twinctl::run(command).code(0);
    assert_eq!(aws(&sandbox)["up"], true);
}

#[test]
fn up_status_url_and_down() {
    let Some((sandbox, _folder)) = played("1.5.33", "time.sleep(1)") else { return };
    let _ = sandbox.run(&["cloud", "up"]).code(0);
    assert_eq!(aws(&sandbox), Value::Null, "nothing needs it");
    let up = sandbox.run(&["cloud", "up", "--aws", "--json"]).code(0);
    assert!(up.stderr.starts_with("starting AWS: /"), "{up:#?}");
    let url = sandbox.run(&["cloud", "url", "aws"]).code(0).stdout;
    assert_eq!(up.json()["aws"], url.trim());
    let again = sandbox.run(&["cloud", "up", "--json"]).code(0);
    assert_eq!((again.json()["aws"].clone(), again.stderr.as_str()), (up.json()["aws"].clone(), ""));
    let shown = sandbox.run(&["cloud", "status"]).code(0).stdout;
    let row = |line: &str| line.split_whitespace().eq(["aws", url.trim()]);
    assert!(shown.lines().any(row), "{shown}");
    assert!(shown.ends_with(&format!("\nAWS: ministack 1.5.33, process {}\n", pid(&sandbox))), "{shown}");
    let _ = sandbox.run(&["cloud", "down"]).code(0);
    assert_eq!(sandbox.run(&["cloud", "status"]).code(0).stdout, "down\n");
    let up = sandbox.run(&["cloud", "up", "--aws", "--json"]).code(0);
    assert_eq!(up.json()["aws"], url.trim(), "the port is kept");
    let _ = sandbox.run(&["cloud", "reset"]).code(0);
    assert!(!sandbox.cloud().join("aws").exists());
}

#[test]
fn another_version_is_a_warning() {
    let Some((sandbox, _folder)) = played("1.4.0", "") else { return };
    let up = sandbox.run(&["cloud", "up", "--aws"]).code(0);
    let warning =
        "warning: ministack 1.4.0 serves AWS, and twinctl is made for 1.5.33; this installs it: python3 -m venv";
    assert!(up.stderr.contains(warning), "{up:#?}");
    assert!(sandbox.run(&["cloud", "status"]).code(0).stdout.contains("made for 1.5.33"));
}

#[test]
fn one_that_ends_at_once_is_told_with_the_end_of_its_log() {
    let Some((sandbox, _folder)) = played("1.5.33", "sys.exit('no module named h11')") else { return };
    insta::with_settings!({ filters => FILTERS.to_vec() }, {
        assert_snapshot!(sandbox.run(&["cloud", "up", "--aws"]).snapshot(), @r#"
        exit 1
        --- stderr
        starting AWS: [folder]/ministack
        error[aws-emulator-failed]: failed to start AWS in the local cloud
          cause: start the AWS emulator: it ended with exit status: 1; the end of [folder]/cloud/aws/log: no module named h11
        hint: its log says why; `twinctl cloud down` ends what is left of it, `twinctl cloud up` starts it again
        "#);
    });
}

#[test]
fn a_port_that_is_taken_is_told() {
    let Some((sandbox, _folder)) = played("1.5.33", "") else { return };
    let url = sandbox.run(&["cloud", "up", "--aws", "--json"]).code(0).json()["aws"].clone();
    let _ = sandbox.run(&["cloud", "down"]).code(0);
    let port = url.as_str().unwrap().rsplit(':').next().unwrap().to_owned();
    let _other = std::net::TcpListener::bind(format!("127.0.0.1:{port}")).unwrap();
    let taken = sandbox.run(&["cloud", "up", "--aws"]).code(1);
    assert!(taken.stderr.contains("error[aws-emulator-failed]"), "{taken:#?}");
    assert!(taken.stderr.contains(&format!("127.0.0.1:{port}")) && taken.stderr.contains("in use"), "{taken:#?}");
}

#[test]
fn one_that_ends_later_is_told_and_what_it_left_running_ends_before_the_next() {
    let child = "child = subprocess.Popen(['sleep', '600']); open('child', 'w').write(str(child.pid))";
    let Some((sandbox, _folder)) = played("1.5.33", child) else { return };
    let _ = sandbox.run(&["cloud", "up", "--aws"]).code(0);
    let left = || fs::read_to_string(sandbox.cloud().join("aws/child")).unwrap().parse::<u32>().unwrap();
    let first = left();
    kill(pid(&sandbox));
    eventually("a killed one is not taken for one that runs", || aws(&sandbox)["crashed"] == true);
    assert!(runs(first));
    let told = "has ended without `twinctl cloud down`";
    assert!(sandbox.run(&["cloud", "status"]).code(0).stdout.contains(told));
    let url = sandbox.run(&["cloud", "url", "aws"]).code(1);
    assert!(url.stderr.contains("error[cloud-not-up]") && url.stderr.contains(told), "{url:#?}");
    let up = sandbox.run(&["cloud", "up", "--aws"]).code(0);
    assert!(up.stderr.contains("warning: the AWS emulator, process ") && up.stderr.contains(told), "{up:#?}");
    eventually("the next start ends what was left", || !runs(first));
    let second = left();
    kill(pid(&sandbox));
    let _ = sandbox.run(&["cloud", "down"]).code(0);
    eventually("so does `cloud down`", || !runs(second));
    assert_eq!(aws(&sandbox), Value::Null);
}

#[test]
fn two_starters_start_one_and_a_killed_starter_does_no_harm() {
    let Some((sandbox, _folder)) = played("1.5.33", "open('starts', 'a').write('x'); time.sleep(1)") else { return };
    let _ = sandbox.run(&["cloud", "up"]).code(0);
    let starters: Vec<_> = (0..3).map(|_| sandbox.start(&["cloud", "up", "--aws", "--json"])).collect();
    let urls: Vec<Value> = starters.into_iter().map(|starter| twinctl::wait(starter).code(0).json()).collect();
    assert!(urls.iter().all(|url| url["aws"].is_string() && url == &urls[0]), "{urls:#?}");
    let starts = || fs::read_to_string(sandbox.cloud().join("aws/starts")).unwrap_or_default();
    assert_eq!(starts(), "x");
    let _ = sandbox.run(&["cloud", "down"]).code(0);
    let _ = sandbox.run(&["cloud", "up"]).code(0);
    let starter = sandbox.start(&["cloud", "up", "--aws"]);
    eventually("it is begun", || starts() == "xx");
    twinctl::signal(&starter, "KILL");
    let _ = twinctl::wait(starter).code(128 + 9);
    let _ = sandbox.run(&["cloud", "up", "--aws"]).code(0);
    assert_eq!(starts(), "xx", "the one that was begun is the one that is used");
}

#[test]
fn one_that_does_not_heed_is_killed() {
    let deaf = "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])";
    let Some((sandbox, _folder)) = played("1.5.33", deaf) else { return };
    let _ = sandbox.run(&["cloud", "up", "--aws"]).code(0);
    let process = pid(&sandbox);
    let _ = sandbox.run(&["cloud", "down"]).code(0);
    assert!(!runs(process));
}

/// A sandbox with the real emulator, and AWS's own client.
fn real() -> Option<(Sandbox, Python)> {
    Some((Sandbox::empty().with_aws(&python::ministack()?), Python::with_boto3()?))
}

fn ask(sandbox: &Sandbox, python: &Python, what: &str) -> Value {
    let endpoint = sandbox.run(&["cloud", "url", "aws"]).code(0).stdout;
    python.run("aws.py", &json!({ "endpoint": endpoint.trim(), "do": what })).code(0).json()
}

#[test]
fn ministack_serves_on_loopback_alone_and_keeps_its_state() {
    let Some((sandbox, python)) = real() else { return };
    let up = sandbox.run(&["cloud", "up", "--aws"]).code(0);
    assert!(!up.stderr.contains("warning"), "the pinned version is the expected one: {up:#?}");
    let put = ask(&sandbox, &python, "put");
    let function = ask(&sandbox, &python, "invoke");
    let emulator = pid(&sandbox);
    let processes = listeners::session(emulator);
    let of_function = u32::try_from(function["pid"].as_u64().unwrap()).unwrap();
    assert!(processes.contains(&emulator) && processes.contains(&of_function), "{processes:?}");
    let addresses = listeners::listening(&processes);
    let url: reqwest::Url = aws(&sandbox)["url"].as_str().unwrap().parse().unwrap();
    assert!(addresses.iter().any(|address| Some(address.port()) == url.port()), "{addresses:?}");
    assert!(addresses.iter().all(|address| address.ip().is_loopback()), "{addresses:?}");
    let _ = sandbox.run(&["cloud", "down"]).code(0);
    eventually("its functions end with it", || !runs(of_function));
    let _ = sandbox.run(&["cloud", "up", "--aws"]).code(0);
    let expected = json!({
        "object": "value", "items": 1, "things": ["the-thing"], "certificates": [put["certificate"]],
        "roles": ["the-role"], "functions": ["the-function"], "groups": ["/aws/lambda/the-function", "the-group"],
    });
    assert_eq!(ask(&sandbox, &python, "get"), expected);
    assert_eq!(ask(&sandbox, &python, "invoke")["environment"]["OF_THE_FUNCTION"], "1");
}

#[test]
fn a_call_that_goes_on_does_not_cost_the_state() {
    let Some((sandbox, python)) = real() else { return };
    let _ = sandbox.run(&["cloud", "up", "--aws"]).code(0);
    ask(&sandbox, &python, "put");
    ask(&sandbox, &python, "invoke");
    ask(&sandbox, &python, "hold");
    let _ = sandbox.run(&["cloud", "down"]).code(0);
    let _ = sandbox.run(&["cloud", "up", "--aws"]).code(0);
    assert_eq!(ask(&sandbox, &python, "get")["functions"], json!(["the-function"]));
}

#[test]
fn functions_know_the_way_to_both_clouds_and_nothing_of_ours() {
    let Some((sandbox, python)) = real() else { return };
    let mut command = sandbox.command(&["cloud", "up", "--aws"]);
    let _ = twinctl::run({
        command.env("AWS_SECRET_ACCESS_KEY", "ours").env("OF_OURS", "1");
        command
    })
    .code(0);
    ask(&sandbox, &python, "put");
    let function = ask(&sandbox, &python, "invoke");
    let environment = &function["environment"];
    assert_eq!(environment["AWS_ENDPOINT_URL"], aws(&sandbox)["url"]);
    assert_eq!(environment["SSL_CERT_FILE"], json!(sandbox.cloud().join("ca.pem")));
    assert_eq!(environment["AWS_REGION"], "eu-central-1");
    assert_eq!(environment["OF_OURS"], Value::Null);
    assert_ne!(environment["AWS_SECRET_ACCESS_KEY"], "ours");
    kill(pid(&sandbox));
    let left = u32::try_from(function["pid"].as_u64().unwrap()).unwrap();
    let _ = sandbox.run(&["cloud", "down"]).code(0);
    eventually("functions of a killed emulator end", || !runs(left));
}
