//! Runs through what goes wrong in real clouds, faults without end, and things that are somebody else's.

use std::process::Command;

use serde_json::Value;
use tests::{
    outcome::{Outcome, assert_same_dump, events, records},
    twinctl::{Ran, Sandbox, run},
};

/// No hub can be made.
const HUB_IS_REFUSED: &str = "error,status=400,code=BadRequest,method=PUT,path=*/IotHubs/factory-hub-*,times=0";
/// No hub can be deleted.
const HUB_IS_KEPT: &str = "error,status=400,code=BadRequest,method=DELETE,path=*/IotHubs/*,times=0";

/// Deploys through a fault and returns the kinds of failure that the step met, in order.
fn met(fault: &str, step: &str) -> Vec<String> {
    let undisturbed = Outcome::undisturbed();
    let sandbox = Sandbox::of_example("factory");
    sandbox.fault(fault);
    sandbox.deploy();
    undisturbed.assert_same_state(&Outcome::of(&sandbox), fault);
    let failed = events(&records(&sandbox), "step-attempt-failed", step);
    failed.iter().map(|event| event["kind"].as_str().expect("a failure has a kind").to_owned()).collect()
}

#[test]
fn throttling_is_waited_out() {
    assert_eq!(
        met("throttle,retry_after=1,method=PUT,path=*/IotHubs/factory-hub-*,times=2", "l1/hub"),
        ["throttled"; 2]
    );
}

#[test]
fn a_server_error_before_the_effect_is_tried_again() {
    let fault = "error,status=503,code=Busy,method=PUT,path=*/digitalTwinsInstances/factory-adt-*,times=2";
    assert_eq!(met(fault, "l4/adt"), ["transient"; 2]);
}

#[test]
fn a_reply_lost_after_the_effect_is_settled_by_looking() {
    let undisturbed = Outcome::undisturbed();
    let sandbox = Sandbox::of_example("factory");
    sandbox.fault("reply-lost,method=PUT,path=*/databaseAccounts/factory-cosmos-*");
    sandbox.deploy();
    undisturbed.assert_same(&Outcome::of(&sandbox), "a reply was lost");
    let failed = events(&records(&sandbox), "step-attempt-failed", "l3/cosmos");
    assert_eq!(failed.iter().map(|event| &event["kind"]).collect::<Vec<_>>(), ["transient"]);
}

#[test]
fn a_role_that_has_not_propagated_is_waited_for() {
    assert_eq!(met("propagation,requests=2,service=adt", "l4/access"), ["not-yet"; 2]);
}

#[test]
fn a_long_operation_that_fails_once_is_begun_again() {
    let kinds = met("operation-fails,method=PUT,path=*/databaseAccounts/factory-cosmos-*", "l3/cosmos");
    assert_eq!(kinds.len(), 1, "{kinds:?}");
}

#[test]
fn a_fault_without_end_fails_the_run_which_can_be_undone() {
    let sandbox = Sandbox::of_example("factory");
    sandbox.fault(HUB_IS_REFUSED);
    let before = sandbox.dump();
    let failed = sandbox.run(&["run"]).code(10);
    for said in ["error: failed to complete step l1/hub", "(400 BadRequest)"] {
        assert!(failed.stderr.contains(said), "{said}: {failed:#?}");
    }
    assert!(failed.stdout.contains("`twinctl rollback` undoes what was done"), "{failed:#?}");
    let _ = sandbox.run(&["rollback"]).code(0);
    assert_same_dump(&before, &sandbox.dump(), "failed, rolled back");
}

#[test]
fn a_run_undoes_itself_when_it_was_asked_to() {
    let sandbox = Sandbox::of_example("factory");
    sandbox.fault(HUB_IS_REFUSED);
    let before = sandbox.dump();
    let undone = sandbox.run(&["run", "--rollback-on-failure", "--json"]).code(12).json();
    assert_eq!(undone["exit"], 12, "{undone}");
    assert_same_dump(&before, &sandbox.dump(), "rolled back by itself");
    let started = records(&sandbox).into_iter().find(|record| record["event"]["type"] == "rollback-started");
    assert_eq!(started.expect("it is on record")["event"]["automatic"], true);
}

#[test]
fn a_compensation_that_keeps_failing_is_gone_on_with_later() {
    let sandbox = Sandbox::of_example("factory");
    let _ = sandbox.run(&["cloud", "up"]).code(0);
    let before = sandbox.dump();
    sandbox.deploy();
    sandbox.fault(HUB_IS_KEPT);
    let partial = sandbox.run(&["rollback"]).code(13);
    assert!(partial.stdout.contains("next: `twinctl rollback` once the cause is gone"), "{partial:#?}");
    let _ = sandbox.run(&["rollback"]).code(13);
    let _ = sandbox.run(&["cloud", "fault", "clear"]).code(0);
    let _ = sandbox.run(&["rollback"]).code(0);
    assert_same_dump(&before, &sandbox.dump(), "rolled back in three goes");
}

/// What nothing stands on and what lies in no group of its own can be left without keeping anything else.
#[test]
fn a_step_is_skipped_on_somebodys_word_and_the_rest_is_undone() {
    let sandbox = Sandbox::of_example("factory");
    let _ = sandbox.run(&["cloud", "up"]).code(0);
    let before = sandbox.dump();
    sandbox.deploy();
    let telemetry =
        "error,status=400,code=BadRequest,method=DELETE,path=*/eventSubscriptions/factory-adt-updater,times=0";
    sandbox.fault(telemetry);
    let _ = sandbox.run(&["rollback"]).code(13);
    let reason = "it goes with its topic";
    let _ = sandbox.run(&["rollback", "--skip", "l4/telemetry", "--reason", reason]).code(0);
    let skipped = records(&sandbox).into_iter().find(|record| record["event"]["type"] == "undo-skipped");
    let skipped = skipped.expect("the skip is on record");
    assert_eq!(skipped["event"]["reason"], reason);
    assert_eq!(skipped["event"]["step"], "l4/telemetry");
    let user = Command::new("id").arg("-un").output().expect("the system knows its user");
    assert_eq!(skipped["actor"]["user"], String::from_utf8_lossy(&user.stdout).trim());
    assert_same_dump(&before, &sandbox.dump(), "rolled back but for a step that went with its parent");
}

/// Runs a command on the sandbox's cloud from a state folder of somebody else.
fn other(sandbox: &Sandbox, arguments: &[&str]) -> Ran {
    let mut command = sandbox.command(arguments);
    command.env("TWINCTL_STATE_DIR", sandbox.state().with_file_name("other"));
    run(command)
}

#[test]
fn what_another_journal_made_is_left_alone_or_adopted_on_the_users_word() {
    let sandbox = Sandbox::of_example("factory");
    sandbox.deploy();
    let before = Outcome::of(&sandbox);
    let refused = other(&sandbox, &["run"]).code(10);
    assert!(refused.stderr.contains("error[not-ours]"), "{refused:#?}");
    assert!(refused.stderr.contains(&journal_of(&sandbox)), "the other journal is named: {refused:#?}");
    assert_eq!(Outcome::of(&sandbox), before, "a refused run changed something");

    let adopted = other(&sandbox, &["run", "--adopt", "--json"]).code(0).json();
    assert!(adopted["outcomes"]["adopted"].as_u64() > Some(20), "{adopted}");
    assert_eq!(adopted["outcomes"]["created"], Value::Null, "{adopted}");
    let _ = other(&sandbox, &["destroy", "--yes"]).code(0);
    before.assert_same_state(&Outcome::of(&sandbox), "adopted, then destroyed");
}

/// The journal that the resource group's tags name, as the cloud holds them.
fn journal_of(sandbox: &Sandbox) -> String {
    let text = std::fs::read_to_string(sandbox.cloud().join("cloud.jsonl")).expect("the cloud keeps its state");
    let (_, after) = text.split_once(r#""twinctl-journal":""#).expect("things of ours are marked");
    after.split('"').next().unwrap_or_default().to_owned()
}
