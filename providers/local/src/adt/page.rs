//! Lists in pages.

use serde_json::{Value, json};

use super::answer::Refusal;
use super::call::Call;

/// One page of a list: entries with their keys, in the order of the keys, from behind the token on.
///
/// `entries` yields what comes behind the token; a page ends with a link when there is more.
pub(super) fn page(
    call: &Call<'_>,
    most: usize,
    entries: impl Iterator<Item = (String, Value)>,
) -> Result<Value, Refusal> {
    let size = call.page_size(most)?;
    let mut values = Vec::new();
    let mut last = None;
    for (key, value) in entries {
        if values.len() == size {
            let link = last.map(|last: String| call.next_link(&last));
            return Ok(json!({"value": values, "nextLink": link}));
        }
        values.push(value);
        last = Some(key);
    }
    Ok(json!({"value": values, "nextLink": null}))
}

/// The key behind which the page starts; empty for the first one.
pub(super) fn start<'a>(call: &'a Call<'_>) -> &'a str {
    call.parameter("continuationToken").unwrap_or_default()
}
