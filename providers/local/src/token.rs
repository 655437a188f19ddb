//! Who is asking: the OAuth authority, the metadata service, and reading the tokens that they issue.
//!
//! Tokens are JWTs with the claims that clients read, and no signature: presence is all that this cloud checks.

use axum::http::{Method, Request};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::answer::Answer;
use crate::arm;
use crate::cloud::Cloud;
use crate::endpoints::TENANT;
use crate::listen::Service;
use crate::query;
use crate::state::{Principal, Resource, State};

/// How long a token is said to be valid, in seconds.
const LIFETIME: i64 = 86_399;
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
        "id_token_signing_alg_values_supported": ["none"],
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
    format!("{}.{}.{}", encode(json!({ "alg": "none", "typ": "JWT" })), encode(claims), URL_SAFE_NO_PAD.encode("local"))
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
