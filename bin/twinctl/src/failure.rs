//! Why a command could not do its work, ready to be shown.

use std::error::Error;

use serde::Serialize;

use crate::{codes, exit::Exit};

/// A command's result: how the program ends, or why it could not do its work.
pub(crate) type Result<T = Exit> = std::result::Result<T, Failure>;

/// One failure: what was tried, why it did not work, what to do now. No part of it ever holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Failure {
    /// How the program ends.
    #[serde(serialize_with = "as_number")]
    pub(crate) exit: Exit,
    /// The stable code, if there is one: `docs/errors/<code>.md`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<String>,
    /// What was tried, a lower-case fragment that fits after "failed to".
    #[serde(rename = "failed_to")]
    pub(crate) tried: String,
    /// The chain of causes, outermost first.
    pub(crate) causes: Vec<String>,
    /// The next command to type, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<String>,
}

impl Failure {
    /// A failure without a cause of its own: `tried` says it all.
    pub(crate) fn new(exit: Exit, tried: impl Into<String>) -> Self {
        Self { exit, code: None, tried: tried.into(), causes: Vec::new(), hint: None }
    }

    /// A failure with the whole chain of causes of `error`.
    pub(crate) fn of(exit: Exit, tried: impl Into<String>, error: &(dyn Error + 'static)) -> Self {
        Self { causes: chain(error), ..Self::new(exit, tried) }
    }

    /// The same with one more cause.
    pub(crate) fn because(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// The same with a stable code; its hint is taken from the table unless there is one already.
    pub(crate) fn code(mut self, code: impl Into<String>) -> Self {
        let code = code.into();
        self.hint = self.hint.or_else(|| codes::hint(&code).map(String::from));
        self.code = Some(code);
        self
    }

    /// The same with a hint.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// The messages of an error and its sources; a source whose text its parent already holds is not repeated.
fn chain(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut causes = vec![error.to_string()];
    let mut next = error.source();
    while let Some(source) = next {
        let text = source.to_string();
        if !causes.iter().any(|above| above.contains(&text)) {
            causes.push(text);
        }
        next = source.source();
    }
    causes
}

fn as_number<S: serde::Serializer>(exit: &Exit, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_u8(exit.code())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the store is not readable")]
    struct Outer(#[source] std::io::Error);

    #[derive(Debug, thiserror::Error)]
    #[error("the file said: {0}")]
    struct Repeats(#[source] std::io::Error);

    #[test]
    fn the_chain_is_kept() {
        let failure = Failure::of(Exit::Error, "read", &Outer(std::io::Error::other("disk gone")));
        assert_eq!(failure.causes, ["the store is not readable", "disk gone"]);
    }

    #[test]
    fn a_source_already_told_is_not_told_again() {
        let failure = Failure::of(Exit::Error, "read", &Repeats(std::io::Error::other("disk gone")));
        assert_eq!(failure.causes, ["the file said: disk gone"]);
    }

    #[test]
    fn a_code_brings_its_hint_unless_there_is_a_better_one() {
        let known = Failure::new(Exit::Locked, "deploy").code("locked");
        assert_eq!(known.hint.as_deref(), codes::hint("locked"));
        let better = Failure::new(Exit::Locked, "deploy").hint("wait").code("locked");
        assert_eq!(better.hint.as_deref(), Some("wait"));
    }
}
