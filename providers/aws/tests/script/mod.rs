//! Hand-made answers in place of a service, and the requests that were sent for them.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use aws::{
    Aws, Credentials, Options,
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
    },
};
use aws_smithy_runtime_api::client::{
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::body::SdkBody;

/// A request as it was sent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sent {
    /// `PUT http://host/path?query`.
    pub(crate) line: String,
    pub(crate) body: String,
}

/// Answers in their order; one request too many is a lost connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Script(Arc<Mutex<Lines>>);

#[derive(Debug, Default)]
struct Lines {
    answers: VecDeque<(u16, String)>,
    sent: Vec<Sent>,
}

impl Script {
    /// A handle in a region to which these statuses and bodies are answered.
    pub(crate) fn in_region(region: &str, answers: &[(u16, &str)]) -> (Aws, Self) {
        let answers = answers.iter().map(|(status, body)| (*status, (*body).to_owned())).collect();
        let script = Self(Arc::new(Mutex::new(Lines { answers, sent: Vec::new() })));
        let aws = Aws::new(Options {
            region: region.into(),
            endpoint: "http://127.0.0.1:1".parse().ok(),
            twin_maker_endpoint: "http://127.0.0.1:2".parse().ok(),
            credentials: Credentials::Static { access_key: "AKIA1".into(), secret_key: "secret".into() },
            http_client: Some(SharedHttpClient::new(script.clone())),
            observer: None,
        });
        (aws, script)
    }

    /// What was sent so far; every answer must have been used.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        let script = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(script.answers.is_empty(), "answers are left: {:?}", script.answers);
        script.sent.clone()
    }
}

impl HttpClient for Script {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Script {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut script = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let body = request.body().bytes().unwrap_or_default();
        let body = String::from_utf8_lossy(body).into_owned();
        script.sent.push(Sent { line: format!("{} {}", request.method(), request.uri()), body });
        let answer = script.answers.pop_front().map(|(status, body)| {
            let status = status.try_into().expect("a status");
            HttpResponse::new(status, SdkBody::from(body))
        });
        HttpConnectorFuture::ready(answer.ok_or_else(|| ConnectorError::io("connection reset".into())))
    }
}
