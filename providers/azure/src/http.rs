//! One service: the way of its requests, and what goes in and comes out.

use std::{borrow::Cow, sync::Arc, time::Duration};

use azure_core::http::{
    ClientOptions, Context, Method, Pipeline, PipelineSendOptions, Request, RetryOptions, Transport, headers,
    policies::Policy,
};
use bytes::Bytes;
use reqwest::header::HeaderMap;
use serde_json::Value;
use url::Url;

use crate::{
    Error, Observer, Options,
    auth::{Bearer, Scheme, Tokens},
    error::{Plane, REQUEST_IDS},
    straight::Straight,
};

/// What we take as an answer.
pub(crate) const ACCEPTED: &str = "application/json";

/// One service: where it is, how it is authorised, what its refusals mean.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    plane: Plane,
    base: Url,
    way: Way,
    pub(crate) timeout: Duration,
    observer: Option<Observer>,
}

/// How requests leave.
#[derive(Debug, Clone)]
enum Way {
    /// Through azure_core's pipeline, whose policies see every exchange.
    Pipeline(Pipeline),
    /// Past it: live data makes thousands of requests a second.
    Straight(Straight),
}

impl Service {
    pub(crate) fn new(options: &Options, plane: Plane, base: Url, tokens: &Arc<Tokens>) -> Self {
        let scheme = if plane == Plane::Cosmos { Scheme::Cosmos } else { Scheme::Bearer };
        let bearer = Bearer::new(Arc::clone(tokens), base.clone(), scheme);
        if plane == Plane::DigitalTwins && options.per_try_policies.is_empty() {
            let way = Way::Straight(Straight::new(options.transport.clone(), bearer));
            return Self { plane, base, way, timeout: options.timeout, observer: None };
        }
        Self::authorised_by(options, plane, base, Arc::new(bearer))
    }

    /// A service whose requests another policy authorises.
    pub(crate) fn authorised_by(options: &Options, plane: Plane, base: Url, policy: Arc<dyn Policy>) -> Self {
        let client_options = ClientOptions {
            per_try_policies: options.per_try_policies.clone(),
            retry: RetryOptions::none(),
            transport: Some(Transport::new(Arc::new(options.transport.clone()))),
            ..ClientOptions::default()
        };
        let pipeline = Pipeline::new(
            Some("twinctl"),
            option_env!("CARGO_PKG_VERSION"),
            client_options,
            Vec::new(),
            vec![policy],
            None,
        );
        let observer = options.observer.clone().filter(|_| plane != Plane::DigitalTwins);
        Self { plane, base, way: Way::Pipeline(pipeline), timeout: options.timeout, observer }
    }

    /// The URL of a path below the base; `segments` are escaped, a `/` in one does not split it.
    pub(crate) fn url(&self, segments: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// Sends one request and takes an answer of any status.
    pub(crate) async fn exchange(&self, call: Call) -> Result<Answer, Error> {
        self.attempt(&call).await
    }

    /// Sends one request; an answer other than 2xx is an error.
    pub(crate) async fn send(&self, call: Call) -> Result<Answer, Error> {
        let answer = self.attempt(&call).await?;
        if answer.is_success() { Ok(answer) } else { Err(self.refusal(call.name(), &answer)) }
    }

    /// The same, with 404 as `None`.
    pub(crate) async fn find(&self, call: Call) -> Result<Option<Answer>, Error> {
        let answer = self.attempt(&call).await?;
        match answer.status {
            404 if self.plane != Plane::Scm => Ok(None),
            _ if answer.is_success() => Ok(Some(answer)),
            _ => Err(self.refusal(call.name(), &answer)),
        }
    }

    async fn attempt(&self, call: &Call) -> Result<Answer, Error> {
        let sending = async {
            match &self.way {
                Way::Pipeline(pipeline) => through(pipeline, call).await,
                Way::Straight(straight) => straight.send(call).await,
            }
        };
        match tokio::time::timeout(self.timeout, sending).await {
            Ok(Ok(answer)) => {
                self.observe(call, &answer);
                Ok(answer)
            }
            Ok(Err(error)) => Err(Error::from_pipeline(call.name(), &error)),
            Err(_) => Err(Error::timed_out(call.name(), self.timeout)),
        }
    }

    fn observe(&self, call: &Call, answer: &Answer) {
        let Some(observer) = self.observer.as_ref().filter(|_| call.method != Method::Get) else { return };
        let id = REQUEST_IDS.iter().find_map(|name| answer.header(name));
        id.into_iter().for_each(|id| observer.tell(id));
    }

    pub(crate) fn refusal(&self, name: String, answer: &Answer) -> Error {
        Error::from_answer(self.plane, name, answer)
    }
}

async fn through(pipeline: &Pipeline, call: &Call) -> azure_core::Result<Answer> {
    let options = PipelineSendOptions { skip_checks: true, ..PipelineSendOptions::default() };
    let response = pipeline.send(&Context::default(), &mut call.to_request(), Some(options)).await?;
    let (status, headers, body) = response.deconstruct();
    let header = |(name, value): (&headers::HeaderName, &headers::HeaderValue)| {
        Some((name.as_str().parse().ok()?, value.as_str().parse().ok()?))
    };
    Ok(Answer { status: status.into(), headers: headers.iter().filter_map(header).collect(), body: Bytes::from(body) })
}

/// One request to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) url: Url,
    /// Their names are in lower case.
    pub(crate) headers: Vec<(Cow<'static, str>, String)>,
    pub(crate) body: Bytes,
}

impl Call {
    pub(crate) fn new(method: Method, url: Url) -> Self {
        Self { method, url, headers: Vec::new(), body: Bytes::new() }
    }

    pub(crate) fn get(url: Url) -> Self {
        Self::new(Method::Get, url)
    }

    pub(crate) fn put(url: Url) -> Self {
        Self::new(Method::Put, url)
    }

    pub(crate) fn patch(url: Url) -> Self {
        Self::new(Method::Patch, url)
    }

    pub(crate) fn post(url: Url) -> Self {
        Self::new(Method::Post, url)
    }

    pub(crate) fn delete(url: Url) -> Self {
        Self::new(Method::Delete, url)
    }

    /// Adds a header; its name is in lower case.
    pub(crate) fn header(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(crate) fn header_if(self, name: &'static str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.header(name, value),
            None => self,
        }
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string().into())
    }

    pub(crate) fn body(mut self, content_type: &str, body: Bytes) -> Self {
        self.body = body;
        self.header("content-type", content_type)
    }

    /// What errors call the request: method and URL, without the query, which may hold what is nobody's business.
    pub(crate) fn name(&self) -> String {
        let mut url = self.url.clone();
        url.set_query(None);
        format!("{} {url}", self.method)
    }

    fn to_request(&self) -> Request {
        let mut request = Request::new(self.url.clone(), self.method);
        request.insert_header("accept", ACCEPTED);
        for (name, value) in &self.headers {
            let name = match name {
                Cow::Borrowed(name) => headers::HeaderName::from_static(name),
                Cow::Owned(name) => headers::HeaderName::from(name.clone()),
            };
            request.insert_header(name, value.clone());
        }
        request.set_body(self.body.clone());
        request
    }
}

/// One answer, whatever its status.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// A header by its lower-case name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(crate) fn etag(&self) -> Option<String> {
        self.header("etag").map(str::to_owned)
    }

    /// The wait that the service asks for. A date instead of seconds is answered by no service of ours and ignored.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let millis = ["x-ms-retry-after-ms", "retry-after-ms"].iter().find_map(|name| self.header(name));
        let millis = millis.and_then(|text| text.trim().parse().ok()).map(Duration::from_millis);
        millis.or_else(|| self.header("retry-after")?.trim().parse().ok().map(Duration::from_secs))
    }

    /// The body as JSON; `None` when it is empty or not JSON (a 202 may come as empty text/plain).
    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The body as JSON, where the service always sends one.
    pub(crate) fn document(&self, name: &str) -> Result<Value, Error> {
        serde_json::from_slice(&self.body).map_err(|error| {
            Error::permanent(format!(
                "{name}: the service answered {} with a body that is not JSON: {error}",
                self.status
            ))
        })
    }

    #[cfg(test)]
    pub(crate) fn for_test(status: u16, headers: &[(&str, &str)], body: &str) -> Self {
        let headers = headers.iter().map(|(name, value)| {
            let name = name.parse::<reqwest::header::HeaderName>().expect("a header's name");
            (name, value.parse::<reqwest::header::HeaderValue>().expect("a header's value"))
        });
        Self { status, headers: headers.collect(), body: Bytes::copy_from_slice(body.as_bytes()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_named_without_its_query() {
        let url = Url::parse("https://h/a/b?code=secret").expect("a URL");
        assert_eq!(Call::put(url).name(), "PUT https://h/a/b");
    }

    #[test]
    fn waits_are_read_in_both_units() {
        let wait = |headers: &[(&str, &str)]| Answer::for_test(202, headers, "").retry_after();
        assert_eq!(wait(&[("retry-after", "17")]), Some(Duration::from_secs(17)));
        assert_eq!(wait(&[("retry-after-ms", "50"), ("retry-after", "1")]), Some(Duration::from_millis(50)));
        assert_eq!(wait(&[("retry-after", "Fri, 31 Dec 1999 23:59:59 GMT")]), None);
        assert_eq!(wait(&[]), None);
    }
}
