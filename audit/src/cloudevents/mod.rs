//! Records as CloudEvents 1.0, each with an OCSF event as its data.
//!
//! # Terms
//!
//! | term | meaning |
//! |---|---|
//! | CloudEvents | how the field wraps an event so that any broker can route it: <https://cloudevents.io>, here its JSON format |
//! | OCSF | the Open Cybersecurity Schema Framework: what security teams' stores understand; here its class API Activity |
//!
//! An event is a function of its record, so exporting twice yields the same events under the same ids: a receiver that
//! drops what it has seen (same `source` and `id`) holds each record once.

mod ocsf;

use chrono::SecondsFormat;
use journal::Record;
use serde_json::{Value, json};
use uuid::Uuid;

pub use self::ocsf::VERSION as OCSF_VERSION;

/// The media type of one event in CloudEvents' JSON format, for what sends them one by one.
pub const MEDIA_TYPE: &str = "application/cloudevents+json";

/// A record as a CloudEvent (version 1.0, JSON format).
///
/// `id` is `<stream>/<seq>`, `source` the journal, `type` `twinctl.<event>`, `subject` the step, else the run, else the
/// stream. `sequence` and `partitionkey` are CloudEvents' own extensions: the order within the stream, which need not be
/// that of arrival. `data` is an OCSF event of class API Activity (6003), whose `raw_data` is the record as it is stored,
/// so that hashes can be checked from the export alone.
#[must_use]
pub fn event(journal_id: Uuid, record: &Record) -> Value {
    json!({
        "specversion": "1.0",
        "id": id(record),
        "source": source(journal_id),
        "type": format!("twinctl.{}", record.event.name()),
        "subject": subject(record),
        "time": record.time.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        "datacontenttype": "application/json",
        "dataschema": format!("https://schema.ocsf.io/schema/{OCSF_VERSION}/classes/api_activity"),
        "sequence": format!("{:020}", record.seq),
        "partitionkey": record.stream,
        "data": ocsf::event(journal_id, record),
    })
}

/// Unique within the journal.
fn id(record: &Record) -> String {
    format!("{}/{}", record.stream, record.seq)
}

/// The journal as a URI.
fn source(journal_id: Uuid) -> String {
    format!("urn:twinctl:journal:{journal_id}")
}

fn subject(record: &Record) -> String {
    let run = record.run.map_or_else(|| record.stream.clone(), |run| run.to_string());
    record.event.step().map_or(run, |step| step.as_str().to_owned())
}
