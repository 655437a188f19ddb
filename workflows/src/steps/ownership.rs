//! The ownership mark on each kind of resource: where it is put and how it is read back.
//!
//! Tags are the rule. Three types have no tags but a free text or a list of our own; the mark goes there, as one line
//! of text. What cannot carry anything is known by the journal alone.

use azure::mark::Mark as Tags;
use engine::step::{Mark, Ownership};
use serde_json::{Value, json};

use super::kind::Carries;

/// The key of the mark in a blob container's metadata, whose keys must be identifiers.
const METADATA_KEY: &str = "twinctl_mark";

/// Puts the mark onto a document that is about to be sent.
pub(crate) fn put(carries: Carries, mark: &Mark, document: &mut Value) {
    match carries {
        Carries::Tags => tags(mark).stamp(document),
        Carries::Description => document["properties"]["description"] = json!(line(mark)),
        Carries::Labels => document["properties"]["labels"] = json!([line(mark)]),
        Carries::Metadata => document["properties"]["metadata"] = json!({ METADATA_KEY: line(mark) }),
        Carries::Nothing => {}
    }
}

/// Reads whose a found resource is.
pub(crate) fn read(carries: Carries, mark: &Mark, found: &Value) -> Ownership {
    let properties = &found["properties"];
    let text = match carries {
        Carries::Tags => return of_tags(mark, found),
        Carries::Description => properties["description"].as_str(),
        Carries::Labels => properties["labels"].as_array().and_then(|labels| labels.iter().find_map(Value::as_str)),
        Carries::Metadata => properties["metadata"][METADATA_KEY].as_str(),
        Carries::Nothing => return Ownership::Unmarkable,
    };
    match text {
        Some(text) => of_line(mark, text),
        None => Ownership::Unmarked,
    }
}

fn of_tags(mark: &Mark, found: &Value) -> Ownership {
    match Tags::read(found) {
        Some(found) if found.deployment == mark.deployment && found.journal == mark.journal => Ownership::Ours,
        Some(found) => Ownership::Theirs(format!("deployment {}, journal {}", found.deployment, found.journal)),
        None => Ownership::Unmarked,
    }
}

/// Only the deployment and the journal decide: a step may be renamed between two versions of this program.
fn of_line(mark: &Mark, text: &str) -> Ownership {
    let Some(found) = text.strip_prefix("twinctl ") else { return Ownership::Unmarked };
    let owner = format!("deployment={} journal={} ", mark.deployment, mark.journal);
    if found.starts_with(&owner) { Ownership::Ours } else { Ownership::Theirs(found.to_owned()) }
}

fn tags(mark: &Mark) -> Tags {
    Tags { deployment: mark.deployment.clone(), journal: mark.journal.clone(), step: mark.step.clone() }
}

fn line(mark: &Mark) -> String {
    format!("twinctl deployment={} journal={} step={}", mark.deployment, mark.journal, mark.step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(journal: &str) -> Mark {
        Mark { deployment: "d".into(), journal: journal.into(), step: "l4/x".into() }
    }

    #[test]
    fn every_way_of_carrying_reads_back_what_it_put() {
        for carries in [Carries::Tags, Carries::Description, Carries::Labels, Carries::Metadata] {
            let mut document = json!({"properties": {}});
            assert_eq!(read(carries, &mark("j"), &document), Ownership::Unmarked, "{carries:?}");
            put(carries, &mark("j"), &mut document);
            assert_eq!(read(carries, &mark("j"), &document), Ownership::Ours, "{carries:?}");
            assert!(matches!(read(carries, &mark("k"), &document), Ownership::Theirs(_)), "{carries:?}");
        }
        assert_eq!(read(Carries::Nothing, &mark("j"), &json!({})), Ownership::Unmarkable);
    }

    #[test]
    fn a_journal_whose_name_begins_alike_is_another() {
        let mut document = json!({"properties": {}});
        put(Carries::Description, &mark("j2"), &mut document);
        assert!(matches!(read(Carries::Description, &mark("j"), &document), Ownership::Theirs(_)));
    }
}
