//! Receivers in other apps and on other clouds, called with the token of their connection.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use chrono::Utc;
use reqwest::{
    Client, Response,
    header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER},
};
use serde::Deserialize;
use serde_json::Value;
use url::Url;
use uuid::Uuid;

use crate::{
    answer::{Answer, Code},
    inbound::envelope::{self, Cloud, Layer},
    item::Item,
    retry::{self, Setback},
    settings::{Remote, Secret},
};

/// The header that carries the token.
pub const TOKEN: &str = "x-inter-cloud-token";

/// The part of a receiver's answer that is read: ours are far smaller.
const REPLY_LIMIT: usize = 64 * 1024;

/// The largest document that is asked for, in bytes: what a function of Lambda may answer at most.
const DOCUMENT_LIMIT: usize = 6 * 1024 * 1024;

/// One receiver; its connections are those of the app's client, kept alive between calls.
#[derive(Debug, Clone)]
pub struct Receiver {
    name: &'static str,
    url: Url,
    token: Secret,
    from: Cloud,
    client: Client,
}

impl Receiver {
    /// The receiver that the settings name, called from a cloud; `name` is what answers call it, with its article.
    #[must_use]
    pub fn new(name: &'static str, remote: Remote<Secret>, from: Cloud, client: Client) -> Self {
        Self { name, url: remote.url, token: remote.token, from, client }
    }

    /// Posts an item's telemetry in the envelope for a layer, as [`Self::post`] does.
    ///
    /// # Errors
    /// The answer to give to whoever asked us.
    pub async fn hand_on(&self, item: &Item, layer: Layer, deadline: Instant) -> Result<Option<Code>, Answer> {
        self.post(&enveloped(self.from, item, layer), deadline).await
    }

    /// Posts a JSON document until it is taken, refused for good, or the deadline is near.
    ///
    /// # Errors
    /// The answer to give to whoever asked us.
    pub async fn post(&self, body: &Bytes, deadline: Instant) -> Result<Option<Code>, Answer> {
        let reply = retry::until(deadline, || self.attempt(body.clone(), REPLY_LIMIT)).await?;
        Ok(reply.and_then(|reply| code(&reply)))
    }

    /// Posts a JSON document as [`Self::post`] does, for the document that is answered.
    ///
    /// # Errors
    /// The answer to give to whoever asked us.
    pub async fn ask(&self, body: &Bytes, deadline: Instant) -> Result<Value, Answer> {
        let reply = retry::until(deadline, || self.attempt(body.clone(), DOCUMENT_LIMIT)).await?;
        let document = reply.and_then(|reply| serde_json::from_slice(&reply).ok());
        document.ok_or_else(|| Answer::new(Code::Upstream, format!("{} gave an answer of another form", self.name)))
    }

    /// One request; its answer, as far as it could be read.
    async fn attempt(&self, body: Bytes, limit: usize) -> Result<Option<BytesMut>, Setback> {
        let request = self.client.post(self.url.clone()).header(CONTENT_TYPE, "application/json");
        let request = request.header(TOKEN, self.shown()?).body(body);
        let response = request.send().await.map_err(|_| self.unreachable())?;
        let (status, retry_after) = (response.status().as_u16(), retry_after(response.headers()));
        let reply = read(response, limit).await;
        if (200..300).contains(&status) {
            return Ok(reply);
        }
        Err(self.refusal(status, reply.and_then(|reply| code(&reply)), retry_after))
    }

    /// The token as a header that no log of the HTTP client prints.
    fn shown(&self) -> Result<HeaderValue, Setback> {
        let mut value = HeaderValue::from_str(self.token.reveal()).map_err(|_| {
            let message = format!("the token for {} holds characters that no header takes", self.name);
            Setback { answer: Answer::new(Code::Misconfigured, message), passes: false }
        })?;
        value.set_sensitive(true);
        Ok(value)
    }

    fn unreachable(&self) -> Setback {
        let answer = Answer::new(Code::Upstream, format!("{} cannot be reached", self.name));
        Setback { answer, passes: true }
    }

    /// What a status other than success means for whoever asked us.
    fn refusal(&self, status: u16, theirs: Option<Code>, retry_after: Option<Duration>) -> Setback {
        let name = self.name;
        let (code, message, passes) = match status {
            400 => (Code::Malformed, format!("{name} does not take the telemetry"), false),
            404 if theirs == Some(Code::UnknownDevice) => {
                (Code::UnknownDevice, format!("{name} knows no such device"), false)
            }
            413 => (Code::TooLarge, format!("the telemetry is too large for {name}"), false),
            429 => (Code::Throttled, format!("{name} is at its limit"), true),
            503 => (Code::NotReady, format!("{name} is not there yet"), true),
            504 => (Code::TimedOut, format!("{name} did not finish in time"), true),
            408 | 500 | 502 => (Code::Upstream, format!("{name} failed"), theirs != Some(Code::Misconfigured)),
            _ => (Code::Upstream, format!("{name} refused the call ({status})"), false),
        };
        Setback { answer: Answer::new(code, message).retry_after(retry_after), passes }
    }
}

/// An item's telemetry in the envelope for a layer; equal for equal telemetry but for the time of writing.
fn enveloped(from: Cloud, item: &Item, layer: Layer) -> Bytes {
    let trace = Uuid::new_v5(&Uuid::NAMESPACE_OID, item.id.as_bytes());
    envelope::wrap(from, layer, &trace.to_string(), Utc::now(), &item.telemetry).to_string().into()
}

/// The body as far as it may be read; `None` when it is larger or ends early, which takes nothing from the status.
async fn read(mut response: Response, limit: usize) -> Option<BytesMut> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        if body.len() + chunk.len() > limit {
            return None;
        }
        body.extend_from_slice(&chunk);
    }
    Some(body)
}

fn code(body: &[u8]) -> Option<Code> {
    #[derive(Deserialize)]
    struct Reply {
        code: String,
    }
    let reply: Reply = serde_json::from_slice(body).ok()?;
    Code::from_name(&reply.code)
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}
