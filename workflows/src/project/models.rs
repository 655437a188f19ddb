//! The models: what the `dtdl` crate finds, brought to its place in the file.

use std::collections::BTreeSet;

use dtdl::{Document, Models, Rules};

use super::hierarchy::Item;
use crate::problem::{Code, Problem, Span};

/// What is known of the models.
pub(super) struct Known {
    /// The valid ones; all of them when nothing was reported.
    pub(super) models: Models,
    /// The ids of those that are written down and left out, because they or what they build on are broken.
    pub(super) broken: BTreeSet<String>,
}

/// Reads the models. Broken ones are reported and left out, so that the twins of the others can still be checked.
pub(super) fn read(items: &[Item<'_>], problems: &mut Vec<Problem>) -> Known {
    let documents: Vec<Document> = items.iter().map(|item| Document::from_ast(&item.node)).collect();
    let mut kept: Vec<usize> = (0..items.len()).collect();
    let mut first = true;
    loop {
        let subset: Vec<Document> = kept.iter().map(|index| documents[*index].clone()).collect();
        let found = match Models::parse(Rules::Adt, &subset) {
            Ok(models) => return Known { models, broken: broken(items, &kept) },
            Err(found) => found,
        };
        // Later rounds complain of what was left out, which is said already.
        if first {
            problems.extend(found.iter().filter_map(|problem| bring_home(&items[kept[problem.document]], problem)));
        }
        first = false;
        let bad: BTreeSet<usize> = found.iter().map(|problem| kept[problem.document]).collect();
        kept.retain(|index| !bad.contains(index));
    }
}

/// The ids of the models that were not kept.
fn broken(items: &[Item<'_>], kept: &[usize]) -> BTreeSet<String> {
    let kept: BTreeSet<&usize> = kept.iter().collect();
    let left_out = items.iter().enumerate().filter(|(index, _)| !kept.contains(index));
    left_out.filter_map(|(_, item)| Some(item.node.as_object()?.get_string("@id")?.value.to_string())).collect()
}

/// A problem of the language as one of the project; `None` for what is reported of every JSON object already.
fn bring_home(item: &Item<'_>, problem: &dtdl::Problem) -> Option<Problem> {
    if problem.rule == "duplicate-property-name" {
        return None;
    }
    let span = match &problem.span {
        Some(range) => item.place.in_file(range.clone()),
        None => item.place.span(&item.node),
    };
    let message = match &problem.model {
        Some(model) => format!("{model}: {}", problem.message),
        None => problem.message.clone(),
    };
    let (code, why, remedy) = words(problem, item.place.text_at(span));
    let span = first_line(item, span);
    Some(item.place.problem_at(span, code, message).why(why).fix(remedy).rule(problem.rule))
}

/// The code, and what the project's users need to hear: the two traps that they really fall into have their own.
fn words(problem: &dtdl::Problem, text: &str) -> (Code, &'static str, String) {
    let is_id = problem.rule.contains("dtmi") || problem.rule.contains("-id");
    if is_id && text.trim_matches('"').starts_with("dtmi:") && text.contains('-') {
        let remedy = format!("write {}", text.replace('-', "_"));
        let why = "segments of a model id hold letters, digits and underscores; hyphens are not allowed";
        return (Code::ModelIdSegment, why, remedy);
    }
    if problem.rule.starts_with("non-unique-") && problem.path.contains("contents") {
        let why = "names of contents are unique within a model and all that it extends, telemetry included";
        return (Code::DuplicateContentName, why, problem.remedy.clone());
    }
    (Code::ModelInvalid, "Azure Digital Twins rejects the whole upload when one model is wrong", problem.remedy.clone())
}

/// The part of a span on its first line: a whole model is no place to look at.
fn first_line(item: &Item<'_>, span: Span) -> Span {
    let length = item.place.text_at(span).lines().next().map_or(0, str::len);
    Span { start: span.start, end: span.start + length }
}

/// The valid models as written, each after those that it builds on.
pub(super) fn in_order(items: &[Item<'_>], known: &Known) -> Vec<serde_json::Value> {
    let written: std::collections::BTreeMap<String, &Item<'_>> = items
        .iter()
        .filter_map(|item| Some((item.node.as_object()?.get_string("@id")?.value.to_string(), item)))
        .collect();
    let order = known.models.dependency_order();
    order
        .iter()
        .filter_map(|model| written.get(model.id.as_str()))
        .map(|item| item.place.to_value(&item.node))
        .collect()
}
