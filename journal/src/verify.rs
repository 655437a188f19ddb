//! Verifying: is a stream whole, and does every record stand where it should?
//!
//! It works on raw lines, so it serves the store, a copy and an export alike, and it reports the first record that
//! does not hold.

use std::iter::Peekable;

use serde::{Deserialize, Serialize};

use crate::event::Digest;
use crate::record::{Head, Record, VERSION, genesis, states_its_hash};
use crate::state::StreamState;

/// What a whole stream amounts to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// How many records it holds.
    pub records: u64,
    /// The newest one; absent when there is none.
    pub head: Option<Head>,
}

/// The first record that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("record {seq}: {kind}")]
pub struct Damage {
    /// The place in the stream where the damage shows.
    pub seq: u64,
    /// What is wrong there.
    pub kind: DamageKind,
}

/// What is wrong with a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum DamageKind {
    /// It is not a record at all.
    #[error("it cannot be read: {reason}")]
    Unreadable {
        /// What the parser said.
        reason: String,
    },
    /// A newer version wrote it.
    #[error("it is of format {found}, newer than {VERSION}")]
    NewerFormat {
        /// Its version.
        found: u32,
    },
    /// Its contents are not what its hash says.
    #[error("its contents do not match its hash")]
    BadHash,
    /// Its hash is right, but its bytes are not in the canonical form.
    #[error("it is not in canonical form")]
    NotCanonical,
    /// It belongs to another stream.
    #[error("it belongs to the stream {found:?}")]
    ForeignStream {
        /// That stream.
        found: String,
    },
    /// The record that should stand here is gone.
    #[error("it is missing, record {found} stands in its place")]
    Missing {
        /// The sequence number of the record found instead.
        found: u64,
    },
    /// A record that belongs elsewhere in the stream stands here.
    #[error("record {found} stands in its place, out of order")]
    Reordered {
        /// The sequence number of the record found instead.
        found: u64,
    },
    /// It does not follow the record before it.
    #[error("it does not follow the record before it")]
    BadPrev,
    /// It is not a legal transition.
    #[error("it is not legal here: {reason}")]
    IllegalTransition {
        /// What forbids it.
        reason: String,
    },
    /// The stream ends before a head that is known to have existed.
    #[error("the stream ends before it, and record {} is known to have existed", known.seq)]
    Truncated {
        /// The known head.
        known: Head,
    },
    /// The stream holds another record than the known one at that place.
    #[error("it is not the record that is known to stand there")]
    Rewritten {
        /// The known head.
        known: Head,
    },
}

/// Verifies raw lines against the name of their stream, and against heads that are known to have existed.
///
/// # Errors
/// The first [`Damage`], or what the source of the lines failed with.
pub fn verify<L, E>(
    stream: &str,
    lines: impl IntoIterator<Item = Result<L, E>>,
    known: &[Head],
) -> Result<Report, Failure<E>>
where
    L: AsRef<str>,
{
    let mut lines = lines.into_iter().peekable();
    let mut state = StreamState::default();
    while let Some(line) = lines.next() {
        let line = line.map_err(Failure::Source)?;
        let seq = state.head.as_ref().map_or(0, |head| head.seq + 1);
        let bad = |kind| Damage { seq, kind };
        let record = sound(line.as_ref()).map_err(bad)?;
        placed(&record, stream, &state, &mut lines).map_err(bad)?;
        state.apply(&record).map_err(|illegal| bad(DamageKind::IllegalTransition { reason: illegal.reason }))?;
        if let Some(known) = known.iter().find(|known| known.seq == seq && known.hash != record.hash) {
            return Err(bad(DamageKind::Rewritten { known: known.clone() }).into());
        }
    }
    let records = state.head.as_ref().map_or(0, |head| head.seq + 1);
    known.iter().try_for_each(|known| reaches(Some(known), records))?;
    Ok(Report { records, head: state.head })
}

/// Why a verification did not end in a report.
#[derive(Debug, thiserror::Error)]
pub enum Failure<E> {
    /// The stream is damaged.
    #[error(transparent)]
    Damage(#[from] Damage),
    /// The lines could not be had.
    #[error("the records could not be read")]
    Source(#[source] E),
}

/// Checks that a stream of so many records reaches a head that is known to have existed.
pub(crate) fn reaches(known: Option<&Head>, records: u64) -> Result<(), Damage> {
    match known {
        Some(known) if known.seq >= records => {
            Err(Damage { seq: records, kind: DamageKind::Truncated { known: known.clone() } })
        }
        _ => Ok(()),
    }
}

/// The record in a line, if its contents match its hash and its bytes are canonical.
fn sound(line: &str) -> Result<Record, DamageKind> {
    let record = parse(line)?;
    if states_its_hash(line, &record) && record.line() == line {
        return Ok(record);
    }
    Err(if record.compute_hash() == record.hash { DamageKind::NotCanonical } else { DamageKind::BadHash })
}

/// The record in a line, whatever its hash.
pub(crate) fn parse(line: &str) -> Result<Record, DamageKind> {
    #[derive(Deserialize)]
    struct Version {
        v: u32,
    }
    serde_json::from_str(line)
        .map_err(|error| match serde_json::from_str::<Version>(line) {
            Ok(Version { v }) if v > VERSION => DamageKind::NewerFormat { found: v },
            _ => DamageKind::Unreadable { reason: error.to_string() },
        })
        .and_then(|record: Record| match record.v {
            v if v > VERSION => Err(DamageKind::NewerFormat { found: v }),
            _ => Ok(record),
        })
}

fn placed<L: AsRef<str>, E>(
    record: &Record,
    stream: &str,
    state: &StreamState,
    rest: &mut Peekable<impl Iterator<Item = Result<L, E>>>,
) -> Result<(), DamageKind> {
    if record.stream != stream {
        return Err(DamageKind::ForeignStream { found: record.stream.clone() });
    }
    let due = state.head.as_ref().map_or(0, |head| head.seq + 1);
    let found = record.seq;
    if found != due {
        let next = rest.peek().and_then(|line| line.as_ref().ok()).and_then(|line| parse(line.as_ref()).ok());
        let swapped = found < due || next.is_some_and(|next| next.seq < found);
        return Err(if swapped { DamageKind::Reordered { found } } else { DamageKind::Missing { found } });
    }
    let prev: Digest = state.head.as_ref().map_or_else(|| genesis(stream), |head| head.hash.clone());
    if record.prev == prev { Ok(()) } else { Err(DamageKind::BadPrev) }
}
