//! What is wrong with a model, and what would do.

use std::fmt;
use std::ops::Range;

/// One broken rule. It is data for programs, and shown as one line for people.
///
/// ```
/// use dtdl::{Document, Models, Rules};
///
/// let model = serde_json::json!({
///     "@context": "dtmi:dtdl:context;3", "@id": "dtmi:example:Room;1", "@type": "Interface",
///     "contents": [{ "@type": "Property", "name": "heat", "schema": "dobule" }],
/// });
/// let problems = Models::parse(Rules::Adt, &[Document::from_value(&model)]).expect_err("there is no such schema");
/// assert_eq!((problems[0].rule, problems[0].path.as_str()), ("bad-dtmi-or-term", "/contents/0/schema"));
/// assert!(problems[0].to_string().starts_with("dtmi:example:Room;1 at /contents/0/schema: \"dobule\" is neither"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The stable identifier of the rule, in kebab-case (for example `dtmi-syntax`).
    pub rule: &'static str,
    /// What is wrong, a lower-case fragment.
    pub message: String,
    /// What would do, a lower-case fragment.
    pub remedy: String,
    /// The `@id` of the model, as written, where it has one.
    pub model: Option<String>,
    /// The place inside the document as a JSON pointer (`/contents/2/schema`); empty for the document itself.
    pub path: String,
    /// Which of the given documents, from 0.
    pub document: usize,
    /// The bytes of the source text, where the document was read from text.
    pub span: Option<Range<usize>>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.model {
            Some(model) => write!(f, "{model}")?,
            None => write!(f, "document {}", self.document)?,
        }
        if !self.path.is_empty() {
            write!(f, " at {}", self.path)?;
        }
        write!(f, ": {} ({}); {}", self.message, self.rule, self.remedy)
    }
}

impl std::error::Error for Problem {}
