//! The report of a run, as a browser shows it: self-contained, inert, complete.

use std::fs;

use audit::{Proof, Timeline, report};
use serde_json::{Value, json};
use tests::browser::{Browser, pictures};

#[path = "../../audit/tests/recorded/mod.rs"]
mod recorded;

const CHECKPOINT: &str = "twinctl/journal\n59\n<b>mpqa</b>\n\n— plant-7 Az3grlgtzPICa5OS8npVmf1Myq\n";

async fn page() -> (Timeline, Proof, String) {
    let recorded = recorded::run().await;
    let timeline = Timeline::fold(&recorded.records).unwrap();
    let proof = Proof {
        stream: timeline.stream.clone(),
        journal: recorded.journal.to_string(),
        from: timeline.from,
        to: timeline.to,
        head: timeline.head.0.clone(),
        root: Some("9a".repeat(32)),
        checkpoint: Some(CHECKPOINT.to_owned()),
        verified: true,
    };
    let page = report::html(&timeline, &proof);
    (timeline, proof, page)
}

/// One look serves every check: a browser takes seconds to start.
#[tokio::test]
async fn a_report_in_a_browser() {
    let Some(browser) = Browser::installed() else { return };
    let (timeline, proof, page) = page().await;
    let folder = pictures("sys_report");
    let file = folder.join("report.html");
    fs::write(&file, page).unwrap();
    let seen = browser.look("report.cjs", &file, &folder);
    is_alone(&seen);
    is_inert(&seen);
    shows_every_step(&seen, &timeline);
    shows_waits_and_breaks(&seen, &timeline);
    shows_the_proof(&seen, &proof);
    suits_dark_narrow_and_paper(&seen);
    println!("pictures: {}", folder.display());
}

fn list<'a>(seen: &'a Value, name: &str) -> &'a Vec<Value> {
    seen[name].as_array().unwrap_or_else(|| panic!("{name} is no list: {seen:#}"))
}

/// Nothing on the console, and no request but the one for the page.
fn is_alone(seen: &Value) {
    assert_eq!(seen["errors"], json!([]));
    let requests = list(seen, "requests");
    assert_eq!(requests.len(), 1, "{requests:?}");
    assert!(requests[0].as_str().unwrap().starts_with("file:///"), "{requests:?}");
}

/// Markup in messages, reasons and the checkpoint is text.
fn is_inert(seen: &Value) {
    assert_eq!(seen["title"], "deploy local-factory: rolled back");
    assert_eq!(seen["foreign"], 0, "an element of a message is one of the page");
    assert!(list(seen, "messages").contains(&json!(recorded::HOSTILE)), "{:#}", seen["messages"]);
}

fn shows_every_step(seen: &Value, timeline: &Timeline) {
    let steps = timeline.steps.len();
    assert_eq!((&seen["lanes"], &seen["rows"]), (&json!(steps), &json!(steps)));
    let layers = json!(["setup: 4 steps", "l1: 2 steps", "l4: 2 steps", "l2: 1 step", "l3: 1 step"]);
    let titles: Vec<_> = list(seen, "layers").iter().map(|it| it.as_str().unwrap().replace("Layer ", "")).collect();
    assert_eq!(json!(titles), layers);
    let undone = timeline.steps.iter().filter_map(|step| step.compensation.as_ref());
    let attempts: usize = undone.map(|it| it.work.attempts.len()).sum();
    let attempts = attempts + timeline.steps.iter().map(|step| step.work.attempts.len()).sum::<usize>();
    assert_eq!(list(seen, "attempts").len(), attempts);
    assert!(list(seen, "attempts").iter().all(|bar| bar["width"].as_f64().unwrap() > 1.0));
    assert_eq!(list(seen, "skips").len(), 1);
    // What a screen reader is told: real tables, a picture per layer, a header per row.
    let roles = &seen["roles"];
    assert_eq!((&roles["table"], &roles["img"]), (&json!(3), &json!(5)), "{roles}");
    assert!(roles["rowheader"].as_u64() >= Some(steps as u64), "{roles}");
}

fn shows_waits_and_breaks(seen: &Value, timeline: &Timeline) {
    let waits = list(seen, "waits");
    assert_eq!(waits.len(), 5);
    assert!(waits.iter().all(|wait| wait["width"].as_f64().unwrap() > 5.0), "{waits:?}");
    assert!(list(seen, "waitFills").iter().all(|fill| fill == "url(\"#wait\")"), "{:?}", seen["waitFills"]);
    // Every break crosses every layer from its top to its bottom, at the same place.
    let (breaks, layers) = (list(seen, "breaks"), list(seen, "layerBoxes"));
    assert_eq!(breaks.len(), timeline.breaks.len() * layers.len());
    for (place, drawn) in breaks.iter().enumerate() {
        let layer = &layers[place / timeline.breaks.len()];
        let differs = |name: &str, than: &Value| (drawn[name].as_f64().unwrap() - than[name].as_f64().unwrap()).abs();
        assert!(drawn["width"].as_f64().unwrap() > 20.0, "{drawn}");
        assert!(differs("height", layer) < 1.0 && differs("y", layer) < 1.0, "{drawn} in {layer}");
        assert!(differs("x", &breaks[place % timeline.breaks.len()]) < 1.0, "{drawn}");
    }
    let titles = json!(["break 1: crash, 15m 12s", "break 2: rest, 2m 00s", "break 3: interrupt, 1h 02m"]);
    assert_eq!(seen["breakTitles"], titles);
}

fn shows_the_proof(seen: &Value, proof: &Proof) {
    let shown = seen["proof"].as_str().unwrap();
    let head = format!("{}:{}", proof.to, proof.head);
    let root = proof.root.as_deref().unwrap();
    for said in [&proof.stream, &proof.journal, &head, root, CHECKPOINT.trim_end(), "RFC 8785", "import hashlib"] {
        assert!(shown.contains(said), "the proof does not say {said}:\n{shown}");
    }
}

fn suits_dark_narrow_and_paper(seen: &Value) {
    assert_ne!(seen["ground"], seen["darkGround"]);
    assert_eq!((&seen["overflow"], &seen["narrowOverflow"]), (&json!(false), &json!(false)));
    assert!(seen["paper"].as_u64() > Some(10_000));
}
