//! Azure Resource Manager: resources by id, long-running operations as values.

mod operation;
mod settings;

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use url::Url;
use uuid::Uuid;

pub use operation::{Follow, Operation, Poll, Submitted, Verb};
pub use settings::{Settings, SettingsChange};

use crate::{
    Error, Kind,
    http::{Answer, Call, Service},
};

/// The most pages of a list that are followed: a service that repeats its last page must not hold us for ever.
const MOST_PAGES: usize = 1_000;

/// How a write is guarded and named.
#[derive(Debug, Clone, Copy, Default)]
pub struct Write<'a> {
    /// The idempotency key of the intent. Resource Manager has no such thing, PUT by id is its idempotency; the key
    /// is sent as the client's request id, so that repeats of one intent are found together in the activity log.
    pub key: Option<Uuid>,
    /// Only when the resource still has this ETag.
    pub if_match: Option<&'a str>,
    /// Only when there is no resource yet (`If-None-Match: *`).
    pub if_absent: bool,
}

impl Write<'_> {
    fn put_on(&self, call: Call) -> Call {
        call.header_if("x-ms-client-request-id", self.key.map(|key| key.to_string()))
            .header_if("if-match", self.if_match)
            .header_if("if-none-match", self.if_absent.then_some("*"))
    }
}

/// The client; cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    service: Service,
    poll_interval: Duration,
    settings: Arc<settings::Locks>,
}

impl Client {
    pub(crate) fn new(service: Service, poll_interval: Duration) -> Self {
        Self { service, poll_interval, settings: Arc::default() }
    }

    /// Reads a resource; `None` when it, or what it lies in, is not there.
    ///
    /// # Errors
    /// Whatever the service answers besides 200 and 404.
    pub async fn get(&self, id: &str, api_version: &str) -> Result<Option<Value>, Error> {
        let call = Call::get(self.url(id, api_version)?);
        let name = call.name();
        match self.service.find(call).await? {
            Some(answer) => answer.document(&name).map(Some),
            None => Ok(None),
        }
    }

    /// Reads a list to its end, page by page.
    ///
    /// # Errors
    /// Whatever the service answers besides 200.
    pub async fn list(&self, id: &str, api_version: &str) -> Result<Vec<Value>, Error> {
        let mut items = Vec::new();
        let mut next = Some(self.url(id, api_version)?);
        for _ in 0..MOST_PAGES {
            let Some(url) = next.take() else { return Ok(items) };
            let call = Call::get(url);
            let name = call.name();
            let mut page = self.service.send(call).await?.document(&name)?;
            if let Some(Value::Array(values)) = page.get_mut("value").map(Value::take) {
                items.extend(values);
            }
            next = match page.get("nextLink").and_then(Value::as_str).filter(|link| !link.is_empty()) {
                Some(link) => Some(operation::parse_url(link)?),
                None => None,
            };
        }
        Err(Error::permanent(format!("{id}: the list does not end after {MOST_PAGES} pages")))
    }

    /// Creates or replaces a resource.
    ///
    /// # Errors
    /// Whatever the service refuses with.
    pub async fn put(&self, id: &str, api_version: &str, body: &Value, write: Write<'_>) -> Result<Submitted, Error> {
        let call = Call::put(self.url(id, api_version)?).json(body);
        self.submit(Verb::Put, id, api_version, write.put_on(call)).await
    }

    /// Changes parts of a resource.
    ///
    /// # Errors
    /// Whatever the service refuses with.
    pub async fn patch(&self, id: &str, api_version: &str, body: &Value, write: Write<'_>) -> Result<Submitted, Error> {
        let call = Call::patch(self.url(id, api_version)?).json(body);
        self.submit(Verb::Patch, id, api_version, write.put_on(call)).await
    }

    /// Deletes a resource; succeeds when it is not there.
    ///
    /// # Errors
    /// Whatever the service refuses with, besides 404.
    pub async fn delete(&self, id: &str, api_version: &str, write: Write<'_>) -> Result<Submitted, Error> {
        let call = write.put_on(Call::delete(self.url(id, api_version)?));
        match self.submit(Verb::Delete, id, api_version, call).await {
            Err(error) if error.kind() == Kind::NotFound => Ok(Submitted::Done(None)),
            other => other,
        }
    }

    /// Asks a resource to do something: `POST id/action`.
    ///
    /// # Errors
    /// Whatever the service refuses with.
    pub async fn post(
        &self,
        id: &str,
        action: &str,
        api_version: &str,
        body: Option<&Value>,
        write: Write<'_>,
    ) -> Result<Submitted, Error> {
        let id = format!("{}/{action}", id.trim_end_matches('/'));
        let call = Call::post(self.url(&id, api_version)?);
        let call = match body {
            Some(body) => call.json(body),
            None => call,
        };
        self.submit(Verb::Post, &id, api_version, write.put_on(call)).await
    }

    /// Looks once at an operation. A failure to read its status is an error of its own kind (transient, throttled) and
    /// says nothing of the operation; a failed or cancelled operation is an error with the operation's code.
    ///
    /// # Errors
    /// As said.
    pub async fn poll(&self, operation: &Operation) -> Result<Poll, Error> {
        match &operation.follow {
            Follow::AsyncOperation { url } => self.poll_status(operation, url).await,
            Follow::Location { url } => self.poll_location(operation, url).await,
            Follow::ProvisioningState => self.poll_resource(operation).await,
        }
    }

    async fn submit(&self, verb: Verb, id: &str, api_version: &str, call: Call) -> Result<Submitted, Error> {
        let answer = self.service.send(call).await?;
        operation::submitted(verb, id, api_version, &answer)
    }

    /// Azure-AsyncOperation: 200 with the operation's own status.
    async fn poll_status(&self, operation: &Operation, url: &Url) -> Result<Poll, Error> {
        let call = Call::get(url.clone());
        let name = call.name();
        let answer = self.service.exchange(call).await?;
        if matches!(answer.status, 404 | 410) {
            // The record of the operation is gone (they are kept for a day or so): the resource itself knows.
            return self.poll_resource(operation).await;
        }
        if !answer.is_success() {
            return Err(self.unreadable(name, &answer));
        }
        match operation::status_of(&answer) {
            operation::Status::Running(status) => Ok(self.running(&answer, status)),
            operation::Status::Succeeded => self.result(operation, &answer).await.map(Poll::Done),
            operation::Status::Ended { status, error } => Err(Error::from_operation(operation.name(), &status, &error)),
        }
    }

    /// Location: 202 while running, then the answer that the call itself would have given.
    async fn poll_location(&self, operation: &Operation, url: &Url) -> Result<Poll, Error> {
        let call = Call::get(url.clone());
        let name = call.name();
        let answer = self.service.exchange(call).await?;
        match answer.status {
            202 => Ok(self.running(&answer, "InProgress".into())),
            204 => Ok(Poll::Done(None)),
            404 | 410 => self.poll_resource(operation).await,
            200..300 if operation.verb == Verb::Delete => Ok(Poll::Done(None)),
            200..300 => match answer.json() {
                Some(body) => self.judge(operation, &answer, body),
                None => self.result(operation, &answer).await.map(Poll::Done),
            },
            408 | 429 | 500.. => Err(self.unreadable(name, &answer)),
            _ => Err(self.service.refusal(name, &answer)),
        }
    }

    /// No URL to poll, or none any more: the resource's own provisioning state.
    async fn poll_resource(&self, operation: &Operation) -> Result<Poll, Error> {
        let call = Call::get(self.url(&operation.resource, &operation.api_version)?);
        let answer = self.service.find(call).await?;
        match (operation.verb, answer) {
            (Verb::Delete, None) => Ok(Poll::Done(None)),
            (Verb::Delete, Some(answer)) => Ok(self.running(&answer, "Deleting".into())),
            // An action's own URL is no resource: nobody can say any more how it ended.
            (Verb::Post, _) => Err(Error::permanent(format!("{}: the operation's record is gone", operation.name()))),
            (_, Some(answer)) => {
                let body = answer.document(&operation.name())?;
                self.judge(operation, &answer, body)
            }
            (_, None) => {
                Err(Error::permanent(format!("{}: the resource is gone", operation.name())).with_kind(Kind::NotFound))
            }
        }
    }

    /// A resource's body: done, failed or still on its way, by its provisioning state.
    fn judge(&self, operation: &Operation, answer: &Answer, body: Value) -> Result<Poll, Error> {
        match operation::state_of(&body) {
            operation::Status::Succeeded => Ok(Poll::Done(Some(body))),
            operation::Status::Running(status) => Ok(self.running(answer, status)),
            operation::Status::Ended { status, error } => Err(Error::from_operation(operation.name(), &status, &error)),
        }
    }

    /// What a finished operation gives: the resource for PUT and PATCH, nothing for DELETE, the result for POST.
    async fn result(&self, operation: &Operation, answer: &Answer) -> Result<Option<Value>, Error> {
        match (operation.verb, &operation.result) {
            (Verb::Delete, _) => Ok(None),
            (Verb::Post, Some(url)) => Ok(self.service.send(Call::get(url.clone())).await?.json()),
            (Verb::Post, None) => Ok(answer.json().and_then(|mut body| body.get_mut("properties").map(Value::take))),
            (Verb::Put | Verb::Patch, _) => self.get(&operation.resource, &operation.api_version).await,
        }
    }

    fn running(&self, answer: &Answer, status: String) -> Poll {
        Poll::Running { retry_after: answer.retry_after().unwrap_or(self.poll_interval), status }
    }

    /// A status that could not be read says nothing of the operation: it is never taken for its end.
    fn unreadable(&self, name: String, answer: &Answer) -> Error {
        let error = self.service.refusal(name, answer);
        match error.kind() {
            Kind::Conflict | Kind::NotFound => error.with_kind(Kind::Transient),
            _ => error,
        }
    }

    fn url(&self, id: &str, api_version: &str) -> Result<Url, Error> {
        debug_assert!(id.starts_with('/'), "resource ids begin with a slash: {id}");
        let (path, query) = id.split_once('?').map_or((id, None), |(path, query)| (path, Some(query)));
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        if segments.iter().any(|segment| segment.is_empty() || *segment == "." || *segment == "..") {
            return Err(Error::permanent(format!("{id:?} is not a resource id")));
        }
        let mut url = self.service.url(&segments, &[("api-version", api_version)]);
        if let Some(query) = query {
            url.query_pairs_mut().extend_pairs(url::form_urlencoded::parse(query.as_bytes()));
        }
        Ok(url)
    }
}

#[cfg(test)]
mod tests;
