//! The principal that a token names.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::Error;

/// What a principal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PrincipalKind {
    /// An application or a managed identity.
    ServicePrincipal,
    /// A person.
    User,
}

/// Who we are, as far as the directory cares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// The object id: what role assignments name.
    pub object_id: String,
    /// The tenant.
    pub tenant: String,
    /// What it is.
    pub kind: PrincipalKind,
    /// A name for people: the user's, or the application's id.
    pub name: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    oid: Option<String>,
    tid: Option<String>,
    idtyp: Option<String>,
    upn: Option<String>,
    unique_name: Option<String>,
    app_displayname: Option<String>,
    appid: Option<String>,
    azp: Option<String>,
}

impl Principal {
    /// Reads the claims of an access token.
    ///
    /// The signature is not verified: the token came to us from the authority over TLS, is meant for the service and
    /// verified by it, and a wrong object id here could at most give a role to somebody that our own rights allow.
    ///
    /// # Errors
    /// When the token is not a JWT or names no object id or tenant. The error says nothing of the token.
    pub fn from_token(token: &str) -> Result<Self, Error> {
        let claims = decode(token).ok_or_else(|| Error::permanent("the credential's token cannot be read as a JWT"))?;
        let (Some(object_id), Some(tenant)) = (claims.oid, claims.tid) else {
            return Err(Error::permanent("the credential's token names no object id (oid) or tenant (tid)"));
        };
        let person = claims.upn.or(claims.unique_name);
        let is_user = claims.idtyp.as_deref().map_or(person.is_some(), |kind| kind == "user");
        let kind = if is_user { PrincipalKind::User } else { PrincipalKind::ServicePrincipal };
        let name = person.or(claims.app_displayname).or(claims.appid).or(claims.azp);
        Ok(Self { object_id, tenant, kind, name })
    }
}

fn decode(token: &str) -> Option<Claims> {
    let payload = token.split('.').nth(1)?;
    let bytes = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&bytes).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn token(claims: &serde_json::Value) -> String {
        let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.sig", part(&json!({"alg": "RS256"})), part(claims))
    }

    #[test]
    fn an_application_and_a_person_are_told_apart() {
        let app = json!({"oid": "o", "tid": "t", "idtyp": "app", "appid": "a"});
        let app = Principal::from_token(&token(&app)).expect("claims");
        assert_eq!((app.kind, app.name.as_deref()), (PrincipalKind::ServicePrincipal, Some("a")));
        let person = json!({"oid": "o", "tid": "t", "upn": "ada@example.com", "appid": "cli"});
        let person = Principal::from_token(&token(&person)).expect("claims");
        assert_eq!((person.kind, person.name.as_deref()), (PrincipalKind::User, Some("ada@example.com")));
    }

    #[test]
    fn a_token_that_names_nobody_is_an_error_that_does_not_quote_it() {
        for broken in ["opaque-token", "a.b.c", &token(&json!({"oid": "o"}))] {
            let error = Principal::from_token(broken).expect_err("nobody");
            assert!(!error.to_string().contains(broken));
        }
    }
}
