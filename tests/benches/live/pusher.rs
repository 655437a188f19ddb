//! The functions' process as an app has it, serving adt-pusher, and pushes to it.

use std::{
    fs,
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use chrono::{SecondsFormat, Utc};
use serde_json::json;

use crate::{
    cloud::{Cloud, MODEL, TWINS},
    load::Traffic,
};

const TOKEN: &str = "bench-0123456789abcdef0123456789abcdef";
/// How long the process may take until it answers; it is tried again and again meanwhile.
const START: Duration = Duration::from_secs(30);

/// The running process; it is killed when this is dropped.
pub(crate) struct Pusher {
    child: Child,
    pub(crate) address: SocketAddr,
    /// From its start to its answer to the host's probe.
    pub(crate) cold_start: Duration,
    _package: tempfile::TempDir,
}

impl Pusher {
    /// Starts it as the local cloud's host does: an environment of its own, its package as folder.
    pub(crate) fn start(program: &Path, cloud: &Cloud) -> io::Result<Self> {
        let package = tempfile::tempdir()?;
        fs::write(package.path().join(functions::twin_info::FILE), twin_info())?;
        let handler = package.path().join("handler");
        fs::copy(program, &handler)?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let identity = cloud.endpoints.imds.join("msi/token").map_err(io::Error::other)?;
        let log = fs::File::create(package.path().join("log"))?;
        let mut command = Command::new(&handler);
        command.env_clear().current_dir(package.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        command
            .env("FUNCTIONS_CUSTOMHANDLER_PORT", port.to_string())
            .env("ADT_INSTANCE_URL", cloud.endpoints.adt.as_str())
            .env("AZURE_CLIENT_ID", &cloud.identity)
            .env("INTER_CLOUD_TOKEN", TOKEN)
            .env("DIGITAL_TWIN_INFO", format!("@{}", functions::twin_info::FILE))
            .env("IDENTITY_ENDPOINT", identity.as_str())
            .env("IDENTITY_HEADER", "bench")
            .env("SSL_CERT_FILE", &cloud.endpoints.ca_pem);
        let started = Instant::now();
        let child = command.spawn()?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut pusher = Self { child, address, cold_start: Duration::ZERO, _package: package };
        pusher.wait(started)?;
        Ok(pusher)
    }

    fn wait(&mut self, started: Instant) -> io::Result<()> {
        while exchange(self.address, b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").is_err() {
            if started.elapsed() > START || self.child.try_wait()?.is_some() {
                return Err(io::Error::other("the functions' process does not serve"));
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        self.cold_start = started.elapsed();
        Ok(())
    }

    /// One push, and how long it took; the first one of a process reads settings and fetches a token.
    pub(crate) fn push(&self) -> io::Result<Duration> {
        let mut request = Vec::new();
        Pushes { form: Form::Forwarded, close: true }.request(0, &mut request);
        let started = Instant::now();
        let answer = exchange(self.address, &request)?;
        let took = started.elapsed();
        if answer.starts_with("HTTP/1.1 200") { Ok(took) } else { Err(io::Error::other(answer)) }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Pusher {
    fn drop(&mut self) {
        // It may have died on its own; then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One request on a connection of its own, which it asks to be closed.
fn exchange(address: SocketAddr, request: &[u8]) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(START))?;
    stream.write_all(request)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if answer.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(answer) }
}

fn twin_info() -> String {
    let property = json!({ "property": "temperature", "schema": "double" });
    let device = |number| {
        let info = json!({
            "twin": format!("sensor-{number}"),
            "model": MODEL,
            "properties": { "temperature": property },
        });
        (format!("sensor-{number}"), info)
    };
    let devices: serde_json::Map<_, _> = (0..TWINS).map(device).collect();
    json!({ "digital_twin_name": "bench", "devices": devices }).to_string()
}

/// The two forms in which a host calls.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Form {
    /// The request as it came.
    Forwarded,
    /// Packed into `Data` and `Metadata`.
    Invocation,
}

/// Pushes as the persister sends them: enveloped, each with the time of its making.
pub(crate) struct Pushes {
    pub(crate) form: Form,
    /// Whether the connection is to be closed after the answer.
    pub(crate) close: bool,
}

impl Traffic for Pushes {
    fn request(&mut self, number: u64, buffer: &mut Vec<u8>) {
        let body = envelope(number);
        let close = if self.close { "connection: close\r\n" } else { "" };
        let (path, token, body) = match self.form {
            Form::Forwarded => ("/api/adt-pusher", format!("x-inter-cloud-token: {TOKEN}\r\n"), body),
            Form::Invocation => ("/adt-pusher", String::new(), invocation(&body)),
        };
        write!(
            buffer,
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{close}{token}content-length: \
             {}\r\n\r\n{body}",
            body.len()
        )
        .expect("memory takes every write");
    }
}

fn envelope(number: u64) -> String {
    let (device, value) = (number % TWINS, number % 100);
    let time = Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true);
    format!(
        r#"{{"source_cloud":"aws","target_layer":"L4","message_type":"telemetry","timestamp":"{time}","trace_id":"0b7e3b2e-4b1f-4c55-9d4e-0f6f4f1b2a{:02x}","payload":{{"iotDeviceId":"sensor-{device}","time":"{time}","telemetry":{{"temperature":{value}.5}}}}}}"#,
        number % 256
    )
}

fn invocation(body: &str) -> String {
    let headers = json!({ "Content-Type": ["application/json"], "X-Inter-Cloud-Token": [TOKEN] });
    let request = json!({
        "Url": "http://localhost/api/adt-pusher",
        "Method": "POST",
        "Query": {},
        "Headers": headers,
        "Params": {},
        "Identities": [],
        "Body": body,
    });
    json!({ "Data": { "req": request }, "Metadata": {} }).to_string()
}

/// The programs that can play the functions' process: the lean one of the clouds, and `twinctl`.
pub(crate) fn programs() -> io::Result<Vec<(&'static str, PathBuf)>> {
    let bench = std::env::current_exe()?;
    let profile = bench.ancestors().nth(2).expect("benchmarks lie in <target>/release/deps").to_owned();
    let target = profile.parent().expect("a profile lies in the target folder");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--release", "-p", "twinctl-twin-functions"]);
    cargo.current_dir(tests::twinctl::repository()).env("CARGO_TARGET_DIR", target);
    if !cargo.status()?.success() {
        return Err(io::Error::other("twin-functions does not build"));
    }
    Ok(vec![("twin-functions", profile.join("twin-functions")), ("twinctl", profile.join("twinctl"))])
}
