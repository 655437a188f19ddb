//! The AWS emulator beside this cloud, at which the functions of connectors are called.

use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::{Method, Request};
use bytes::Bytes;
use serde_json::json;
use url::Url;

use crate::answer::Answer;
use crate::cloud::Cloud;
use crate::query;
use crate::tls;

/// The file that keeps the endpoint.
const FILE: &str = "aws.json";

/// Where the emulator is, and a client for it.
#[derive(Debug)]
pub(crate) struct Neighbour {
    path: PathBuf,
    endpoint: Mutex<Option<Url>>,
    client: Result<reqwest::Client, String>,
}

impl Neighbour {
    /// Takes the endpoint that was kept.
    pub(crate) fn open(dir: &Path) -> io::Result<Self> {
        let path = dir.join(FILE);
        let kept = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        Ok(Self { client: client(&tls::ca_path(dir)), path, endpoint: Mutex::new(kept) })
    }

    fn endpoint(&self) -> MutexGuard<'_, Option<Url>> {
        self.endpoint.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The endpoint and a client for it; `None` when no emulator is known.
    pub(super) fn find(&self) -> Option<(Url, Result<&reqwest::Client, &str>)> {
        Some((self.endpoint().clone()?, self.client.as_ref().map_err(String::as_str)))
    }

    /// Keeps another endpoint, or none.
    pub(crate) fn tell(&self, endpoint: Option<Url>) -> io::Result<()> {
        let beside = self.path.with_extension("json.new");
        let mut file = fs::File::options().create(true).truncate(true).write(true).mode(0o600).open(&beside)?;
        io::Write::write_all(&mut file, &serde_json::to_vec(&endpoint)?)?;
        fs::rename(&beside, &self.path)?;
        *self.endpoint() = endpoint;
        Ok(())
    }
}

/// Certificates of an emulator are not ours, so only plain HTTP and this cloud's own names are reached.
fn client(ca: &Path) -> Result<reqwest::Client, String> {
    let config = tls::client_config(ca).map_err(|error| error.to_string())?;
    let client = reqwest::Client::builder().tls_backend_preconfigured(config).no_proxy();
    client.redirect(reqwest::redirect::Policy::none()).build().map_err(|error| error.to_string())
}

/// `GET`, `PUT {"endpoint": URL}` and `DELETE` of `/aws` at the control interface.
pub(crate) fn handle(cloud: &Cloud, request: &Request<Bytes>) -> Answer {
    let wanted = match *request.method() {
        Method::PUT => match query::json(request).and_then(|body| body["endpoint"].as_str()?.parse::<Url>().ok()) {
            Some(endpoint) => Some(Some(endpoint)),
            None => return Answer::error(400, "BadRequest", "The body must be {\"endpoint\": URL}."),
        },
        Method::DELETE => Some(None),
        _ => None,
    };
    if let Some(Err(error)) = wanted.map(|endpoint| cloud.neighbour.tell(endpoint)) {
        return Answer::error(500, "InternalServerError", &error.to_string());
    }
    Answer::json(200, json!({ "endpoint": cloud.neighbour.endpoint().as_ref().map(Url::as_str) }))
}
