//! What Resource Manager really answered, replayed: our client must ask what the recorded clients asked, and end alike.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Map;

use super::*;

const HOST: &str = "https://management.azure.com";

#[derive(serde::Deserialize)]
struct Recording {
    recording: String,
    steps: Vec<Step>,
}

#[derive(serde::Deserialize, Clone)]
struct Step {
    method: String,
    url: Url,
    body: Option<Value>,
    status: u16,
    headers: BTreeMap<String, String>,
    response: Option<Value>,
    #[serde(default = "once")]
    times: usize,
}

fn once() -> usize {
    1
}

impl Step {
    /// Path and query. The recorded JavaScript client wrote a parameter without a value as `=undefined`.
    fn target(&self) -> String {
        self.url[url::Position::BeforePath..].replace("=undefined", "")
    }

    /// The id and the api-version of a call, other query parameters with the id.
    fn call(&self) -> (String, String) {
        let version = self.url.query_pairs().find(|(name, _)| name.eq_ignore_ascii_case("api-version"));
        (self.url.path().to_owned(), version.map(|(_, version)| version.into_owned()).unwrap_or_default())
    }

    fn is_read(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD")
    }

    fn reply(&self) -> Reply {
        let here = |text: &str| text.replace(&format!("{HOST}:443"), "{base}").replace(HOST, "{base}");
        let mut reply = Reply::new(self.status);
        for name in ["azure-asyncoperation", "location", "retry-after", "content-type", "x-ms-request-id"] {
            if let Some(value) = self.headers.get(name) {
                reply = reply.header(name, &here(value));
            }
        }
        match &self.response {
            None => reply,
            Some(Value::String(text)) => reply.text(&here(text)),
            Some(body) => reply.text(&here(&body.to_string())),
        }
    }
}

/// A write and the reads that belong to it: those that its answers point to, and the final read of the resource.
fn writes(recording: &Recording) -> Vec<Vec<Step>> {
    let mut groups: Vec<Vec<Step>> = Vec::new();
    for step in &recording.steps {
        if !step.is_read() {
            groups.push(vec![step.clone()]);
        } else if let Some(group) = groups.last_mut()
            && follows(group, step)
        {
            // The recorded programs read the finished resource again for reasons of their own.
            // A status that was polled sixty times is polled three times here: once more shows nothing new.
            let times = if step.target() == group[0].target() { 1 } else { step.times.min(3) };
            group.push(Step { times, ..step.clone() });
        }
    }
    groups.iter_mut().for_each(add_final_read);
    // Whether a client reads the result of a long-running POST depends on the action; we call no such action.
    groups.retain(|group| group.len() == 1 || group[0].method != "POST");
    // An id with another id escaped in it: ours are never written so.
    groups.retain(|group| !group[0].url.path().contains("%2F"));
    groups
}

/// The recorders of a PATCH left its final read out (their client asked for nothing but the end): it gives the
/// resource, as the PATCH itself answered.
fn add_final_read(group: &mut Vec<Step>) {
    let first = &group[0];
    let is_patch = first.method == "PATCH" && first.headers.contains_key("azure-asyncoperation");
    if is_patch && group.last().is_some_and(|last| last.target() != first.target()) {
        let read = Step { method: "GET".into(), status: 200, headers: Default::default(), ..first.clone() };
        group.push(read);
    }
}

fn follows(group: &[Step], read: &Step) -> bool {
    let first = &group[0];
    let pointed = group.iter().flat_map(|step| step.headers.iter()).any(|(name, value)| {
        matches!(name.as_str(), "azure-asyncoperation" | "location")
            && Url::parse(value).is_ok_and(|url| url[url::Position::BeforePath..] == read.target())
    });
    let is_long = first.headers.contains_key("azure-asyncoperation");
    let polled = group.len() > 1 && !group.iter().skip(1).any(|step| step.target() == first.target());
    let last = is_long && polled && matches!(first.method.as_str(), "PUT" | "PATCH") && read.target() == first.target();
    pointed || last
}

async fn replay(transport: &reqwest::Client, group: &[Step]) -> (Vec<String>, Result<Option<Value>, Error>) {
    let replies = group.iter().flat_map(|step| std::iter::repeat_n(step.reply(), step.times));
    let script = Script::serve_to(transport.clone(), replies).await;
    let azure = script.azure();
    let first = &group[0];
    let (id, version) = first.call();
    let body = first.body.clone().unwrap_or_default();
    let arm = azure.arm();
    let submitted = match first.method.as_str() {
        "PUT" => arm.put(&id, &version, &body, Write::default()).await,
        "PATCH" => arm.patch(&id, &version, &body, Write::default()).await,
        "DELETE" => arm.delete(&id, &version, Write::default()).await,
        "POST" => {
            let (id, action) = id.rsplit_once('/').expect("an action");
            arm.post(id, action, &version, first.body.as_ref(), Write::default()).await
        }
        other => panic!("{other} is not recorded"),
    };
    let end = match submitted {
        Ok(submitted) => finish(arm, submitted).await,
        Err(error) => Err(error),
    };
    (script.lines(), end)
}

/// Every recording, those of services that we do not use included: operations are long in the same ways there.
fn recordings() -> Option<Vec<Recording>> {
    let Some(file) =
        super::shared().map(|shared| shared.join("data/arm-recordings.jsonl")).filter(|file| file.exists())
    else {
        eprintln!("skipped: no recordings beside the repository (TWINCTL_SHARED)");
        return None;
    };
    let text = std::fs::read_to_string(file).expect("readable");
    Some(text.lines().map(|line| serde_json::from_str(line).expect("a recording")).collect())
}

fn ids(items: &[Value]) -> Vec<Option<&Value>> {
    items.iter().map(|item| item.get("id")).collect()
}

#[tokio::test]
async fn recorded_reads_and_lists_are_read_whole() {
    let Some(recordings) = recordings() else { return };
    let transport = crate::script::transport();
    let (mut documents, mut lists, mut left) = (0, 0, BTreeMap::<&str, usize>::new());
    for step in recordings.iter().flat_map(|recording| &recording.steps).filter(|step| step.method == "GET") {
        let (id, version) = step.call();
        let recorded = step.response.clone().unwrap_or_default();
        if step.status != 200 || !recorded.is_object() || step.url.path().contains("/operation") {
            *left.entry("the end of an operation, which another test follows").or_default() += 1;
        } else if step.url.query_pairs().count() != 1 {
            *left.entry("a poll or a filter, whose URL our client gets handed or does not write").or_default() += 1;
        } else if step.url.path().contains("%2F") {
            *left.entry("an id with another id escaped in it, as ours never are").or_default() += 1;
        } else if recorded.get("nextLink").is_some_and(Value::is_string) {
            *left.entry("a page whose next one was recorded elsewhere").or_default() += 1;
        } else {
            let script = Script::serve_to(transport.clone(), [step.reply()]).await;
            let azure = script.azure();
            if let Some(Value::Array(items)) = recorded.get("value") {
                let listed = azure.arm().list(&id, &version).await.expect("a list");
                assert_eq!(ids(&listed), ids(items), "{id}");
                lists += 1;
            } else {
                let read = azure.arm().get(&id, &version).await.expect("a document");
                let read = read.expect("it was there");
                // The scripted server stands where Azure stood, so that links lead to it.
                assert_eq!(read.get("id"), recorded.get("id"), "{id}");
                assert_eq!(read.as_object().map(Map::len), recorded.as_object().map(Map::len), "{id}");
                documents += 1;
            }
            assert_eq!(script.lines(), [format!("GET {}", step.target())]);
        }
    }
    eprintln!("{documents} recorded documents and {lists} lists read; left out: {left:?}");
    assert!(documents >= 40 && lists >= 10, "the recordings were found: {documents} documents, {lists} lists");
}

#[tokio::test]
async fn recorded_operations_are_followed_as_recorded() {
    let Some(recordings) = recordings() else { return };
    let transport = crate::script::transport();
    let (mut replayed, mut long) = (0, 0);
    let mut shapes = BTreeSet::new();
    for recording in recordings {
        for group in writes(&recording) {
            shapes.extend(shape(&group));
            let (asked, end) = replay(&transport, &group).await;
            let recorded: Vec<String> = group
                .iter()
                .flat_map(|step| std::iter::repeat_n(format!("{} {}", step.method, step.target()), step.times))
                .collect();
            assert_eq!(asked, recorded, "{}", recording.recording);
            let first = &group[0];
            match end {
                Ok(body) if first.method == "PUT" => {
                    let last = group.last().expect("at least the write").response.clone();
                    let (body, last) = (body.expect("a resource"), last.expect("a resource"));
                    assert_eq!(body.get("id"), last.get("id"), "{}", recording.recording);
                }
                Ok(_) => assert!(first.status < 300, "{}", recording.recording),
                Err(error) if group.iter().any(has_failed) => {
                    assert_eq!((error.status(), error.kind()), (None, Kind::Permanent), "{}", recording.recording);
                }
                Err(error) => assert_eq!(error.status(), Some(first.status), "{}", recording.recording),
            }
            replayed += 1;
            long += usize::from(group.len() > 1);
        }
    }
    eprintln!("{replayed} recorded writes replayed, {long} of them long-running");
    assert!(replayed >= 60 && long >= 25, "the recordings were found: {replayed} writes, {long} long");
    for known in [
        "201 with Azure-AsyncOperation",
        "202 with Location alone and no body",
        "200 with a state that goes on",
        "an error without `error`",
    ] {
        assert!(shapes.contains(known), "{known} is not among the recordings: {shapes:?}");
    }
    assert!(shapes.iter().any(|shape| shape.contains("Enqueued")), "odd states are recorded: {shapes:?}");
}

/// Where an operation, or the resource itself, says it is.
fn state(step: &Step) -> Option<&str> {
    let body = step.response.as_ref()?;
    body.pointer("/properties/provisioningState").or_else(|| body.get("status"))?.as_str()
}

fn has_failed(step: &Step) -> bool {
    // Recorded in small letters, too.
    state(step).is_some_and(|state| ["failed", "canceled"].iter().any(|end| state.eq_ignore_ascii_case(end)))
}

/// What is peculiar about how an operation was answered.
fn shape(group: &[Step]) -> BTreeSet<String> {
    let first = &group[0];
    let has = |name: &str| first.headers.contains_key(name);
    let goes_on = |state: &&str| !["Succeeded", "Failed", "Canceled"].contains(state);
    let mut shape: BTreeSet<String> = group.iter().filter_map(state).filter(goes_on).map(str::to_owned).collect();
    let has_body = first.response.as_ref().is_some_and(|body| body.is_object());
    if first.status == 201 && has("azure-asyncoperation") {
        shape.insert("201 with Azure-AsyncOperation".into());
    }
    if first.status == 202 && has("location") && !has("azure-asyncoperation") && !has_body {
        shape.insert("202 with Location alone and no body".into());
    }
    if first.status == 200 && state(first).is_some_and(|state| goes_on(&state)) {
        shape.insert("200 with a state that goes on".into());
    }
    if first.status >= 400 && first.response.as_ref().is_some_and(|body| body.get("error").is_none()) {
        shape.insert("an error without `error`".into());
    }
    shape
}
