//! Loading: every record of a stream is checked and folded when the stream is opened for writing.

use crate::base::Base;
use crate::check::Depth;
use crate::error::Error;
use crate::record::{Head, VERSION};
use crate::sled_store::Database;
use crate::state::StreamState;
use crate::verify::{self, Damage, DamageKind, Failure, Known};

/// The state of a stream, or the first record that does not hold.
///
/// Hashes, links, order and transitions are checked; that each line is in canonical form is left to
/// [`crate::verify`], which takes several times as long.
pub(crate) fn load(database: &Database, stream: &str, known: Option<&Head>) -> Result<StreamState, Error> {
    let base = database.base(stream)?;
    let lines = database.lines(stream, 0).map(|item| item.map(|(_, line)| line));
    fold_lines(base.as_ref(), lines, stream, known)
}

/// The same over lines from anywhere.
pub(crate) fn fold_lines(
    base: Option<&Base>,
    lines: impl Iterator<Item = Result<String, Error>>,
    stream: &str,
    known: Option<&Head>,
) -> Result<StreamState, Error> {
    let known = Known { heads: known.cloned().into_iter().collect(), roots: Vec::new() };
    let fold = verify::fold(stream, base, lines, Depth::Hashes, &known);
    fold.map(|fold| fold.state).map_err(|failure| failed(stream, failure))
}

/// A failed verification as an error.
pub(crate) fn failed(stream: &str, failure: Failure<Error>) -> Error {
    match failure {
        Failure::Damage(damage) => damaged(stream, damage),
        Failure::Source(error) => error,
    }
}

/// The damage of a stream as an error.
pub(crate) fn damaged(stream: &str, damage: Damage) -> Error {
    match damage.kind {
        DamageKind::NewerFormat { found } => Error::NewerFormat { found, known: VERSION },
        _ => Error::Damaged { stream: stream.to_owned(), damage: Box::new(damage) },
    }
}
