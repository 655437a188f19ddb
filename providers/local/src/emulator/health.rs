//! Whether an emulator answers, and which one.

use std::time::Duration;

use url::Url;

use super::Aws;
use super::folder::Record;
use crate::tls;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// The emulator of a record, if it answers (`GET /_ministack/health`).
pub(super) async fn ask(record: &Record) -> Option<Aws> {
    let endpoint = Url::parse(&format!("http://127.0.0.1:{}/", record.port)).ok()?;
    // A proxy of the environment could not reach this machine's loopback.
    let client = reqwest::Client::builder().tls_backend_preconfigured(tls::plain_client().ok()?).no_proxy();
    let client = client.timeout(PATIENCE).build().ok()?;
    let answer = client.get(endpoint.join("_ministack/health").ok()?).send().await.ok()?;
    let body: serde_json::Value = answer.error_for_status().ok()?.json().await.ok()?;
    let version = body["version"].as_str()?.to_owned();
    Some(Aws { endpoint, pid: record.process.pid(), region: record.region.clone(), version })
}
