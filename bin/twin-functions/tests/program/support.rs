//! The program as a host starts, asks and stops it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, TcpStream},
    process::{Child, ChildStderr, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_twin-functions");
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
pub(crate) const CANARY: &str = "canary-9f3a";

/// A running program, ended with the test.
pub(crate) struct Program {
    child: Child,
    pub(crate) lines: Receiver<String>,
}

impl Program {
    pub(crate) fn start(settings: &[(&str, &str)]) -> Self {
        Self::start_with(settings, Stdio::null())
    }

    /// The same with a standard input whose other end the test holds, as a host does.
    pub(crate) fn start_beside_a_host(settings: &[(&str, &str)]) -> Self {
        Self::start_with(settings, Stdio::piped())
    }

    /// The same with a log that nobody reads any more once it serves.
    pub(crate) fn start_beside_a_host_without_log(settings: &[(&str, &str)]) -> Self {
        let mut child = spawn(settings, Stdio::piped());
        let mut line = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("event=listening"), "{line}");
        Self { child, lines: mpsc::channel().1 }
    }

    fn start_with(settings: &[(&str, &str)], stdin: Stdio) -> Self {
        let mut child = spawn(settings, stdin);
        let lines = lines(child.stderr.take().unwrap());
        Self { child, lines }
    }

    /// The port that it serves, which its first line names.
    pub(crate) fn port(&self) -> u16 {
        let line = self.line();
        let (_, port) = line.split_once("event=listening port=").unwrap();
        port.split(' ').next().unwrap().parse().unwrap()
    }

    /// The next line of the log.
    pub(crate) fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).unwrap()
    }

    /// The next line about a call; libraries may have said something before it, but never a secret.
    pub(crate) fn call_line(&self) -> String {
        loop {
            let line = self.line();
            assert!(!line.contains("canary"), "{line}");
            if line.contains("event=call ") {
                return line;
            }
        }
    }

    /// Closes the other end of its standard input, as the death of a host does.
    pub(crate) fn lose_host(&mut self) {
        assert!(self.child.stdin.take().is_some(), "it was started beside a host");
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub(crate) fn ended(&mut self) -> ExitStatus {
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

/// Starts the program in a folder of its own, which is gone once it runs.
fn spawn(settings: &[(&str, &str)], stdin: Stdio) -> Child {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(PROGRAM);
    command.env_clear().envs(settings.iter().copied()).current_dir(folder.path());
    command.stdin(stdin).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
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
pub(crate) fn ask(port: u16, request: &str) -> String {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

pub(crate) fn post(port: u16, path: &str, body: &str) -> String {
    let length = body.len();
    let headers =
        format!("Host: localhost\r\nConnection: close\r\nX-Inter-Cloud-Token: {CANARY}\r\nContent-Length: {length}");
    ask(port, &format!("POST {path} HTTP/1.1\r\n{headers}\r\n\r\n{body}"))
}
