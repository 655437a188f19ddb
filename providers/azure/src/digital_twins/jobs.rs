//! Import jobs: models, twins and relationships in bulk, from NDJSON in a blob.

use serde_json::{Value, json};
use url::Url;

use super::{Client, Entity, Rate, entity};
use crate::{Error, http::Call};

/// Where a job is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobStatus {
    /// Not started, running or being cancelled; the service's word for it.
    Running(String),
    /// Done.
    Succeeded,
    /// Failed: the service's code and message. What was imported stays.
    Failed {
        /// The code, when there is one.
        code: Option<String>,
        /// The message.
        message: String,
    },
    /// Cancelled. What was imported stays.
    Cancelled,
}

/// An import job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportJob {
    /// Its id.
    pub id: String,
    /// What it reads.
    pub input: String,
    /// Where it writes its log.
    pub output: String,
    /// Where it is.
    pub status: JobStatus,
}

impl Client {
    /// Starts a job under an id of our own; conflict when the id was used before (a repeated call after a lost reply
    /// finds its own job by [`Client::import_job`]).
    ///
    /// # Errors
    /// Whatever the service refuses with; it takes one bulk job at a time.
    pub async fn start_import(&self, id: &str, input: &Url, output: &Url) -> Result<ImportJob, Error> {
        let body = json!({"inputBlobUri": input.as_str(), "outputBlobUri": output.as_str()});
        let call = Call::put(self.job_url(id)).json(&body);
        let name = call.name();
        Ok(read(&entity(&name, &self.send(Rate::Jobs, None, call).await?)?))
    }

    /// Reads a job; `None` when there is none.
    ///
    /// # Errors
    /// Whatever the service refuses with.
    pub async fn import_job(&self, id: &str) -> Result<Option<ImportJob>, Error> {
        let found = self.find(Rate::Jobs, None, Call::get(self.job_url(id))).await?;
        Ok(found.as_ref().map(read))
    }

    /// Asks a job to stop; a finished one stays as it is.
    ///
    /// # Errors
    /// Whatever the service refuses with.
    pub async fn cancel_import(&self, id: &str) -> Result<ImportJob, Error> {
        let call = Call::post(self.url(&["jobs", "imports", id, "cancel"], &[]));
        let name = call.name();
        Ok(read(&entity(&name, &self.send(Rate::Jobs, None, call).await?)?))
    }

    /// Deletes a job's record; succeeds when there is none.
    ///
    /// # Errors
    /// Whatever the service refuses with.
    pub async fn delete_import(&self, id: &str) -> Result<(), Error> {
        self.remove(Rate::Jobs, None, Call::delete(self.job_url(id))).await
    }

    fn job_url(&self, id: &str) -> Url {
        self.url(&["jobs", "imports", id], &[])
    }
}

fn read(job: &Entity) -> ImportJob {
    let text = |name: &str| job.document.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let error = |name: &str| job.document.pointer(&format!("/error/{name}")).and_then(Value::as_str).map(str::to_owned);
    let status = match text("status").as_str() {
        "succeeded" => JobStatus::Succeeded,
        "failed" => JobStatus::Failed { code: error("code"), message: error("message").unwrap_or_default() },
        "cancelled" => JobStatus::Cancelled,
        other => JobStatus::Running(other.to_owned()),
    };
    ImportJob { id: text("id"), input: text("inputBlobUri"), output: text("outputBlobUri"), status }
}
