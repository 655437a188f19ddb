//! Shared access signatures: `SharedAccessSignature sr={resource}&sig={signature}&se={end}[&skn={policy}]`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::hub;
use crate::query;

/// Host names under which any hub is reached, besides its own.
const PLAIN_HOSTS: [&str; 2] = ["localhost", "127.0.0.1"];

/// A token as it was sent; whether it is worth anything is for the caller to find out.
pub(super) struct Signature {
    resource: String,
    /// What was signed.
    text: String,
    code: Vec<u8>,
    end: DateTime<Utc>,
    policy: Option<String>,
}

impl Signature {
    /// Reads a token; `None` when it is none, lacks a field or has one twice.
    pub(super) fn parse(token: &str) -> Option<Self> {
        let fields = token.trim().strip_prefix("SharedAccessSignature ")?;
        let field = |name: &str| {
            let mut found = fields.split('&').filter_map(|field| field.trim().split_once('='));
            let value = found.find(|(key, _)| *key == name)?.1;
            found.all(|(key, _)| key != name).then_some(value)
        };
        let (resource, end) = (field("sr")?, field("se")?);
        let seconds: i64 = end.parse().ok()?;
        Some(Self {
            text: format!("{resource}\n{end}"),
            resource: query::decode(resource),
            code: STANDARD.decode(query::decode(field("sig")?)).ok()?,
            end: DateTime::from_timestamp(seconds, 0).unwrap_or(DateTime::<Utc>::MAX_UTC),
            policy: field("skn").map(query::decode).filter(|policy| !policy.is_empty()),
        })
    }

    /// The moment from which it is worth nothing.
    pub(super) fn end(&self) -> DateTime<Utc> {
        self.end
    }

    /// The shared access policy whose key signed it; the device's own key did when there is none.
    pub(super) fn policy(&self) -> Option<&str> {
        self.policy.as_deref()
    }

    /// Whether it covers what a device does at a hub: its resource is a prefix of that, by whole segments.
    pub(super) fn covers(&self, hub: &str, device: &str) -> bool {
        let mut given = self.resource.split('/').filter(|segment| !segment.is_empty());
        let host = given.next().unwrap_or_default();
        let host = host.rsplit_once(':').map_or(host, |(host, _)| host).to_lowercase();
        let known = host == format!("{}.{}.localhost", hub.to_lowercase(), hub::ZONE);
        let mut asked = ["devices", device, "messages", "events"].into_iter();
        (known || PLAIN_HOSTS.contains(&host.as_str())) && given.all(|segment| asked.next() == Some(segment))
    }

    /// Whether this key (base64) signed it; takes the same time whatever the answer.
    pub(super) fn is_by(&self, key: &str) -> bool {
        let Ok(key) = STANDARD.decode(key) else { return false };
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else { return false };
        mac.update(self.text.as_bytes());
        mac.verify_slice(&self.code).is_ok()
    }
}

#[cfg(test)]
pub(super) fn sign(resource: &str, key: &str, end: i64) -> String {
    let escape = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let resource = escape(resource);
    let mut mac = Hmac::<Sha256>::new_from_slice(&STANDARD.decode(key).expect("base64")).expect("any length");
    mac.update(format!("{resource}\n{end}").as_bytes());
    let code = escape(&STANDARD.encode(mac.finalize().into_bytes()));
    format!("SharedAccessSignature sr={resource}&sig={code}&se={end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What azure-iot-device 2.14.0 made of the key `secret key`.
    const TOKEN: &str = "SharedAccessSignature sr=hub.hub.localhost%2Fdevices%2Fmachine-1&sig=l6dbGRRNaJM4QiHoc1Zq%2FZruI3jV0WQjsqVEVkyOlYM%3D&se=1700000000";
    const KEY: &str = "c2VjcmV0IGtleQ==";

    #[test]
    fn microsofts_own_token_is_understood() {
        let signature = Signature::parse(TOKEN).expect("a token");
        assert!(signature.is_by(KEY) && !signature.is_by("b3RoZXI=") && !signature.is_by("no base64"));
        assert!(signature.covers("Hub", "machine-1"));
        assert!(!signature.covers("hub", "machine-10") && !signature.covers("other", "machine-1"));
        assert_eq!(signature.end().timestamp(), 1_700_000_000);
        assert_eq!(signature.policy(), None);
    }

    #[test]
    fn every_change_breaks_the_signature() {
        for (from, to) in [("machine-1", "machine-2"), ("se=1700000000", "se=1700000001"), ("sr=hub", "sr=Hub")] {
            let changed = TOKEN.replace(from, to);
            assert!(!Signature::parse(&changed).expect("a token").is_by(KEY), "{changed}");
        }
    }

    #[test]
    fn the_resource_is_a_prefix_by_segments() {
        let covers = |resource: &str| Signature::parse(&sign(resource, KEY, 1)).expect("a token").covers("h", "d");
        for good in [
            "h.hub.localhost",
            "h.hub.localhost/devices",
            "h.hub.localhost:4123/devices/d",
            "localhost/devices/d/messages/events",
        ] {
            assert!(covers(good), "{good}");
        }
        for bad in
            ["", "/devices/d", "h.hub.localhost/devices/d/twin", "h.hub.localhost/device", "evil.example/devices/d"]
        {
            assert!(!covers(bad), "{bad}");
        }
    }

    #[test]
    fn what_is_no_token_is_none() {
        for bad in [
            "",
            "Bearer x",
            "SharedAccessSignature ",
            "SharedAccessSignature sr=a&sig=b",
            "SharedAccessSignature sr=a&sig=%%%&se=1",
            "SharedAccessSignature sr=a&sig=YQ==&se=soon",
            "SharedAccessSignature sr=a&sr=b&sig=YQ==&se=1",
        ] {
            assert!(Signature::parse(bad).is_none(), "{bad}");
        }
    }
}
