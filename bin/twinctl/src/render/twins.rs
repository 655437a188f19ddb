//! The twins as a tree.

use chrono::{DateTime, Utc};
use serde_json::Value;
use workflows::live::{Graph, Mark, Row, Twin, TwinValue};

use super::time::{between, whole};

/// Deeper than this the tree is not indented any more: the lines would be wider than any terminal.
const DEEPEST: usize = 24;

/// A line per twin under the relationship that leads to it, and one per live value; times are told as ages at `now`.
pub(crate) fn text(graph: &Graph, now: DateTime<Utc>) -> String {
    let rows = graph.rows();
    let mut text = String::new();
    // Of each twin above the current line: whether more hangs on the one above it, so that the stroke goes on.
    let mut strokes: Vec<bool> = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        strokes.truncate(row.depth.saturating_sub(1));
        let twin = &graph.twins[&row.twin];
        text += &format!("{}{}\n", before(&strokes, row), name(row, twin));
        strokes.resize(row.depth.saturating_sub(1), true);
        if row.depth > 0 {
            strokes.push(!row.last);
        }
        if row.mark == Mark::Here {
            let goes_on = rows.get(index + 1).is_some_and(|next| next.depth > row.depth);
            let margin = format!("{}{}", indent(&strokes), if goes_on { "│  " } else { "   " });
            text += &values(twin, &margin, now);
        }
    }
    if rows.is_empty() { "there are no twins\n".to_owned() } else { text }
}

/// What stands before a twin: the strokes of those above it and its own branch.
fn before(strokes: &[bool], row: &Row) -> String {
    let branch = match (&row.by, row.last) {
        (None, _) => return String::new(),
        (Some(by), false) => format!("├─ {by} → "),
        (Some(by), true) => format!("└─ {by} → "),
    };
    indent(strokes) + &branch
}

fn indent(strokes: &[bool]) -> String {
    if strokes.len() > DEEPEST {
        return format!("({} deep) ", strokes.len());
    }
    strokes.iter().map(|goes_on| if *goes_on { "│  " } else { "   " }).collect()
}

fn name(row: &Row, twin: &Twin) -> String {
    let remark = match row.mark {
        Mark::Here => "",
        Mark::Elsewhere => "  (shown elsewhere)",
        Mark::Circle => "  (a circle: it is above)",
    };
    format!("{}  {}{remark}", row.twin, short(&twin.model))
}

/// The last part of a model's id: `Press` of `dtmi:factory:Press;1`.
fn short(model: &str) -> &str {
    let path = model.split_once(';').map_or(model, |(path, _)| path);
    path.rsplit(':').next().unwrap_or(path)
}

fn values(twin: &Twin, margin: &str, now: DateTime<Utc>) -> String {
    let width = twin.values.keys().map(|name| name.chars().count()).max().unwrap_or_default();
    let line =
        |(name, value): (&String, &TwinValue)| format!("{margin}{name:<width$}  {}{}\n", shown(value), age(value, now));
    twin.values.iter().map(line).collect()
}

fn shown(value: &TwinValue) -> String {
    let text = match &value.value {
        None => return "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    };
    match &value.unit {
        Some(unit) => format!("{text} {unit}"),
        None => text,
    }
}

/// How old a value is by its source time; a value that no device has sent has no age.
fn age(value: &TwinValue, now: DateTime<Utc>) -> String {
    match (&value.value, value.source_time) {
        (_, Some(time)) => format!("  {} ago", whole(between(time, now))),
        (Some(_), None) => "  (initial)".to_owned(),
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn graph(relationships: &[(&str, &str, &str)]) -> Graph {
        let now = DateTime::UNIX_EPOCH;
        let value = |value: Value, unit: Option<&str>, sent: bool| TwinValue {
            value: Some(value),
            unit: unit.map(str::to_owned),
            source_time: sent.then_some(now),
            updated: None,
        };
        let values = [
            ("temperature".to_owned(), value(json!(21.5), Some("°C"), true)),
            ("state".to_owned(), value(json!("idle"), None, false)),
        ];
        let twin = |id: &str| {
            let values = if id == "sensor" { values.clone().into() } else { Default::default() };
            (id.to_owned(), Twin { model: format!("dtmi:x:{};1", id.to_uppercase()), values })
        };
        Graph {
            twins: ["hall", "press", "sensor", "site"].into_iter().map(twin).collect(),
            relationships: relationships.iter().map(|(a, b, c)| ((*a).into(), (*b).into(), (*c).into())).collect(),
        }
    }

    #[test]
    fn the_tree_has_values_units_and_ages() {
        let graph = graph(&[
            ("site", "has", "hall"),
            ("hall", "has", "press"),
            ("hall", "has", "sensor"),
            ("sensor", "watches", "press"),
        ]);
        let now = DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(65);
        assert_eq!(
            text(&graph, now),
            "site  SITE\n\
             └─ has → hall  HALL\n\
             \u{20}  ├─ has → press  PRESS\n\
             \u{20}  └─ has → sensor  SENSOR\n\
             \u{20}     │  state        idle  (initial)\n\
             \u{20}     │  temperature  21.5 °C  1m 05s ago\n\
             \u{20}     └─ watches → press  PRESS  (shown elsewhere)\n"
        );
    }

    #[test]
    fn circles_are_marked() {
        let text = text(&graph(&[("hall", "a", "press"), ("press", "b", "hall")]), DateTime::UNIX_EPOCH);
        assert!(text.contains("   └─ b → hall  HALL  (a circle: it is above)\n"), "{text}");
    }

    #[test]
    fn nothing_is_said_to_be_nothing() {
        let nothing = Graph { twins: Default::default(), relationships: Vec::new() };
        assert_eq!(text(&nothing, DateTime::UNIX_EPOCH), "there are no twins\n");
    }
}
