//! One record: an event with its place, time, actor and hashes.
//!
//! A record is stored and exported as one line of JSON in the canonical form of RFC 8785 (sorted keys, no white
//! space), so that its hash can be computed by anybody:
//!
//! `hash = SHA-256("twinctl.journal.record.v1\n" ‖ canonical JSON of the record without "hash")`
//!
//! and `prev` of the first record of a stream is `SHA-256("twinctl.journal.genesis.v1\n" ‖ stream name)`.

use chrono::{DateTime, SubsecRound, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::event::{Digest, Event, RunId};

/// The version of the record format that this program writes.
pub const VERSION: u32 = 1;

/// Put before the bytes of a record when it is hashed, so that its hash can stand for nothing else.
pub const RECORD_DOMAIN: &str = "twinctl.journal.record.v1\n";

/// Put before the name of a stream when the `prev` of its first record is made.
pub const GENESIS_DOMAIN: &str = "twinctl.journal.genesis.v1\n";

/// Who caused a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The operating system's user name.
    pub user: String,
    /// The host name.
    pub host: String,
    /// The process id.
    pub process: u32,
    /// The version of twinctl.
    pub version: String,
    /// The CI run, where there is one (its URL or number).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ci: Option<String>,
}

/// One immutable record of a stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The version of the record format ([`VERSION`]).
    pub v: u32,
    /// The deployment's stream.
    pub stream: String,
    /// The place in the stream, from 0, without gaps.
    pub seq: u64,
    /// When it was appended, UTC.
    pub time: DateTime<Utc>,
    /// Who caused it.
    pub actor: Actor,
    /// The run that it belongs to; absent for what happens between runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// What happened.
    pub event: Event,
    /// The hash of the record before it.
    pub prev: Digest,
    /// Its own hash.
    pub hash: Digest,
}

/// The newest record of a stream, or of a part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Its sequence number.
    pub seq: u64,
    /// Its hash.
    pub hash: Digest,
}

/// What a record says, before it has a hash.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Draft<'a> {
    pub(crate) stream: &'a str,
    pub(crate) head: Option<&'a Head>,
    pub(crate) time: DateTime<Utc>,
    pub(crate) actor: &'a Actor,
    pub(crate) run: Option<RunId>,
    pub(crate) event: Event,
}

impl Draft<'_> {
    /// The record, with its place, links and hash, and its line. Times are kept to the microsecond.
    pub(crate) fn seal(self) -> (Record, String) {
        let mut record = Record {
            v: VERSION,
            stream: self.stream.to_owned(),
            seq: self.head.map_or(0, |head| head.seq + 1),
            time: self.time.trunc_subsecs(6),
            actor: self.actor.clone(),
            run: self.run,
            event: self.event,
            prev: self.head.map_or_else(|| genesis(self.stream), |head| head.hash.clone()),
            hash: Digest(String::new()),
        };
        let (front, tail) = (record.front(), record.tail());
        record.hash = hash_of(&front, &tail);
        let line = format!(r#"{front}"hash":"{}",{tail}"#, record.hash);
        (record, line)
    }
}

impl Record {
    /// The record as one line of canonical JSON, without a line end.
    #[must_use]
    pub fn line(&self) -> String {
        canonical(self)
    }

    /// The hash that the record ought to have.
    #[must_use]
    pub fn compute_hash(&self) -> Digest {
        sha256(RECORD_DOMAIN, self.body().as_bytes())
    }

    /// The canonical JSON of the record without its hash: what is hashed.
    fn body(&self) -> String {
        canonical(&Body {
            v: self.v,
            stream: &self.stream,
            seq: self.seq,
            time: self.time,
            actor: &self.actor,
            run: self.run,
            event: &self.event,
            prev: &self.prev,
        })
    }

    /// Everything before the hash's member in the canonical line. Made of its parts, which are already in order: making
    /// the whole canonical takes several times as long.
    fn front(&self) -> String {
        format!(r#"{{"actor":{},"event":{},"#, canonical(&self.actor), canonical(&self.event))
    }

    /// Everything after the hash's member in the canonical line.
    fn tail(&self) -> String {
        let run = self.run.map_or_else(String::new, |run| format!(r#""run":"{run}","#));
        let (prev, seq, v) = (&self.prev, self.seq, self.v);
        let stream = serde_json::Value::from(self.stream.as_str());
        let time = serde_json::to_string(&self.time).expect("a time is a string");
        format!(r#""prev":"{prev}",{run}"seq":{seq},"stream":{stream},"time":{time},"v":{v}}}"#)
    }

    /// Its place and hash.
    #[must_use]
    pub fn head(&self) -> Head {
        Head { seq: self.seq, hash: self.hash.clone() }
    }
}

/// Whether a line, taken to be canonical, has the hash that it states. Far cheaper than making it canonical again.
pub(crate) fn states_its_hash(line: &str, record: &Record) -> bool {
    hashed_front(line, record).is_some()
}

/// The same, and whether the line is canonical: its tail is compared to get at the hash, so only what stands before it is
/// made again.
pub(crate) fn is_whole(line: &str, record: &Record) -> bool {
    hashed_front(line, record).is_some_and(|front| front == record.front())
}

/// What stands before the hash in a line that has the hash which it states, and ends as a canonical one does.
fn hashed_front<'l>(line: &'l str, record: &Record) -> Option<&'l str> {
    let tail = record.tail();
    let front = line.strip_suffix(&format!(r#""hash":"{}",{tail}"#, record.hash))?;
    (hash_of(front, &tail) == record.hash).then_some(front)
}

/// The hash of a record, from what stands before and after its hash.
fn hash_of(front: &str, tail: &str) -> Digest {
    let mut hasher = Sha256::new();
    for part in [RECORD_DOMAIN, front, tail] {
        hasher.update(part.as_bytes());
    }
    hex(&hasher.finalize())
}

/// A record without its hash.
#[derive(Serialize)]
struct Body<'a> {
    v: u32,
    stream: &'a str,
    seq: u64,
    time: DateTime<Utc>,
    actor: &'a Actor,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<RunId>,
    event: &'a Event,
    prev: &'a Digest,
}

/// The `prev` of a stream's first record.
#[must_use]
pub fn genesis(stream: &str) -> Digest {
    sha256(GENESIS_DOMAIN, stream.as_bytes())
}

/// SHA-256 of `domain` followed by `bytes`.
pub(crate) fn sha256(domain: &str, bytes: &[u8]) -> Digest {
    let mut hasher = Sha256::new();
    hasher.update(domain.as_bytes());
    hasher.update(bytes);
    hex(&hasher.finalize())
}

pub(crate) fn hex(bytes: &[u8]) -> Digest {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    Digest(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect())
}

/// The canonical JSON (RFC 8785) of a value of ours.
pub(crate) fn canonical<T: Serialize>(value: &T) -> String {
    serde_json_canonicalizer::to_string(value).expect("our types have string keys and finite numbers only")
}
