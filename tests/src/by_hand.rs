//! What people do to a deployment without twinctl: requests to the local cloud's interfaces, as from a portal or a script.

use std::{
    thread,
    time::{Duration, Instant},
};

use azure::api;
use local::endpoints::Endpoints;
use reqwest::Method;
use serde_json::{Value, json};

use crate::twinctl::Sandbox;

/// Somebody with the cloud's address and a login of their own.
#[derive(Debug)]
pub struct ByHand {
    endpoints: Endpoints,
    client: reqwest::Client,
    runtime: tokio::runtime::Runtime,
}

impl ByHand {
    /// At the local cloud of a sandbox, which is started if it is not up.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn at(sandbox: &Sandbox) -> Self {
        let _ = sandbox.run(&["cloud", "up"]).code(0);
        let endpoints = Endpoints::read(&sandbox.cloud()).expect("the endpoints are readable");
        let endpoints = endpoints.expect("a cloud that is up says where");
        let client = endpoints.client().expect("the certificate is usable").build().expect("a client can be made");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
        Self { endpoints, client, runtime }
    }

    /// A request to Resource Manager; the status and the body (null when there is none).
    ///
    /// # Panics
    /// When there is no answer.
    pub fn arm(&self, method: Method, id: &str, api_version: &str, body: Option<Value>) -> (u16, Value) {
        self.ask(method, self.endpoints.arm.as_str(), id, api_version, &[], body)
    }

    /// A request to the data plane of the only Azure Digital Twins instance.
    ///
    /// # Panics
    /// When there is no answer.
    pub fn twins(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        self.twins_with(method, path, &[], body)
    }

    /// The same with further headers.
    ///
    /// # Panics
    /// When there is no answer.
    pub fn twins_with(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> (u16, Value) {
        self.ask(method, self.endpoints.adt.as_str(), path, azure::api::DIGITAL_TWINS_DATA, headers, body)
    }

    /// A request to the device registry of the only hub.
    ///
    /// # Panics
    /// When there is no answer.
    pub fn hub(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        self.ask(method, self.endpoints.iot_hub.as_str(), path, azure::api::IOT_HUB_DATA, &[], body)
    }

    /// What the control interface tells about the cloud itself.
    ///
    /// # Panics
    /// When there is no answer.
    #[must_use]
    pub fn control(&self, path: &str) -> Value {
        self.ask(Method::GET, self.endpoints.control.as_str(), path, "none", &[], None).1
    }

    /// Somebody narrows, in the portal, which devices' values reach the twins: always in the same subscription.
    ///
    /// # Panics
    /// When there is none, or it is not taken.
    pub fn narrow_the_filter(&self, sandbox: &Sandbox) {
        let effects = sandbox.effects();
        let made = effects.iter().filter(|effect| effect["operation"] == "PutResource");
        let ids = made.filter_map(|effect| effect["resource"].as_str());
        // Steps run side by side, so that the one that came last is another one each time.
        let id = ids.filter(|id| id.contains("/eventSubscriptions/")).max().expect("a subscription was made");
        let (_, mut found) = self.arm(Method::GET, id, api::EVENT_GRID, None);
        let properties = found["properties"].as_object_mut().expect("a resource has properties");
        properties.retain(|name, _| {
            matches!(name.as_str(), "destination" | "filter" | "labels" | "eventDeliverySchema" | "retryPolicy")
        });
        properties["filter"]["subjectBeginsWith"] = json!("devices/nobody");
        let body = json!({ "properties": properties });
        assert_eq!(self.arm(Method::PUT, id, api::EVENT_GRID, Some(body)).0, 201);
        let begun = Instant::now();
        while self.arm(Method::GET, id, api::EVENT_GRID, None).1["properties"]["provisioningState"] != "Succeeded" {
            assert!(begun.elapsed() < Duration::from_secs(30), "the change does not end");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Where the cloud serves.
    #[must_use]
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    fn ask(
        &self,
        method: Method,
        base: &str,
        path: &str,
        version: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> (u16, Value) {
        let url = format!("{}{path}?api-version={version}", base.trim_end_matches('/'));
        let mut request = self.client.request(method.clone(), url).bearer_auth("anybody");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            // The type that the data planes' specifications have for patches; Resource Manager's own are merges.
            let is_patch = method == Method::PATCH && body.is_array();
            let kind = if is_patch { "application/json-patch+json" } else { "application/json" };
            request = request.header("content-type", kind).body(body.to_string());
        }
        self.runtime.block_on(async {
            let answer = request.send().await.expect("the cloud answers");
            let status = answer.status().as_u16();
            let text = answer.text().await.expect("the answer is whole");
            (status, serde_json::from_str(&text).unwrap_or(Value::Null))
        })
    }
}
