//! What is known of a twin without asking again.

use std::sync::Arc;

use chrono::DateTime;
use serde_json::{Map, Value};

use super::{names::SharedNames, stamp::Stamp, store::Snapshot};

/// A twin's version with the stamps of its values: what it was at one moment, and what it still is if its version is.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) etag: Box<str>,
    /// By path. Values without a readable source time have no stamp: whatever comes is newer.
    stamps: Vec<(Arc<str>, Stamp)>,
}

impl Known {
    pub(super) fn read(snapshot: &Snapshot, names: &SharedNames) -> Self {
        let mut known = Self { etag: snapshot.etag.as_str().into(), stamps: Vec::new() };
        if let Value::Object(twin) = &snapshot.document {
            known.part("/", twin, names);
            for (name, component) in twin {
                match component {
                    Value::Object(component) if name != METADATA => known.part(&format!("/{name}/"), component, names),
                    _ => {}
                }
            }
        }
        known.stamps.shrink_to_fit();
        known
    }

    /// Reads the twin itself or one of its components; an object without metadata is a value.
    fn part(&mut self, outer: &str, members: &Map<String, Value>, names: &SharedNames) {
        let Some(Value::Object(metadata)) = members.get(METADATA) else { return };
        for (name, entry) in metadata {
            let time = entry.get("sourceTime").and_then(Value::as_str);
            let time = time.and_then(|time| DateTime::parse_from_rfc3339(time).ok());
            if let (Some(time), Some(value)) = (time, members.get(name)) {
                let path = names.share(&format!("{outer}{name}"));
                self.stamps.push((path, Stamp::new(time.to_utc(), value)));
            }
        }
    }

    /// Whether a value with this stamp is newer than the twin's.
    pub(super) fn is_older_than(&self, path: &str, stamp: Stamp) -> bool {
        self.stamps.iter().find(|(known, _)| **known == *path).is_none_or(|(_, known)| *known < stamp)
    }

    /// Takes note of a value that was written.
    pub(super) fn set(&mut self, path: &str, stamp: Stamp, names: &SharedNames) {
        match self.stamps.iter_mut().find(|(known, _)| **known == *path) {
            Some((_, known)) => *known = stamp,
            None => {
                // One at a time: of many twins with a few values each, room for more would be most of what is kept.
                self.stamps.reserve_exact(1);
                self.stamps.push((names.share(path), stamp));
            }
        }
    }
}

const METADATA: &str = "$metadata";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn source_times_are_found_in_the_twin_and_in_its_components() {
        let time = "2026-11-23T10:15:30.1234560Z";
        let document = json!({
            "$dtId": "t", "$etag": "W/\"1\"", "speed": 5, "unset": 1, "broken": 1, "map": {"$metadata": 3},
            "motor": {"speed": 7.5, "$metadata": {"speed": {"sourceTime": time, "lastUpdateTime": time}}},
            "$metadata": {
                "$model": "dtmi:m;1", "speed": {"sourceTime": time}, "unset": {"lastUpdateTime": time},
                "broken": {"sourceTime": "yesterday"}, "gone": {"sourceTime": time}
            }
        });
        let known = Known::read(&Snapshot { etag: "e".into(), document }, &SharedNames::default());
        let at = time.parse().unwrap();
        let paths: Vec<_> = known.stamps.iter().map(|(path, stamp)| (&**path, *stamp)).collect();
        assert_eq!(paths, [("/speed", Stamp::new(at, &json!(5))), ("/motor/speed", Stamp::new(at, &json!(7.5)))]);
        assert!(known.is_older_than("/unset", Stamp::new(DateTime::UNIX_EPOCH, &json!(1))));
        assert!(!known.is_older_than("/speed", Stamp::new(at, &json!(5.0))));
    }
}
