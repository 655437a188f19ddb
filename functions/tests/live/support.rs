//! Hosts on free ports, functions that say what they are told, and storage that remembers.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use chrono::Utc;
use functions::{
    answer::{Answer, Code},
    app::App,
    call::{Call, Handler, What},
    function::Function,
    host::azure::{self, Ended, Options},
    inbound::envelope::Cloud,
    item::Item,
    remote::Receiver,
    settings::{Remote, Secret},
    storage::Store,
    telemetry::Telemetry,
};
use reqwest::Response;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

pub(crate) const TOKEN: &str = "a-token";

pub(crate) fn secret() -> Secret {
    Secret::new(TOKEN)
}

pub(crate) fn client() -> reqwest::Client {
    azure_client(&[])
}

/// The very client that functions use.
fn azure_client(roots: &[Vec<u8>]) -> reqwest::Client {
    ::azure::transport::client(roots).unwrap()
}

/// Later than any test may take.
pub(crate) fn in_time() -> Instant {
    Instant::now() + Duration::from_secs(120)
}

pub(crate) fn telemetry(device: &str) -> Telemetry {
    let Value::Object(values) = json!({"temperature": 20.5}) else { unreachable!("it is an object") };
    Telemetry::new(device, Utc::now(), values)
}

/// A host of an app, on a port of its own.
pub(crate) struct Served {
    pub(crate) base: String,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<Ended>,
}

impl Served {
    pub(crate) async fn new(app: App) -> Self {
        Self::with(Arc::new(app), Options::default()).await
    }

    pub(crate) async fn with(app: Arc<App>, options: Options) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(azure::serve(listener, app, options, async {
            let _ = stopped.await;
        }));
        Self { base, stop: Some(stop), served }
    }

    pub(crate) fn ask_to_stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    pub(crate) async fn ended(self) -> Ended {
        tokio::time::timeout(Duration::from_secs(60), self.served).await.unwrap().unwrap()
    }

    pub(crate) fn receiver(&self, name: &'static str, function: Function) -> Receiver {
        let url = format!("{}/api/{function}", self.base).parse().unwrap();
        Receiver::new(name, Remote { url, token: secret() }, Cloud::Azure, client())
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> Response {
        client()
            .post(format!("{}{path}", self.base))
            .header("X-Inter-Cloud-Token", TOKEN)
            .body(body)
            .send()
            .await
            .unwrap()
    }
}

/// A function that keeps what it is called with and answers what it was told, the last answer for good.
pub(crate) struct Told {
    pub(crate) calls: Mutex<Vec<What>>,
    answers: Mutex<VecDeque<Answer>>,
}

impl Told {
    pub(crate) fn to_say(answers: impl IntoIterator<Item = Answer>) -> Arc<Self> {
        Arc::new(Self { calls: Mutex::default(), answers: Mutex::new(answers.into_iter().collect()) })
    }

    pub(crate) fn code(code: Code) -> Arc<Self> {
        Self::to_say([Answer::new(code, "as told")])
    }

    pub(crate) fn count(&self) -> usize {
        self.calls.lock().unwrap().len()
    }

    /// The body of the first call.
    pub(crate) fn body(&self) -> Value {
        match &self.calls.lock().unwrap()[0] {
            What::Post { body, .. } => serde_json::from_slice(body).unwrap(),
            What::Events(events) | What::Rule(events) => events.clone().into(),
            What::Query(query) => query.clone(),
        }
    }
}

#[async_trait]
impl Handler for Told {
    async fn call(&self, call: Call) -> Answer {
        self.calls.lock().unwrap().push(call.what);
        let mut answers = self.answers.lock().unwrap();
        if answers.len() > 1 { answers.pop_front().unwrap() } else { answers[0].clone() }
    }
}

/// A function that never ends.
pub(crate) struct Stuck;

#[async_trait]
impl Handler for Stuck {
    async fn call(&self, _: Call) -> Answer {
        std::future::pending().await
    }
}

/// Storage in memory; refuses everything when it is told to.
#[derive(Default)]
pub(crate) struct Shelf {
    pub(crate) items: Mutex<Vec<Item>>,
    pub(crate) refusal: Option<Code>,
}

#[async_trait]
impl Store for Shelf {
    async fn store(&self, item: &Item, _: Instant) -> Result<(), Answer> {
        match self.refusal {
            Some(code) => Err(Answer::new(code, "no")),
            None => {
                self.items.lock().unwrap().push(item.clone());
                Ok(())
            }
        }
    }
}

/// An app without settings.
pub(crate) fn app() -> App {
    App::new([].into(), "/nowhere")
}

/// An event of a hub about a device's message.
pub(crate) fn event(device: &str) -> Value {
    json!({
        "id": "1", "eventType": "Microsoft.Devices.DeviceTelemetry", "subject": format!("devices/{device}"),
        "eventTime": "2026-11-23T10:00:00Z",
        "data": {
            "body": {"temperature": 20.5},
            "properties": {},
            "systemProperties": {
                "iothub-connection-device-id": device, "iothub-enqueuedtime": "2026-11-23T10:00:00Z",
                "iothub-content-type": "application/json", "iothub-content-encoding": "utf-8"
            }
        }
    })
}
