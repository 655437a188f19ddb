//! `twinctl simulate`.

use std::io::{BufRead, BufReader, Read};

use tests::twinctl::{Sandbox, signal, wait};

#[test]
fn every_twin_follows_to_the_last_value_through_faults_and_an_early_end() {
    let sandbox = Sandbox::of_example("factory");
    sandbox.deploy();
    let faults = [
        "reply-lost,service=iot-hub,path=*/messages/events*,times=3",
        "error,status=503,service=iot-hub,path=*/messages/events*,nth=5,times=5",
        "throttle,retry_after=1,service=adt,method=PATCH,nth=10,times=5",
        "reply-lost,service=adt,method=PATCH,nth=30,times=3",
    ];
    let _ = sandbox.run(&[&["cloud", "fault", "set"][..], &faults].concat()).code(0);
    let simulated = sandbox.run(&["simulate", "--rate", "30", "--duration", "2", "--seed", "1", "--json"]).code(0);
    let summary = simulated.json();
    assert_eq!((&summary["live"], &summary["interrupted"]), (&true.into(), &false.into()), "{summary:#}");
    assert_eq!((&summary["devices"], &summary["seed"], &summary["missing"]), (&6.into(), &1.into(), &0.into()));
    assert!(summary["sent"].as_u64().unwrap() > 0 && summary["retries"].as_u64().unwrap() >= 3, "{summary:#}");
    assert_eq!(summary["acknowledged"], summary["sent"]);
    assert_eq!(summary["visible"], summary["sent"]);
    assert!(simulated.stderr.starts_with("6 devices, 30 messages per second for "), "{simulated:#?}");
    let _ = sandbox.run(&["cloud", "fault", "clear"]).code(0);
    ctrl_c_ends_sending_and_settles(&sandbox);
    let unknown = sandbox.run(&["simulate", "--devices", "robot-1-controler"]).code(2);
    assert!(unknown.stderr.contains("hint: did you mean `robot-1-controller`?"), "{unknown:#?}");
}

fn ctrl_c_ends_sending_and_settles(sandbox: &Sandbox) {
    let words = [
        "simulate",
        "--devices",
        "robot-1-controller,press-1-controller",
        "--rate",
        "50",
        "--duration",
        "600",
        "--json",
    ];
    let mut child = sandbox.start(&words);
    let mut said = BufReader::new(child.stderr.take().expect("it is captured"));
    let mut line = String::new();
    said.read_line(&mut line).expect("a pipe can be read");
    assert!(line.starts_with("2 devices, 50 messages per second for 10m 00s, seed "), "{line}");
    // It listens for signals before it says so.
    signal(&child, "INT");
    said.read_to_string(&mut line).expect("a pipe can be read");
    assert!(line.contains("no more is sent; waiting for what is on its way"), "{line}");
    let summary = wait(child).code(0).json();
    assert_eq!((&summary["live"], &summary["interrupted"]), (&true.into(), &true.into()), "{summary:#}");
    assert_eq!(summary["visible"], summary["sent"]);
}
