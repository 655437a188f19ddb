//! The way of a request without azure_core's pipeline: one hop to the HTTP client.
//!
//! For the twins' data plane where there are no policies. It does what our pipeline does: a token, a request id, no retry; failures are
//! told apart in the same words. What it leaves out is copying: per request the pipeline copies URL, headers, token and
//! the answer's headers several times over.

use std::{
    mem,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use azure_core::error::ErrorKind;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderName, HeaderValue, USER_AGENT};
use uuid::Uuid;

use crate::{
    auth::Bearer,
    http::{ACCEPTED, Answer, Call},
};

const PRODUCT: &str = concat!("twinctl/", env!("CARGO_PKG_VERSION"));
const REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-client-request-id");

/// A client of one service.
#[derive(Debug, Clone)]
pub(crate) struct Straight {
    transport: reqwest::Client,
    bearer: Bearer,
    ids: Arc<Ids>,
}

/// Ids of requests: random in front, counted behind, so that there is no system call for each.
#[derive(Debug)]
struct Ids {
    random: Uuid,
    count: AtomicU64,
}

impl Ids {
    fn new() -> Self {
        Self { random: Uuid::new_v4(), count: AtomicU64::new(0) }
    }

    fn next(&self) -> Uuid {
        /// The last 48 bits, which follow on the version's and the variant's.
        const COUNTED: u128 = 0xffff_ffff_ffff;
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        Uuid::from_u128(self.random.as_u128() & !COUNTED | u128::from(count) & COUNTED)
    }
}

impl Straight {
    pub(crate) fn new(transport: reqwest::Client, bearer: Bearer) -> Self {
        Self { transport, bearer, ids: Arc::new(Ids::new()) }
    }

    /// Sends one request and takes an answer of any status.
    pub(crate) async fn send(&self, call: &Call) -> azure_core::Result<Answer> {
        let token = self.bearer.header(&call.url).await?;
        let mut response = self.transport.execute(request(call, token, self.ids.next())?).await.map_err(failed)?;
        let (status, headers) = (response.status().as_u16(), mem::take(response.headers_mut()));
        if status == 401 {
            self.bearer.refused().await;
        }
        Ok(Answer { status, headers, body: response.bytes().await.map_err(failed)? })
    }
}

fn request(call: &Call, token: HeaderValue, id: Uuid) -> azure_core::Result<reqwest::Request> {
    let method = reqwest::Method::from_bytes(call.method.as_str().as_bytes()).map_err(unfit)?;
    let mut request = reqwest::Request::new(method, call.url.clone());
    let headers = request.headers_mut();
    headers.insert(ACCEPT, HeaderValue::from_static(ACCEPTED));
    headers.insert(USER_AGENT, HeaderValue::from_static(PRODUCT));
    headers.insert(REQUEST_ID, value(id.hyphenated().encode_lower(&mut Uuid::encode_buffer()))?);
    for (name, text) in &call.headers {
        headers.insert(named(name)?, value(text)?);
    }
    headers.insert(AUTHORIZATION, token);
    *request.body_mut() = Some(call.body.clone().into());
    Ok(request)
}

fn named(name: &str) -> azure_core::Result<HeaderName> {
    HeaderName::from_bytes(name.as_bytes()).map_err(unfit)
}

fn value(text: &str) -> azure_core::Result<HeaderValue> {
    HeaderValue::from_str(text).map_err(unfit)
}

/// HTTP cannot carry it.
fn unfit(error: impl std::error::Error + Send + Sync + 'static) -> azure_core::Error {
    azure_core::Error::new(ErrorKind::Other, error)
}

fn failed(error: reqwest::Error) -> azure_core::Error {
    let kind = if error.is_connect() { ErrorKind::Connection } else { ErrorKind::Io };
    azure_core::Error::with_error(kind, error, "failed to execute `reqwest` request")
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use async_trait::async_trait;
    use azure_core::http::{
        Context, Request,
        policies::{Policy, PolicyResult},
    };
    use serde_json::json;

    use crate::{
        Azure, Kind,
        digital_twins::{Client, Condition, Limits},
        script::{Reply, Script},
    };

    /// Lets everything pass; where it is, requests take the pipeline.
    #[derive(Debug)]
    struct Watcher;

    #[allow(elided_lifetimes_in_paths)]
    #[async_trait]
    impl Policy for Watcher {
        async fn send(&self, ctx: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
            next[0].send(ctx, request, &next[1..]).await
        }
    }

    fn client(script: &Script, watched: bool) -> Client {
        let mut options = script.options();
        options.limits = Limits::none();
        if watched {
            options.per_try_policies.push(Arc::new(Watcher));
        }
        Azure::new(options).digital_twins(script.base.as_str()).expect("a host")
    }

    /// What arrives, and how the answers are understood.
    async fn dialogue(watched: bool) -> Vec<String> {
        let refused = json!({"error": {"code": "PreconditionFailed", "message": "m"}});
        let script = Script::serve([
            Reply::new(204).header("etag", "W/\"2\""),
            Reply::json(412, &refused).header("x-ms-request-id", "r"),
            Reply::json(429, &json!({"error": {"statusCode": 429, "message": "m"}})).header("retry-after", "3"),
            Reply::new(404),
            Reply::json(200, &json!({"$dtId": "a b"})).header("etag", "W/\"3\""),
            Reply::new(401),
        ])
        .await;
        let twins = client(&script, watched);
        let patch = || twins.patch_twin_text("a b", "[]".into(), Condition::IfMatch("W/\"1\""));
        let mut dialogue = Vec::new();
        for _ in 0..3 {
            dialogue.push(format!("{:?}", patch().await));
        }
        for _ in 0..3 {
            dialogue.push(format!("{:?}", twins.twin("a b").await));
        }
        for seen in script.seen() {
            let headers = ["accept", "authorization", "content-type", "if-match"].map(|name| seen.header(name));
            assert!(seen.header("x-ms-client-request-id").is_some());
            dialogue.push(format!("{} {headers:?} {:?}", seen.line(), String::from_utf8_lossy(&seen.body)));
        }
        dialogue.into_iter().map(|line| line.replace(script.base.as_str(), "")).collect()
    }

    #[test]
    fn ids_are_all_different_and_of_version_4() {
        let (ids, others) = (super::Ids::new(), super::Ids::new());
        let all: Vec<_> = (0..1_000).flat_map(|_| [ids.next(), others.next()]).collect();
        let different: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(different.len(), all.len());
        assert!(all.iter().all(|id| id.get_version_num() == 4));
    }

    #[tokio::test]
    async fn the_straight_way_is_the_pipelines() {
        let straight = dialogue(false).await;
        assert_eq!(straight.len(), 12);
        assert_eq!(straight, dialogue(true).await);
    }

    #[tokio::test]
    async fn failures_without_an_answer_are_told_apart_as_in_the_pipeline() {
        for watched in [false, true] {
            let late = Script::serve([Reply::new(204).late(Duration::from_secs(60))]).await;
            let mut options = late.options();
            options.timeout = Duration::from_millis(50);
            if watched {
                options.per_try_policies.push(Arc::new(Watcher));
            }
            let twins = Azure::new(options).digital_twins(late.base.as_str()).expect("a host");
            let error = twins.twin("a").await.expect_err("no answer in time");
            assert_eq!((error.kind(), error.status()), (Kind::Transient, None), "{error}");
            let nobody = Script::serve([]).await;
            let gone =
                std::net::TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("an address");
            let mut options = nobody.options();
            if watched {
                options.per_try_policies.push(Arc::new(Watcher));
            }
            let twins = Azure::new(options).digital_twins(&format!("http://{gone}")).expect("a URL");
            assert_eq!(twins.twin("a").await.expect_err("nobody there").kind(), Kind::Transient);
        }
    }
}
