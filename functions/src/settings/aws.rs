//! What Lambda itself puts into a function's environment.

use url::Url;

use super::{
    Secret,
    reader::{Environment, Error},
};

const AWS_ACCESS_KEY_ID: &str = "AWS_ACCESS_KEY_ID";
const AWS_ENDPOINT_URL: &str = "AWS_ENDPOINT_URL";
const AWS_REGION: &str = "AWS_REGION";
const AWS_SECRET_ACCESS_KEY: &str = "AWS_SECRET_ACCESS_KEY";
const AWS_SESSION_TOKEN: &str = "AWS_SESSION_TOKEN";

/// Where a function runs on AWS, and as whom: its role's credentials, which live as long as the process may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsHost {
    /// The region (`AWS_REGION`).
    pub region: String,
    /// The public half of the key (`AWS_ACCESS_KEY_ID`).
    pub access_key_id: String,
    /// The other half (`AWS_SECRET_ACCESS_KEY`).
    pub secret_access_key: Secret,
    /// What makes the key one of a role (`AWS_SESSION_TOKEN`).
    pub session_token: Option<Secret>,
    /// Where AWS is, if it is not AWS (`AWS_ENDPOINT_URL`).
    pub endpoint: Option<Url>,
}

impl AwsHost {
    /// Reads it.
    ///
    /// # Errors
    /// [`Error`] names the first variable that is missing or not readable.
    pub fn from_environment(environment: Environment<'_>) -> Result<Self, Error> {
        Ok(Self {
            region: environment.text(AWS_REGION)?,
            access_key_id: environment.text(AWS_ACCESS_KEY_ID)?,
            secret_access_key: environment.secret(AWS_SECRET_ACCESS_KEY)?,
            session_token: environment.optional(AWS_SESSION_TOKEN).map(Secret::new),
            endpoint: environment.optional_url(AWS_ENDPOINT_URL)?,
        })
    }
}
