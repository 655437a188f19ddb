//! `twinctl cloud`.

use insta::assert_snapshot;
use reqwest::Method;
use tests::{
    by_hand::ByHand,
    twinctl::{FILTERS, Sandbox},
};

#[test]
fn up_status_down_and_reset() {
    let sandbox = Sandbox::empty();
    assert_snapshot!(sandbox.run(&["cloud", "status"]).snapshot(), @r#"
    exit 0
    --- stdout
    down
    "#);
    insta::with_settings!({ filters => FILTERS.to_vec() }, {
        assert_snapshot!(sandbox.run(&["cloud", "up"]).snapshot(), @r#"
        exit 0
        --- stdout
        SERVICE    URL
        arm        https://localhost:[port]
        adt        https://localhost:[port]
        adt-http   http://127.0.0.1:[port]
        login      https://localhost:[port]
        imds       http://127.0.0.1:[port]
        iot-hub    https://localhost:[port]
        mqtt       mqtts://localhost:[port]
        scm        https://localhost:[port]
        web        https://localhost:[port]
        data       https://localhost:[port]
        twinmaker  http://localhost:[port]
        control    http://127.0.0.1:[port]
        "#);
        assert_snapshot!(sandbox.run(&["cloud", "status"]).snapshot(), @r#"
        exit 0
        --- stdout
        up, process [pid]
        SERVICE    URL
        arm        https://localhost:[port]
        adt        https://localhost:[port]
        adt-http   http://127.0.0.1:[port]
        login      https://localhost:[port]
        imds       http://127.0.0.1:[port]
        iot-hub    https://localhost:[port]
        mqtt       mqtts://localhost:[port]
        scm        https://localhost:[port]
        web        https://localhost:[port]
        data       https://localhost:[port]
        twinmaker  http://localhost:[port]
        control    http://127.0.0.1:[port]
        "#);
        assert_snapshot!(sandbox.run(&["cloud", "down"]).snapshot(), @r#"
        exit 0
        --- stderr
        the local cloud is down; its state stays
        "#);
        assert_snapshot!(sandbox.run(&["cloud", "down"]).snapshot(), @r#"
        exit 0
        --- stderr
        the local cloud was not up
        "#);
        assert_snapshot!(sandbox.run(&["cloud", "reset"]).snapshot(), @r#"
        exit 0
        --- stderr
        the local cloud is down and its state is gone
        "#);
    });
}

#[test]
fn it_comes_up_again_where_it_was() {
    let sandbox = Sandbox::empty();
    let first = sandbox.run(&["cloud", "up", "--json"]).code(0).json();
    assert_eq!(sandbox.run(&["cloud", "up", "--json"]).code(0).json(), first, "up is up");
    let _ = sandbox.run(&["cloud", "down"]).code(0);
    assert_eq!(sandbox.run(&["cloud", "up", "--json"]).code(0).json(), first, "ports are remembered");
}

#[test]
fn urls_are_printed_bare() {
    let sandbox = Sandbox::empty();
    let _ = sandbox.run(&["cloud", "up"]).code(0);
    let arm = sandbox.run(&["cloud", "url", "arm"]).code(0);
    assert!(arm.stdout.starts_with("https://localhost:") && !arm.stdout.trim().ends_with('/'), "{arm:#?}");
    let twins = sandbox.run(&["cloud", "url", "adt-http"]).code(0);
    assert!(twins.stdout.starts_with("http://127.0.0.1:"), "{twins:#?}");
    assert_snapshot!(sandbox.run(&["cloud", "url", "nowhere"]).snapshot(), @r#"
    exit 2
    --- stderr
    error: failed to find the service `nowhere`
    hint: one of: arm, adt, adt-http, login, imds, iot-hub, mqtt, scm, web, data, twinmaker, control, aws
    "#);
}

#[test]
fn mqtt_is_served_on_the_port_that_was_asked_for() {
    let (sandbox, free) = (Sandbox::empty(), std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    let port = free.local_addr().unwrap().port();
    drop(free);
    let flag = format!("--mqtt-port={port}");
    let _ = sandbox.run(&["cloud", "up", &flag]).code(0);
    assert_eq!(sandbox.run(&["cloud", "url", "mqtt"]).code(0).stdout.trim(), format!("mqtts://localhost:{port}"));
    let _ = sandbox.run(&["cloud", "up", &flag]).code(0);
    let other = sandbox.run(&["cloud", "up", "--mqtt-port=1"]).code(1);
    assert!(other.stderr.contains("up already") && other.stderr.contains("cloud down"), "{other:#?}");
}

#[test]
fn what_it_enforces_is_shown_and_remembered_until_it_is_taken_back() {
    let sandbox = Sandbox::empty();
    let enforced = || {
        let status = sandbox.run(&["cloud", "status", "--json"]).code(0).json();
        (status["rates"].as_bool().unwrap(), status["rbac"].as_bool().unwrap())
    };
    let _ = sandbox.run(&["cloud", "up", "--rates", "--rbac"]).code(0);
    let shown = sandbox.run(&["cloud", "status"]).code(0).stdout;
    assert!(shown.lines().next().unwrap().ends_with(", with rate limits and roles enforced"), "{shown}");
    let _ = sandbox.run(&["cloud", "up", "--rates"]).code(0);
    let other = sandbox.run(&["cloud", "up", "--rates=false"]).code(1);
    assert!(other.stderr.contains("up already") && other.stderr.contains("cloud down"), "{other:#?}");
    let _ = sandbox.run(&["cloud", "down"]).code(0);
    let _ = sandbox.run(&["cloud", "up"]).code(0);
    assert_eq!(enforced(), (true, true));
    let _ = sandbox.run(&["cloud", "down"]).code(0);
    let _ = sandbox.run(&["cloud", "up", "--rates=false"]).code(0);
    assert_eq!(enforced(), (false, true));
    let _ = sandbox.run(&["cloud", "reset"]).code(0);
    let _ = sandbox.run(&["cloud", "up"]).code(0);
    assert_eq!(enforced(), (false, false), "a reset forgets it");
}

#[test]
fn a_cloud_that_is_not_up_is_not_started_by_a_question() {
    let sandbox = Sandbox::empty();
    let before = sandbox.files();
    insta::with_settings!({ filters => FILTERS.to_vec() }, {
        assert_snapshot!(sandbox.run(&["cloud", "effects"]).snapshot(), @r#"
        exit 1
        --- stderr
        error[cloud-not-up]: failed to reach the local cloud
          cause: none is up in [folder]/cloud
        hint: `twinctl cloud up` starts the local cloud
        "#);
    });
    for words in [&["cloud", "dump"][..], &["cloud", "url", "arm"], &["cloud", "fault", "list"]] {
        assert_eq!(sandbox.run(words).code, 1, "{words:?}");
    }
    assert_eq!(sandbox.files(), before);
}

#[test]
fn an_error_is_data_as_well() {
    let sandbox = Sandbox::empty();
    let error = &sandbox.run(&["cloud", "dump", "--json"]).code(1).json()["error"];
    assert_eq!(error["code"], "cloud-not-up");
    assert_eq!(error["exit"], 1);
}

#[test]
fn what_is_said_is_written_down_while_asked_for() {
    let sandbox = Sandbox::empty();
    let file = sandbox.project().join("said.jsonl");
    let by_hand = ByHand::at(&sandbox);
    let list = || assert_eq!(by_hand.twins(Method::GET, "/models", None).0, 200);
    list();
    insta::with_settings!({ filters => FILTERS.to_vec() }, {
        assert_snapshot!(sandbox.run(&["cloud", "record", "said.jsonl"]).snapshot(), @r"
        exit 0
        --- stdout
        every request is written to [folder]/project/said.jsonl; it holds secrets, keep it to yourself
        ");
    });
    list();
    assert_snapshot!(sandbox.run(&["cloud", "record", "--stop"]).snapshot(), @r"
    exit 0
    --- stdout
    nothing is written any more
    ");
    list();
    let said = std::fs::read_to_string(&file).unwrap();
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains(r#""method":"GET""#) && !said.contains("Bearer"), "{said}");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let nowhere = sandbox.run(&["cloud", "record", "no/such/folder/said.jsonl"]).code(1);
    assert!(nowhere.stderr.contains("No such file"), "{nowhere:#?}");
}

#[test]
fn faults_are_set_listed_and_cleared() {
    let sandbox = Sandbox::empty();
    let _ = sandbox.run(&["cloud", "up"]).code(0);
    let set = sandbox.run(&["cloud", "fault", "set", "throttle,retry_after=2,method=PUT", "reply-lost,times=0"]);
    assert_snapshot!(set.snapshot(), @r#"
    exit 0
    --- stdout
    {"kind":"throttle","method":"PUT","nth":1,"retry_after":2,"times":1}
    {"kind":"reply-lost","nth":1,"times":0}
    "#);
    let listed = sandbox.run(&["cloud", "fault", "list", "--json"]).code(0).json();
    assert_eq!(listed[1]["kind"], "reply-lost");
    assert_eq!(sandbox.run(&["cloud", "fault", "clear", "--json"]).code(0).json(), serde_json::json!([]));
    assert_snapshot!(sandbox.run(&["cloud", "fault", "set", "earthquake"]).code(2).stderr, @r#"
    error: invalid value 'earthquake' for '<FAULT>...': unknown variant `earthquake`, expected one of `latency`, `throttle`, `error`, `reply-lost`, `propagation`, `operation-fails`, `duplicate`, `reorder`, `soft-delete`

    For more information, try '--help'.
    "#);
}

#[test]
fn two_folders_are_two_clouds() {
    let (one, other) = (Sandbox::of_example("factory"), Sandbox::empty());
    one.deploy();
    let _ = other.run(&["cloud", "up"]).code(0);
    assert!(!one.effects().is_empty());
    assert_eq!(other.effects(), Vec::<serde_json::Value>::new());
}
