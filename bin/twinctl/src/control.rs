//! The local cloud's control interface, asked as any other program could.

use std::time::Duration;

use local::endpoints::Endpoints;
use reqwest::{Client, RequestBuilder, Url};
use serde_json::Value;

use crate::{exit::Exit, failure::Failure};

/// How long it may take to answer; a dump of a million twins takes seconds.
const ANSWER: Duration = Duration::from_secs(60);

/// A client of one local cloud's control interface.
pub(crate) struct Control {
    client: Client,
    base: Url,
}

impl Control {
    /// A client for a running cloud.
    pub(crate) fn of(endpoints: &Endpoints) -> Result<Self, Failure> {
        let builder = endpoints.client().map_err(|error| unreached(&error))?;
        let client = builder.timeout(ANSWER).build().map_err(|error| unreached(&error))?;
        Ok(Self { client, base: endpoints.control.clone() })
    }

    /// Reads a document.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, Failure> {
        let body = send(self.client.get(self.at(path))).await?;
        serde_json::from_str(&body).map_err(|error| unreached(&error))
    }

    /// Puts a document in place.
    pub(crate) async fn put(&self, path: &str, document: &Value) -> Result<(), Failure> {
        send(self.client.put(self.at(path)).json(document)).await.map(drop)
    }

    /// Removes a document.
    pub(crate) async fn delete(&self, path: &str) -> Result<(), Failure> {
        send(self.client.delete(self.at(path))).await.map(drop)
    }

    fn at(&self, path: &str) -> Url {
        self.base.join(path).expect("the paths are our own constants")
    }
}

/// The answer's body, if the answer is a good one.
async fn send(request: RequestBuilder) -> Result<String, Failure> {
    let answer = request.send().await.map_err(|error| unreached(&error))?;
    let status = answer.status();
    let body = answer.text().await.map_err(|error| unreached(&error))?;
    if status.is_success() {
        return Ok(body);
    }
    Err(Failure::new(Exit::Error, "ask the local cloud").because(format!("it answered {status}: {body}")))
}

fn unreached(error: &(dyn std::error::Error + 'static)) -> Failure {
    Failure::of(Exit::Error, "ask the local cloud", error)
}
