//! The local cloud as a process, with many twins of one model in it, and writes straight to it.

use std::{
    error::Error,
    io::{self, Write},
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use local::Endpoints;
use serde_json::{Value, json};
use tests::twinctl::Sandbox;

use crate::load::{self, Figures, Load, Traffic, Until, header};

/// As many devices as twins: each push goes to another twin than the ones before.
pub(crate) const TWINS: u64 = 20_000;

pub(crate) const MODEL: &str = "dtmi:bench:Sensor;1";
const MODELS: &str = r#"[{"@id":"dtmi:bench:Sensor;1","@type":"Interface","@context":"dtmi:dtdl:context;3","contents":[
    {"@type":"Property","name":"temperature","schema":"double"},
    {"@type":"Property","name":"humidity","schema":"double"},
    {"@type":"Property","name":"status","schema":"string"}]}]"#;
const TWIN: &str =
    r#"{"$metadata":{"$model":"dtmi:bench:Sensor;1"},"temperature":20.0,"humidity":40.5,"status":"running"}"#;

/// A running cloud; it ends with the sandbox.
pub(crate) struct Cloud {
    _sandbox: Sandbox,
    pub(crate) endpoints: Endpoints,
    /// The client id of an identity that the cloud knows.
    pub(crate) identity: String,
}

impl Cloud {
    /// Starts one and fills it.
    pub(crate) fn filled() -> io::Result<Self> {
        let sandbox = Sandbox::empty();
        let _ = sandbox.run(&["cloud", "up"]).code(0);
        let endpoints = Endpoints::read(&sandbox.cloud())?.expect("the cloud is up");
        let identity = identity(&endpoints).map_err(io::Error::other)?;
        let cloud = Self { _sandbox: sandbox, endpoints, identity };
        let (figures, _) = cloud.run(false, 1, Until::Requests(1), Models)?;
        assert_eq!(figures.refused, 0, "{:?}", figures.first_refusal);
        let (figures, _) = cloud.run(false, 16, Until::Requests(TWINS), Create)?;
        assert_eq!(figures.refused, 0, "{:?}", figures.first_refusal);
        Ok(cloud)
    }

    /// Puts traffic on the twins' data plane, with or without TLS.
    pub(crate) fn run<T: Traffic + 'static>(
        &self,
        tls: bool,
        connections: usize,
        until: Until,
        traffic: T,
    ) -> io::Result<(Figures, T)> {
        let url = if tls { &self.endpoints.adt } else { &self.endpoints.adt_http };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, url.port().expect("the cloud's URLs have ports")));
        let config = || local::tls::client_config(&self.endpoints.ca_pem).map_err(io::Error::other);
        let tls = if tls { Some((Arc::new(config()?), "localhost".to_owned())) } else { None };
        load::run(&Load { address, tls, connections, until }, traffic)
    }
}

/// Makes an identity, as a deployment does for its functions, and gives its client id.
fn identity(endpoints: &Endpoints) -> Result<String, Box<dyn Error + Send + Sync>> {
    let group = format!("subscriptions/{}/resourceGroups/bench", endpoints.subscription);
    let resources = [
        format!("{group}?api-version=2024-07-01"),
        format!("{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/bench?api-version=2023-01-31"),
    ];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let client = endpoints.client()?.build()?;
        let mut made = Value::Null;
        for resource in resources {
            let request = client.put(endpoints.arm.join(&resource)?).bearer_auth("bench");
            let answer = request.json(&json!({ "location": "westeurope" })).send().await?.error_for_status()?;
            made = answer.json().await?;
        }
        let id = made["properties"]["clientId"].as_str();
        Ok(id.ok_or("the identity has no client id")?.to_owned())
    })
}

struct Models;

impl Traffic for Models {
    fn request(&mut self, _: u64, buffer: &mut Vec<u8>) {
        write(buffer, "POST /models", "application/json", "", MODELS);
    }
}

struct Create;

impl Traffic for Create {
    fn request(&mut self, number: u64, buffer: &mut Vec<u8>) {
        write(buffer, &format!("PUT /digitaltwins/sensor-{number}"), "application/json", "", TWIN);
    }
}

/// What the pusher sends, without the pusher: the value and its time, under the version that was answered last.
pub(crate) struct Patches(Vec<String>);

impl Patches {
    pub(crate) fn new() -> Self {
        Self(vec!["*".to_owned(); usize::try_from(TWINS).expect("a few thousand")])
    }

    fn etag(&mut self, number: u64) -> &mut String {
        &mut self.0[usize::try_from(number % TWINS).expect("a few thousand")]
    }
}

impl Traffic for Patches {
    fn request(&mut self, number: u64, buffer: &mut Vec<u8>) {
        let (value, microsecond) = (number % 100, number % 1_000_000);
        let body = format!(
            r#"[{{"op":"add","path":"/temperature","value":{value}.5}},{{"op":"add","path":"/$metadata/temperature/sourceTime","value":"2026-01-01T00:00:00.{microsecond:06}Z"}}]"#
        );
        let line = format!("PATCH /digitaltwins/sensor-{}", number % TWINS);
        write(buffer, &line, "application/json-patch+json", &format!("if-match: {}\r\n", self.etag(number)), &body);
    }

    fn answered(&mut self, number: u64, head: &[u8]) {
        header(head, "etag").unwrap_or("*").clone_into(self.etag(number));
    }
}

/// Adds a request to the data plane; `line` is method and path.
fn write(buffer: &mut Vec<u8>, line: &str, kind: &str, more: &str, body: &str) {
    write!(
        buffer,
        "{line}?api-version=2023-10-31 HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer bench\r\ncontent-type: \
         {kind}\r\n{more}content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .expect("memory takes every write");
}
