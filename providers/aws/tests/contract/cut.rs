//! Connections lost at every moment of a creation: the service has done what was asked, and nobody heard.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use aws::{
    Aws, ErrorKind,
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
    },
};
use aws_smithy_runtime_api::client::{
    orchestrator::HttpRequest, result::ConnectorError, runtime_components::RuntimeComponents,
};
use uuid::Uuid;

use super::{Case, World, mark};

/// Loses the answer of one exchange, counted from 1, and lets all others pass.
#[derive(Debug, Clone)]
pub(crate) struct Cutting {
    client: SharedHttpClient,
    lost: usize,
    seen: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct Connector(SharedHttpConnector, Cutting);

impl HttpClient for Cutting {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector(self.client.http_connector(settings, components), self.clone()))
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = self.0.call(request);
        if self.1.seen.fetch_add(1, Ordering::SeqCst) + 1 != self.1.lost {
            return answer;
        }
        HttpConnectorFuture::new(async {
            answer.await?;
            Err(ConnectorError::io("connection reset".into()))
        })
    }
}

/// A creation that was cut off anywhere can be repeated, and ends as if it had not been.
pub(crate) async fn hold(world: &World, case: &Case, lost: usize) -> bool {
    let seen = Arc::new(AtomicUsize::new(0));
    let client = Cutting { client: aws::http_client(), lost, seen: Arc::clone(&seen) };
    let mut options = world.options.clone();
    options.http_client = Some(SharedHttpClient::new(client));
    let cut = Aws::new(options).create(case.kind, &case.id, &case.wanted, &mark("first"), Uuid::new_v4()).await;
    if seen.load(Ordering::SeqCst) < lost {
        assert_eq!(cut, Ok(()), "nothing was cut");
        return false;
    }
    let error = cut.expect_err("an answer was lost");
    assert_eq!(error.kind(), ErrorKind::Transient, "{error}");
    world.create(case).await;
    true
}
