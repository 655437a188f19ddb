//! `If-Match` and `If-None-Match`.

use axum::http::StatusCode;
use uuid::Uuid;

use super::answer::Refusal;
use super::call::Call;
use super::part::etag;

/// What a caller wants of the present ETag.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Match {
    /// Anything that exists will do.
    Any,
    /// Only this write's.
    Only(Uuid),
}

impl Match {
    /// Reads `If-Match`; without it anything will do.
    pub(super) fn of(call: &Call<'_>) -> Result<Self, Refusal> {
        match call.header("if-match") {
            None | Some("*") => Ok(Self::Any),
            Some(value) => read(value).map(Self::Only).ok_or_else(|| {
                Refusal::argument("Invalid If-Match header value. Allowed value(s): If-Match: {etag} or If-Match: *")
            }),
        }
    }

    /// Refuses with 412 when the present ETag is another.
    pub(super) fn check(self, present: Uuid) -> Result<(), Refusal> {
        match self {
            Self::Only(wanted) if wanted != present => Err(precondition(format!(
                "The provided etag {} doesn't match the current etag for the resource. Please obtain and provide the \
                 latest etag by getting the resource. See section on get apis in the documentation \
                 https://aka.ms/adtv2twins.",
                etag(wanted)
            ))),
            _ => Ok(()),
        }
    }
}

/// Reads `If-None-Match` and says whether the resource must be new.
pub(super) fn must_be_new(call: &Call<'_>) -> Result<bool, Refusal> {
    match call.header("if-none-match") {
        None => Ok(false),
        Some("*") => Ok(true),
        Some(_) => Err(Refusal::argument("Invalid If-None-Match header value. Allowed value(s): If-None-Match: *")),
    }
}

/// 412 for a resource that should have been new.
pub(super) fn exists(kind: &str, id: &str) -> Refusal {
    precondition(format!(
        "If-None-Match: * header was specified but a {kind} with the id {id} was found. Please specify a different \
         {kind} id."
    ))
}

fn precondition(message: String) -> Refusal {
    Refusal::new(StatusCode::PRECONDITION_FAILED, "PreconditionFailed", message)
}

fn read(value: &str) -> Option<Uuid> {
    value.strip_prefix("W/\"")?.strip_suffix('"')?.parse().ok()
}
