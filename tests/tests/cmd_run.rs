//! `twinctl run`.

use insta::assert_snapshot;
use tests::twinctl::{FILTERS, Sandbox, run, signal, wait};

/// A fault that the first hub meets again and again.
const HUB_IS_REFUSED: &str = "error,status=400,code=BadRequest,method=PUT,path=*/IotHubs/*,times=0";
/// A hub that takes its time, so that something else can happen meanwhile.
const HUB_IS_SLOW: &str = "latency,milliseconds=3000,method=PUT,path=*/IotHubs/*";

#[test]
fn the_first_run_deploys_and_the_second_has_nothing_to_do() {
    let sandbox = Sandbox::of_example("factory");
    let first = sandbox.run(&["run"]).code(0);
    assert!(first.stderr.contains("created    l4/twin-graph"), "{first:#?}");
    insta::with_settings!({ filters => FILTERS.to_vec() }, {
        assert_snapshot!(first.stdout, @r#"
        deployed in [took]: 31 created, 3 found, 4 passed
        next: `twinctl status` shows what stands
        "#);
    });
    let effects = sandbox.effects();
    let second = sandbox.run(&["run"]).code(0);
    insta::with_settings!({ filters => FILTERS.to_vec() }, {
        assert_snapshot!(second.stdout, @r#"
        nothing to do: everything is as wanted in [took]: 3 found, 4 passed, 31 unchanged
        next: `twinctl status` shows what stands
        "#);
    });
    assert_eq!(sandbox.effects(), effects, "the second run changed something");
}

#[test]
fn the_summary_is_data() {
    let sandbox = Sandbox::of_example("factory");
    let summary = sandbox.run(&["run", "--json"]).code(0).json();
    assert_eq!((&summary["result"], &summary["exit"]), (&"finished".into(), &0.into()));
    assert!(summary["outcomes"]["created"].as_u64() > Some(20), "{summary}");
}

#[test]
fn what_clouds_know_of_each_other_is_derived_and_goes_with_the_deployment() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let sandbox = Sandbox::of_example("factory");
    let file = sandbox.project().join("config_inter_cloud.json");
    sandbox.deploy();
    let text = std::fs::read_to_string(&file).unwrap();
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let shown = sandbox.run(&["journal", "records", "--json", "--step", "l4/adt"]).code(0).json();
    let host = shown.as_array().unwrap().iter().find_map(|record| record["event"]["output"]["host_name"].as_str());
    assert_eq!(document["azure"]["l4_adt_instance_url"], format!("https://{}", host.unwrap()));
    assert_eq!(document["connections"], serde_json::json!({}));
    let before = std::fs::metadata(&file).unwrap();
    assert_eq!(before.permissions().mode() & 0o777, 0o600);
    sandbox.deploy();
    assert_eq!(std::fs::metadata(&file).unwrap().ino(), before.ino(), "a run that changes nothing wrote it again");
    let _ = sandbox.run(&["destroy", "--yes"]).code(0);
    assert!(!file.exists(), "nothing stands that it could tell of");
}

#[test]
fn a_run_from_elsewhere_leaves_that_folder_alone() {
    let sandbox = Sandbox::of_example("factory");
    sandbox.deploy();
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::write(elsewhere.path().join("config.json"), r#"{"digital_twin_name": "another"}"#).unwrap();
    let mut destroy = sandbox.command(&["destroy", "--yes"]);
    destroy.current_dir(elsewhere.path());
    let _ = run(destroy).code(0);
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 1);
}

#[test]
fn a_state_folder_in_the_project_stays_out_of_version_control() {
    let sandbox = Sandbox::of_example("factory");
    let state = sandbox.project().join(".twinctl");
    let _ = sandbox.run(&["run", "--state-dir", ".twinctl"]).code(0);
    assert_eq!(std::fs::read_to_string(state.join(".gitignore")).unwrap(), "*\n");
    assert!(!sandbox.state().exists(), "the option goes before the environment");
}

#[test]
fn logs_hold_no_secret() {
    let sandbox = Sandbox::of_example("factory");
    let mut traced = sandbox.command(&["run", "-vvv"]);
    traced.env("TWINCTL_LOG", "trace");
    let traced = run(traced).code(0);
    assert!(traced.stderr.contains("==> Request: url: https://localhost"), "the requests are not in the log");
    let key = std::fs::read_to_string(sandbox.state().join("inter-cloud.key")).unwrap();
    // A token of the local cloud is a JWT, which begins so; its login takes a secret by this name.
    for secret in ["eyJ", "Bearer ", "client_secret", key.trim()] {
        let line = traced.stderr.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret:?} was logged");
    }
    assert!(!traced.stdout.contains("eyJ"));
}

#[test]
fn a_failed_run_is_kept_and_gone_on_with() {
    let sandbox = Sandbox::of_example("factory");
    sandbox.fault(HUB_IS_REFUSED);
    let failed = sandbox.run(&["run"]).code(10);
    assert!(failed.stderr.contains("error: failed to complete step l1/hub"), "{failed:#?}");
    assert!(failed.stdout.contains("next: `twinctl resume` once the cause is gone"), "{failed:#?}");
    let _ = sandbox.run(&["cloud", "fault", "clear"]).code(0);
    let again = sandbox.run(&["run"]).code(0);
    assert!(again.stderr.contains("going on with run"), "{again:#?}");
    let runs = sandbox.run(&["journal", "list", "--json"]).code(0).json();
    assert_eq!(runs.as_array().unwrap().len(), 1, "it is the same run: {runs}");
}

#[test]
fn an_unfinished_run_of_another_definition_is_in_the_way() {
    let sandbox = Sandbox::of_example("factory");
    sandbox.fault(HUB_IS_REFUSED);
    let _ = sandbox.run(&["run"]).code(10);
    sandbox.edit("config.json", r#""hot_storage_size_in_days": "#, r#""hot_storage_size_in_days": 1"#);
    let refused = sandbox.run(&["run"]);
    insta::with_settings!({ filters => FILTERS.to_vec() }, {
        assert_snapshot!(refused.snapshot(), @r#"
        exit 10
        --- stderr
        error[unfinished-run]: failed to deploy the project
          cause: run [id] is unfinished: failed
          cause: the project has changed since it started:
                 hot_storage_size_in_days was 7, is 17
        hint: `twinctl resume` finishes it, `twinctl rollback` undoes it
        "#);
    });
}

#[test]
fn a_failed_run_undoes_itself_when_asked_to() {
    let sandbox = Sandbox::of_example("factory");
    let _ = sandbox.run(&["cloud", "up"]).code(0);
    let before = sandbox.dump();
    sandbox.fault(HUB_IS_REFUSED);
    let undone = sandbox.run(&["run", "--rollback-on-failure"]).code(12);
    assert!(undone.stdout.contains("rolled back"), "{undone:#?}");
    assert_eq!(sandbox.dump(), before);
}

#[test]
fn an_invalid_project_is_shown_and_nothing_is_begun() {
    let sandbox = Sandbox::of_example("factory");
    sandbox.edit("config_iot_devices.json", r#""name": "humidity""#, r#""name": "humidty""#);
    let before = sandbox.files();
    let refused = sandbox.run(&["run"]).code(3);
    assert!(refused.stderr.contains("config_iot_devices.json"), "{refused:#?}");
    assert_eq!(refused.stdout, "");
    assert_eq!(sandbox.files(), before);
}

#[test]
fn a_cloud_that_cannot_be_deployed_to_yet_is_named() {
    let sandbox = Sandbox::of_example("factory");
    sandbox.edit("config_providers.json", r#""layer_2_provider": "azure""#, r#""layer_2_provider": "google""#);
    let before = sandbox.files();
    insta::with_settings!({ filters => FILTERS.to_vec() }, {
        assert_snapshot!(sandbox.run(&["run"]).snapshot(), @r#"
        exit 3
        --- stderr
        error[cloud-not-supported]: failed to deploy the project
          cause: deploy layer 2 on google: this version deploys to azure and aws only
        hint: `config_providers.json` says which cloud each layer is on
        "#);
    });
    assert_eq!(sandbox.files(), before);
}

#[test]
fn real_clouds_are_not_changed_without_a_yes() {
    let sandbox = Sandbox::of_example("factory");
    let refused = sandbox.command(&["run", "--target", "cloud"]).env("PATH", "/nonexistent").output().unwrap();
    // Without credentials it ends at the login, before anything was written.
    assert_eq!(refused.status.code(), Some(1), "{}", String::from_utf8_lossy(&refused.stderr));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("error[no-login]"));
    assert!(!sandbox.state().exists());
}

#[test]
fn a_second_writer_is_refused_at_once_and_readers_are_not() {
    let sandbox = Sandbox::of_example("factory");
    sandbox.fault(HUB_IS_SLOW);
    let first = sandbox.start(&["run"]);
    sandbox.wait_for("step-intended", "l1/hub");
    let refused = sandbox.run(&["run"]);
    insta::with_settings!({ filters => FILTERS.to_vec() }, {
        assert_snapshot!(refused.snapshot(), @r#"
        exit 14
        --- stderr
        error[locked]: failed to deploy the project
          cause: the journal is locked by [user]@[host], process [pid] (twinctl run), since [time]
        hint: wait for the owner to end; `twinctl journal tail --follow` shows what it does
        "#);
    });
    let status = sandbox.run(&["status", "--json"]).code(0).json();
    assert_eq!(status["owner"]["command"], "twinctl run", "{status}");
    let _ = sandbox.run(&["journal", "list"]).code(0);
    let _ = wait(first).code(0);
}

#[test]
fn a_dead_owner_blocks_nobody() {
    let sandbox = Sandbox::of_example("factory");
    sandbox.fault(HUB_IS_SLOW);
    let first = sandbox.start(&["run"]);
    sandbox.wait_for("step-intended", "l1/hub");
    signal(&first, "KILL");
    assert_eq!(wait(first).code, 128 + 9);
    let again = sandbox.run(&["run"]).code(0);
    assert!(again.stderr.contains("going on with run"), "{again:#?}");
    let verified = sandbox.run(&["journal", "verify"]).code(0);
    assert!(verified.stdout.contains("whole"), "{verified:#?}");
}

#[test]
fn one_signal_stops_at_a_safe_point_and_resume_finishes() {
    let sandbox = Sandbox::of_example("factory");
    sandbox.fault(HUB_IS_SLOW);
    let run = sandbox.start(&["run"]);
    sandbox.wait_for("step-intended", "l1/hub");
    signal(&run, "INT");
    let stopped = wait(run).code(11);
    assert!(stopped.stderr.contains("stopping: SIGINT received"), "{stopped:#?}");
    assert!(stopped.stdout.contains("next: `twinctl resume` goes on"), "{stopped:#?}");
    let _ = sandbox.run(&["resume"]).code(0);
    let _ = sandbox.run(&["status"]).code(0);
}

#[test]
fn a_second_signal_stops_at_once() {
    let sandbox = Sandbox::of_example("factory");
    sandbox.fault("latency,milliseconds=60000,method=PUT,path=*/IotHubs/*");
    let run = sandbox.start(&["run"]);
    sandbox.wait_for("step-intended", "l1/hub");
    signal(&run, "TERM");
    std::thread::sleep(std::time::Duration::from_millis(300));
    signal(&run, "INT");
    let stopped = wait(run).code(130);
    assert!(stopped.stderr.contains("stopped at once"), "{stopped:#?}");
}
