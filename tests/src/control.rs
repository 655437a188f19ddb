//! The control interface of a sandbox's cloud: what its apps and deliveries are doing, and an end for an app's process.

use std::{future::Future, time::Duration};

use serde_json::Value;

use crate::twinctl::Sandbox;

/// No answer takes this long.
const DEADLINE: Duration = Duration::from_secs(30);

/// Every function app by name: its process, its calls.
///
/// # Panics
/// When the cloud is not up.
#[must_use]
pub fn apps(sandbox: &Sandbox) -> Value {
    let url = url(sandbox, "apps");
    let answer = block_on(async { client().get(url).send().await?.error_for_status()?.json().await });
    answer.expect("the control interface answers JSON")
}

/// Ends the process of an app at once, as a crash would; returns whether it had one.
///
/// # Panics
/// When the cloud is not up.
#[must_use]
pub fn kill(sandbox: &Sandbox, app: &str) -> bool {
    let url = url(sandbox, &format!("apps/{app}/kill"));
    let answer = block_on(async { client().post(url).send().await }).expect("the control interface answers");
    answer.status().is_success()
}

/// How many deliveries of events have arrived, over all subscriptions.
///
/// # Panics
/// When the cloud is not up.
#[must_use]
pub fn delivered(sandbox: &Sandbox) -> u64 {
    let url = url(sandbox, "events");
    let answer = block_on(async { client().get(url).send().await?.error_for_status()?.json::<Value>().await });
    let answer = answer.expect("the control interface answers JSON");
    let subscriptions = answer["subscriptions"].as_array().expect("it lists subscriptions").iter();
    subscriptions.filter_map(|subscription| subscription["delivered"].as_u64()).sum()
}

fn url(sandbox: &Sandbox, path: &str) -> String {
    let base = sandbox.run(&["cloud", "url", "control"]).code(0).stdout;
    format!("{}/{path}", base.trim().trim_end_matches('/'))
}

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().timeout(DEADLINE).build().expect("a plain client can be built")
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime can be started").block_on(work)
}
