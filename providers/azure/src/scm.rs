//! The deployment site of a function app: package upload (Flex Consumption's `api/publish`).

use bytes::Bytes;
use serde_json::Value;

use crate::{
    Error, Kind,
    http::{Answer, Call, Service},
};

/// Where a deployment is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// On its way; the site's word for it.
    Running(String),
    /// The package is live.
    Succeeded,
}

/// The client; cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    service: Service,
}

impl Client {
    pub(crate) fn new(service: Service) -> Self {
        Self { service }
    }

    /// Uploads a package (a zip with `host.json` at its root) and gives the id of its deployment, to be polled.
    ///
    /// # Errors
    /// Whatever the site refuses with; not-yet while it comes up, or while another deployment runs.
    pub async fn publish(&self, package: Bytes) -> Result<String, Error> {
        let query = [("RemoteBuild", "false"), ("Deployer", "twinctl")];
        let call = Call::post(self.service.url(&["api", "publish"], &query)).body("application/zip", package);
        let name = call.name();
        let answer = self.service.exchange(call).await?;
        match answer.status {
            409 => Err(self.service.refusal(name, &answer).with_kind(Kind::NotYet)),
            _ if answer.is_success() => {
                deployment_id(&answer).ok_or_else(|| Error::permanent(format!("{name}: the site named no deployment")))
            }
            _ => Err(self.service.refusal(name, &answer)),
        }
    }

    /// Looks once at a deployment.
    ///
    /// # Errors
    /// When it failed, was cancelled or only half succeeded; not-yet while the site restarts (it then answers 404 or
    /// 5xx for a deployment that goes on).
    pub async fn deployment(&self, id: &str) -> Result<Progress, Error> {
        let call = Call::get(self.service.url(&["api", "deployments", id], &[]));
        let name = call.name();
        let answer = self.service.send(call).await?;
        let body = answer.document(&name)?;
        progress(&body).map_err(|error| Error::from_operation(name, error.0, &error.1))
    }
}

/// The host of a site's deployment site, as the site resource names it (it may carry a hash).
#[must_use]
pub fn host_of(site: &Value) -> Option<&str> {
    let states = site.pointer("/properties/hostNameSslStates")?.as_array()?;
    let repository = states.iter().find(|state| state.get("hostType").and_then(Value::as_str) == Some("Repository"));
    repository?.get("name")?.as_str()
}

/// The id: a JSON string by the tools that use it; an object or plain text are taken too.
fn deployment_id(answer: &Answer) -> Option<String> {
    let text = match answer.json() {
        Some(Value::String(id)) => Some(id),
        Some(Value::Object(body)) => body.get("id").and_then(Value::as_str).map(str::to_owned),
        _ => std::str::from_utf8(&answer.body).ok().map(|text| text.trim().to_owned()),
    };
    text.filter(|id| !id.is_empty() && id.len() < 200)
}

/// The deployment's status: -1 unknown, 0 pending, 1 building, 2 deploying, 3 failed, 4 success, 5 conflict,
/// 6 partial success.
fn progress(body: &Value) -> Result<Progress, (&'static str, Value)> {
    let text = ["status_text", "statusText", "message"]
        .iter()
        .find_map(|name| body.get(*name).and_then(Value::as_str))
        .filter(|text| !text.is_empty());
    let error = |status| Err((status, Value::String(text.unwrap_or_default().to_owned())));
    match body.get("status").and_then(Value::as_i64) {
        Some(4) => Ok(Progress::Succeeded),
        Some(3) => error("Failed"),
        Some(5) => error("Canceled"),
        Some(6) => error("PartiallySucceeded"),
        Some(0) => Ok(Progress::Running(text.unwrap_or("pending").to_owned())),
        Some(1) => Ok(Progress::Running(text.unwrap_or("building").to_owned())),
        Some(2) => Ok(Progress::Running(text.unwrap_or("deploying").to_owned())),
        _ => Ok(Progress::Running(text.unwrap_or("unknown").to_owned())),
    }
}

#[cfg(test)]
mod tests;
