//! Who asks: the account and region that a request's credentials are scoped to.
//!
//! The signature itself is not checked; that there is one is (AWS Signature Version 4).

use axum::http::Request;
use bytes::Bytes;

use super::refusal::Refusal;
use crate::query;

/// The account of access keys that are no account's number.
const NOBODY: &str = "000000000000";
/// The service that credentials must be scoped to.
const SCOPE: &str = "iottwinmaker";

/// An account in a region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) account: String,
    pub(super) region: String,
}

impl Caller {
    /// What all ARNs of this caller's resources start with.
    pub(super) fn arns(&self) -> String {
        let partition = match self.region.as_str() {
            region if region.starts_with("cn-") => "aws-cn",
            region if region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        };
        format!("arn:{partition}:{SCOPE}:{}:{}:", self.region, self.account)
    }

    pub(super) fn workspace(&self, id: &str) -> String {
        format!("{}workspace/{id}", self.arns())
    }
}

/// Reads `AWS4-HMAC-SHA256 Credential={key}/{date}/{region}/iottwinmaker/aws4_request, ...`.
pub(super) fn of(request: &Request<Bytes>) -> Result<Caller, Refusal> {
    let missing = || Refusal::unsigned("MissingAuthenticationTokenException", "Missing Authentication Token");
    let header = query::header(request, "authorization").ok_or_else(missing)?;
    let parts = header.strip_prefix("AWS4-HMAC-SHA256").ok_or_else(missing)?;
    let credential = parts.split(',').find_map(|part| part.trim().strip_prefix("Credential="));
    let incomplete = || {
        let message = "Authorization header requires 'Credential' parameter.";
        Refusal::unsigned("IncompleteSignatureException", message)
    };
    let scope: Vec<&str> = credential.ok_or_else(incomplete)?.split('/').collect();
    let [key, _date, region, service, "aws4_request"] = scope.as_slice() else { return Err(incomplete()) };
    if !region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') || region.is_empty() {
        return Err(incomplete());
    }
    if *service != SCOPE {
        let message = format!("Credential should be scoped to correct service: '{SCOPE}'. ");
        return Err(Refusal::unsigned("InvalidSignatureException", message));
    }
    let is_account = key.len() == 12 && key.bytes().all(|byte| byte.is_ascii_digit());
    Ok(Caller { account: if is_account { (*key).to_owned() } else { NOBODY.to_owned() }, region: (*region).to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(authorization: &str) -> Result<Caller, Refusal> {
        of(&Request::builder().header("authorization", authorization).body(Bytes::new()).expect("a request"))
    }

    #[test]
    fn the_scope_names_account_and_region() {
        let scope = "20261102/eu-central-1/iottwinmaker/aws4_request, SignedHeaders=host, Signature=00";
        let found = caller(&format!("AWS4-HMAC-SHA256 Credential=123456789012/{scope}")).expect("it is whole");
        assert_eq!((found.account.as_str(), found.region.as_str()), ("123456789012", "eu-central-1"));
        assert_eq!(found.workspace("w"), "arn:aws:iottwinmaker:eu-central-1:123456789012:workspace/w");
        let found = caller(&format!("AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/{scope}")).expect("it is whole");
        assert_eq!(found.account, NOBODY);
    }

    #[test]
    fn half_a_scope_or_another_services_is_refused() {
        for wrong in [
            "Bearer x",
            "AWS4-HMAC-SHA256 Signature=00",
            "AWS4-HMAC-SHA256 Credential=1/2/3",
            "AWS4-HMAC-SHA256 Credential=1/2/eu-central-1/s3/aws4_request",
            "AWS4-HMAC-SHA256 Credential=1/2/EU:1/iottwinmaker/aws4_request",
        ] {
            caller(wrong).expect_err(wrong);
        }
    }
}
