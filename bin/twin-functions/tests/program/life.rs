//! Starting, answering, stopping.

use std::process::Command;

use rustix::process::Signal;

use crate::support::{CANARY, PATIENCE, PROGRAM, Program, ask, post};

const PROBE: &str = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

#[test]
fn it_starts_answers_and_stops() {
    let mut program = Program::start(&[("FUNCTIONS_CUSTOMHANDLER_PORT", "0"), ("INTER_CLOUD_TOKEN", CANARY)]);
    let port = program.port();

    let probe = ask(port, PROBE);
    assert!(probe.starts_with("HTTP/1.1 200 OK\r\n"), "{probe}");

    // Nothing is set, and it says so and lives on.
    for _ in 0..2 {
        let answer = post(port, "/api/adt-pusher", &format!("{{\"value\": \"{CANARY}\"}}"));
        assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
        assert!(answer.contains("the function could not read the setting AZURE_CLIENT_ID: it is not set"), "{answer}");
        let call = program.call_line();
        assert!(call.contains("level=error event=call function=adt-pusher code=misconfigured ms="), "{call}");
    }
    let answer = post(port, "/dispatcher", "{\"Data\": {\"event\": \"{}\"}, \"Metadata\": {}}");
    assert!(answer.starts_with("HTTP/1.1 500 ") && answer.contains("COSMOS_DB_ENDPOINT"), "{answer}");
    assert!(program.call_line().contains("function=dispatcher code=misconfigured"));

    program.signal(Signal::TERM);
    assert!(program.line().contains("event=stopping reason=SIGTERM"));
    assert!(program.line().contains("event=stopped"));
    assert!(program.ended().success());
}

#[test]
fn it_ends_with_its_host_where_it_is_told_to() {
    let port = ("FUNCTIONS_CUSTOMHANDLER_PORT", "0");
    let mut program = Program::start_beside_a_host(&[port, ("TWINCTL_PARENT_STDIN", "1")]);
    let serving = program.port();
    assert!(ask(serving, PROBE).starts_with("HTTP/1.1 200 OK\r\n"), "it serves while its host is there");
    program.lose_host();
    assert!(program.line().contains("event=stopping reason=stdin-closed"));
    assert!(program.line().contains("event=stopped"));
    assert!(program.ended().success());
}

#[test]
fn it_ends_well_when_nobody_reads_its_log_any_more() {
    let port = ("FUNCTIONS_CUSTOMHANDLER_PORT", "0");
    let mut program = Program::start_beside_a_host_without_log(&[port, ("TWINCTL_PARENT_STDIN", "1")]);
    program.lose_host();
    assert!(program.ended().success());
}

#[test]
fn standard_input_means_nothing_unless_it_is_told_so() {
    // What is started without a standard input reads its end at once.
    for settings in [
        &[("FUNCTIONS_CUSTOMHANDLER_PORT", "0")][..],
        &[("FUNCTIONS_CUSTOMHANDLER_PORT", "0"), ("TWINCTL_PARENT_STDIN", "0")],
    ] {
        let mut program = Program::start(settings);
        let port = program.port();
        assert!(ask(port, PROBE).starts_with("HTTP/1.1 200 OK\r\n"), "{settings:?}");
        program.signal(Signal::TERM);
        assert!(program.line().contains("event=stopping reason=SIGTERM"), "{settings:?}");
        assert!(program.ended().success());
    }
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
