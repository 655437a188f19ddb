//! One line per call.

use std::time::Duration;

use crate::{answer::Answer, function::Function};

/// Logs how a call ended: never what was sent, never a token.
pub(in crate::host) fn call(function: Function, invocation: Option<&str>, answer: &Answer, took: Duration) {
    let (function, code) = (function.name(), answer.code.name());
    let (invocation, device) = (invocation.unwrap_or_default(), answer.device.as_deref().unwrap_or_default());
    let ms = took.as_millis();
    match answer.code.status() {
        ..300 => tracing::info!(function, code, ms, invocation, device, "call"),
        300..500 => tracing::warn!(function, code, ms, invocation, device, why = answer.message, "call"),
        500.. => tracing::error!(function, code, ms, invocation, device, why = answer.message, "call"),
    }
}
