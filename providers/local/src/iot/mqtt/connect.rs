//! The first packet: who connects, and whether it may.

use std::sync::Arc;
use std::time::Duration;

use rumqttc::mqttbytes::v4::{ConnAck, Connect, ConnectReturnCode, Packet};
use rumqttc::mqttbytes::{Error, Protocol};
use tokio::io::{AsyncRead, AsyncWrite};

use super::super::admission::{self, Refusal, Sender};
use super::super::hub::{self, Missing};
use super::wire::Wire;
use super::{Connected, End, FAULTS, before};
use crate::cloud::Cloud;
use crate::faults::{Kind, Target};

/// How long a connection may be there without a CONNECT.
const DEADLINE: Duration = Duration::from_secs(30);
/// The longest silence, in seconds: a keep-alive of none, or one and a half times a longer one, counts as this.
const LONGEST_SILENCE: f64 = 1767.0;

/// Waits for a CONNECT and answers it.
pub(super) async fn accept<'a, S>(cloud: &'a Arc<Cloud>, wire: &mut Wire<S>) -> Result<Connected<'a>, End>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let first = tokio::select! {
        first = tokio::time::timeout(DEADLINE, first(wire)) => first.unwrap_or(Err(End::NotConnected)),
        () = cloud.stop.cancelled() => Err(End::Stopped),
    };
    let connect = match first {
        Ok(connect) if connect.protocol == Protocol::V4 => connect,
        // The codec goes on to read a CONNECT of version 5 as if it were one of ours.
        Ok(_) | Err(End::Malformed(Error::InvalidProtocolLevel(_))) => {
            return Err(refuse(wire, ConnectReturnCode::RefusedProtocolVersion).await);
        }
        Err(end) => return Err(end),
    };
    let path = format!("/devices/{}", connect.client_id);
    let hits = cloud.faults.hit(Target { service: FAULTS, method: "CONNECT", path: &path });
    before(cloud, &hits).await?;
    let sender = match admit(cloud, &connect) {
        Ok(sender) => sender,
        Err(code) => return Err(refuse(wire, code).await),
    };
    let session = cloud.devices.open(&sender.hub.name, &sender.device);
    // Whoever disabled or deleted the device in between found no session to end.
    if !admission::is_still_admitted(cloud, &sender) {
        return Err(refuse(wire, ConnectReturnCode::NotAuthorized).await);
    }
    if hits.contains(&Kind::ReplyLost) {
        return Err(End::OnDemand);
    }
    wire.put(&Packet::ConnAck(ConnAck::new(ConnectReturnCode::Success, false)));
    wire.flush().await?;
    let patience = patience(connect.keep_alive);
    Ok(Connected { sender, session, patience, hears_of_twin: false })
}

async fn first<S>(wire: &mut Wire<S>) -> Result<Connect, End>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        match wire.next()? {
            Some(Packet::Connect(connect)) => return Ok(connect),
            Some(_) => return Err(End::NotConnected),
            None => wire.fill().await?,
        }
    }
}

async fn refuse<S>(wire: &mut Wire<S>, code: ConnectReturnCode) -> End
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    wire.put(&Packet::ConnAck(ConnAck::new(code, false)));
    wire.flush().await.err().unwrap_or(End::Refused(code))
}

fn patience(keep_alive: u16) -> Duration {
    let asked = if keep_alive == 0 { f64::INFINITY } else { f64::from(keep_alive) * 1.5 };
    Duration::from_secs_f64(asked.min(LONGEST_SILENCE))
}

/// Lets a device in by its credentials: 4 when they have no form, 5 when they are worth nothing.
fn admit(cloud: &Cloud, connect: &Connect) -> Result<Sender, ConnectReturnCode> {
    let login = connect.login.as_ref().ok_or(ConnectReturnCode::BadUserNamePassword)?;
    let (host, device) = names(&login.username).ok_or(ConnectReturnCode::BadUserNamePassword)?;
    if device != connect.client_id || !login.password.starts_with("SharedAccessSignature ") {
        return Err(ConnectReturnCode::BadUserNamePassword);
    }
    let hub = hub_of(host).or_else(|| hub::only(&cloud.state())).ok_or(ConnectReturnCode::NotAuthorized)?;
    admission::admit(cloud, &hub, device, &login.password).map_err(|refusal| match refusal {
        Refusal::Hub(Missing::NotActive(_)) | Refusal::State => ConnectReturnCode::ServiceUnavailable,
        Refusal::Hub(_) | Refusal::Unauthorized => ConnectReturnCode::NotAuthorized,
    })
}

/// Host and device of a user name, `{host}/{device}/?api-version=...`; modules are not served.
fn names(user: &str) -> Option<(&str, &str)> {
    let user = user.split('?').next()?;
    let (host, device) = user.strip_suffix('/').unwrap_or(user).split_once('/')?;
    (!host.is_empty() && !device.is_empty() && !device.contains('/')).then_some((host, device))
}

/// The hub that a host name names: `{hub}.hub.localhost`, or the bare name. A plain host names none.
fn hub_of(host: &str) -> Option<String> {
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host).to_lowercase();
    match host.strip_suffix(&format!(".{}.localhost", hub::ZONE)) {
        Some(hub) => Some(hub.to_owned()),
        None => (!host.contains('.') && host != "localhost").then_some(host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_name_holds_host_and_device() {
        for user in [
            "h.hub.localhost/d/?api-version=2019-10-01&DeviceClientType=x%2F1",
            "h.hub.localhost/d/",
            "h.hub.localhost/d",
        ] {
            assert_eq!(names(user), Some(("h.hub.localhost", "d")), "{user}");
        }
        for bad in ["", "h", "h/", "/d", "h/?api-version=1", "h/device/module/?api-version=1"] {
            assert_eq!(names(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_host_names_its_hub() {
        assert_eq!(hub_of("Factory.hub.localhost:8883").as_deref(), Some("factory"));
        assert_eq!(hub_of("factory").as_deref(), Some("factory"));
        for plain in ["localhost", "127.0.0.1", "factory.azure-devices.net"] {
            assert_eq!(hub_of(plain), None, "{plain}");
        }
    }

    #[test]
    fn silence_is_borne_for_one_and_a_half_times_the_keep_alive() {
        assert_eq!(patience(60), Duration::from_secs(90));
        assert_eq!(patience(0), Duration::from_secs(1767));
        assert_eq!(patience(u16::MAX), Duration::from_secs(1767));
    }
}
