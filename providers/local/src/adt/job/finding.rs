//! What is wrong with a line of an import's input.

use crate::adt::answer::Refusal;

/// What is wrong with a line, as the log says it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Finding {
    /// The service's code.
    pub(super) code: String,
    pub(super) message: String,
}

impl Finding {
    pub(super) fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into() }
    }

    /// The line is not what its place in the file asks for.
    pub(super) fn format(message: impl Into<String>) -> Self {
        Self::new("UnsupportedFileFormat", message)
    }
}

impl From<Refusal> for Finding {
    fn from(refusal: Refusal) -> Self {
        Self { code: refusal.code().to_owned(), message: refusal.words() }
    }
}
