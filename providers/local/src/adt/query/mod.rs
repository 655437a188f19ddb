//! The query language; event route filters share its expressions.
//!
//! # Terms
//!
//! | term | meaning |
//! |---|---|
//! | collection | a named part of a row: twins, or relationships |
//! | edge | how two collections of twins hang together: a `JOIN`, or an arrow of a `MATCH` |
//! | plan | where the search starts, in which order edges are followed, and when which condition can be decided |
//! | walk | the search for rows itself; it can be left anywhere and resumed there |
//!
//! # Invariants
//!
//! 1. A query looks at a bounded number of things before it answers: a page may be short or empty and have a
//!    continuation all the same; a count that would take too long is refused as the service refuses it.
//! 2. Its memory is bounded, too: that of a page and of one way through the graph, however many rows there are.
//! 3. Rows that are there all the time are on exactly one page, whatever is written between the pages.
//! 4. A misspelt name is no error: what is not there compares to nothing.

mod choices;
mod evaluate;
mod filter;
mod lexer;
mod parser;
mod plan;
mod row;
mod syntax;
mod walk;

use axum::http::header::HeaderName;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answer::{Refusal, Reply};
use super::call::Call;
use super::limits;
use super::state::State;

pub(super) use filter::Filter;

use evaluate::World;
use lexer::Misread;
use plan::{Plan, Start};
use syntax::{Query, Select};
use walk::{Outcome, Position, Walk};

/// How many twins and relationships are looked at for one page along relationships.
const PAGE_WORK: usize = 100_000;
/// How many are looked at for one page of a collection alone: more, since these are no more than there are.
const SCAN_WORK: usize = 1_000_000;
/// How many are looked at for a count along relationships, which has no pages; one without them ends by itself.
const COUNT_WORK: usize = 1_000_000;
/// Bytes after which a page is full, about: rows can repeat a twin as often as they like.
const PAGE_BYTES: usize = 8 * 1024 * 1024;

/// The header that says how many query units an answer has cost.
pub(super) const CHARGE: HeaderName = HeaderName::from_static("query-charge");

/// What a continuation token holds: the query, where it stopped, how many rows `TOP` still allows.
#[derive(Debug, Serialize, Deserialize)]
struct Token {
    query: String,
    at: Position,
    left: Option<usize>,
}

/// Rows on their way to the caller.
struct Page {
    rows: Vec<Value>,
    next: Option<String>,
    work: usize,
}

/// `POST /query`
pub(super) fn run(state: &State, call: &Call<'_>) -> Result<Reply, Refusal> {
    let token = token(call)?;
    let query = parser::parse(&token.query).map_err(refused)?;
    let size = call.page_size(limits::QUERY_PAGE)?;
    let plan = plan::plan(&query);
    let world = World { state, version: call.version };
    let page = match &query.select {
        Select::Count => count(world, &query, &plan)?,
        _ => page(world, &query, &plan, token, size)?,
    };
    let charge = 2.8 + 0.08 * page.rows.len() as f64 + 0.002 * page.work as f64;
    let body = json!({"value": page.rows, "continuationToken": page.next});
    Ok(Reply::document(body).with(CHARGE, format!("{charge:.2}")))
}

fn token(call: &Call<'_>) -> Result<Token, Refusal> {
    let body = call.json_of(limits::QUERY_BYTES)?.unwrap_or_default();
    match (&body["continuationToken"], &body["query"]) {
        (Value::String(token), _) => serde_json::from_str(token).map_err(|_| invalid_token()),
        (Value::Null, Value::String(query)) => Ok(Token { query: query.clone(), at: Position::default(), left: None }),
        (Value::Null, _) => Err(Refusal::argument("A query or a continuation token is required.")),
        _ => Err(invalid_token()),
    }
}

fn invalid_token() -> Refusal {
    Refusal::bad("BadRequest", "The continuation token is invalid.")
}

fn refused(problem: Misread) -> Refusal {
    let Misread { line, position, message } = problem;
    Refusal::bad(
        "SqlQueryError",
        format!(
            "SQL query parse failed: SQL Parser Error, Line={line}, Position={position}, Message={message} See samples in \
             https://aka.ms/adtv2query for the correct syntax."
        ),
    )
}

fn timeout() -> Refusal {
    let message = "The query execution timed out after 60 seconds. Try simplifying the query or adding conditions to \
                   reduce the result size.";
    Refusal::bad("TimeoutError", message)
}

fn count(world: World<'_>, query: &Query, plan: &Plan<'_>) -> Result<Page, Refusal> {
    let most = query.top.unwrap_or(usize::MAX);
    let (found, work) = match &plan.start {
        Start::AllTwins if query.filter.is_none() => (world.state.twins.len().min(most), 0),
        Start::AllRelationships if query.filter.is_none() => (world.state.relationships.len().min(most), 0),
        _ => count_one_by_one(world, query, plan, most)?,
    };
    Ok(Page { rows: vec![json!({"COUNT": found})], next: None, work })
}

fn count_one_by_one(world: World<'_>, query: &Query, plan: &Plan<'_>, most: usize) -> Result<(usize, usize), Refusal> {
    let mut walk = Walk::new(world, plan, query.collections.len(), query.once);
    let work = if plan.steps.is_empty() { usize::MAX } else { COUNT_WORK };
    let mut found = 0;
    while found < most {
        match walk.next(work) {
            Outcome::Row => found += 1,
            Outcome::Pause => return Err(timeout()),
            Outcome::End => break,
        }
    }
    Ok((found, walk.work()))
}

/// The next rows, and the token for the ones after them.
fn page(world: World<'_>, query: &Query, plan: &Plan<'_>, token: Token, size: usize) -> Result<Page, Refusal> {
    let mut walk = Walk::new(world, plan, query.collections.len(), query.once);
    walk.resume(&token.at).map_err(|_| invalid_token())?;
    let left = token.left.or(query.top);
    let size = left.map_or(size, |left| left.min(size));
    let work = if plan.steps.is_empty() { SCAN_WORK } else { PAGE_WORK };
    let (mut rows, mut bytes) = (Vec::new(), 0);
    while rows.len() < size && bytes < PAGE_BYTES {
        match walk.next(work) {
            Outcome::Row => {
                let row = evaluate::shown(query, walk.row(), world.version);
                bytes += weight(&row);
                rows.push(row);
            }
            Outcome::Pause => break,
            Outcome::End => return Ok(Page { rows, next: None, work: walk.work() }),
        }
    }
    let left = left.map(|left| left - rows.len());
    if left == Some(0) || !walk.has_more() {
        return Ok(Page { rows, next: None, work: walk.work() });
    }
    let next = Token { query: token.query, at: walk.position(), left };
    let next = serde_json::to_string(&next).map_err(|error| Refusal::internal(&error.into()))?;
    Ok(Page { rows, next: Some(next), work: walk.work() })
}

/// About how many bytes a value has as JSON.
fn weight(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
        Value::String(text) => text.len() + 3,
        Value::Array(values) => 2 + values.iter().map(weight).sum::<usize>(),
        Value::Object(members) => 2 + members.iter().map(|(name, value)| name.len() + 4 + weight(value)).sum::<usize>(),
    }
}
