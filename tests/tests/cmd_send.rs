//! `twinctl send`.

use std::{fs, io::Write, process::Stdio};

use insta::assert_snapshot;
use tests::twinctl::{FILTERS, Sandbox, wait};

/// Latencies first: `1.25s` is no `25s`.
fn filters() -> Vec<(&'static str, &'static str)> {
    let mut filters = vec![(r"\b\d+\.\d\ds|\b\d+(\.\d)?ms", "[took]")];
    filters.extend(FILTERS);
    filters
}

#[test]
fn a_message_is_accepted_and_its_twin_follows() {
    let sandbox = Sandbox::of_example("factory");
    sandbox.deploy();
    let message = r#"{"temperature": 22.5, "battery": {"level": 80}, "humidty": 3, "colour": "red"}"#;
    insta::with_settings!({ filters => filters() }, {
        assert_snapshot!(sandbox.run(&["send", ".", "climate-press-hall", message, "--wait"]).snapshot(), @r#"
        exit 0
        --- stdout
        climate-press-hall: accepted after [took]
          id    [id]
          time  [time]
          twin  shows it after [took]
        --- stderr
        warning: the twin takes no `colour`
        warning: the twin takes no `humidty`; did you mean `humidity`?
        "#);
    });
    let twins = sandbox.run(&["twins", "--json"]).code(0).json();
    let values = &twins["twins"]["climate-press-hall"]["values"];
    assert_eq!((&values["temperature"]["value"], &values["battery.level"]["value"]), (&22.5.into(), &80.into()));

    let old = r#"{"temperature": 1, "time": "2020-01-01T00:00:00Z"}"#;
    let sent = sandbox.run(&["send", ".", "climate-press-hall", old, "--wait", "--json"]).code(0).json();
    assert_eq!((&sent["twin"], &sent["time"]), (&"overtaken".into(), &"2020-01-01T00:00:00.000000Z".into()));

    from_a_file_and_from_standard_input(&sandbox);

    insta::with_settings!({ filters => filters() }, {
        assert_snapshot!(sandbox.run(&["send", ".", "climate-pres-hall", "{}"]).snapshot(), @r#"
        exit 2
        --- stderr
        error[unknown-device]: failed to send the message
          cause: the deployment has no device `climate-pres-hall`
        hint: did you mean `climate-press-hall`?
        "#);
    });
}

fn from_a_file_and_from_standard_input(sandbox: &Sandbox) {
    fs::write(sandbox.project().join("message.json"), r#"{"state": "running"}"#).unwrap();
    let sent = sandbox.run(&["send", ".", "press-1-controller", "@message.json", "--wait", "--json"]).code(0).json();
    assert_eq!(sent["twin"], "visible");
    assert!(sent["visible_after"].is_f64() && sent["acknowledged_after"].is_f64(), "{sent}");
    let mut command = sandbox.command(&["send", ".", "press-2-controller", "-", "--json"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(br#"{"pressure": 12.5}"#).unwrap();
    let sent = wait(child).code(0).json();
    assert_eq!((&sent["device"], &sent["twin"]), (&"press-2-controller".into(), &serde_json::Value::Null));
}

#[test]
fn what_is_no_message_is_refused_before_anything_is_asked() {
    let sandbox = Sandbox::of_example("factory");
    assert_snapshot!(sandbox.run(&["send", ".", "climate-press-hall", "[1]"]).snapshot(), @r#"
    exit 2
    --- stderr
    error[bad-message]: failed to read the message
      cause: a JSON object is expected, not a list
    hint: a message is one JSON object, such as '{"temperature": 21.5}'; `-` reads standard input, `@FILE` a file
    "#);
    let missing = sandbox.run(&["send", ".", "climate-press-hall", "@nowhere.json"]).code(1);
    assert!(missing.stderr.contains("nowhere.json"), "{missing:#?}");
    let never = sandbox.run(&["send", ".", "climate-press-hall", "{}"]).code(1);
    assert!(never.stderr.contains("error[no-journal]"), "{never:#?}");
}
