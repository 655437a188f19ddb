//! The query language, without `JOIN` and `MATCH`; event route filters share its expressions.
//!
//! Queries see every write at once. A misspelt property is no error: what is not there compares to nothing.

mod evaluate;
mod filter;
mod lexer;
mod parser;
mod row;
mod syntax;

use std::ops::Bound;

use axum::http::header::HeaderName;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answer::{Refusal, Reply};
use super::call::Call;
use super::limits;
use super::name::Name;
use super::state::State;

pub(super) use filter::Filter;

use lexer::Misread;
use row::Row;
use syntax::{Query, Select, Source};

/// The header that says how many query units an answer has cost.
pub(super) const CHARGE: HeaderName = HeaderName::from_static("query-charge");

/// What a continuation token holds: the query, where it stopped, how many rows `TOP` still allows.
#[derive(Debug, Serialize, Deserialize)]
struct Token {
    query: String,
    after: Vec<String>,
    left: Option<usize>,
}

/// `POST /query`
pub(super) fn run(state: &State, call: &Call<'_>) -> Result<Reply, Refusal> {
    let token = token(call)?;
    let query = parser::parse(&token.query).map_err(|problem| refused(&problem))?;
    let size = call.page_size(limits::QUERY_PAGE)?;
    let (values, next) = match &query.select {
        Select::Count => (vec![json!({"COUNT": count(state, &query, call)})], None),
        _ => page(state, &query, call, token, size)?,
    };
    let charge = format!("{:.2}", 2.8 + 0.08 * values.len() as f64);
    let body = json!({"value": values, "continuationToken": next});
    Ok(Reply::document(body).with(CHARGE, charge))
}

fn token(call: &Call<'_>) -> Result<Token, Refusal> {
    let invalid = || Refusal::bad("BadRequest", "The continuation token is invalid.");
    let body = call.json()?.unwrap_or_default();
    match (&body["continuationToken"], &body["query"]) {
        (Value::String(token), _) => serde_json::from_str(token).map_err(|_| invalid()),
        (Value::Null, Value::String(query)) => Ok(Token { query: query.clone(), after: Vec::new(), left: None }),
        (Value::Null, _) => Err(Refusal::argument("A query or a continuation token is required.")),
        _ => Err(invalid()),
    }
}

fn refused(problem: &parser::Problem) -> Refusal {
    match problem {
        parser::Problem::NotHere(what) => Refusal::not_implemented(format_args!("{what} in queries")),
        parser::Problem::Misread(Misread { line, position, message }) => Refusal::bad(
            "SqlQueryError",
            format!(
                "SQL query parse failed: SQL Parser Error, Line={line}, Position={position}, Message={message} See \
                 samples in https://aka.ms/adtv2query for the correct syntax."
            ),
        ),
    }
}

fn count(state: &State, query: &Query, call: &Call<'_>) -> usize {
    let found = rows(state, query, &[]).filter(|row| evaluate::holds(query, row, state, call.version)).count();
    query.top.map_or(found, |top| found.min(top))
}

/// The next rows, and the token for the ones after them.
fn page(
    state: &State,
    query: &Query,
    call: &Call<'_>,
    token: Token,
    size: usize,
) -> Result<(Vec<Value>, Option<String>), Refusal> {
    let left = token.left.or(query.top);
    let size = left.map_or(size, |left| left.min(size));
    let mut values = Vec::new();
    let mut after = token.after.clone();
    let mut rows = rows(state, query, &token.after).peekable();
    while values.len() < size {
        let Some(row) = rows.next() else { return Ok((values, None)) };
        after = row.key();
        if evaluate::holds(query, &row, state, call.version) {
            values.push(evaluate::shown(query, &row, call.version));
        }
    }
    let left = left.map(|left| left - values.len());
    if left == Some(0) || rows.peek().is_none() {
        return Ok((values, None));
    }
    let next = Token { query: token.query, after, left };
    let next = serde_json::to_string(&next).map_err(|error| Refusal::internal(&error.into()))?;
    Ok((values, Some(next)))
}

/// All rows of the source behind a key, in the order of the keys.
fn rows<'a>(state: &'a State, query: &Query, after: &[String]) -> Box<dyn Iterator<Item = Row<'a>> + 'a> {
    let after = |at: usize| Name::from(after.get(at).map_or("", String::as_str));
    match query.source {
        Source::Twins => {
            let twins = state.twins.range((Bound::Excluded(after(0)), Bound::Unbounded));
            Box::new(twins.map(|(id, twin)| Row::Twin(id, twin)))
        }
        Source::Relationships => {
            let all = state.relationships.range((Bound::Excluded((after(0), after(1))), Bound::Unbounded));
            Box::new(all.map(|((source, id), one)| Row::Relationship(source, id, one)))
        }
    }
}
