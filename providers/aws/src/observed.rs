//! A client under the SDK that tells of the requests that may have changed something.

use std::{fmt, sync::Arc};

use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
    },
    orchestrator::HttpRequest,
    runtime_components::RuntimeComponents,
};

/// The headers in which AWS's services state the id of a request.
const IDS: [&str; 2] = ["x-amzn-requestid", "x-amz-request-id"];

/// Is told the id of each request that may have changed something, as the service states it.
#[derive(Clone)]
pub struct Observer(Arc<dyn Fn(&str) + Send + Sync>);

impl Observer {
    /// An observer that calls a function.
    pub fn new(told: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(told))
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}

/// The client with an observer before it.
pub(crate) fn observed(inner: SharedHttpClient, observer: Option<Observer>) -> SharedHttpClient {
    match observer {
        Some(observer) => SharedHttpClient::new(Observed { inner, observer }),
        None => inner,
    }
}

#[derive(Debug)]
struct Observed {
    inner: SharedHttpClient,
    observer: Observer,
}

impl HttpClient for Observed {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Connector { inner, observer: self.observer.clone() })
    }
}

#[derive(Debug, Clone)]
struct Connector {
    inner: SharedHttpConnector,
    observer: Observer,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let changes = !only_reads(&request);
        let (sent, observer) = (self.inner.call(request), self.observer.clone());
        HttpConnectorFuture::new(async move {
            let answer = sent.await;
            if let Ok(answer) = &answer
                && changes
                && let Some(id) = IDS.iter().find_map(|name| answer.headers().get(*name))
            {
                (observer.0)(id);
            }
            answer
        })
    }
}

/// Whether a request only asks: by its method, or by the operation that its target or its form names.
fn only_reads(request: &HttpRequest) -> bool {
    if matches!(request.method(), "GET" | "HEAD") {
        return true;
    }
    let target = request.headers().get("x-amz-target").and_then(|target| target.rsplit('.').next());
    let form = || {
        let text = std::str::from_utf8(request.body().bytes()?).ok()?;
        text.split('&').find_map(|pair| pair.strip_prefix("Action="))
    };
    target
        .or_else(form)
        .is_some_and(|name| ["Describe", "Get", "List", "Query"].iter().any(|verb| name.starts_with(verb)))
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::body::SdkBody;

    use super::*;

    fn request(method: &str, target: Option<&str>, body: &str) -> HttpRequest {
        let mut request = HttpRequest::new(SdkBody::from(body));
        request.set_method(method).unwrap();
        if let Some(target) = target {
            request.headers_mut().insert("x-amz-target", target.to_owned());
        }
        request
    }

    #[test]
    fn reads_are_told_from_changes_in_each_protocol() {
        let reads = [
            request("GET", None, ""),
            request("POST", Some("DynamoDB_20120810.DescribeTable"), "{}"),
            request("POST", None, "Action=GetRole&RoleName=r"),
        ];
        let changes = [
            request("PUT", None, ""),
            request("DELETE", None, ""),
            request("POST", Some("DynamoDB_20120810.CreateTable"), "{}"),
            request("POST", None, "Action=CreateRole&RoleName=Get"),
            request("POST", None, r#"{"FunctionName": "Get"}"#),
        ];
        assert!(reads.iter().all(only_reads) && !changes.iter().any(only_reads));
    }
}
