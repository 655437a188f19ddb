//! `twinctl cloud status`: where the local cloud serves, AWS included, how its function apps stand, which events are on their way.

use std::path::Path;

use local::{
    emulator,
    endpoints::Endpoints,
    process::{self, Status},
    strictness::Strictness,
};
use serde_json::{Value, json};

use super::{aws, listing, silent, unmanaged, urls};
use crate::{
    control::Control,
    exit::Exit,
    failure::{self, Failure},
    output::Output,
    render::table::table,
};

pub(super) async fn status(dir: &Path, output: Output) -> failure::Result {
    let aws = aws::status(dir).await?;
    let (mut data, text) =
        match process::status(dir).await.map_err(|error| unmanaged("look for the local cloud", &error))? {
            Status::Running(endpoints, _) => up(&endpoints, &aws).await?,
            Status::Stopped => (json!({ "up": false }), "down\n".to_owned()),
            Status::Unresponsive(owner) => {
                let process = owner.map(|owner| owner.pid);
                (json!({ "up": false, "unresponsive": true, "process": process }), silent(process) + "\n")
            }
        };
    if aws != emulator::Status::Stopped {
        data["aws"] = aws::data(&aws);
    }
    output.data(&data, || text + &aws::shown(&aws))?;
    Ok(Exit::Done)
}

/// A local cloud that serves.
async fn up(endpoints: &Endpoints, aws: &emulator::Status) -> Result<(Value, String), Failure> {
    let (apps, events) = live_path(endpoints).await?;
    let (process, aws) = (endpoints.pid, aws::of(aws));
    let strictness = endpoints.strictness;
    let enforced = match strictness == Strictness::default() {
        true => String::new(),
        false => format!(", {}", enforced(strictness)),
    };
    let text = format!("up, process {process}{enforced}\n{}{}", listing(endpoints, aws), shown(&apps, &events));
    let urls = urls(endpoints, aws);
    let data = json!({
        "up": true, "process": process, "rates": strictness.rates, "rbac": strictness.rbac, "urls": urls, "apps": apps,
        "events": events,
    });
    Ok((data, text))
}

/// What a local cloud enforces, in words.
pub(super) fn enforced(strictness: Strictness) -> &'static str {
    match (strictness.rates, strictness.rbac) {
        (true, true) => "with rate limits and roles enforced",
        (true, false) => "with rate limits",
        (false, true) => "with roles enforced",
        (false, false) => "without rate limits, and without roles enforced",
    }
}

/// Its function apps by name, and its events.
async fn live_path(endpoints: &Endpoints) -> Result<(Value, Value), Failure> {
    let control = Control::of(endpoints)?;
    Ok((control.get("apps").await?, control.get("events").await?))
}

/// Both for people; nothing where nothing is deployed.
fn shown(apps: &Value, events: &Value) -> String {
    let rows: Vec<[String; 5]> = apps.as_object().into_iter().flatten().map(|(name, app)| row(name, app)).collect();
    let mut text = String::new();
    if !rows.is_empty() {
        text += &format!("\n{}", table(["app", "state", "process", "calls", "crashes"], &rows));
    }
    if events["subscriptions"].as_array().is_some_and(|subscriptions| !subscriptions.is_empty()) {
        text += &format!("\nevents waiting: {}\n", events["undelivered"]);
    }
    text.extend(events["routes"].as_array().into_iter().flatten().filter_map(lost));
    text
}

/// What is lost along an event route that leads nowhere.
fn lost(route: &Value) -> Option<String> {
    let lost = route["lost"].as_u64().filter(|lost| *lost > 0)?;
    let text = |name: &str| route[name].as_str().unwrap_or_default();
    let (instance, id, reason) = (text("instance"), text("route"), text("reason"));
    Some(format!("\nevents lost: {lost} on route {id} of {instance}: {reason}\n"))
}

fn row(name: &str, app: &Value) -> [String; 5] {
    let process = app["pid"].as_u64().map_or_else(|| "-".to_owned(), |pid| pid.to_string());
    let state = app["state"].as_str().unwrap_or_default().to_owned();
    [name.to_owned(), state, process, calls(app).to_string(), app["crashes"].to_string()]
}

/// Calls of all its functions, however they ended.
fn calls(app: &Value) -> u64 {
    let functions = app["calls"].as_object().into_iter().flatten();
    let counts = functions.filter_map(|(_, statuses)| statuses.as_object()).flatten();
    counts.filter_map(|(_, count)| count.as_u64()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apps_and_events_are_shown_where_there_are_some() {
        assert_eq!(shown(&json!({}), &json!({ "undelivered": 0, "subscriptions": [] })), "");
        let apps = json!({
            "f-l2": {"state": "running", "pid": 4711, "crashes": 1, "calls": {"a": {"200": 3, "503": 1}, "b": {"200": 2}}},
            "f-l4": {"state": "not-started", "pid": null, "crashes": 0, "calls": {}},
        });
        let routes = json!([
            { "instance": "f-adt", "route": "all", "endpoint": "grid", "sent": 3, "lost": 0 },
            { "instance": "f-adt", "route": "r", "endpoint": "hub", "sent": 0, "lost": 2, "reason": "no EventHub" },
        ]);
        let events = json!({ "undelivered": 7, "subscriptions": [{}], "routes": routes });
        let expected = "\n\
            APP   STATE        PROCESS  CALLS  CRASHES\n\
            f-l2  running      4711     6      1\n\
            f-l4  not-started  -        0      0\n\
            \nevents waiting: 7\n\
            \nevents lost: 2 on route r of f-adt: no EventHub\n";
        assert_eq!(shown(&apps, &events), expected);
    }
}
