//! What a failure of DynamoDB means for whoever asked us. The service's own words are not repeated: they may quote values.

use aws_sdk_dynamodb::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
};

use crate::{
    answer::{Answer, Code},
    retry::Setback,
};

/// The setback of a failed request.
pub(super) fn setback<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Setback {
    let status = error.raw_response().map_or(0, |response| response.status().as_u16());
    let name = error.as_service_error().and_then(ProvideErrorMetadata::code);
    let (code, message, passes) = match error {
        SdkError::ConstructionFailure(_) => (Code::Upstream, "the storage cannot be asked", false),
        _ => meaning(name, status),
    };
    tracing::warn!(error = name.unwrap_or("no answer"), status, passes, "storage failed");
    Setback { answer: Answer::new(code, message), passes }
}

/// By the error's name in the API (2012-08-10), or else by the response's status.
fn meaning(name: Option<&str>, status: u16) -> (Code, &'static str, bool) {
    match name {
        Some("ProvisionedThroughputExceededException" | "RequestLimitExceeded" | "ThrottlingException") => {
            (Code::Throttled, "the storage is at its limit", true)
        }
        Some("TransactionConflictException" | "ReplicatedWriteConflictException") => {
            (Code::Upstream, "the storage met another write", true)
        }
        Some("ResourceNotFoundException") => (Code::NotReady, "the storage is not there", false),
        // A role that has not propagated yet takes longer than a call may.
        Some(
            "AccessDeniedException"
            | "UnrecognizedClientException"
            | "ExpiredTokenException"
            | "InvalidSignatureException"
            | "MissingAuthenticationTokenException"
            | "IncompleteSignatureException",
        ) => (Code::NotReady, "the storage does not admit the function yet", false),
        _ if (400..500).contains(&status) && status != 408 => (Code::Upstream, "the storage refuses the item", false),
        _ => (Code::Upstream, "the storage failed", true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_told_from_what_does_not() {
        for (name, status, wanted, passes) in [
            (Some("ProvisionedThroughputExceededException"), 400, Code::Throttled, true),
            (Some("ThrottlingException"), 400, Code::Throttled, true),
            (Some("ResourceNotFoundException"), 400, Code::NotReady, false),
            (Some("AccessDeniedException"), 400, Code::NotReady, false),
            (Some("ValidationException"), 400, Code::Upstream, false),
            (Some("InternalServerError"), 500, Code::Upstream, true),
            (None, 503, Code::Upstream, true),
            (None, 0, Code::Upstream, true),
        ] {
            let (code, _, told) = meaning(name, status);
            assert_eq!((code, told), (wanted, passes), "{name:?} {status}");
        }
    }
}
