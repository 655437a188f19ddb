//! Lists in pages.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::ask::Ask;
use super::pattern::{self, broken};
use super::refusal::Refusal;

/// How many a page holds where the request does not say.
pub(super) const DEFAULT: i64 = 25;
const MOST: i64 = 200;

/// `maxResults`; 0, which the service model allows, is as good as nothing said.
pub(super) fn size(ask: &Ask<'_>) -> Result<i64, Refusal> {
    let wanted = ask.integer("maxResults")?.unwrap_or(0);
    if !(0..=MOST).contains(&wanted) {
        let constraint = format!("Member must have value between 0 and {MOST}");
        return Err(broken("maxResults", &wanted.to_string(), &constraint));
    }
    Ok(if wanted == 0 { DEFAULT } else { wanted })
}

/// The items of the page that a request asks for, and the token of the next one.
///
/// A token names the last item given, so that a list that changes meanwhile neither repeats nor skips what stays.
pub(super) fn page<'i, T>(
    ask: &Ask<'_>,
    items: impl Iterator<Item = (&'i String, T)>,
) -> Result<(Vec<T>, Option<String>), Refusal> {
    let size = usize::try_from(size(ask)?).unwrap_or_default();
    let after = ask.text("nextToken", &pattern::TOKEN)?.map(|token| decode(&token)).transpose()?;
    let mut rest = items.filter(|(key, _)| after.as_ref().is_none_or(|after| *key > after));
    let (mut taken, mut last) = (Vec::new(), None);
    for (key, item) in rest.by_ref().take(size) {
        taken.push(item);
        last = Some(key);
    }
    let more = rest.next().is_some();
    Ok((taken, last.filter(|_| more).map(|key| URL_SAFE_NO_PAD.encode(key))))
}

fn decode(token: &str) -> Result<String, Refusal> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    text.ok_or_else(|| Refusal::invalid("The nextToken is not one that this service gave."))
}
