//! What Resource Manager really answered, replayed: our client must ask what the recorded clients asked, and end alike.

use super::*;

/// The recorded service types that we use.
const OURS: [&str; 8] = [
    "appservice/",
    "cosmos",
    "digitaltwins/",
    "eventgrid/",
    "iothub/",
    "resources/arm-resources",
    "storage/",
    "authorization/",
];

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
    headers: std::collections::BTreeMap<String, String>,
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

#[tokio::test]
async fn recorded_operations_are_followed_as_recorded() {
    let Some(file) =
        super::shared().map(|shared| shared.join("data/arm-recordings.jsonl")).filter(|file| file.exists())
    else {
        eprintln!("skipped: no recordings beside the repository (TWINCTL_SHARED)");
        return;
    };
    let text = std::fs::read_to_string(file).expect("readable");
    let recordings = text.lines().map(|line| serde_json::from_str::<Recording>(line).expect("a recording"));
    let transport = crate::script::transport();
    let (mut replayed, mut long) = (0, 0);
    for recording in recordings.filter(|recording| OURS.iter().any(|ours| recording.recording.starts_with(ours))) {
        for group in writes(&recording) {
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
                Err(error) => assert_eq!(error.status(), Some(first.status), "{}", recording.recording),
            }
            replayed += 1;
            long += usize::from(group.len() > 1);
        }
    }
    eprintln!("{replayed} recorded writes replayed, {long} of them long-running");
    assert!(replayed >= 30 && long >= 15, "the recordings were found: {replayed} writes, {long} long");
}
