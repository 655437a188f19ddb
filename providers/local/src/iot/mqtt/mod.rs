//! MQTT 3.1.1 as the hub speaks it: devices send, everything else is what their SDKs need to see to get that far.
//!
//! The packets are the codec's, the conversation is ours. One task per connection; a packet is answered before the next
//! is looked at, so that acknowledgements leave in order.

mod connect;
mod topic;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{Packet, PubAck, Publish, SubAck, Subscribe, SubscribeReasonCode, UnsubAck};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::admission::{self, Sender};
use super::message::{self, LARGEST};
use super::session::Session;
use crate::cloud::Cloud;
use crate::faults::{Kind, Target};
use topic::Topic;
use wire::Wire;

/// The name under which faults aim at it.
const FAULTS: &str = "mqtt";
/// Why no connection is timed for longer: far ends overflow clocks.
const FAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error("the device disconnected")]
    Disconnected,
    #[error("the connection was lost")]
    Lost(#[from] std::io::Error),
    #[error("the device sent what is not MQTT 3.1.1: {0}")]
    Malformed(rumqttc::mqttbytes::Error),
    #[error("the device did not connect first, or not in time")]
    NotConnected,
    #[error("the connection was refused: {0:?}")]
    Refused(rumqttc::mqttbytes::v4::ConnectReturnCode),
    #[error("the hub does not support {0}")]
    Unsupported(&'static str),
    #[error("the message is larger than {LARGEST} bytes")]
    TooLarge,
    #[error("another connection took its place, or its identity was disabled or deleted")]
    Superseded,
    #[error("its token has ended")]
    Expired,
    #[error("nothing was heard from it for one and a half times its keep-alive")]
    Silent,
    #[error("the event could not be written")]
    Unwritten(#[source] std::io::Error),
    #[error("a fault was asked for")]
    OnDemand,
    #[error("the cloud stops")]
    Stopped,
}

/// Serves one MQTT connection, its TLS handshake done, until either side ends it or the cloud stops.
pub(crate) async fn serve(cloud: Arc<Cloud>, stream: impl AsyncRead + AsyncWrite + Unpin + Send) {
    let mut wire = Wire::new(stream);
    let end = match connect::accept(&cloud, &mut wire).await {
        Ok(connected) => converse(&cloud, &mut wire, connected).await,
        Err(end) => end,
    };
    tracing::debug!(%end, "a device's connection ended");
    wire.close().await;
}

/// A device that is connected.
struct Connected<'a> {
    sender: Sender,
    session: Session<'a>,
    /// How long it may be silent.
    patience: Duration,
    /// Whether it wants to hear of its twin.
    hears_of_twin: bool,
}

/// Answers packets until the connection has to end.
async fn converse<S>(cloud: &Arc<Cloud>, wire: &mut Wire<S>, mut connected: Connected<'_>) -> End
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let left = (connected.sender.until - cloud.clock.now()).to_std().unwrap_or_default();
    let expiry = Instant::now() + left.min(FAR);
    let mut heard = Instant::now();
    loop {
        match answer_all(cloud, wire, &mut connected).await {
            Ok(0) => {}
            Ok(_) => heard = Instant::now(),
            Err(end) => {
                // What was answered before the end came is still owed to the device.
                return wire.flush().await.err().unwrap_or(end);
            }
        }
        tokio::select! {
            read = wire.fill() => if let Err(end) = read { return end },
            () = cloud.stop.cancelled() => return End::Stopped,
            () = connected.session.ended() => return End::Superseded,
            () = tokio::time::sleep_until(expiry) => return End::Expired,
            () = tokio::time::sleep_until(heard + connected.patience) => return End::Silent,
        }
    }
}

/// Answers every packet that is there; returns how many they were.
async fn answer_all<S>(cloud: &Arc<Cloud>, wire: &mut Wire<S>, connected: &mut Connected<'_>) -> Result<usize, End>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut count = 0;
    while let Some(packet) = wire.next()? {
        count += 1;
        match packet {
            Packet::Publish(publish) => take(cloud, wire, connected, publish).await?,
            Packet::Subscribe(subscribe) => grant(wire, connected, &subscribe),
            Packet::Unsubscribe(unsubscribe) => wire.put(&Packet::UnsubAck(UnsubAck::new(unsubscribe.pkid))),
            Packet::PingReq => wire.put(&Packet::PingResp),
            // Acknowledges what was sent to it, which is nothing that is kept.
            Packet::PubAck(_) => {}
            Packet::Disconnect => return Err(End::Disconnected),
            Packet::PubRec(_) | Packet::PubRel(_) | Packet::PubComp(_) => return Err(End::Unsupported("QoS 2")),
            _ => return Err(End::Unsupported("a second CONNECT, or packets that only a server sends")),
        }
    }
    wire.flush().await?;
    Ok(count)
}

/// Takes what a device published, and acknowledges it once its effect is there.
async fn take<S>(
    cloud: &Arc<Cloud>,
    wire: &mut Wire<S>,
    connected: &Connected<'_>,
    publish: Publish,
) -> Result<(), End> {
    if publish.qos == QoS::ExactlyOnce {
        return Err(End::Unsupported("QoS 2"));
    }
    let path = format!("/{}", publish.topic.split('?').next().unwrap_or_default());
    let hits = cloud.faults.hit(Target { service: FAULTS, method: "PUBLISH", path: &path });
    before(cloud, &hits).await?;
    match topic::read(&publish.topic, &connected.sender.device) {
        Some(Topic::Telemetry(bag)) => {
            let mut message = topic::message(bag, publish.payload.clone());
            if publish.retain {
                // The hub retains nothing; it says that it was asked to.
                message.properties.insert("mqtt-retain".to_owned(), "true".to_owned());
            }
            if message.size() > LARGEST {
                return Err(End::TooLarge);
            }
            if !admission::is_still_admitted(cloud, &connected.sender) {
                return Err(End::Superseded);
            }
            message::publish(cloud, &connected.sender, &message).map_err(End::Unwritten)?;
        }
        Some(Topic::Twin { status, request, body }) if connected.hears_of_twin => {
            let topic = format!("$iothub/twin/res/{status}/?$rid={request}");
            wire.put(&Packet::Publish(Publish::new(topic, QoS::AtMostOnce, body)));
        }
        // Answers to methods that nobody invoked, and twin requests whose answer nobody would hear.
        Some(_) => {}
        None => return Err(End::Unsupported("that topic")),
    }
    if hits.contains(&Kind::ReplyLost) {
        return Err(End::OnDemand);
    }
    if publish.qos == QoS::AtLeastOnce {
        wire.put(&Packet::PubAck(PubAck::new(publish.pkid)));
    }
    Ok(())
}

/// Grants the subscriptions that SDKs ask for; nothing but twin answers is ever sent to them.
fn grant<S>(wire: &mut Wire<S>, connected: &mut Connected<'_>, subscribe: &Subscribe) {
    let mut codes = Vec::new();
    for filter in &subscribe.filters {
        let granted = topic::is_for_devices(&filter.path, &connected.sender.device);
        connected.hears_of_twin |= granted && filter.path == topic::TWIN_ANSWERS;
        let qos = if filter.qos == QoS::AtMostOnce { QoS::AtMostOnce } else { QoS::AtLeastOnce };
        codes.push(if granted { SubscribeReasonCode::Success(qos) } else { SubscribeReasonCode::Failure });
    }
    wire.put(&Packet::SubAck(SubAck::new(subscribe.pkid, codes)));
}

/// Faults that come before any effect: a delay, or the end.
async fn before(cloud: &Cloud, hits: &[Kind]) -> Result<(), End> {
    for hit in hits {
        match hit {
            Kind::Latency { milliseconds } => {
                let latency = tokio::time::sleep(Duration::from_millis(*milliseconds));
                tokio::select! { () = latency => {}, () = cloud.stop.cancelled() => return Err(End::Stopped) }
            }
            Kind::Throttle { .. } | Kind::Error { .. } => return Err(End::OnDemand),
            _ => {}
        }
    }
    Ok(())
}
