//! Signatures of webhooks, as the Standard Webhooks specification has them (version 1.0.0,
//! <https://github.com/standard-webhooks/standard-webhooks>): `v1,<base64 of HMAC-SHA256 over "id.timestamp.body">`.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use super::Secret;
use crate::{Event, names};

/// The message's id: the same for the same events, and without a full stop, which separates what is signed.
pub(super) fn message_id(batch: &[Event]) -> String {
    let ids: Vec<&str> = batch.iter().map(|event| event.id.as_str()).collect();
    format!("msg_{}", names::digest(ids.join("\n").as_bytes(), 16))
}

/// The value of `webhook-signature`; the time is in seconds since 1970.
pub(super) fn sign(secret: &Secret, id: &str, timestamp: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.bytes()).expect("HMAC takes keys of every length");
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's reference libraries.
    #[test]
    fn the_published_example_is_signed_as_published() {
        let secret = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = br#"{"test": 2432232314}"#;
        let signature = sign(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
