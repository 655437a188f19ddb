//! Devices send to a hub: over HTTPS, and over MQTT 3.1.1 with the conversation that it takes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its own functions too")]

mod cloud;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::BytesMut;
use cloud::{Cloud, resource};
use hmac::{Hmac, Mac};
use local::tls;
use reqwest::Method;
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{
    Connect, ConnectReturnCode, Packet, Publish, Subscribe, SubscribeReasonCode, Unsubscribe,
};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const HUB: &str = "factory-hub";
const HOST: &str = "factory-hub.hub.localhost";
const HUBS: &str = "2023-06-30";
/// Nothing here takes anywhere near this long.
const DEADLINE: Duration = Duration::from_secs(60);

/// A cloud with an active hub and one device, whose primary key is returned.
async fn factory() -> (Cloud, String) {
    let cloud = Cloud::start().await;
    cloud.group().await;
    let body = json!({ "location": "westeurope", "sku": { "name": "S1", "capacity": 1 }, "properties": {} });
    cloud.create(&resource(&format!("Microsoft.Devices/IotHubs/{HUB}")), HUBS, body).await;
    let device = register(&cloud, "machine-1").await;
    let key = device["authentication"]["symmetricKey"]["primaryKey"].as_str().unwrap().to_owned();
    (cloud, key)
}

fn at(cloud: &Cloud, path: &str) -> url::Url {
    let mut url = cloud.at().iot_hub.join(path).unwrap();
    url.set_host(Some(HOST)).unwrap();
    url.query_pairs_mut().append_pair("api-version", "2020-03-13");
    url
}

async fn register(cloud: &Cloud, id: &str) -> Value {
    let body = json!({ "deviceId": id });
    let reply = cloud.send(Method::PUT, at(cloud, &format!("devices/{id}")), Some(&body)).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.body
}

/// Changes whether the device may connect.
async fn enable(cloud: &Cloud, status: &str) {
    let url = at(cloud, "devices/machine-1");
    let body = json!({ "deviceId": "machine-1", "status": status });
    let request = cloud.client.put(url).bearer_auth(&cloud.token).header("if-match", "*").json(&body);
    assert_eq!(request.send().await.unwrap().status(), 200);
}

/// A token for a resource that ends in so many seconds.
fn sign(resource: &str, key: &str, seconds: i64) -> String {
    let escape = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let (resource, end) = (escape(resource), chrono::Utc::now().timestamp() + seconds);
    let mut mac = Hmac::<Sha256>::new_from_slice(&STANDARD.decode(key).unwrap()).unwrap();
    mac.update(format!("{resource}\n{end}").as_bytes());
    let code = escape(&STANDARD.encode(mac.finalize().into_bytes()));
    format!("SharedAccessSignature sr={resource}&sig={code}&se={end}")
}

fn token(key: &str) -> String {
    sign(&format!("{HOST}/devices/machine-1"), key, 3600)
}

/// How many events the hub published; nobody subscribes to any.
async fn published(cloud: &Cloud) -> u64 {
    cloud.control(Method::GET, "events", None).await["unmatched"].as_u64().unwrap()
}

async fn post(cloud: &Cloud, device: &str, token: &str, body: Vec<u8>) -> (u16, Value) {
    let url = at(cloud, &format!("devices/{device}/messages/events"));
    let answer = cloud.client.post(url).header("authorization", token).body(body).send().await.unwrap();
    (answer.status().as_u16(), serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default())
}

#[tokio::test]
async fn over_https_a_device_proves_who_it_is() {
    let (cloud, key) = factory().await;
    assert_eq!(post(&cloud, "machine-1", &token(&key), b"{}".to_vec()).await, (204, Value::Null));
    let hub = resource(&format!("Microsoft.Devices/IotHubs/{HUB}"));
    let keys = cloud.post(&format!("{hub}/listkeys"), HUBS, json!({})).await.body;
    let policy = |name: &str| {
        let found = keys["value"].as_array().unwrap().iter().find(|policy| policy["keyName"] == name).unwrap();
        format!("{}&skn={name}", sign(HOST, found["primaryKey"].as_str().unwrap(), 60))
    };
    assert_eq!(post(&cloud, "machine-1", &policy("device"), Vec::new()).await.0, 204);
    assert_eq!(published(&cloud).await, 2);
    register(&cloud, "machine-2").await;
    let own = format!("{HOST}/devices/machine-1");
    for (device, token) in [
        ("machine-2", token(&key)),
        ("unknown", token(&key)),
        ("machine-1", sign(&own, "b3RoZXI=", 60)),
        ("machine-1", sign(&own, &key, -60)),
        ("machine-1", sign("other.hub.localhost/devices/machine-1", &key, 60)),
        ("machine-1", policy("service")),
        ("machine-1", "Bearer x".to_owned()),
    ] {
        let (status, body) = post(&cloud, device, &token, Vec::new()).await;
        assert_eq!((status, &body["Message"]), (401, &json!("ErrorCode:IotHubUnauthorizedAccess;Unauthorized")));
    }
    enable(&cloud, "disabled").await;
    assert_eq!(post(&cloud, "machine-1", &token(&key), Vec::new()).await.0, 401);
    enable(&cloud, "enabled").await;
    assert_eq!(post(&cloud, "machine-1", &token(&key), vec![b'x'; 256 * 1024 + 1]).await.0, 413);
    assert_eq!(published(&cloud).await, 2, "nothing of what was refused");
    assert_eq!(post(&cloud, "machine-1", &token(&key), vec![b'x'; 256 * 1024]).await.0, 204);
    cloud.running.stop().await;
}

#[tokio::test]
async fn a_hub_that_is_not_active_takes_nothing() {
    let cloud = Cloud::open(tempfile::tempdir().unwrap(), Some(1.0)).await;
    cloud.group().await;
    let (status, body) = post(&cloud, "machine-1", &token("a2V5"), Vec::new()).await;
    assert_eq!((status, body["Message"].as_str().unwrap().split(';').next()), (404, Some("ErrorCode:IotHubNotFound")));
    let body = json!({ "location": "westeurope", "sku": { "name": "S1", "capacity": 1 }, "properties": {} });
    let begun = cloud.put(&resource(&format!("Microsoft.Devices/IotHubs/{HUB}")), HUBS, body).await;
    assert_eq!(begun.status, 201);
    assert_eq!(post(&cloud, "machine-1", &token("a2V5"), Vec::new()).await.0, 409);
    let refused = Wire::open(&cloud).await.connect("machine-1", &token("a2V5"), 60).await;
    assert_eq!(refused.err(), Some(ConnectReturnCode::ServiceUnavailable));
    cloud.running.stop().await;
}

/// An MQTT client that says exactly what it is told to.
struct Wire {
    stream: TlsStream<TcpStream>,
    input: BytesMut,
}

impl Wire {
    async fn open(cloud: &Cloud) -> Self {
        let config = tls::client_config(&cloud.at().ca_pem).unwrap();
        let socket = TcpStream::connect(("127.0.0.1", cloud.at().mqtt.port().unwrap())).await.unwrap();
        let name = HOST.try_into().unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, socket).await.unwrap();
        Self { stream, input: BytesMut::new() }
    }

    async fn send(&mut self, packet: Packet) {
        let mut output = BytesMut::new();
        packet.write(&mut output, 1 << 20).unwrap();
        self.raw(&output).await;
    }

    /// A hub that has heard enough closes before it has read everything: then the answer counts, not the error here.
    async fn raw(&mut self, bytes: &[u8]) {
        if self.stream.write_all(bytes).await.is_ok() {
            let _ = self.stream.flush().await;
        }
    }

    /// The next packet; `None` when the hub has closed the connection.
    async fn next(&mut self) -> Option<Packet> {
        tokio::time::timeout(DEADLINE, async {
            loop {
                match Packet::read(&mut self.input, 1 << 20) {
                    Ok(packet) => return Some(packet),
                    Err(rumqttc::mqttbytes::Error::InsufficientBytes(_)) => {}
                    Err(error) => panic!("the hub does not speak MQTT: {error}"),
                }
                if self.stream.read_buf(&mut self.input).await.unwrap_or_default() == 0 {
                    return None;
                }
            }
        })
        .await
        .expect("the hub answers or closes in time")
    }

    async fn connect(self, id: &str, token: &str, keep_alive: u16) -> Result<Self, ConnectReturnCode> {
        let user = format!("{HOST}/{id}/?api-version=2021-04-12&DeviceClientType=test");
        let mut connect = Connect::new(id);
        connect.keep_alive = keep_alive;
        connect.set_login(user, token);
        self.connect_as(connect).await
    }

    async fn connect_as(mut self, connect: Connect) -> Result<Self, ConnectReturnCode> {
        self.send(Packet::Connect(connect)).await;
        match self.next().await {
            Some(Packet::ConnAck(ack)) if ack.code == ConnectReturnCode::Success => Ok(self),
            Some(Packet::ConnAck(ack)) => {
                assert_eq!(self.next().await, None, "a refused connection is closed");
                Err(ack.code)
            }
            other => panic!("{other:?}"),
        }
    }

    async fn publish(&mut self, topic: &str, qos: QoS, id: u16, body: &[u8]) {
        let mut publish = Publish::new(topic, qos, body);
        publish.pkid = id;
        self.send(Packet::Publish(publish)).await;
    }
}

async fn connected(cloud: &Cloud, key: &str) -> Wire {
    Wire::open(cloud).await.connect("machine-1", &token(key), 60).await.unwrap()
}

const EVENTS: &str = "devices/machine-1/messages/events/%24.ct=application%2Fjson&%24.ce=utf-8";

#[tokio::test]
async fn over_mqtt_a_device_sends_and_is_answered_in_order() {
    let (cloud, key) = factory().await;
    let mut device = connected(&cloud, &key).await;
    assert_eq!(
        cloud.send(Method::GET, at(&cloud, "devices/machine-1"), None).await.body["connectionState"],
        "Connected"
    );
    device.publish(EVENTS, QoS::AtMostOnce, 0, b"{}").await;
    for id in [7, 8] {
        device.publish(EVENTS, QoS::AtLeastOnce, id, b"{}").await;
    }
    device.send(Packet::PingReq).await;
    for id in [7, 8] {
        assert!(matches!(device.next().await, Some(Packet::PubAck(ack)) if ack.pkid == id));
    }
    assert_eq!(device.next().await, Some(Packet::PingResp));
    assert_eq!(published(&cloud).await, 3);
    device.send(Packet::Disconnect).await;
    assert_eq!(device.next().await, None);
    cloud.running.stop().await;
}

#[tokio::test]
async fn over_mqtt_a_device_is_told_what_sdks_ask_for() {
    let (cloud, key) = factory().await;
    let mut device = connected(&cloud, &key).await;
    let filters = [
        ("devices/machine-1/messages/devicebound/#", SubscribeReasonCode::Success(QoS::AtLeastOnce)),
        ("$iothub/twin/res/#", SubscribeReasonCode::Success(QoS::AtLeastOnce)),
        ("$iothub/methods/POST/#", SubscribeReasonCode::Success(QoS::AtLeastOnce)),
        ("devices/machine-2/messages/devicebound/#", SubscribeReasonCode::Failure),
    ];
    for (filter, code) in filters {
        let mut subscribe = Subscribe::new(filter, QoS::ExactlyOnce);
        subscribe.pkid = 3;
        device.send(Packet::Subscribe(subscribe)).await;
        let Some(Packet::SubAck(ack)) = device.next().await else { panic!("{filter} is not answered") };
        assert_eq!((ack.pkid, ack.return_codes), (3, vec![code]), "{filter}");
    }
    device.publish("$iothub/twin/GET/?$rid=42", QoS::AtMostOnce, 0, b"").await;
    let Some(Packet::Publish(twin)) = device.next().await else { panic!("the twin is not answered") };
    assert_eq!(twin.topic, "$iothub/twin/res/200/?$rid=42");
    assert_eq!(serde_json::from_slice::<Value>(&twin.payload).unwrap()["desired"]["$version"], 1);
    let mut unsubscribe = Unsubscribe::new("$iothub/twin/res/#");
    unsubscribe.pkid = 4;
    device.send(Packet::Unsubscribe(unsubscribe)).await;
    assert!(matches!(device.next().await, Some(Packet::UnsubAck(ack)) if ack.pkid == 4));
    cloud.running.stop().await;
}

#[tokio::test]
async fn over_mqtt_whoever_may_not_connect_is_told_why() {
    let (cloud, key) = factory().await;
    let own = format!("{HOST}/devices/machine-1");
    for (id, token, code) in [
        ("machine-1", sign(&own, "b3RoZXI=", 60), ConnectReturnCode::NotAuthorized),
        ("machine-1", sign(&own, &key, -60), ConnectReturnCode::NotAuthorized),
        ("unknown", token(&key), ConnectReturnCode::NotAuthorized),
        ("machine-1", "hunter2".to_owned(), ConnectReturnCode::BadUserNamePassword),
    ] {
        assert_eq!(Wire::open(&cloud).await.connect(id, &token, 60).await.err(), Some(code), "{id}");
    }
    let mut nameless = Connect::new("machine-1");
    nameless.set_login("machine-1", token(&key));
    let refused = Wire::open(&cloud).await.connect_as(nameless).await;
    assert_eq!(refused.err(), Some(ConnectReturnCode::BadUserNamePassword));
    let mut old = Wire::open(&cloud).await;
    old.raw(b"\x10\x0c\x00\x04MQTT\x05\x02\x00\x3c\x00\x00").await;
    let Some(Packet::ConnAck(ack)) = old.next().await else { panic!("MQTT 5 is not answered") };
    assert_eq!(ack.code, ConnectReturnCode::RefusedProtocolVersion);
    for bytes in [&b"\xc0\x00"[..], b"\xf0\x00"] {
        let mut stranger = Wire::open(&cloud).await;
        stranger.raw(bytes).await;
        assert_eq!(stranger.next().await, None, "{bytes:?}");
    }
    // The hub's name may come bare.
    let mut bare = Connect::new("machine-1");
    bare.set_login(format!("{HUB}/machine-1/?api-version=2021-04-12"), token(&key));
    assert!(Wire::open(&cloud).await.connect_as(bare).await.is_ok());
    cloud.running.stop().await;
}

#[tokio::test]
async fn over_mqtt_what_the_hub_does_not_support_ends_the_connection() {
    let (cloud, key) = factory().await;
    for (topic, qos, size) in [
        (EVENTS, QoS::ExactlyOnce, 1),
        ("devices/machine-2/messages/events/", QoS::AtLeastOnce, 1),
        ("anything", QoS::AtMostOnce, 1),
        (EVENTS, QoS::AtLeastOnce, 256 * 1024),
        (EVENTS, QoS::AtLeastOnce, 400 * 1024),
    ] {
        let mut device = connected(&cloud, &key).await;
        device.publish(topic, qos, 1, &vec![b'x'; size]).await;
        assert_eq!(device.next().await, None, "{topic} {qos:?} {size}");
    }
    assert_eq!(published(&cloud).await, 0);
    cloud.running.stop().await;
}

#[tokio::test]
async fn a_connection_ends_with_what_it_stands_on() {
    let (cloud, key) = factory().await;
    let mut first = connected(&cloud, &key).await;
    let mut second = connected(&cloud, &key).await;
    assert_eq!(first.next().await, None, "the device connected again");
    enable(&cloud, "disabled").await;
    assert_eq!(second.next().await, None, "the device was disabled");
    enable(&cloud, "enabled").await;
    let mut silent = Wire::open(&cloud).await.connect("machine-1", &token(&key), 1).await.unwrap();
    assert_eq!(silent.next().await, None, "nothing was heard of it");
    let brief = sign(&format!("{HOST}/devices/machine-1"), &key, 2);
    if let Ok(mut expiring) = Wire::open(&cloud).await.connect("machine-1", &brief, 60).await {
        assert_eq!(expiring.next().await, None, "its token ended");
    }
    let mut deleted = connected(&cloud, &key).await;
    let gone = cloud.send(Method::DELETE, at(&cloud, "devices/machine-1"), None).await;
    assert_eq!((gone.status, deleted.next().await), (204, None));
    let device = register(&cloud, "machine-1").await;
    let key = device["authentication"]["symmetricKey"]["primaryKey"].as_str().unwrap();
    let mut last = connected(&cloud, key).await;
    cloud.running.stop().await;
    assert_eq!(last.next().await, None, "the cloud stopped");
}

#[tokio::test]
async fn faults_hit_mqtt_as_they_hit_requests() {
    let (cloud, key) = factory().await;
    cloud.fault(json!({ "kind": "reply-lost", "service": "mqtt", "method": "PUBLISH" })).await;
    let mut device = connected(&cloud, &key).await;
    device.publish(EVENTS, QoS::AtLeastOnce, 1, b"{}").await;
    assert_eq!((device.next().await, published(&cloud).await), (None, 1), "taken, and not acknowledged");
    let path = "/devices/machine-1/messages/events/*";
    cloud.fault(json!({ "kind": "throttle", "retry_after": 1, "service": "mqtt", "path": path })).await;
    let mut device = connected(&cloud, &key).await;
    device.publish(EVENTS, QoS::AtLeastOnce, 1, b"{}").await;
    assert_eq!((device.next().await, published(&cloud).await), (None, 1), "not taken");
    let mut device = connected(&cloud, &key).await;
    device.publish(EVENTS, QoS::AtLeastOnce, 2, b"{}").await;
    assert!(matches!(device.next().await, Some(Packet::PubAck(ack)) if ack.pkid == 2));
    cloud.running.stop().await;
}
