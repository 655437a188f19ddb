//! Webhooks: destinations that prove at the beginning that they want events, and get them by POST [D].
//!
//! Only what listens on this machine is called, over HTTP or under the cloud's own certificate.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::http::{Method, Request};
use bytes::Bytes;
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use url::{Host, Url};
use uuid::Uuid;

use super::subscription::Subscription;
use crate::answer::Answer;
use crate::apps::Delivered;
use crate::cloud::Cloud;
use crate::endpoints::Loopback;
use crate::{query, tls};

/// How long a webhook has to answer.
const LIMIT: Duration = Duration::from_secs(30);
/// Bytes of an answer to the handshake that are read.
const ANSWER: usize = 64 * 1024;
/// Who says that it wants to send CloudEvents.
const ORIGIN: &str = "eventgrid.azure.net";

/// What calls webhooks.
#[derive(Debug)]
pub(super) struct Hooks {
    ca: PathBuf,
    client: OnceLock<Result<Client, String>>,
}

impl Hooks {
    pub(super) fn new(dir: &Path) -> Self {
        Self { ca: tls::ca_path(dir), client: OnceLock::new() }
    }

    fn client(&self) -> Result<&Client, &str> {
        self.client.get_or_init(|| client(&self.ca)).as_ref().map_err(String::as_str)
    }

    /// Delivers events that a subscription has asked for.
    pub(super) async fn deliver(&self, subscription: &Subscription, url: &Url, events: &[Value]) -> Delivered {
        let are_cloud_events = events.iter().all(|event| event["specversion"].is_string());
        let (kind, body) = match events {
            [event] if are_cloud_events => ("application/cloudevents+json; charset=utf-8", event.clone()),
            events if are_cloud_events => ("application/cloudevents-batch+json; charset=utf-8", events.into()),
            events => ("application/json; charset=utf-8", events.into()),
        };
        let client = match self.client() {
            Ok(client) => client,
            Err(error) => {
                tracing::error!(error, "no client for webhooks can be set up");
                return Delivered::of(503);
            }
        };
        let request = client.post(url.clone()).header("content-type", kind).body(body.to_string());
        let request = request
            .header("aeg-event-type", "Notification")
            .header("aeg-subscription-name", subscription.name().to_uppercase())
            .header("aeg-metadata-version", "1");
        match request.send().await {
            Ok(response) => Delivered::of(response.status().as_u16()),
            Err(error) if error.is_timeout() => Delivered::of(408),
            Err(_) => Delivered::of(502),
        }
    }

    /// Whether a webhook wants events, in the one schema or the other, asked at a certain time; else why not.
    async fn greet(&self, url: &Url, are_cloud_events: bool, now: String) -> Result<(), String> {
        let client = self.client()?;
        if are_cloud_events {
            let response =
                sent(client.request(Method::OPTIONS, url.clone()).header("webhook-request-origin", ORIGIN)).await?;
            let allowed = response.headers().get("webhook-allowed-origin").and_then(|value| value.to_str().ok());
            let allowed = allowed.is_some_and(|allowed| allowed == "*" || allowed.eq_ignore_ascii_case(ORIGIN));
            return if allowed { Ok(()) } else { Err(format!("it does not allow {ORIGIN}")) };
        }
        let code = Uuid::new_v4().to_string();
        let event = json!({
            "id": Uuid::new_v4().to_string(), "topic": "", "subject": "", "data": { "validationCode": code },
            "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", "eventTime": now,
            "metadataVersion": "1", "dataVersion": "1",
        });
        let response =
            sent(client.post(url.clone()).header("aeg-event-type", "SubscriptionValidation").json(&[event])).await?;
        let answer = body(response).await?;
        match serde_json::from_slice::<Value>(&answer) {
            Ok(answer) if answer["validationResponse"] == code.as_str() => Ok(()),
            _ => Err("it does not answer with the validation code".to_owned()),
        }
    }
}

/// Sends one request of a handshake, which only 200 answers well.
async fn sent(request: RequestBuilder) -> Result<Response, String> {
    let response = request.send().await.map_err(|error| format!("it cannot be reached: {}", error.without_url()))?;
    match response.status().as_u16() {
        200 => Ok(response),
        status => Err(format!("it answers {status}")),
    }
}

async fn body(mut response: Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| error.without_url().to_string())? {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER {
            return Err(format!("it answers more than {ANSWER} bytes"));
        }
    }
    Ok(body)
}

fn client(ca: &Path) -> Result<Client, String> {
    // A folder that was never served has no certificate: plain HTTP goes all the same.
    let config = if ca.exists() { tls::client_config(ca) } else { tls::plain_client() };
    let config = config.map_err(|error| error.to_string())?;
    let client = Client::builder().tls_backend_preconfigured(config).dns_resolver(Arc::new(Loopback)).no_proxy();
    let client = client.redirect(reqwest::redirect::Policy::none()).timeout(LIMIT);
    client.build().map_err(|error| error.to_string())
}

/// The webhook of a destination, if it is one; the error says what it should be.
pub(crate) fn url(destination: &Value) -> Option<Result<Url, &'static str>> {
    if destination["endpointType"] != "WebHook" {
        return None;
    }
    let url = destination["properties"]["endpointUrl"].as_str().and_then(|url| Url::parse(url).ok());
    let url = url.filter(|url| matches!(url.scheme(), "http" | "https"));
    Some(match url {
        Some(url) if is_here(&url) => Ok(url),
        Some(_) => Err("the local cloud delivers to this machine only"),
        None => Err("the endpointUrl is not a URL"),
    })
}

fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Shakes hands with the webhook that a request wants to subscribe; a refusal if that fails.
///
/// It is done before the request is looked at, since nothing may wait while the state is locked.
pub(crate) async fn handshake(cloud: &Cloud, request: &Request<Bytes>) -> Option<Answer> {
    let path = request.uri().path().to_lowercase();
    let subscribes = request.method() == Method::PUT && path.contains("/eventsubscriptions/");
    if !subscribes || query::bearer(request).is_none() {
        return None;
    }
    let body = query::json(request)?;
    let url = url(&body["properties"]["destination"])?.ok()?;
    let schema = body["properties"]["eventDeliverySchema"].as_str();
    let are_cloud_events = match schema {
        Some(schema) => schema == "CloudEventSchemaV1_0",
        None => crate::arm::types::event_grid::takes_cloud_events(&cloud.state(), request.uri().path()),
    };
    let reason = cloud.grid.hooks.greet(&url, are_cloud_events, cloud.clock.timestamp()).await.err()?;
    let message = format!("The attempt to validate the provided endpoint {} failed: {reason}.", base(&url));
    Some(Answer::error(400, "Url validation", &message))
}

/// A webhook without its query, which may hold a secret.
pub(crate) fn base(url: &Url) -> Url {
    let mut base = url.clone();
    base.set_query(None);
    base
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_called() {
        let of = |url: &str| {
            super::url(&json!({ "endpointType": "WebHook", "properties": { "endpointUrl": url } })).unwrap()
        };
        for here in
            ["http://localhost:1/a", "https://app.web.localhost/x?code=1", "http://127.0.0.1:80", "http://[::1]/"]
        {
            assert!(of(here).is_ok(), "{here}");
        }
        for elsewhere in
            ["https://example.com/hook", "http://10.0.0.1/", "http://localhost.example.com/", "ftp://localhost/", "x"]
        {
            assert!(of(elsewhere).is_err(), "{elsewhere}");
        }
        assert!(super::url(&json!({ "endpointType": "EventHub" })).is_none());
        let secret = Url::parse("http://localhost:1/a?code=secret").unwrap();
        assert_eq!(base(&secret).as_str(), "http://localhost:1/a");
    }
}
