//! What went wrong, typed, whichever service said it.

mod classify;
mod redact;

use std::{fmt, time::Duration};

use aws_smithy_runtime_api::{
    client::{orchestrator::HttpResponse, result::SdkError},
    http::Headers,
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use redact::redact;

/// What a failure means for whoever asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// It passes by itself: connection lost, time-out, 5xx, an answer cut off.
    Transient,
    /// The service asks for patience (429 and its many names).
    Throttled,
    /// The cloud is not there yet: a role that has not propagated, a function or table that is still changing.
    NotYet,
    /// The resource is not as the request assumed: there already, in use, changed by somebody else.
    Conflict,
    /// Nothing is there.
    NotFound,
    /// Trying again would not help.
    Permanent,
}

/// The code of a request that was not sent since there are no credentials to sign it with.
const NO_CREDENTIALS: &str = "no-credentials";

/// A failed request.
///
/// Displays as a lower-case fragment fit for "failed to ...", with the service's message and code. Never holds a request's
/// body, a header or a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Error(Box<Details>);

#[derive(Clone, PartialEq, Eq)]
struct Details {
    kind: ErrorKind,
    request: Option<String>,
    status: Option<u16>,
    code: Option<String>,
    message: String,
    request_id: Option<String>,
    retry_after: Option<Duration>,
}

impl Error {
    /// What the failure means.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The service's error code, or ours in lower case (`bucket-not-empty`, `no-credentials`); not every error has one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// The service's message, redacted and cut to a readable length.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The HTTP status, when the service answered.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// The service's id of the request: what its support asks for.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// What the service asked us to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// A failure of a call of the SDK; `request` names it, `iam:CreateRole factory-persister`.
    fn of_sdk<E: ProvideErrorMetadata>(request: String, error: &SdkError<E, HttpResponse>) -> Self
    where
        SdkError<E, HttpResponse>: std::error::Error + 'static,
    {
        match error {
            // An answer of success that the SDK cannot read.
            SdkError::ServiceError(answer) if answer.raw().status().is_success() => {
                let status = answer.raw().status().as_u16();
                Self::new(ErrorKind::Transient, redact(&chain(error))).with_status(status).during(request)
            }
            SdkError::ServiceError(refusal) => {
                let raw = refusal.raw();
                Self::of_answer(request, raw.status().as_u16(), raw.headers(), refusal.err().code(), error.message())
            }
            SdkError::ResponseError(cut) => Self::new(ErrorKind::Transient, redact(&chain(error)))
                .with_status(cut.raw().status().as_u16())
                .during(request),
            SdkError::TimeoutError(_) => Self::new(ErrorKind::Transient, "no answer in time".into()).during(request),
            _ => {
                let mut unsent = Self::new(classify::unanswered(error), redact(&chain(error))).during(request);
                unsent.0.code = classify::lacks_credentials(error).then(|| NO_CREDENTIALS.to_owned());
                unsent
            }
        }
    }

    /// An error answer of a service.
    pub(crate) fn of_answer(
        request: String,
        status: u16,
        headers: &Headers,
        code: Option<&str>,
        message: Option<&str>,
    ) -> Self {
        let message = message.filter(|message| !message.is_empty());
        let text = message.map_or_else(|| format!("the service answered {status}"), redact);
        let mut error = Self::new(classify::answer(status, code, &text), text).with_status(status).during(request);
        error.0.code = code.filter(|code| !code.is_empty()).map(str::to_owned);
        let ids = ["x-amzn-requestid", "x-amz-request-id", "x-amzn-errorid"];
        error.0.request_id = ids.iter().find_map(|name| headers.get(name)).map(str::to_owned);
        error.0.retry_after = headers.get("retry-after").and_then(|text| text.parse().ok()).map(Duration::from_secs);
        error
    }

    /// A failure that has nothing to do with an answer.
    pub(crate) fn permanent(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Permanent, message.into())
    }

    /// No usable answer to a request that may have arrived.
    pub(crate) fn unanswered(request: String, error: &dyn std::error::Error) -> Self {
        Self::new(ErrorKind::Transient, redact(&chain(error))).during(request)
    }

    /// A failure that we found ourselves, under a code of ours.
    pub(crate) fn found(kind: ErrorKind, code: &str, message: String) -> Self {
        let mut error = Self::new(kind, message);
        error.0.code = Some(code.to_owned());
        error
    }

    /// The same failure under another kind, where the caller knows better than the table.
    pub(crate) fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self
    }

    fn with_status(mut self, status: u16) -> Self {
        self.0.status = Some(status);
        self
    }

    fn during(mut self, request: String) -> Self {
        self.0.request = Some(request);
        self
    }

    fn new(kind: ErrorKind, message: String) -> Self {
        Self(Box::new(Details {
            kind,
            request: None,
            status: None,
            code: None,
            message,
            request_id: None,
            retry_after: None,
        }))
    }
}

/// Turns the SDK's error into ours: `.send().await.map_err(failed("iam:GetRole", name))`.
pub(crate) fn failed<E: ProvideErrorMetadata>(
    operation: &str,
    id: &str,
) -> impl FnOnce(SdkError<E, HttpResponse>) -> Error
where
    SdkError<E, HttpResponse>: std::error::Error + 'static,
{
    let request = format!("{operation} {id}");
    move |error| Error::of_sdk(request, &error)
}

/// Takes "nothing is there" for an answer.
pub(crate) trait UnlessMissing<T> {
    /// `None` when nothing is there.
    fn unless_missing(self) -> Result<Option<T>, Error>;
}

impl<T> UnlessMissing<T> for Result<T, Error> {
    fn unless_missing(self) -> Result<Option<T>, Error> {
        match self {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let details = &self.0;
        if let Some(request) = &details.request {
            write!(f, "{request}: ")?;
        }
        f.write_str(&details.message)?;
        match (details.status, &details.code) {
            (Some(status), Some(code)) => write!(f, " ({status} {code})")?,
            (Some(status), None) => write!(f, " ({status})")?,
            (None, Some(code)) => write!(f, " ({code})")?,
            (None, None) => {}
        }
        match &details.request_id {
            Some(id) => write!(f, " [request {id}]"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.0.kind)
    }
}

impl std::error::Error for Error {}

/// The cause chain as text, without repeating what a link already says of its cause.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> Headers {
        let mut headers = Headers::new();
        for (name, value) in pairs {
            headers.insert(*name, *value);
        }
        headers
    }

    #[test]
    fn an_error_reads_as_a_sentence_and_keeps_its_parts() {
        let given = headers(&[("retry-after", "3"), ("x-amzn-requestid", "r-1")]);
        let code = Some("TooManyRequestsException");
        let error = Error::of_answer("lambda:GetFunction f".into(), 429, &given, code, Some("Rate exceeded"));
        assert_eq!(error.kind(), ErrorKind::Throttled);
        assert_eq!(error.retry_after(), Some(Duration::from_secs(3)));
        assert_eq!(
            error.to_string(),
            "lambda:GetFunction f: Rate exceeded (429 TooManyRequestsException) [request r-1]"
        );
    }

    #[test]
    fn a_bare_status_still_says_something() {
        let error = Error::of_answer("s3:HeadBucket b".into(), 404, &headers(&[]), None, None);
        assert_eq!(error.to_string(), "s3:HeadBucket b: the service answered 404 (404)");
        assert_eq!(Err::<(), _>(error).unless_missing(), Ok(None));
    }

    #[test]
    fn a_message_keeps_no_secret() {
        let message = Some("the request had X-Amz-Security-Token=abc&x");
        let error = Error::of_answer("s3:PutObject b".into(), 400, &headers(&[]), Some("AuthorizationError"), message);
        assert_eq!(error.message(), "the request had X-Amz-Security-Token=[redacted]&x");
    }
}
