//! The program as Lambda starts, asks and stops it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{CANARY, PATIENCE, Program};

/// One connection of the program to its runtime.
struct Runtime {
    listener: TcpListener,
    connection: Option<BufReader<TcpStream>>,
}

impl Runtime {
    fn new() -> Self {
        Self { listener: TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap(), connection: None }
    }

    fn address(&self) -> String {
        self.listener.local_addr().unwrap().to_string()
    }

    /// The next request: its first line and its body.
    fn request(&mut self) -> (String, Value) {
        let listener = &self.listener;
        let connection = self.connection.get_or_insert_with(|| {
            let (stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            BufReader::new(stream)
        });
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let from = head.len();
            assert!(connection.read_line(&mut head).unwrap() > 0, "the connection ended: {head}");
            let line = head[from..].trim_end().to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().unwrap();
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        connection.read_exact(&mut body).unwrap();
        let line = head.lines().next().unwrap().to_owned();
        (line, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    fn answer(&mut self, status: &str, headers: &str, body: &str) {
        let length = body.len();
        let answer = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n\r\n{body}");
        self.connection.as_mut().unwrap().get_mut().write_all(answer.as_bytes()).unwrap();
    }

    fn waits(&mut self) {
        assert_eq!(self.request().0, "GET /2018-06-01/runtime/invocation/next HTTP/1.1");
    }

    /// Hands out an invocation that the program waits for, and takes what it says to it.
    fn invoke(&mut self, id: &str, event: &Value) -> (String, Value) {
        let deadline = (SystemTime::now() + Duration::from_secs(30)).duration_since(UNIX_EPOCH).unwrap().as_millis();
        let headers = format!("Lambda-Runtime-Aws-Request-Id: {id}\r\nLambda-Runtime-Deadline-Ms: {deadline}\r\n");
        self.answer("200 OK", &headers, &event.to_string());
        let told = self.request();
        self.answer("202 Accepted", "", "");
        told
    }
}

fn start(runtime: &Runtime, handler: &str, settings: &[(&str, &str)]) -> Program {
    let address = runtime.address();
    let own = [("AWS_LAMBDA_RUNTIME_API", address.as_str()), ("_HANDLER", handler)];
    Program::start(&[&own[..], settings].concat())
}

fn request(body: &str) -> Value {
    json!({
        "version": "2.0", "rawPath": "/", "headers": {"x-inter-cloud-token": CANARY},
        "requestContext": {"http": {"method": "POST"}}, "body": body, "isBase64Encoded": false
    })
}

#[test]
fn it_serves_invocations_until_it_is_told_to_stop() {
    let mut runtime = Runtime::new();
    let mut program = start(&runtime, "hot-writer", &[("HOT_WRITER_INTER_CLOUD_TOKEN", CANARY)]);
    assert!(program.line().contains("event=serving handler=hot-writer"));
    runtime.waits();
    // Nothing is set, and it says so and lives on.
    for id in ["i-1", "i-2"] {
        let (line, told) = runtime.invoke(id, &request("{}"));
        assert_eq!(line, format!("POST /2018-06-01/runtime/invocation/{id}/response HTTP/1.1"));
        assert_eq!(told["statusCode"], 500);
        assert!(told["body"].as_str().unwrap().contains("DYNAMODB_TABLE"), "{told}");
        let call = program.call_line();
        assert!(call.contains("level=error event=call function=hot-writer code=misconfigured ms="), "{call}");
        assert!(call.contains(&format!("invocation={id}")), "{call}");
        runtime.waits();
    }
    let (line, told) = runtime.invoke("i-3", &json!({"payload": "e30=", "device": "d", "received": 1}));
    assert_eq!(line, "POST /2018-06-01/runtime/invocation/i-3/error HTTP/1.1");
    assert_eq!(told["errorType"], "malformed");
    runtime.waits();

    program.call_line();
    program.signal(Signal::TERM);
    assert!(program.line().contains("event=stopping reason=SIGTERM"));
    assert!(program.line().contains("event=stopped"));
    assert!(program.ended().success());
}

#[test]
fn a_handler_of_another_name_fails_the_start() {
    let mut runtime = Runtime::new();
    let mut program = start(&runtime, "bootstrap", &[]);
    let (line, told) = runtime.request();
    assert_eq!(line, "POST /2018-06-01/runtime/init/error HTTP/1.1");
    assert_eq!(told["errorType"], "not-found");
    runtime.answer("202 Accepted", "", "");
    assert_eq!(program.ended().code(), Some(1));
}
