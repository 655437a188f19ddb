//! Tags of workspaces, component types and entities.

use serde_json::json;

use super::ask::Ask;
use super::pattern;
use super::record::{ComponentType, Entity, Tagged, Tags, Workspace};
use super::refusal::Refusal;
use super::{Call, Done, page, quota, show};
use crate::state::State;

/// Reads the `tags` of a request.
pub(super) fn read(ask: &Ask<'_>) -> Result<Tags, Refusal> {
    let Some(map) = ask.map("tags")? else { return Ok(Tags::new()) };
    if map.len() > quota::TAGS {
        let constraint = format!("Member must have length less than or equal to {}", quota::TAGS);
        return Err(pattern::broken("tags", &format!("{} members", map.len()), &constraint));
    }
    let said = ask.inside("tags", ask.value("tags").unwrap_or(&serde_json::Value::Null))?;
    let mut tags = Tags::new();
    for key in map.keys() {
        pattern::TAG_KEY.check("tags", key)?;
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(Refusal::invalid("Tag keys that begin with aws: are AWS's own."));
        }
        tags.insert(key.clone(), said.required_text(key, &pattern::TAG_VALUE)?);
    }
    Ok(tags)
}

/// What happens to the tags of the resource of that ARN; answers whether anything did.
fn on(
    call: &Call<'_>,
    state: &mut State,
    arn: &str,
    change: impl Fn(&mut Tags) -> Result<(), Refusal>,
) -> Result<(Tags, bool), Refusal> {
    let own = arn.starts_with(&call.caller.arns());
    let found = of::<Workspace>(state, arn, &change)
        .or_else(|| of::<ComponentType>(state, arn, &change))
        .or_else(|| of::<Entity>(state, arn, &change))
        .filter(|_| own);
    found.unwrap_or_else(|| Err(Refusal::not_found(format!("The resource {arn} does not exist."))))
}

fn of<R: Tagged + PartialEq>(
    state: &mut State,
    arn: &str,
    change: &impl Fn(&mut Tags) -> Result<(), Refusal>,
) -> Option<Result<(Tags, bool), Refusal>> {
    let before = state.get::<R>(arn)?.clone();
    let mut row = before.clone();
    if let Err(refusal) = change(row.tags()) {
        return Some(Err(refusal));
    }
    let (tags, changed) = (row.tags().clone(), row != before);
    if changed {
        state.set(arn, row);
    }
    Some(Ok((tags, changed)))
}

pub(super) fn tag(call: &Call<'_>, state: &mut State) -> Done {
    let ask = call.ask();
    let arn = ask.required_text("resourceARN", &pattern::ARN)?;
    if !ask.has("tags") {
        return Err(ask.absent("tags"));
    }
    let said = read(&ask)?;
    let (_, changed) = on(call, state, &arn, |tags| {
        let mut all = tags.clone();
        all.extend(said.clone());
        if all.len() > quota::TAGS {
            return Err(Refusal::too_many_tags(format!("A resource has {} tags at most.", quota::TAGS)));
        }
        *tags = all;
        Ok(())
    })?;
    Ok((json!({}), vec![call.effect(&arn).unchanged(!changed)]))
}

pub(super) fn untag(call: &Call<'_>, state: &mut State) -> Done {
    let query = call.request.uri().query().unwrap_or_default();
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let named = |name: &str| pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone()).collect();
    let (arns, keys): (Vec<String>, Vec<String>) = (named("resourceARN"), named("tagKeys"));
    let [arn] = arns.as_slice() else { return Err(call.ask().absent("resourceARN")) };
    pattern::ARN.check("resourceARN", arn)?;
    let (_, changed) = on(call, state, arn, |tags| {
        tags.retain(|key, _| !keys.contains(key));
        Ok(())
    })?;
    Ok((json!({}), vec![call.effect(arn).unchanged(!changed)]))
}

pub(super) fn list(call: &Call<'_>, state: &mut State) -> Done {
    let ask = call.ask();
    let arn = ask.required_text("resourceARN", &pattern::ARN)?;
    let (tags, _) = on(call, state, &arn, |_| Ok(()))?;
    let (found, next) = page::page(&ask, tags.iter().map(|(key, value)| (key, (key.clone(), value.clone()))))?;
    let found: Tags = found.into_iter().collect();
    Ok((show::page("tags", found, next), Vec::new()))
}
