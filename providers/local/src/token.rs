//! Who is asking: the OAuth authority, the metadata service, and reading the tokens that they issue.
//!
//! Tokens are JWTs with the claims that clients read, signed with a key of the folder (HS256). Presence is all that this
//! cloud checks of them, except where roles are enforced.

use std::fmt;
use std::io;
use std::path::Path;

use axum::http::{Method, Request};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use uuid::Uuid;

use crate::answer::Answer;
use crate::arm;
use crate::cloud::Cloud;
use crate::endpoints::TENANT;
use crate::keep;
use crate::listen::Service;
use crate::query;
use crate::state::{Principal, Resource, State};

/// How long a token is said to be valid, in seconds.
const LIFETIME: i64 = 86_399;
/// How far ahead the clock of whoever issued a token may be, in seconds.
const SKEW: i64 = 300;
/// The file of the key that tokens are signed with.
pub(crate) const KEY_FILE: &str = "token.key";
/// The client id of the machine's own identity, which the metadata service hands out when none is asked for.
const MACHINE: &str = "10ca1000-1de4-5c21-9a70-10ca10000003";

/// Serves the OAuth authority.
pub(crate) fn login(cloud: &Cloud, request: &Request<Bytes>) -> Answer {
    let parts = query::segments(request.uri().path());
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match (request.method(), parts.as_slice()) {
        (&Method::POST, [tenant, "oauth2", "v2.0", "token"]) if is_tenant(tenant) => grant(cloud, request),
        (&Method::POST, [tenant, "oauth2", "v2.0", "token"]) => {
            refused("invalid_request", &format!("AADSTS90002: Tenant '{tenant}' not found."))
        }
        (&Method::GET, [_, "v2.0", ".well-known", "openid-configuration"]) => Answer::json(200, discovery(cloud)),
        (&Method::GET, ["common", "discovery", "instance"]) => {
            let base = cloud.hosts.base(Service::Login);
            let endpoint = format!("{base}/{TENANT}/v2.0/.well-known/openid-configuration");
            Answer::json(200, json!({ "tenant_discovery_endpoint": endpoint, "api-version": "1.1", "metadata": [] }))
        }
        _ => Answer::not_implemented("this request to the OAuth authority", request),
    }
}

fn is_tenant(tenant: &str) -> bool {
    [TENANT, "common", "organizations"].contains(&tenant.to_lowercase().as_str())
}

fn grant(cloud: &Cloud, request: &Request<Bytes>) -> Answer {
    let form = |name: &str| {
        let mut pairs = url::form_urlencoded::parse(request.body());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).filter(|value| !value.is_empty())
    };
    if form("grant_type").as_deref() != Some("client_credentials") {
        return refused("unsupported_grant_type", "AADSTS70003: The app requested an unsupported grant type.");
    }
    let Some(client) = form("client_id") else {
        return refused("invalid_request", "AADSTS900144: The request body must contain 'client_id'.");
    };
    if form("client_secret").or_else(|| form("client_assertion")).is_none() {
        let message = "AADSTS7000218: The request body must contain 'client_assertion' or 'client_secret'.";
        return refused("invalid_client", message);
    }
    let Some(scope) = form("scope") else {
        return refused("invalid_request", "AADSTS900144: The request body must contain 'scope'.");
    };
    let oid = Uuid::new_v5(&Uuid::NAMESPACE_OID, client.as_bytes()).to_string();
    let mut state = cloud.state();
    remember(&mut state, &oid, &client);
    if let Some(failed) = arm::persist(cloud, &mut state, Vec::new()) {
        return failed;
    }
    let token = issue(cloud, &oid, &client, scope.trim_end_matches("/.default"));
    Answer::json(
        200,
        json!({ "token_type": "Bearer", "expires_in": LIFETIME, "ext_expires_in": LIFETIME, "access_token": token }),
    )
}

fn refused(error: &str, description: &str) -> Answer {
    Answer::json(400, json!({ "error": error, "error_description": description }))
}

fn discovery(cloud: &Cloud) -> Value {
    let base = format!("{}/{TENANT}", cloud.hosts.base(Service::Login));
    json!({
        "issuer": format!("{base}/v2.0"),
        "token_endpoint": format!("{base}/oauth2/v2.0/token"),
        "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"),
        "jwks_uri": format!("{base}/discovery/v2.0/keys"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
        "response_types_supported": ["token"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["HS256"],
    })
}

/// Serves the instance metadata service and App Service's identity endpoint.
pub(crate) fn metadata(cloud: &Cloud, request: &Request<Bytes>) -> Answer {
    let marked = match request.uri().path() {
        "/metadata/identity/oauth2/token" => query::header(request, "metadata") == Some("true"),
        "/msi/token" => query::header(request, "x-identity-header").is_some(),
        _ => return Answer::not_implemented("this request to the metadata service", request),
    };
    if !marked {
        return refused("invalid_request", "Required metadata header not specified");
    }
    let Some(audience) = query::value(request, "resource") else {
        return refused("invalid_request", "Required query variable 'resource' is missing");
    };
    let wanted = ["client_id", "mi_res_id", "principal_id", "object_id"];
    let wanted = wanted.iter().find_map(|name| query::value(request, name));
    let mut state = cloud.state();
    let Some((oid, client)) = identity(&mut state, wanted.as_deref()) else {
        return refused("invalid_request", "Identity not found");
    };
    if let Some(failed) = arm::persist(cloud, &mut state, Vec::new()) {
        return failed;
    }
    let expires = cloud.clock.now().timestamp() + LIFETIME;
    Answer::json(
        200,
        json!({
            "access_token": issue(cloud, &oid, &client, &audience),
            "client_id": client,
            "expires_in": LIFETIME.to_string(),
            "expires_on": expires.to_string(),
            "not_before": (expires - LIFETIME).to_string(),
            "resource": audience,
            "token_type": "Bearer",
        }),
    )
}

/// Object and client id of the identity that is wanted by client id, resource id or principal id.
fn identity(state: &mut State, wanted: Option<&str>) -> Option<(String, String)> {
    let Some(wanted) = wanted else {
        let oid = Uuid::new_v5(&Uuid::NAMESPACE_OID, MACHINE.as_bytes()).to_string();
        remember(state, &oid, MACHINE);
        return Some((oid, MACHINE.to_owned()));
    };
    state.all::<Resource>().values().find_map(|found| {
        let ids = [found.minted("clientId"), found.minted("principalId"), &found.id];
        let fits = found.kind == "Microsoft.ManagedIdentity/userAssignedIdentities"
            && ids.iter().any(|id| id.eq_ignore_ascii_case(wanted));
        fits.then(|| (found.minted("principalId").to_owned(), found.minted("clientId").to_owned()))
    })
}

fn issue(cloud: &Cloud, oid: &str, client: &str, audience: &str) -> String {
    let now = cloud.clock.now().timestamp();
    let claims = json!({
        "aud": audience,
        "iss": format!("{}/{TENANT}/v2.0", cloud.hosts.base(Service::Login)),
        "iat": now, "nbf": now, "exp": now + LIFETIME,
        "appid": client, "azp": client, "oid": oid, "sub": oid, "tid": TENANT, "idtyp": "app", "ver": "1.0",
    });
    let encode = |part: Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let signed = format!("{}.{}", encode(json!({ "alg": "HS256", "typ": "JWT" })), encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(cloud.token_key.mac(&signed).finalize().into_bytes());
    format!("{signed}.{signature}")
}

/// The key that tokens are signed with; a folder keeps its key, so that tokens outlive the process.
pub(crate) struct Key(Vec<u8>);

impl Key {
    /// Reads the folder's key; draws it on first use.
    pub(crate) fn open(dir: &Path) -> io::Result<Self> {
        let path = dir.join(KEY_FILE);
        if let Some(key) = keep::read(&path)?.filter(|key| !key.is_empty()) {
            return Ok(Self(key));
        }
        let key = arm::types::key(32).into_bytes();
        keep::write(&path, &key)?;
        Ok(Self(key))
    }

    fn mac(&self, signed: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(signed.as_bytes());
        mac
    }

    /// Whether the token was signed with this key; takes the same time wherever the signature differs.
    fn has_signed(&self, token: &str) -> bool {
        let Some((signed, signature)) = token.rsplit_once('.') else { return false };
        URL_SAFE_NO_PAD.decode(signature).is_ok_and(|signature| self.mac(signed).verify_slice(&signature).is_ok())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// The object id of whoever a token was issued to, by this cloud, for one of these audiences, and is valid now.
pub(crate) fn verified(cloud: &Cloud, token: &str, audiences: &[&str]) -> Option<String> {
    if !cloud.token_key.has_signed(token) {
        return None;
    }
    let (claims, now) = (claims(token)?, cloud.clock.now().timestamp());
    let audience = claims["aud"].as_str()?.trim_end_matches('/');
    let is_for_us = audiences.iter().any(|known| known.eq_ignore_ascii_case(audience));
    let is_valid = claims["exp"].as_i64()? > now && claims["nbf"].as_i64()? <= now + SKEW;
    (is_for_us && is_valid).then(|| claims["oid"].as_str().map(str::to_owned)).flatten()
}

/// The object id in a token's claims; `None` when the token is no JWT or has none.
pub(crate) fn object_id(token: &str) -> Option<String> {
    claims(token)?["oid"].as_str().map(str::to_owned)
}

fn claims(token: &str) -> Option<Value> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&claims).ok()
}

/// Makes the caller a principal that roles can be assigned to, as every caller of the real cloud is.
pub(crate) fn remember_caller(state: &mut State, token: &str) {
    let claims = claims(token).unwrap_or_default();
    if let Some(oid) = claims["oid"].as_str() {
        remember(state, oid, claims["appid"].as_str().unwrap_or_default());
    }
}

fn remember(state: &mut State, oid: &str, client: &str) {
    if state.get::<Principal>(oid).is_none() {
        state.set(oid, Principal { client: client.to_owned() });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::clock::Clock;
    use crate::cloud::Hosts;
    use crate::faults::Faults;

    #[test]
    fn a_token_is_valid_for_its_audience_until_it_has_expired() {
        let dir = tempfile::tempdir().expect("a scratch folder");
        let clock = Clock::manual(chrono::DateTime::UNIX_EPOCH, None);
        let hosts = Hosts::new(Default::default());
        let cloud = Cloud::open(dir.path(), clock, Faults::default(), hosts, "i", CancellationToken::new());
        let cloud = cloud.expect("opens");
        let token = issue(&cloud, "oid-1", "client", "https://vault.example/");
        let verified = |audience| verified(&cloud, &token, &[audience]);
        assert_eq!(verified("https://vault.example").as_deref(), Some("oid-1"));
        assert_eq!(verified("https://other.example"), None);
        cloud.clock.advance(Duration::from_secs(LIFETIME.unsigned_abs() - 1));
        assert!(verified("https://vault.example").is_some());
        cloud.clock.advance(Duration::from_secs(1));
        assert_eq!(verified("https://vault.example"), None);
    }

    #[test]
    fn a_folder_keeps_its_key_to_itself() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().expect("a scratch folder");
        let (first, second) = (Key::open(dir.path()).expect("drawn"), Key::open(dir.path()).expect("read"));
        assert_eq!(first.0, second.0);
        let mode = std::fs::metadata(dir.path().join(KEY_FILE)).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(format!("{first:?}"), "Key(..)");
    }
}
