//! A run as one page that an auditor prints: what happened, to what, by whom, and how to check it.
//!
//! The page needs nothing else: no network, no script, no font. Its content security policy allows the one style sheet in
//! it (by its hash) and nothing besides, so that a message which holds markup stays text even if the escaping had a hole.
//! It reads in the dark, on paper and by a screen reader: everything that the drawing shows stands in a table too.

mod chart;
mod escape;
mod failures;
mod lane;
mod proof;
mod resources;
mod scale;
mod summary;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use self::escape::Text;
use crate::Timeline;

const STYLE: &str = include_str!("style.css");

/// What shows that the records of a report are those of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// The deployment's stream.
    pub stream: String,
    /// The journal's id.
    pub journal: String,
    /// The sequence number of the first record that the report is made from.
    pub from: u64,
    /// The sequence number of the last one.
    pub to: u64,
    /// The hash of that last one, in hexadecimal.
    pub head: String,
    /// The root of the Merkle tree over the stream, in hexadecimal.
    pub root: Option<String>,
    /// The signed checkpoint, as it was signed.
    pub checkpoint: Option<String>,
    /// Whether the whole stream was verified when the report was made.
    pub verified: bool,
}

/// The page, as a complete HTML document.
#[must_use]
pub fn html(timeline: &Timeline, proof: &Proof) -> String {
    let title = format!("{} {}: {}", crate::words::word(&timeline.kind), timeline.stream, timeline.status);
    let sections = [
        summary::header(timeline),
        summary::section(timeline, proof),
        chart::section(timeline),
        summary::breaks(timeline),
        resources::section(timeline),
        failures::section(timeline),
        proof::section(proof),
    ];
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n",
        policy = policy(),
        title = Text(&title),
        body = sections.concat(),
    )
}

/// Only the style sheet of the page, known by its hash (CSP Level 3, section 8.3).
fn policy() -> String {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'")
}

/// A list of terms and what they are, already escaped; entries without a value are left out.
fn facts(entries: &[(&str, Option<String>)]) -> String {
    let entry = |(term, value): &(&str, Option<String>)| {
        value.as_ref().map(|value| format!("<div><dt>{term}</dt><dd>{value}</dd></div>\n"))
    };
    format!("<dl class=\"facts\">\n{}</dl>\n", entries.iter().filter_map(entry).collect::<String>())
}

/// A table with a caption; cells are already escaped, and the first of a row is its header.
fn table(class: &str, caption: &str, heads: &[&str], rows: &[Vec<String>]) -> String {
    let head: String = heads.iter().map(|head| format!("<th scope=\"col\">{head}</th>")).collect();
    let rows: String = rows.iter().map(|row| table_row(row)).collect();
    format!(
        "<div class=\"scroll\">\n<table class=\"{class}\">\n<caption>{caption}</caption>\n\
         <thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n</div>\n"
    )
}

fn table_row(cells: &[String]) -> String {
    let Some((first, rest)) = cells.split_first() else { return String::new() };
    let rest: String = rest.iter().map(|cell| format!("<td>{cell}</td>")).collect();
    format!("<tr><th scope=\"row\">{first}</th>{rest}</tr>\n")
}

/// Text as code, escaped.
fn code(text: &str) -> String {
    format!("<code>{}</code>", Text(text))
}
