//! Runs as OpenTelemetry traces, sent where the standard `OTEL_*` variables say.
//!
//! A run is a trace: its id is the run's, so it is found from the journal and the other way round. The run is the root
//! span, its steps and compensations are the spans below it, their attempts the spans below those. Span ids are hashes of
//! what they stand for, so sending a run twice makes no second trace. Times are those of the records.
//!
//! Nothing is sent unless an endpoint is set, or the exporter is (`OTEL_TRACES_EXPORTER=otlp`), and the collector has a
//! deadline. That a trace was not sent is worth a warning, never more: the journal is the record, traces are a view of it.
//!
//! # Variables
//!
//! [`Settings::read`] names them. It takes them from its caller, since libraries here read no environment. The exporter of
//! `opentelemetry-otlp` does read it, for two things that it leaves nobody else to say: the headers again (with the same
//! result) and `OTEL_EXPORTER_OTLP_(TRACES_)COMPRESSION`, which has no effect: compression is not built in, since its
//! library would change how the packages of functions are compressed, and with that their digests.

mod collector;
mod settings;
mod spans;

use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::trace::SpanExporter as _;

use self::collector::Collector;
pub use self::settings::Settings;
pub use self::spans::spans;
use crate::Timeline;

/// Why a trace was not sent. None of the messages holds a header or the query of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A variable's value is nothing that can be used.
    #[error("send the trace: {variable} {problem}")]
    Variable {
        /// The variable.
        variable: &'static str,
        /// What is wrong with it, as a predicate.
        problem: String,
    },
    /// The exporter could not be made.
    #[error("send the trace: {reason}")]
    Setup {
        /// What it says.
        reason: String,
    },
    /// The collector did not take it.
    #[error("send the trace to {host}: {reason}")]
    Refused {
        /// The collector's host.
        host: String,
        /// What it said, or what kept it from saying anything.
        reason: String,
    },
    /// The collector did not answer in time.
    #[error("send the trace to {host}: it did not answer within {millis} ms")]
    Deadline {
        /// The collector's host.
        host: String,
        /// The deadline.
        millis: u128,
    },
}

/// Sends a run's trace and returns how many spans it has. It is for runs that have come to rest: of one that goes on, what
/// was sent stays as it was where the collector's store does not replace spans.
///
/// What passes by itself (no connection, 429, 502, 503, 504) is tried again within the settings' time-out.
///
/// # Errors
/// [`Error`]: worth a warning to whoever started the run, never a failure of the run.
pub async fn export(settings: &Settings, timeline: &Timeline) -> Result<usize, Error> {
    let collector = Collector::new()?;
    let mut exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(collector.clone())
        .with_endpoint(settings.endpoint().as_str())
        .with_protocol(opentelemetry_otlp::Protocol::HttpBinary)
        .with_timeout(settings.timeout())
        .with_headers(settings.headers().iter().cloned().collect())
        .build()
        .map_err(|error| Error::Setup { reason: error.to_string() })?;
    exporter.set_resource(&settings.resource());
    let spans = spans(timeline);
    let sent = spans.len();
    let host = settings.host();
    match tokio::time::timeout(settings.timeout(), exporter.export(spans)).await {
        Ok(Ok(())) => Ok(sent),
        Ok(Err(error)) => Err(Error::Refused { host, reason: collector.reason().unwrap_or_else(|| error.to_string()) }),
        Err(_) => Err(Error::Deadline { host, millis: settings.timeout().as_millis() }),
    }
}
