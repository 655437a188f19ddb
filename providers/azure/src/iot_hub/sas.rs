//! Shared access signatures: the tokens that a device makes itself from its key.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use azure_core::http::{
    Context, Request, StatusCode,
    policies::{Policy, PolicyResult},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use url::{Url, form_urlencoded};

use crate::{Error, auth, credentials::Secret};

/// How long a token holds.
const LIFETIME: Duration = Duration::from_secs(3600);
/// How long before its end it is replaced: clocks differ, and a request takes its time.
const MARGIN: Duration = Duration::from_secs(300);

/// Makes the token `SharedAccessSignature sr=...&sig=...&se=...` for a resource (`{host}/devices/{id}`), which ends at `end`
/// (seconds since 1970). `key` is the decoded key.
pub(crate) fn token(resource: &str, key: &[u8], end: u64) -> String {
    let escaped = escape(resource);
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(format!("{escaped}\n{end}").as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    format!("SharedAccessSignature sr={escaped}&sig={}&se={end}", escape(&signature))
}

/// Percent-encodes; a space never occurs in what is escaped here, so that `+` does not either.
fn escape(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Puts a device's token on requests to its hub; the token is made once and renewed ahead of its end.
pub(crate) struct Tokens {
    home: Url,
    resource: String,
    key: Vec<u8>,
    cached: Mutex<Option<(String, SystemTime)>>,
}

impl Tokens {
    pub(crate) fn new(home: &Url, device: &str, key: &Secret) -> Result<Self, Error> {
        let key = STANDARD
            .decode(key.expose())
            .map_err(|_| Error::permanent(format!("use the key of device {device:?}: it is not base64")))?;
        let resource = format!("{}/devices/{device}", home.host_str().unwrap_or_default());
        Ok(Self { home: home.clone(), resource, key, cached: Mutex::default() })
    }

    fn token(&self, now: SystemTime) -> String {
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((token, _)) = cached.as_ref().filter(|(_, end)| *end > now + MARGIN) {
            return token.clone();
        }
        let end = now + LIFETIME;
        let seconds = end.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let made = token(&self.resource, &self.key, seconds);
        *cached = Some((made.clone(), end));
        made
    }

    fn forget(&self) {
        *self.cached.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("resource", &self.resource).finish_non_exhaustive()
    }
}

// The trait elides the context's lifetime, and under async_trait an implementation has to as well.
#[allow(elided_lifetimes_in_paths)]
#[async_trait]
impl Policy for Tokens {
    async fn send(&self, ctx: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        auth::check(&self.home, request.url())?;
        request.insert_header("authorization", self.token(SystemTime::now()));
        let response = next[0].send(ctx, request, &next[1..]).await?;
        if response.status() == StatusCode::Unauthorized {
            // This machine's clock may have been set since: the next attempt brings another one.
            self.forget();
        }
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_what_microsofts_own_sdk_makes() {
        // azure-iot-device 2.14.0: SasToken(uri, SymmetricKeySigningMechanism("c2VjcmV0IGtleQ==")) at that end.
        let made = token("hub.azure-devices.net/devices/machine-1", b"secret key", 1_700_000_000);
        assert_eq!(
            made,
            "SharedAccessSignature sr=hub.azure-devices.net%2Fdevices%2Fmachine-1&sig=cbHas3wQah3QUlCDYCVp2%2B5pZbYV5Xlu2OHUDnmXabk%3D&se=1700000000"
        );
    }

    #[test]
    fn a_token_is_used_until_shortly_before_its_end() {
        let home = Url::parse("https://hub.hub.localhost:4123/").expect("a URL");
        let tokens = Tokens::new(&home, "m", &Secret::from("c2VjcmV0IGtleQ==")).expect("base64");
        let start = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let first = tokens.token(start);
        assert!(first.contains("sr=hub.hub.localhost%2Fdevices%2Fm&"), "no port: {first}");
        assert_eq!(tokens.token(start + LIFETIME - MARGIN - Duration::from_secs(1)), first);
        assert_ne!(tokens.token(start + LIFETIME - MARGIN), first);
        assert!(!format!("{tokens:?}").contains("secret"));
    }

    #[test]
    fn a_key_that_is_not_base64_is_refused_unseen() {
        let home = Url::parse("https://h/").expect("a URL");
        let error = Tokens::new(&home, "m", &Secret::from("hunter2 ")).expect_err("not base64");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
