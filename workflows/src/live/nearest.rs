//! "Did you mean", for ids.

use crate::project::nearest::nearest as most_like;

/// The candidate that is most like a word, if one is like it at all.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    most_like(word, candidates)
}
