//! Loading: every record of a stream is checked and folded when the stream is opened for writing.

use crate::error::Error;
use crate::record::{Head, Record, VERSION, genesis, states_its_hash};
use crate::sled_store::Database;
use crate::state::StreamState;
use crate::verify::{Damage, DamageKind, parse, reaches};

/// How many lines are held in memory at a time.
const CHUNK: usize = 1024;

/// The state of a stream, or the first record that does not hold.
///
/// Hashes, links, order and transitions are checked; that each line is in canonical form is left to
/// [`crate::verify`], which takes several times as long.
pub(crate) fn load(database: &Database, stream: &str, known: Option<&Head>) -> Result<StreamState, Error> {
    fold_lines(database.lines(stream, 0).map(|item| item.map(|(_, line)| line)), stream, known)
}

/// The same over lines from anywhere.
pub(crate) fn fold_lines(
    lines: impl Iterator<Item = Result<String, Error>>,
    stream: &str,
    known: Option<&Head>,
) -> Result<StreamState, Error> {
    let mut state = StreamState::default();
    let mut lines = lines.fuse();
    loop {
        let chunk = lines.by_ref().take(CHUNK).collect::<Result<Vec<_>, _>>()?;
        if chunk.is_empty() {
            break;
        }
        for read in read_all(&chunk) {
            fold(&mut state, stream, read, known).map_err(|damage| damaged(stream, damage))?;
        }
    }
    let records = state.head.as_ref().map_or(0, |head| head.seq + 1);
    reaches(known, records).map_err(|damage| damaged(stream, damage))?;
    Ok(state)
}

/// The records in lines, read and hashed on two threads: this is most of the work of opening a long journal.
fn read_all(lines: &[String]) -> Vec<Result<Record, DamageKind>> {
    let read_part = |lines: &[String]| lines.iter().map(|line| read(line)).collect::<Vec<_>>();
    if lines.len() < CHUNK {
        return read_part(lines);
    }
    let (front, back) = lines.split_at(lines.len() / 2);
    std::thread::scope(|scope| {
        let back = scope.spawn(|| read_part(back));
        let mut all = read_part(front);
        all.extend(back.join().expect("reading a record does not panic"));
        all
    })
}

/// The record in a line, if its contents match its hash.
pub(crate) fn read(line: &str) -> Result<Record, DamageKind> {
    let record = parse(line)?;
    if states_its_hash(line, &record) { Ok(record) } else { Err(DamageKind::BadHash) }
}

fn fold(
    state: &mut StreamState,
    stream: &str,
    read: Result<Record, DamageKind>,
    known: Option<&Head>,
) -> Result<(), Damage> {
    let seq = state.head.as_ref().map_or(0, |head| head.seq + 1);
    let bad = |kind| Damage { seq, kind };
    let record = read.map_err(bad)?;
    check(&record, stream, state.head.as_ref()).map_err(bad)?;
    if let Some(known) = known.filter(|known| known.seq == seq && known.hash != record.hash) {
        return Err(bad(DamageKind::Rewritten { known: known.clone() }));
    }
    state.apply(&record).map_err(|illegal| bad(DamageKind::IllegalTransition { reason: illegal.reason }))
}

/// Checks that a record follows this head.
pub(crate) fn check(record: &Record, stream: &str, head: Option<&Head>) -> Result<(), DamageKind> {
    if record.stream != stream {
        return Err(DamageKind::ForeignStream { found: record.stream.clone() });
    }
    let (found, due) = (record.seq, head.map_or(0, |head| head.seq + 1));
    if found != due {
        return Err(if found < due { DamageKind::Reordered { found } } else { DamageKind::Missing { found } });
    }
    let follows = head.map_or_else(|| genesis(stream), |head| head.hash.clone()) == record.prev;
    if follows { Ok(()) } else { Err(DamageKind::BadPrev) }
}

/// The damage of a stream as an error.
pub(crate) fn damaged(stream: &str, damage: Damage) -> Error {
    match damage.kind {
        DamageKind::NewerFormat { found } => Error::NewerFormat { found, known: VERSION },
        _ => Error::Damaged { stream: stream.to_owned(), damage: Box::new(damage) },
    }
}
