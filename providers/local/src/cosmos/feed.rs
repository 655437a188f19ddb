//! Lists and queries, page by page.

use std::sync::PoisonError;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::container::{Partition, Place};
use super::items::Target;
use super::refusal::Refusal;
use super::sql::{self, Query};
use super::{Call, partition};
use crate::answer::Answer;
use crate::query as request;

/// Items of a page when the caller does not say, and when it leaves it to us.
const PAGE: usize = 100;
const LARGEST_PAGE: usize = 1000;
/// Nominal charge.
const CHARGE: &str = "2.83";

/// Where the next page begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Next {
    /// Behind an item.
    After(Partition, u64),
    /// Behind so many results, where they do not come in the items' order.
    Skip(usize),
}

impl Next {
    fn read(token: &str) -> Option<Self> {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token).ok()?).ok()
    }

    fn token(&self) -> String {
        URL_SAFE_NO_PAD.encode(json!(self).to_string())
    }
}

/// Whether a POST is a query.
pub(super) fn is_query(call: &Call<'_>) -> bool {
    let content_type = call.header("content-type").unwrap_or_default();
    call.says("x-ms-documentdb-isquery") || content_type.starts_with("application/query+json")
}

/// The query in a request's body.
pub(super) fn read_query(call: &Call<'_>) -> Result<Query, Refusal> {
    let body = request::json(call.request).unwrap_or_default();
    let text = body["query"].as_str().ok_or_else(|| Refusal::bad_request("The request has no query."))?;
    let named = body["parameters"].as_array().into_iter().flatten();
    let parameters: Map<String, Value> =
        named.filter_map(|one| Some((one["name"].as_str()?.to_owned(), one["value"].clone()))).collect();
    Ok(sql::parse(text, &parameters)?)
}

/// `GET docs`.
pub(super) fn list(call: &Call<'_>, target: &Target) -> Result<Answer, Refusal> {
    if call.header("a-im").is_some() {
        return Err(Refusal::not_implemented("the change feed"));
    }
    check_ranges(call)?;
    let partition = target.named_partition(call)?;
    page(call, target, partition.as_deref(), Some)
}

/// `POST docs` with a query.
pub(super) fn query(call: &Call<'_>, target: &Target) -> Result<Answer, Refusal> {
    let query = read_query(call)?;
    check_ranges(call)?;
    let partition = match target.named_partition(call)? {
        Some(named) => Some(named),
        None => query.pinned(&target.paths).map(partition::of_values),
    };
    let is_ours = call.header("x-ms-documentdb-partitionkeyrangeid").is_some();
    if partition.is_none() && !is_ours {
        check_crossing(call, &query)?;
    }
    if !query.needs_merging() {
        return page(call, target, partition.as_deref(), |row| query.row(row));
    }
    let skip = match next(call)? {
        None => 0,
        Some(Next::Skip(skip)) => skip,
        Some(Next::After(..)) => return Err(bad_token()),
    };
    let container = target.container(call)?;
    let container = container.read().unwrap_or_else(PoisonError::into_inner);
    let items = container.items(partition.as_deref(), None, target.age(call));
    let rows = query.run(items.map(|(_, item)| item.document()));
    let end = skip.saturating_add(page_size(call)?);
    let next = (end < rows.len()).then_some(Next::Skip(end));
    let shown: Vec<Value> = rows.into_iter().skip(skip).take(end - skip).collect();
    Ok(target.sign(answer(&target.rid, "Documents", shown, next.as_ref()), container.sequence(), CHARGE))
}

/// A query over several partitions must be allowed to be one, and may need a client that merges their results.
fn check_crossing(call: &Call<'_>, query: &Query) -> Result<(), Refusal> {
    if !call.says("x-ms-documentdb-query-enablecrosspartition") {
        return Err(Refusal::bad_request(
            "Cross partition query is required but disabled. Please set x-ms-documentdb-query-enablecrosspartition to true, specify x-ms-documentdb-partitionkey, or revise your query to avoid this exception.",
        ));
    }
    if query.needs_merging() {
        let message = "The provided cross partition query can not be directly served by the gateway. This is a first chance (internal) exception that all newer clients will know how to handle gracefully.";
        return Err(Refusal::bad_request(message).sub(1004));
    }
    Ok(())
}

/// `POST docs` for a query's plan.
pub(super) fn plan(call: &Call<'_>, target: &Target) -> Result<Answer, Refusal> {
    Ok(target.sign(Answer::json(200, sql::plan(&read_query(call)?)), 0, "1"))
}

/// Parts of the one range there is cannot be asked for.
fn check_ranges(call: &Call<'_>) -> Result<(), Refusal> {
    let start = call.header("x-ms-start-epk").unwrap_or_default();
    let end = call.header("x-ms-end-epk").unwrap_or("FF");
    match call.header("x-ms-documentdb-partitionkeyrangeid") {
        Some(range) if range.rsplit(',').next().is_none_or(|range| range.trim() != "0") => {
            Err(Refusal::new(410, "Gone", "There is no such range of partitions.").sub(1002))
        }
        _ if start.is_empty() && end.eq_ignore_ascii_case("FF") => Ok(()),
        _ => Err(Refusal::not_implemented("parts of a range of partitions")),
    }
}

/// One page of items in their order, each shown as `show` makes it.
fn page(
    call: &Call<'_>,
    target: &Target,
    partition: Option<&str>,
    show: impl Fn(Value) -> Option<Value>,
) -> Result<Answer, Refusal> {
    let after: Option<Place> = match next(call)? {
        None => None,
        Some(Next::After(partition, number)) => Some((partition, number)),
        Some(Next::Skip(_)) => return Err(bad_token()),
    };
    let size = page_size(call)?;
    let container = target.container(call)?;
    let container = container.read().unwrap_or_else(PoisonError::into_inner);
    let items = container.items(partition, after.as_ref(), target.age(call));
    let mut shown = items.filter_map(|(place, item)| Some((place, show(item.document())?))).peekable();
    let mut rows = Vec::new();
    let mut last = None;
    while rows.len() < size
        && let Some((place, row)) = shown.next()
    {
        rows.push(row);
        last = Some(place);
    }
    let next = last.filter(|_| shown.peek().is_some()).map(|(partition, number)| Next::After(partition, number));
    Ok(target.sign(answer(&target.rid, "Documents", rows, next.as_ref()), container.sequence(), CHARGE))
}

/// A page: a list under its own name, with how many there are.
fn answer(rid: &str, name: &str, rows: Vec<Value>, next: Option<&Next>) -> Answer {
    let count = rows.len();
    let body = json!({ "_rid": rid, name: rows, "_count": count });
    let answer = Answer::json(200, body).header("x-ms-item-count", &count.to_string());
    next.map_or(answer.clone(), |next| answer.header("x-ms-continuation", &next.token()))
}

/// A whole list of databases or the like, after the request's query when it is one.
pub(super) fn whole(call: &Call<'_>, rid: &str, name: &str, rows: Vec<Value>) -> Result<Answer, Refusal> {
    let rows = if is_query(call) { read_query(call)?.run(rows.into_iter()) } else { rows };
    Ok(answer(rid, name, rows, None).header("x-ms-request-charge", "1"))
}

fn next(call: &Call<'_>) -> Result<Option<Next>, Refusal> {
    let token = call.header("x-ms-continuation").filter(|token| !token.is_empty());
    token.map(|token| Next::read(token).ok_or_else(bad_token)).transpose()
}

fn bad_token() -> Refusal {
    Refusal::bad_request("Invalid Continuation Token")
}

fn page_size(call: &Call<'_>) -> Result<usize, Refusal> {
    let wrong = |text: &str| Refusal::bad_request(format!("'{text}' is no number of items for a page."));
    match call.header("x-ms-max-item-count").filter(|text| !text.is_empty()) {
        None => Ok(PAGE),
        Some(text) => match text.parse::<i64>() {
            Ok(-1) => Ok(LARGEST_PAGE),
            Ok(size) => usize::try_from(size).ok().filter(|size| *size > 0).ok_or_else(|| wrong(text)),
            Err(_) => Err(wrong(text)),
        },
    }
}
