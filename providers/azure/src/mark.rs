//! The ownership mark: how a resource of ours is known again, as tags.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The tag that names the deployment.
pub const DEPLOYMENT: &str = "twinctl-deployment";
/// The tag that names the journal.
pub const JOURNAL: &str = "twinctl-journal";
/// The tag that names the step.
pub const STEP: &str = "twinctl-step";

/// Who made a resource, and with which step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The deployment, the same for every journal of the same twin.
    pub deployment: String,
    /// The journal that made it.
    pub journal: String,
    /// The step.
    pub step: String,
}

impl Mark {
    /// The mark as tags, to be merged with a document's own.
    #[must_use]
    pub fn tags(&self) -> Map<String, Value> {
        [(DEPLOYMENT, &self.deployment), (JOURNAL, &self.journal), (STEP, &self.step)]
            .into_iter()
            .map(|(name, value)| (name.to_owned(), json!(value)))
            .collect()
    }

    /// Puts the mark into a resource document's `tags`, leaving its other tags.
    pub fn stamp(&self, document: &mut Value) {
        let Some(document) = document.as_object_mut() else { return };
        let tags = document.entry("tags").or_insert_with(|| json!({}));
        if !tags.is_object() {
            *tags = json!({});
        }
        if let Some(tags) = tags.as_object_mut() {
            tags.extend(self.tags());
        }
    }

    /// Reads the mark back from a resource; `None` when it carries none.
    ///
    /// A mark that somebody damaged (a tag missing) still counts as one: its missing parts read as empty, so that it
    /// never equals a mark of ours and is never taken for an unmarked resource either.
    #[must_use]
    pub fn read(resource: &Value) -> Option<Self> {
        let tag = |name: &str| {
            let tags = resource.get("tags")?.as_object()?;
            // Tag names are case-insensitive; some providers change their case.
            tags.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).and_then(|(_, value)| value.as_str())
        };
        let parts = [tag(DEPLOYMENT), tag(JOURNAL), tag(STEP)];
        if parts.iter().all(Option::is_none) {
            return None;
        }
        let [deployment, journal, step] = parts.map(|part| part.unwrap_or_default().to_owned());
        Some(Self { deployment, journal, step })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark() -> Mark {
        Mark { deployment: "local/factory".into(), journal: "j1".into(), step: "l4/adt".into() }
    }

    #[test]
    fn what_is_stamped_is_read_back_and_other_tags_stay() {
        let mut document = json!({"location": "westeurope", "tags": {"team": "north"}});
        mark().stamp(&mut document);
        assert_eq!(document["tags"]["team"], "north");
        assert_eq!(Mark::read(&document), Some(mark()));
    }

    #[test]
    fn null_tags_are_replaced() {
        let mut document = json!({"tags": null});
        mark().stamp(&mut document);
        assert_eq!(Mark::read(&document), Some(mark()));
    }

    #[test]
    fn a_damaged_mark_is_neither_ours_nor_none() {
        let damaged = json!({"tags": {"TwinCtl-Deployment": "local/factory"}});
        let read = Mark::read(&damaged).expect("one tag is left");
        assert_eq!(read.deployment, "local/factory");
        assert_ne!(read, mark());
        assert_eq!(Mark::read(&json!({"tags": {"team": "north"}})), None);
        assert_eq!(Mark::read(&json!({})), None);
    }
}
