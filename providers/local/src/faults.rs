//! Faults on demand: what can go wrong in a real cloud, aimed at the request that it should hit.
//!
//! Faults live in memory: a restarted cloud has only those that it is started with. They are never applied
//! to the control interface.

use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Kind {
    /// The answer takes this much longer.
    Latency {
        /// Added before the request is looked at.
        milliseconds: u64,
    },
    /// 429 before any effect.
    Throttle {
        /// Value of `Retry-After`, in seconds.
        retry_after: u32,
    },
    /// An error before any effect.
    Error {
        /// The status, 400 to 599.
        status: u16,
        /// The error code in the body.
        #[serde(default = "internal")]
        code: String,
    },
    /// The effect happens, then the connection is closed without an answer.
    ReplyLost,
    /// A data plane answers 403 to this many requests after the role assignment that would admit them.
    Propagation {
        /// Requests refused per role assignment; 0 when only the time counts.
        #[serde(default)]
        requests: u32,
        /// Time that must have passed since the role assignment.
        #[serde(default)]
        milliseconds: u64,
    },
    /// A long operation is accepted and ends as failed.
    OperationFails {
        /// The error code that it ends with.
        #[serde(default = "internal")]
        code: String,
    },
    /// Event Grid makes a delivery twice, the second right after the first.
    Duplicate,
    /// Event Grid holds a delivery back for a time drawn from the seed and from what the event says, so that later
    /// events overtake it.
    Reorder {
        /// What the times are drawn from: the same seed draws the same times for the same events.
        #[serde(default)]
        seed: u64,
        /// Deliveries are held back for less than this.
        milliseconds: u64,
    },
    /// A deleted resource's name stays taken: this many attempts to create it again answer 409.
    SoftDelete {
        /// Attempts refused before the name is free.
        #[serde(default = "one")]
        refusals: u32,
    },
}

/// A fault and what it is aimed at; what is left out matches everything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// What goes wrong.
    #[serde(flatten)]
    pub kind: Kind,
    /// The service: `arm`, `adt`, `login`, `imds`, `iot-hub`, `scm`, `twinmaker`, ...; `event-grid` for deliveries, whose method is
    /// POST and whose path is the subscription's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The HTTP method; of MQTT, `CONNECT` or `PUBLISH`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// A pattern that the whole path must match, `*` standing for anything; case does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The first matching request that is hit, from 1.
    #[serde(default = "one")]
    pub nth: u32,
    /// How many requests are hit from then on; 0 means all.
    #[serde(default = "one")]
    pub times: u32,
}

fn one() -> u32 {
    1
}

fn internal() -> String {
    "InternalServerError".to_owned()
}

/// Why a fault cannot be read from text.
#[derive(Debug, thiserror::Error)]
#[error("read the fault `{text}`")]
pub struct ParseError {
    text: String,
    source: serde_json::Error,
}

impl FromStr for Fault {
    type Err = ParseError;

    /// Reads the JSON form, or `kind` alone, or `kind,key=value,...` as in `throttle,retry_after=2,method=PUT`.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let failed = |source| ParseError { text: text.to_owned(), source };
        if text.trim_start().starts_with('{') {
            return serde_json::from_str(text).map_err(failed);
        }
        let mut parts = text.split(',');
        let mut object = serde_json::Map::new();
        object.insert("kind".to_owned(), parts.next().unwrap_or_default().trim().into());
        for part in parts {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            let value = value.trim();
            let value = value.parse::<u64>().map_or_else(|_| value.into(), serde_json::Value::from);
            object.insert(key.trim().to_owned(), value);
        }
        serde_json::from_value(object.into()).map_err(failed)
    }
}

/// A request as faults see it.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The service's name.
    pub service: &'a str,
    /// The HTTP method.
    pub method: &'a str,
    /// The path, without query.
    pub path: &'a str,
}

/// The faults in force; cheap to clone, all clones share counters.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<Vec<Armed>>>);

#[derive(Clone, Debug)]
struct Armed {
    fault: Fault,
    seen: u32,
}

impl Faults {
    /// Puts these faults in force, with fresh counters, instead of all others.
    pub fn replace(&self, faults: Vec<Fault>) {
        *self.armed() = faults.into_iter().map(|fault| Armed { fault, seen: 0 }).collect();
    }

    /// The faults in force.
    pub fn list(&self) -> Vec<Fault> {
        self.armed().iter().map(|armed| armed.fault.clone()).collect()
    }

    /// Counts this request for every fault aimed at it and returns those that hit it now.
    pub fn hit(&self, target: Target<'_>) -> Vec<Kind> {
        self.count(target, |_| true)
    }

    /// The same for faults that name the service alone: for a second look at what was counted under another service's name.
    pub fn hit_by_name(&self, target: Target<'_>) -> Vec<Kind> {
        self.count(target, |fault| fault.service.is_some())
    }

    fn count(&self, target: Target<'_>, counts: impl Fn(&Fault) -> bool) -> Vec<Kind> {
        let mut hits = Vec::new();
        let mut armed = self.armed();
        for armed in armed.iter_mut().filter(|armed| counts(&armed.fault) && armed.fault.aims_at(target)) {
            armed.seen = armed.seen.saturating_add(1);
            let first = armed.fault.nth.max(1);
            let last = if armed.fault.times == 0 { u32::MAX } else { first.saturating_add(armed.fault.times - 1) };
            if (first..=last).contains(&armed.seen) {
                hits.push(armed.fault.kind.clone());
            }
        }
        hits
    }

    /// Requests and milliseconds for which this data plane still refuses a new role assignment, if at all.
    pub fn propagation(&self, target: Target<'_>) -> Option<(u32, u64)> {
        self.armed().iter().find_map(|armed| match armed.fault.kind {
            Kind::Propagation { requests, milliseconds } if armed.fault.aims_at(target) => {
                Some((requests, milliseconds))
            }
            _ => None,
        })
    }

    fn armed(&self) -> std::sync::MutexGuard<'_, Vec<Armed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fault {
    fn aims_at(&self, target: Target<'_>) -> bool {
        let same = |wanted: &Option<String>, is: &str| wanted.as_ref().is_none_or(|text| text.eq_ignore_ascii_case(is));
        same(&self.service, target.service)
            && same(&self.method, target.method)
            && self
                .path
                .as_ref()
                .is_none_or(|pattern| glob(pattern.to_lowercase().as_bytes(), target.path.to_lowercase().as_bytes()))
    }
}

/// Matches a pattern in which `*` stands for any run of bytes.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((b'*', rest)) => (0..=text.len()).any(|skip| glob(rest, &text[skip..])),
        Some((byte, rest)) => text.split_first().is_some_and(|(first, tail)| first == byte && glob(rest, tail)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target<'a>(method: &'a str, path: &'a str) -> Target<'a> {
        Target { service: "arm", method, path }
    }

    #[test]
    fn a_fault_hits_the_nth_match_and_as_often_as_told() {
        let faults = Faults::default();
        faults
            .replace(vec!["throttle,retry_after=3,method=PUT,path=*/iothubs/*,nth=2,times=2".parse().expect("reads")]);
        let hit = |method, path| !faults.hit(target(method, path)).is_empty();
        assert!(!hit("GET", "/x/IotHubs/h"));
        assert!(!hit("PUT", "/x/other/h"));
        let hits: Vec<bool> = (0..4).map(|_| hit("PUT", "/x/IotHubs/h")).collect();
        assert_eq!(hits, [false, true, true, false]);
    }

    #[test]
    fn zero_times_means_always() {
        let faults = Faults::default();
        faults.replace(vec!["reply-lost,times=0".parse().expect("reads")]);
        assert!((0..5).all(|_| faults.hit(target("PUT", "/a")) == [Kind::ReplyLost]));
    }

    #[test]
    fn text_and_json_read_the_same() {
        let text: Fault = "error,status=503,code=Busy,service=adt".parse().expect("reads");
        let json: Fault = r#"{"kind":"error","status":503,"code":"Busy","service":"adt"}"#.parse().expect("reads");
        assert_eq!(text, json);
        let error = "no-such-fault".parse::<Fault>().expect_err("unknown");
        assert_eq!(error.to_string(), "read the fault `no-such-fault`");
    }

    #[test]
    fn patterns_match_whole_paths() {
        assert!(glob(b"*", b""));
        assert!(glob(b"/a/*/c", b"/a/b/b/c"));
        assert!(!glob(b"/a/*", b"/b/a/x"));
        assert!(!glob(b"/a", b"/a/b"));
    }
}
