//! `twinctl twins`.

use std::{
    io::{BufRead, BufReader},
    process::Child,
};

use insta::assert_snapshot;
use tests::twinctl::{FILTERS, Sandbox, signal, wait};

/// What a look may not change: everything but the cloud's own folder, where the cloud keeps its own time.
fn files(sandbox: &Sandbox) -> Vec<String> {
    sandbox.files().into_iter().filter(|file| !file.starts_with("cloud")).collect()
}

#[test]
fn the_graph_is_a_tree_with_live_values() {
    let sandbox = Sandbox::of_example("factory");
    sandbox.deploy();
    let _ = sandbox.run(&["send", ".", "vibration-press-1", r#"{"rms": 0.25}"#, "--wait"]).code(0);
    let before = files(&sandbox);
    insta::with_settings!({ filters => FILTERS.to_vec() }, {
        assert_snapshot!(sandbox.run(&["twins"]).snapshot(), @r#"
        exit 0
        --- stdout
        site  Site
        ├─ contains → assembly-hall  Room
        │  ├─ contains → robot-1  Robot
        │  │  └─ controlledBy → robot-1-controller  RobotController
        │  │        drive.speed        0  (initial)
        │  │        drive.temperature  22  (initial)
        │  │        gripperClosed      false  (initial)
        │  │        state              idle  (initial)
        │  └─ monitoredBy → climate-assembly-hall  ClimateSensor
        │        battery.level  100  (initial)
        │        humidity       40  (initial)
        │        temperature    20  (initial)
        └─ contains → press-hall  Room
           ├─ contains → press-1  Press
           │  ├─ controlledBy → press-1-controller  PressController
           │  │     pressure  0  (initial)
           │  │     state     idle  (initial)
           │  │     strokes   0  (initial)
           │  ├─ feeds → robot-1  Robot  (shown elsewhere)
           │  └─ monitoredBy → vibration-press-1  VibrationSensor
           │        battery.level  96  (initial)
           │        lastReading    -
           │        rms            0.25  [took] ago
           ├─ contains → press-2  Press
           │  ├─ controlledBy → press-2-controller  PressController
           │  │     pressure  0  (initial)
           │  │     state     idle  (initial)
           │  │     strokes   0  (initial)
           │  └─ feeds → robot-1  Robot  (shown elsewhere)
           └─ monitoredBy → climate-press-hall  ClimateSensor
                 battery.level  100  (initial)
                 humidity       45  (initial)
                 temperature    21.5  (initial)
        "#);
    });
    let twins = sandbox.run(&["twins", "--json"]).code(0).json();
    assert_eq!(twins["twins"]["vibration-press-1"]["values"]["rms"]["value"], 0.25);
    assert!(twins["twins"]["vibration-press-1"]["values"]["rms"]["source_time"].is_string(), "{twins}");
    assert_eq!(twins["relationships"].as_array().unwrap().len(), 13);
    assert_eq!(files(&sandbox), before, "twins wrote something");
    watches_until_it_is_stopped(&sandbox);
    let _ = sandbox.run(&["cloud", "down"]).code(0);
    let down = sandbox.run(&["twins"]).code(1);
    assert!(down.stderr.contains("error[cloud-not-up]") && down.stderr.contains("`twinctl cloud up`"), "{down:#?}");
}

fn watches_until_it_is_stopped(sandbox: &Sandbox) {
    let mut child: Child = sandbox.start(&["twins", "--watch", "--interval", "0.1", "--json"]);
    let mut lines = BufReader::new(child.stdout.take().expect("it is captured")).lines();
    for _ in 0..2 {
        let line = lines.next().expect("it goes on").expect("a pipe can be read");
        let twins: serde_json::Value = serde_json::from_str(&line).expect("each showing is a line of JSON");
        assert!(twins["twins"]["site"].is_object(), "{twins}");
    }
    signal(&child, "INT");
    // What it still writes must not fill the pipe.
    assert!(lines.all(|line| line.is_ok()));
    assert_eq!(wait(child).code, 0);
}

#[test]
fn before_the_first_run_there_is_nothing_to_show() {
    let sandbox = Sandbox::of_example("factory");
    assert_snapshot!(sandbox.run(&["twins"]).snapshot(), @r#"
    exit 1
    --- stderr
    error[no-journal]: failed to read the twins
      cause: nothing was ever deployed from here
    hint: `twinctl run` makes the first deployment; `--state-dir` names another state folder
    "#);
}
