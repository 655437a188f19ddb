//! Real traffic: what clients sent and services answered keeps to what is published.

use super::*;

fn lines(file: &str) -> Option<Vec<Value>> {
    let text = fs::read_to_string(shared(file)?).expect("readable");
    Some(text.lines().map(|line| serde_json::from_str(line).expect("a recording")).collect())
}

fn steps(recordings: &[Value]) -> impl Iterator<Item = &Value> {
    recordings.iter().filter_map(|recording| recording["steps"].as_array()).flatten()
}

fn headers(value: &Value) -> BTreeMap<String, String> {
    let members = value.as_object().into_iter().flatten();
    members.filter_map(|(name, value)| Some((name.to_ascii_lowercase(), value.as_str()?.to_owned()))).collect()
}

fn recorded(step: &Value, target: &str, answer: &Value, body: &str) -> Exchange {
    let status = u16::try_from(answer["status"].as_u64().expect("a status")).expect("a status");
    let mut exchange =
        exchange(step["method"].as_str().expect("a method"), target, &step["body"], status, &answer[body]);
    exchange.answer.as_mut().expect("answered").headers = headers(&answer["headers"]);
    exchange
}

#[test]
fn recorded_twins_keep_to_their_document_where_the_service_accepted() {
    let (Some(root), Some(recordings)) = (shared("specs/azure"), lines("data/adt-recordings/corpus.jsonl")) else {
        return;
    };
    let contracts = Contracts::load(&root, &["2020-10-31"]).expect("readable");
    let all: Vec<Exchange> = steps(&recordings)
        .map(|step| {
            let mut exchange = recorded(step, step["path"].as_str().expect("a path"), &step["expect"], "body");
            exchange.headers.extend(headers(&step["headers"]));
            exchange
        })
        .collect();
    let report = contracts.check(&all);
    eprintln!("{report}");
    assert!(report.requests > 1_000, "the recordings were found: {}", report.requests);
    // What was sent to be refused, and was refused, is what the check refuses.
    let surprising: Vec<_> =
        report.violations.iter().filter(|violation| !violation.exchange.ends_with("-> 400")).collect();
    assert!(surprising.is_empty(), "{surprising:#?}");
    assert!(!report.violations.is_empty(), "some recordings are of bad requests");
}

#[test]
fn recorded_resources_keep_to_their_documents() {
    let (Some(contracts), Some(recordings)) = (CONTRACTS.as_ref(), lines("data/arm-recordings.jsonl")) else { return };
    // Of the providers that were recorded with the very version that we use.
    let ours = [("Microsoft.DigitalTwins", api::DIGITAL_TWINS), ("Microsoft.EventGrid", api::EVENT_GRID)];
    let is_ours = |url: &str| ours.iter().any(|(provider, version)| url.contains(provider) && url.ends_with(version));
    let all: Vec<Exchange> = steps(&recordings)
        .filter_map(|step| Some((step, step["url"].as_str()?)))
        .filter(|(_, url)| is_ours(url))
        .map(|(step, url)| recorded(step, url.trim_start_matches("https://management.azure.com"), step, "response"))
        .collect();
    let report = contracts.check(&all);
    eprintln!("{report}");
    report.assert_kept();
    assert!(report.requests > 25 && report.handed_out > 10, "the recordings were found: {}", report.requests);
}
