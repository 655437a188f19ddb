//! One record: an event with its place, time, actor and hashes.
//!
//! A record is stored and exported as one line of JSON in the canonical form of RFC 8785 (sorted keys, no white
//! space), so that its hash can be computed by anybody:
//!
//! `hash = SHA-256("twinctl.journal.record.v1\n" ‖ canonical JSON of the record without "hash")`
//!
//! and `prev` of the first record of a stream is `SHA-256("twinctl.journal.genesis.v1\n" ‖ stream name)`.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::event::{Digest, Event, RunId};

/// The version of the record format that this program writes.
pub const VERSION: u32 = 1;

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
