//! A report is one page that says what its timeline says, and its proof holds without us.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot go on has failed, one that was skipped says so"
)]

mod recorded;

use std::io::Write as _;
use std::process::{Command, Stdio};

use audit::{Proof, Timeline, report};
use journal::Record;

fn proof(recorded: &recorded::Recorded) -> Proof {
    let head = recorded.records.last().unwrap().head();
    Proof {
        stream: recorded::STREAM.to_owned(),
        journal: recorded.journal.to_string(),
        from: 0,
        to: head.seq,
        head: head.hash.0,
        root: Some("9a".repeat(32)),
        checkpoint: Some("twinctl/journal\n43\n<root>\n\n— plant-7 Az3grl…\n".to_owned()),
        verified: true,
    }
}

async fn page() -> String {
    let recorded = recorded::run().await;
    report::html(&Timeline::fold(&recorded.records).unwrap(), &proof(&recorded))
}

/// What stands between the tags, as a reader sees it.
fn read(html: &str) -> String {
    let unescaped = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
    unescaped.iter().fold(html.to_owned(), |text, (from, to)| text.replace(from, to))
}

#[tokio::test]
async fn a_page_needs_nothing_but_itself() {
    let page = page().await;
    assert!(page.starts_with("<!doctype html>\n<html lang=\"en\">"));
    assert!(page.contains("http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-"));
    for reaching in [" src=\"", " href=\"", "@import", "url(http", "<script", "<iframe", "<link"] {
        assert!(!page.contains(reaching), "the page has {reaching}");
    }
}

#[tokio::test]
async fn what_records_say_is_text() {
    let page = page().await;
    for markup in ["<img", "<script>", "<b>until March</b>", "<root>"] {
        assert!(!page.contains(markup), "the page has {markup}");
        assert!(read(&page).contains(markup), "the page does not show {markup}");
    }
}

#[tokio::test]
async fn every_step_has_a_lane_and_a_row() {
    let recorded = recorded::run().await;
    let timeline = Timeline::fold(&recorded.records).unwrap();
    let page = report::html(&timeline, &proof(&recorded));
    assert_eq!(page.matches("<g class=\"lane\">").count(), timeline.steps.len());
    for step in &timeline.steps {
        assert_eq!(page.matches(&format!("<th scope=\"row\"><code>{}</code></th>", step.id)).count(), 1, "{}", step.id);
    }
    for said in [
        "created → deleted",
        "created → kept",
        "failed → deleted",
        "updated → restored",
        "kept on the word of grace@plant-7",
        "crash: the process was gone without a record of its end",
        "interrupted: SIGINT",
        "twin-model-unknown",
        "waited 3.0s",
    ] {
        assert!(page.contains(said), "the page does not say {said}");
    }
}

/// Every beginning of a run has a page: while it is under way, interrupted, crashed.
#[tokio::test]
async fn every_beginning_has_a_page() {
    let recorded = recorded::run().await;
    for length in 1..=recorded.records.len() {
        let timeline = Timeline::fold(&recorded.records[..length]).unwrap();
        let page = report::html(&timeline, &proof(&recorded));
        assert!(!page.contains("NaN") && !page.contains("inf\""), "after {length} records");
        assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
    }
}

/// A clock that is set back, and waits that no calendar holds, do not break the drawing.
#[tokio::test]
async fn odd_times_still_have_a_page() {
    let mut records = recorded::run().await.records;
    let number = records.len();
    for (place, record) in records.iter_mut().enumerate() {
        record.time = recorded::epoch() + chrono::Duration::seconds((number - place) as i64);
        if let journal::Event::StepAttemptFailed { retry_in_ms, .. } = &mut record.event {
            *retry_in_ms = Some(u64::MAX);
        }
    }
    let recorded = recorded::Recorded { records, ..recorded::run().await };
    let page = report::html(&Timeline::fold(&recorded.records).unwrap(), &proof(&recorded));
    assert!(!page.contains("NaN") && !page.contains("inf\""));
}

/// The program that the page prints is run as it is printed, on the journal as it is exported.
#[tokio::test]
async fn the_printed_program_checks_the_records() {
    let recorded = recorded::run().await;
    let page = page().await;
    let (_, rest) = page.split_once("<pre class=\"script\">").unwrap();
    let program = read(rest.split_once("</pre>").unwrap().0);
    let Some(whole) = python(&program, &recorded.records) else { return };
    assert_eq!(whole, (true, "whole\n".to_owned()));
    let mut changed = recorded.records.clone();
    changed[7].actor.user = "mallory".to_owned();
    assert!(python(&program, &changed).unwrap().1.starts_with("record 7: does not have the hash"));
    let mut cut = recorded.records.clone();
    let _ = cut.pop();
    assert!(python(&program, &cut).unwrap().1.ends_with("is not the head of the report\n"));
    let mut moved = recorded.records;
    moved.swap(3, 4);
    assert!(python(&program, &moved).unwrap().1.starts_with("record 3: is not in its place"));
}

/// Whether the program ended well, and what it said; `None` where there is no Python, unless under CI.
fn python(program: &str, records: &[Record]) -> Option<(bool, String)> {
    let mut command = Command::new("python3");
    command.args(["-I", "-c", program]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "under CI there must be a Python: {error}");
            eprintln!("skipped: python3 is not to be had: {error}");
            return None;
        }
    };
    let lines: Vec<String> = records.iter().map(Record::line).collect();
    child.stdin.take().unwrap().write_all(format!("[{}]", lines.join(",")).as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8(said).unwrap()))
}
