//! The program as a host starts, asks and stops it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, TcpStream},
    process::{Child, ChildStderr, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

const PROGRAM: &str = env!("CARGO_BIN_EXE_twin-functions");
const PATIENCE: Duration = Duration::from_secs(60);
const CANARY: &str = "canary-9f3a";

/// A running program, ended with the test.
struct Program {
    child: Child,
    lines: Receiver<String>,
}

impl Program {
    fn start(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(PROGRAM);
        command.env_clear().envs(settings.iter().copied()).current_dir(folder.path());
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = lines(child.stderr.take().unwrap());
        Self { child, lines }
    }

    /// The next line of the log.
    fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn ended(&mut self) -> ExitStatus {
        let late = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < late, "it does not end");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(log: ChildStderr) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(log).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// Sends one request on a connection of its own and reads the whole answer.
fn ask(port: u16, request: &str) -> String {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn post(port: u16, path: &str, body: &str) -> String {
    let length = body.len();
    let headers =
        format!("Host: localhost\r\nConnection: close\r\nX-Inter-Cloud-Token: {CANARY}\r\nContent-Length: {length}");
    ask(port, &format!("POST {path} HTTP/1.1\r\n{headers}\r\n\r\n{body}"))
}

#[test]
fn it_starts_answers_and_stops() {
    let mut program = Program::start(&[("FUNCTIONS_CUSTOMHANDLER_PORT", "0"), ("INTER_CLOUD_TOKEN", CANARY)]);
    let listening = program.line();
    let (_, port) = listening.split_once("event=listening port=").unwrap();
    let port = port.split(' ').next().unwrap().parse().unwrap();

    let probe = ask(port, "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert!(probe.starts_with("HTTP/1.1 200 OK\r\n"), "{probe}");

    // Nothing is set, and it says so and lives on.
    for _ in 0..2 {
        let answer = post(port, "/api/adt-pusher", &format!("{{\"value\": \"{CANARY}\"}}"));
        assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
        assert!(answer.contains("the function could not read the setting AZURE_CLIENT_ID: it is not set"), "{answer}");
        let call = program.line();
        assert!(call.contains("level=error event=call function=adt-pusher code=misconfigured ms="), "{call}");
        assert!(!call.contains(CANARY), "{call}");
    }
    let answer = post(port, "/dispatcher", "{\"Data\": {\"event\": \"{}\"}, \"Metadata\": {}}");
    assert!(answer.starts_with("HTTP/1.1 500 ") && answer.contains("COSMOS_DB_ENDPOINT"), "{answer}");
    assert!(program.line().contains("function=dispatcher code=misconfigured"));

    program.signal(Signal::TERM);
    assert!(program.line().contains("event=stopping signal=SIGTERM"));
    assert!(program.line().contains("event=stopped"));
    assert!(program.ended().success());
}

#[test]
fn without_a_port_it_says_what_is_missing() {
    let mut program = Program::start(&[]);
    let line = program.line();
    assert!(line.contains("neither FUNCTIONS_CUSTOMHANDLER_PORT nor FUNCTIONS_HTTPWORKER_PORT is set"), "{line}");
    assert_eq!(program.ended().code(), Some(1));
}

#[test]
fn it_can_be_silent() {
    let mut program = Program::start(&[("TWINCTL_LOG", "off")]);
    assert_eq!(program.ended().code(), Some(1));
    assert!(program.lines.recv_timeout(PATIENCE).is_err());
}

#[test]
fn it_tells_its_version_and_its_use() {
    for (argument, status, wanted) in [
        ("--version", 0, concat!("twin-functions ", env!("CARGO_PKG_VERSION"), "\n")),
        ("--help", 0, "Usage: twin-functions"),
        ("serve", 2, "error: unknown argument\n"),
    ] {
        let output = Command::new(PROGRAM).arg(argument).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        assert!(String::from_utf8(text).unwrap().contains(wanted), "{argument}");
        assert_eq!(output.status.code(), Some(status), "{argument}");
    }
}
