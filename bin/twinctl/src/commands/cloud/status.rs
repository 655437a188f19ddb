//! `twinctl cloud status`: where the local cloud serves, how its function apps stand, which events are on their way.

use std::path::Path;

use local::{
    endpoints::Endpoints,
    process::{self, Status},
};
use serde_json::{Value, json};

use super::{listing, silent, unmanaged, urls};
use crate::{
    control::Control,
    exit::Exit,
    failure::{self, Failure},
    output::Output,
    render::table::table,
};

pub(super) async fn status(dir: &Path, output: Output) -> failure::Result {
    match process::status(dir).await.map_err(|error| unmanaged("look for the local cloud", &error))? {
        Status::Running(endpoints, _) => {
            let (apps, events) = live_path(&endpoints).await?;
            let (process, urls) = (endpoints.pid, urls(&endpoints));
            let data = json!({ "up": true, "process": process, "urls": urls, "apps": apps, "events": events });
            output
                .data(&data, || format!("up, process {process}\n{}{}", listing(&endpoints), shown(&apps, &events)))?;
        }
        Status::Stopped => output.data(&json!({ "up": false }), || "down".into())?,
        Status::Unresponsive(owner) => {
            let process = owner.map(|owner| owner.pid);
            output.data(&json!({ "up": false, "unresponsive": true, "process": process }), || silent(process))?;
        }
    }
    Ok(Exit::Done)
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
    text
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
        let events = json!({ "undelivered": 7, "subscriptions": [{}] });
        let expected = "\n\
            APP   STATE        PROCESS  CALLS  CRASHES\n\
            f-l2  running      4711     6      1\n\
            f-l4  not-started  -        0      0\n\
            \nevents waiting: 7\n";
        assert_eq!(shown(&apps, &events), expected);
    }
}
