//! Faults as they are typed: what would be ignored or never hit is refused, with the reason.

use std::error::Error;

use local::faults::{Fault, Kind};

/// What a fault can be made of, whatever its kind.
const FIELDS: &[&str] = &[
    "milliseconds",
    "retry_after",
    "status",
    "code",
    "requests",
    "refusals",
    "seed",
    "service",
    "method",
    "path",
    "nth",
    "times",
];

/// The services that a fault can be aimed at.
const SERVICES: &[&str] = &["arm", "adt", "login", "imds", "iot-hub", "mqtt", "scm", "web", "data", "event-grid"];

/// Reads `kind,key=value,...` or JSON.
pub(crate) fn fault(text: &str) -> Result<Fault, String> {
    if let Some(field) = fields(text).find(|field| !FIELDS.contains(field)) {
        return Err(format!("there is no field `{field}`, but {}", FIELDS.join(", ")));
    }
    let fault: Fault = text.parse().map_err(|error: local::faults::ParseError| {
        error.source().map_or_else(|| error.to_string(), ToString::to_string)
    })?;
    match (&fault.kind, &fault.service) {
        (Kind::Error { status, .. }, _) if !(400..=599).contains(status) => {
            Err(format!("the status {status} is no error: 400 to 599 is expected"))
        }
        (_, Some(service)) if !SERVICES.iter().any(|known| known.eq_ignore_ascii_case(service)) => {
            Err(format!("there is no service `{service}`, but {}", SERVICES.join(", ")))
        }
        _ => Ok(fault),
    }
}

/// The names of the fields in the short form; JSON names none here.
fn fields(text: &str) -> impl Iterator<Item = &str> {
    let short = if text.trim_start().starts_with('{') { "" } else { text };
    short.split(',').skip(1).map(|part| part.split_once('=').map_or(part, |(key, _)| key).trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_faults_are_read() {
        for text in ["reply-lost", "throttle,retry_after=1,method=PUT,path=*/IotHubs/*", r#"{"kind":"reply-lost"}"#] {
            assert!(fault(text).is_ok(), "{text}: {:?}", fault(text));
        }
    }

    #[test]
    fn what_would_never_hit_is_refused_with_the_reason() {
        let bad = [
            ("nonsense", "unknown variant `nonsense`"),
            ("latency", "missing field `milliseconds`"),
            ("reply-lost,pth=*", "no field `pth`"),
            ("reply-lost,service=bogus", "no service `bogus`"),
            ("error,status=200", "status 200"),
        ];
        for (text, reason) in bad {
            let error = fault(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
