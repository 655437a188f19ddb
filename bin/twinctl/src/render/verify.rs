//! What `verify` has seen, as a table, and why live data did not arrive where it did not.

use std::{collections::BTreeMap, time::Duration};

use workflows::live::{Cause, DeviceReport, Outcome, Report};

use super::{table::table, time::latency};
use crate::{exit::Exit, failure::Failure, live::some};

/// A line per device, and the sum.
pub(crate) fn text(report: &Report) -> String {
    let rows: Vec<[String; 7]> = report.devices.iter().map(row).collect();
    let heads = ["device", "property", "result", "device-hub", "hub-twin", "twin-visible", "total"];
    let live = report.devices.iter().filter(|device| device.outcome.is_live()).count();
    let all = report.devices.len();
    format!("{}\n{live} of {all} twins follow their devices\n", table(heads, &rows))
}

fn row(device: &DeviceReport) -> [String; 7] {
    let took = |hop: Option<Duration>| hop.map_or_else(|| "-".to_owned(), latency);
    let hops = device.hops;
    [
        device.device.clone(),
        device.property.clone().unwrap_or_else(|| "-".to_owned()),
        result(device.outcome).to_owned(),
        took(hops.device_to_hub),
        took(hops.hub_to_twin),
        took(hops.twin_to_visible),
        took(hops.total),
    ]
}

fn result(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Visible => "visible",
        Outcome::Overtaken => "overtaken",
        Outcome::NotVisible => "not visible",
        Outcome::NotSent => "not sent",
        Outcome::NoTwin => "no twin",
        Outcome::SendsNothing => "sends nothing",
    }
}

/// One failure per kind of cause, each with the devices that it holds for.
pub(crate) fn failures(report: &Report) -> Vec<Failure> {
    let mut kinds: BTreeMap<(u8, String), Vec<&str>> = BTreeMap::new();
    for device in &report.devices {
        if let Some(cause) = &device.cause {
            kinds.entry((order(cause), why(cause))).or_default().push(&device.device);
        }
    }
    let failure = |((order, why), devices): ((u8, String), Vec<&str>)| {
        Failure::new(Exit::NotVisible, format!("see live data of {}", some(&devices)))
            .because(why)
            .hint(HINTS[usize::from(order)])
            .code("live-data-missing")
    };
    kinds.into_iter().map(failure).collect()
}

/// The next command to type, in the order of the way that a message takes.
const HINTS: [&str; 4] = [
    "`twinctl status` shows whether the hub and its devices stand; `twinctl run` brings them back",
    "`twinctl status` shows whether subscription, function and roles stand; `twinctl cloud fault list` shows faults in \
     force on the local cloud",
    "set the clock of this machine, then `twinctl verify` again",
    "`twinctl status` shows whether the twins stand; `twinctl run` brings them back",
];

fn order(cause: &Cause) -> u8 {
    match cause {
        Cause::Hub { .. } => 0,
        Cause::Path => 1,
        Cause::Clock => 2,
        Cause::Twin { .. } | Cause::TwinGone => 3,
    }
}

fn why(cause: &Cause) -> String {
    match cause {
        Cause::Hub { message } => format!("the hub did not take the message: {message}"),
        Cause::Twin { message } => format!("the twin could not be read: {message}"),
        Cause::TwinGone => "the twin is not there".to_owned(),
        Cause::Path => "the hub took the message, and it did not reach the twin within the deadline".to_owned(),
        Cause::Clock => {
            "the twin took a value under another time than ours: the clock of this machine is too far from the cloud's"
                .to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use workflows::live::Hops;

    use super::*;

    fn device(id: &str, outcome: Outcome, cause: Option<Cause>) -> DeviceReport {
        let hops = Hops { device_to_hub: Some(Duration::from_millis(12)), ..Hops::default() };
        let property = Some("temperature".to_owned());
        DeviceReport { device: id.into(), twin: id.into(), property, mark: None, outcome, hops, cause }
    }

    #[test]
    fn each_device_has_its_line_and_each_cause_its_hint() {
        let devices = vec![
            device("a", Outcome::Visible, None),
            device("b", Outcome::NotVisible, Some(Cause::Path)),
            device("c", Outcome::NotVisible, Some(Cause::Path)),
            device("d", Outcome::NoTwin, Some(Cause::TwinGone)),
        ];
        let report = Report { live: false, devices };
        let text = text(&report);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1], "a       temperature  visible      12ms        -         -             -");
        assert_eq!(lines.last(), Some(&"1 of 4 twins follow their devices"));
        let failures = failures(&report);
        assert_eq!(failures[0].tried, "see live data of b, c");
        assert!(failures[0].hint.as_ref().unwrap().contains("`twinctl status`"));
        assert_eq!(failures[1].tried, "see live data of d");
        assert!(failures.iter().all(|failure| failure.exit == Exit::NotVisible));
    }
}
