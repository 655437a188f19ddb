//! Where the reader stands in a document, and the problems it has found.

use std::ops::Range;
use std::sync::Arc;

use crate::Problem;

/// A place in a document, kept with an element for problems that show only later.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) document: usize,
    pub(crate) model: Option<Arc<str>>,
    pub(crate) path: String,
    pub(crate) span: Option<Range<usize>>,
}

impl Place {
    /// A problem at this place.
    pub(crate) fn problem(&self, rule: &'static str, message: String, remedy: impl Into<String>) -> Problem {
        Problem {
            rule,
            message,
            remedy: remedy.into(),
            model: self.model.as_deref().map(str::to_owned),
            path: self.path.clone(),
            document: self.document,
            span: self.span.clone(),
        }
    }
}

/// One step down a document.
#[derive(Debug, Clone)]
enum Step {
    Key(String),
    Index(usize),
}

/// The trail to where the reader stands, and what it has found on its way.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) problems: Vec<Problem>,
    pub(crate) document: usize,
    pub(crate) model: Option<Arc<str>>,
    trail: Vec<Step>,
}

impl Report {
    pub(crate) fn enter_key(&mut self, key: &str) {
        self.trail.push(Step::Key(key.to_owned()));
    }

    pub(crate) fn enter_index(&mut self, index: usize) {
        self.trail.push(Step::Index(index));
    }

    pub(crate) fn leave(&mut self) {
        self.trail.pop();
    }

    /// The place where the reader stands.
    pub(crate) fn place(&self, span: Option<&Range<usize>>) -> Place {
        Place { document: self.document, model: self.model.clone(), path: self.path(), span: span.cloned() }
    }

    /// Notes a problem where the reader stands.
    pub(crate) fn add(
        &mut self,
        span: Option<&Range<usize>>,
        rule: &'static str,
        message: String,
        remedy: impl Into<String>,
    ) {
        let problem = self.place(span).problem(rule, message, remedy);
        self.problems.push(problem);
    }

    fn path(&self) -> String {
        let mut path = String::new();
        for step in &self.trail {
            path.push('/');
            match step {
                Step::Key(key) => path.push_str(&key.replace('~', "~0").replace('/', "~1")),
                Step::Index(index) => path.push_str(&index.to_string()),
            }
        }
        path
    }
}
