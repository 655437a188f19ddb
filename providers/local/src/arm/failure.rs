//! Refusals of Resource Manager and its providers, each in the shape that its provider uses.

use axum::http::StatusCode;
use serde_json::json;

use crate::answer::Answer;

/// How a provider writes its errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `{error: {code, message}}`.
    Wrapped,
    /// `{code, httpStatusCode, message}`: IoT Hub.
    IotHub,
    /// `{code, message}`: Cosmos DB.
    Bare,
}

/// A request that is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into() }
    }

    pub(crate) fn bad_request(code: &str, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }

    pub(crate) fn conflict(code: &str, message: impl Into<String>) -> Self {
        Self::new(409, code, message)
    }

    pub(crate) fn not_found(code: &str, message: impl Into<String>) -> Self {
        Self::new(404, code, message)
    }

    pub(crate) fn answer(&self, shape: Shape) -> Answer {
        let (code, message) = (&self.code, &self.message);
        match shape {
            Shape::Wrapped => Answer::error(self.status, code, message),
            Shape::Bare => Answer::json(self.status, json!({ "code": code, "message": message })),
            Shape::IotHub => {
                let reason = StatusCode::from_u16(self.status).ok().and_then(|status| status.canonical_reason());
                let reason = reason.unwrap_or_default().replace(' ', "");
                Answer::json(self.status, json!({ "code": code, "httpStatusCode": reason, "message": message }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iot_hub_names_the_status_in_words() {
        let failure = Failure::not_found("ResourceNotFound", "no hub");
        let body = format!("{:?}", failure.answer(Shape::IotHub));
        assert!(body.contains("NotFound") && body.contains("no hub"), "{body}");
    }
}
