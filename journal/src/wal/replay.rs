//! Replaying: what the write-ahead file holds beyond sled is put into sled, each line checked at its place.

use std::collections::BTreeMap;
use std::path::Path;

use super::{FILE, Header, VERSION};
use crate::check::{Depth, check};
use crate::error::Error;
use crate::load::damaged;
use crate::record::{self, Head, Record};
use crate::sled_store::{Database, unreadable};
use crate::verify::{Damage, DamageKind, parse, placed};

/// What a replay found.
#[derive(Debug)]
pub(crate) struct Replayed {
    /// Whether there is a file, and nothing in it but its header.
    pub(crate) empty: bool,
    /// Why it stopped early. What stands before it was taken over.
    pub(crate) fault: Option<Fault>,
}

/// What is wrong with a write-ahead file.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// A record does not stand where it should.
    Record { stream: String, damage: Damage },
    /// A newer version wrote it.
    Newer { found: u32, known: u32 },
    /// A line cannot be read, so nobody knows whose it is.
    Line { number: usize, what: String },
}

impl Fault {
    /// Whether the records of this stream may be affected.
    pub(crate) fn concerns(&self, name: &str) -> bool {
        !matches!(self, Self::Record { stream, .. } if stream != name)
    }

    /// The fault as an error about the database in `dir`.
    pub(crate) fn error(&self, dir: &Path) -> Error {
        match self {
            Self::Record { stream, damage } => damaged(stream, damage.clone()),
            Self::Newer { found, known } => Error::NewerFormat { found: *found, known: *known },
            Self::Line { number, what } => unreadable(dir, &format!("line {number} of the write-ahead file {what}")),
        }
    }
}

/// Why a replay stopped.
enum Stop {
    Fault(Fault),
    Error(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Takes what the write-ahead file in `dir` holds into its database. Nothing is durable by this, and the file stays.
pub(crate) fn replay(database: &Database, dir: &Path) -> Result<Replayed, Error> {
    let path = dir.join(FILE);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Replayed { empty: false, fault: None });
        }
        Err(error) => return Err(Error::io("read", &path)(error)),
    };
    match take_over(database, &bytes) {
        Ok(empty) => Ok(Replayed { empty, fault: None }),
        Err(Stop::Fault(fault)) => Ok(Replayed { empty: false, fault: Some(fault) }),
        Err(Stop::Error(error)) => Err(error),
    }
}

/// Takes over each line; tells whether there was none, nor a part of one.
fn take_over(database: &Database, bytes: &[u8]) -> Result<bool, Stop> {
    let body = after_header(bytes, database.stored_id()?)?;
    let mut heads = BTreeMap::new();
    let (lines, fault) = lines(body);
    for (number, line) in lines {
        place(database, &mut heads, number, line)?;
    }
    match fault {
        Some(fault) => Err(fault.into()),
        None => Ok(body.iter().all(|byte| *byte == 0)),
    }
}

/// What follows the header, if it names this journal.
fn after_header(bytes: &[u8], journal: Option<uuid::Uuid>) -> Result<&[u8], Fault> {
    let wrong = |what: String| Fault::Line { number: 1, what };
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let header: Header =
        serde_json::from_slice(&bytes[..end]).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    if header.v > VERSION {
        return Err(Fault::Newer { found: header.v, known: VERSION });
    }
    if Some(header.journal) != journal {
        return Err(wrong(format!("says that it belongs to the journal {}", header.journal)));
    }
    Ok(&bytes[(end + 1).min(bytes.len())..])
}

/// The complete lines, with their numbers in the file, and what is wrong behind them.
///
/// A line is complete when it ends in a line feed and holds no zero: what a crash leaves of a batch is cut off, or has
/// holes where the zeros from before show.
fn lines(body: &[u8]) -> (Vec<(usize, &[u8])>, Option<Fault>) {
    let used = body.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let mut found = Vec::new();
    let mut rest = &body[..used];
    // The header is line 1.
    let mut number = 2;
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == b'\n').filter(|end| !rest[..*end].contains(&0));
        let Some(end) = end else { return (found, torn(rest, number)) };
        if end > 0 {
            found.push((number, &rest[..end]));
        }
        (rest, number) = (&rest[end + 1..], number + 1);
    }
    (found, None)
}

/// What is wrong with a torn line and what follows: nothing, when no batch was written after its own.
fn torn(rest: &[u8], number: usize) -> Option<Fault> {
    let batch_end = rest.windows(2).position(|pair| pair == b"\n\n").map_or(rest.len(), |at| at + 2);
    if rest[batch_end..].iter().any(|byte| *byte != 0) {
        return Some(Fault::Line {
            number,
            what: "is torn, and it was acknowledged: more was written later".to_owned(),
        });
    }
    tracing::warn!(line = number, "the write-ahead file ends in a batch that was never acknowledged; it is cut off");
    None
}

/// Puts a line at its place in the database, unless it stands there already.
fn place(database: &Database, heads: &mut BTreeMap<String, Head>, number: usize, line: &[u8]) -> Result<(), Stop> {
    let text = std::str::from_utf8(line).map_err(|error| unread(number, &error.to_string()))?;
    let record = match check(text, Depth::Hashes) {
        Ok(sound) => sound.record,
        Err(kind) => return Err(named(database, heads, number, text, kind)?.into()),
    };
    let before = before(database, heads, &record)?;
    let due = before.as_ref().map_or(0, |head| head.seq + 1);
    let bad = |seq, kind| Fault::Record { stream: record.stream.clone(), damage: Damage { seq, kind } };
    placed(&record, &record.stream, before.as_ref(), None).map_err(|kind| bad(due, kind))?;
    match database.line(&record.stream, record.seq)? {
        None => database.insert(&record.stream, record.seq, line)?,
        Some(stored) if stored == text => {}
        Some(_) => return Err(bad(record.seq, DamageKind::Rewritten { known: record.head() }).into()),
    }
    heads.insert(record.stream.clone(), record.head());
    Ok(())
}

/// The record that this one has to follow: the one before it in the file, or else in the database.
fn before(database: &Database, heads: &BTreeMap<String, Head>, record: &Record) -> Result<Option<Head>, Stop> {
    if let Some(head) = heads.get(&record.stream) {
        return Ok(Some(head.clone()));
    }
    let Some((seq, line)) = database.newest_before(&record.stream, record.seq)? else { return Ok(None) };
    let damage = |kind| Fault::Record { stream: record.stream.clone(), damage: Damage { seq, kind } };
    Ok(Some(parse(&line).map_err(damage)?.head()))
}

/// A line that does not hold as a fault of its stream, as far as it can be told whose it is.
fn named(
    database: &Database,
    heads: &BTreeMap<String, Head>,
    number: usize,
    line: &str,
    kind: DamageKind,
) -> Result<Fault, Stop> {
    match kind {
        DamageKind::NewerFormat { found } => Ok(Fault::Newer { found, known: record::VERSION }),
        kind => match parse(line) {
            // What the line says of itself may be what is damaged: a place that cannot be is not repeated.
            Ok(record) if heads.contains_key(&record.stream) || database.newest(&record.stream)?.is_some() => {
                let due = before(database, heads, &record)?.map_or(0, |head| head.seq + 1);
                Ok(Fault::Record { stream: record.stream, damage: Damage { seq: due, kind } })
            }
            _ => Ok(unread(number, &kind.to_string())),
        },
    }
}

fn unread(number: usize, reason: &str) -> Fault {
    Fault::Line { number, what: format!("does not hold: {reason}") }
}
