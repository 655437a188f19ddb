//! `twinctl rollback`.

use std::fs;

use insta::assert_snapshot;
use tests::twinctl::{FILTERS, Sandbox};

/// The hub's registry refuses to let devices go.
const DEVICES_STAY: &str = "error,status=400,code=ArgumentInvalid,service=iot-hub,method=DELETE,times=0";

#[test]
fn a_first_deployment_leaves_nothing_behind() {
    let sandbox = Sandbox::of_example("factory");
    let _ = sandbox.run(&["cloud", "up"]).code(0);
    let before = sandbox.dump();
    sandbox.deploy();
    fs::remove_dir_all(sandbox.project()).unwrap();
    fs::create_dir(sandbox.project()).unwrap();
    let undone = sandbox.run(&["rollback"]).code(0);
    insta::with_settings!({ filters => FILTERS.to_vec() }, {
        assert_snapshot!(undone.stdout, @r#"
        rolled back in [took]: 31 deleted
        next: `twinctl status` shows what stands
        next: `twinctl run` deploys again
        "#);
    });
    assert_eq!(sandbox.dump(), before);
    let again = sandbox.run(&["rollback"]).code(0);
    assert!(again.stderr.starts_with("nothing to roll back: run "), "{again:#?}");
}

#[test]
fn a_redeploy_goes_back_to_the_deployment_before() {
    let sandbox = Sandbox::of_example("factory");
    sandbox.deploy();
    let before = sandbox.dump();
    sandbox.edit("config.json", r#""hot_storage_size_in_days": "#, r#""hot_storage_size_in_days": 1"#);
    sandbox.deploy();
    assert_ne!(sandbox.dump(), before, "the change was applied");
    let _ = sandbox.run(&["rollback"]).code(0);
    assert_eq!(sandbox.dump(), before);
}

#[test]
fn without_a_deployment_there_is_nothing_to_do() {
    let sandbox = Sandbox::of_example("factory");
    let before = sandbox.files();
    assert_snapshot!(sandbox.run(&["rollback"]).snapshot(), @r#"
    exit 0
    --- stderr
    nothing to roll back: nothing was ever deployed from here
    "#);
    assert_eq!(sandbox.files(), before);
}

#[test]
fn what_cannot_be_undone_has_its_own_state_and_a_way_out() {
    let sandbox = Sandbox::of_example("factory");
    sandbox.deploy();
    sandbox.fault(DEVICES_STAY);
    let partial = sandbox.run(&["rollback"]).code(13);
    assert!(partial.stderr.contains("error: failed to undo step l1/devices"), "{partial:#?}");
    assert!(partial.stdout.contains("partially rolled back"), "{partial:#?}");
    let refused = sandbox.run(&["run"]).code(13);
    assert!(refused.stderr.contains("hint: `twinctl rollback` goes on"), "{refused:#?}");
    let _ = sandbox.run(&["cloud", "fault", "clear"]).code(0);
    let _ = sandbox.run(&["rollback"]).code(0);
}

#[test]
fn a_skip_is_recorded_with_who_and_why() {
    let sandbox = Sandbox::of_example("factory");
    sandbox.deploy();
    sandbox.fault(DEVICES_STAY);
    let _ = sandbox.run(&["rollback"]).code(13);
    let _ = sandbox.run(&["rollback", "--skip", "l1/devices", "--reason", "they go with the hub"]).code(0);
    let shown = sandbox.run(&["journal", "show", "last", "--step", "l1/devices"]).code(0).stdout;
    let skipped = shown.lines().find(|line| line.contains("undo-skipped")).expect("the skip is on record");
    assert!(skipped.contains("because: they go with the hub by "), "{skipped}");
}

#[test]
fn a_skip_without_a_reason_is_a_usage_error() {
    let sandbox = Sandbox::empty();
    assert_eq!(sandbox.run(&["rollback", "--skip", "l1/hub"]).code, 2);
    assert_snapshot!(
        sandbox.run(&["rollback", "--skip", "a", "--skip", "b", "--reason", "one for two"]).snapshot(), @r#"
        exit 2
        --- stderr
        error: failed to skip steps
        hint: each `--skip STEP` needs its own `--reason TEXT`
        "#
    );
}
