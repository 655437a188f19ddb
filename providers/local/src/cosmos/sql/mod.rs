//! The query language: the subset that filters, projects, sorts, cuts and aggregates the items of one container.
//!
//! `JOIN`, `GROUP BY`, subqueries, `LIKE`, iteration (`IN c.list` after `FROM`) and functions of users are answered with
//! 501 and named.

mod evaluate;
mod lexer;
mod parser;
mod plan;
mod run;
mod syntax;

pub(super) use parser::parse;
pub(super) use plan::plan;
pub(super) use syntax::Query;

use serde_json::json;

use super::refusal::Refusal;

/// A place that cannot be read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Misread {
    start: usize,
    end: usize,
    near: String,
}

impl Misread {
    fn near(text: &str, start: usize, end: usize) -> Self {
        Self { start, end, near: text.get(start..end).unwrap_or_default().to_owned() }
    }
}

/// Why a query is not run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Unfit {
    /// It is none.
    Misread(Misread),
    /// It uses something that is not implemented.
    Missing(&'static str),
    /// It asks for something impossible.
    Wrong(String),
}

impl From<Misread> for Unfit {
    fn from(misread: Misread) -> Self {
        Self::Misread(misread)
    }
}

impl From<Unfit> for Refusal {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            Unfit::Misread(Misread { start, end, near }) => {
                let error = json!({
                    "severity": "Error",
                    "location": { "start": start, "end": end },
                    "code": "SC1001",
                    "message": format!("Syntax error, incorrect syntax near '{near}'."),
                });
                Self::bad_request(json!({ "errors": [error] }).to_string())
            }
            Unfit::Missing(what) => Self::not_implemented(&format!("{what} in a query")),
            Unfit::Wrong(message) => Self::bad_request(message),
        }
    }
}
