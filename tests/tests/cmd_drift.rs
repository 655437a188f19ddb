//! `twinctl drift`.

use insta::assert_snapshot;
use serde_json::json;
use tests::{
    by_hand::ByHand,
    twinctl::{FILTERS, Sandbox},
};

fn events(sandbox: &Sandbox) -> Vec<String> {
    let records = sandbox.run(&["journal", "records", "--json"]).code(0).json();
    let names = records.as_array().unwrap().iter().map(|record| record["event"]["type"].as_str().unwrap().to_owned());
    names.filter(|name| name.contains("drift") || name == "run-started").collect()
}

#[test]
fn nothing_is_deployed_yet() {
    let sandbox = Sandbox::of_example("factory");
    assert_snapshot!(sandbox.run(&["drift"]).snapshot(), @r"
    exit 1
    --- stderr
    error[not-deployed]: failed to look for drift
      cause: nothing is deployed
    hint: `twinctl run` deploys it; after a failed run `twinctl resume` goes on
    ");
}

#[test]
fn what_differs_is_found_and_put_back() {
    let sandbox = Sandbox::of_example("factory");
    let by_hand = ByHand::at(&sandbox);
    sandbox.deploy();
    let deployed = sandbox.dump();
    let none = sandbox.run(&["drift", "--json"]).code(0).json();
    assert_eq!(none, json!({ "result": "nothing", "steps": [], "unseen": [] }));
    by_hand.narrow_the_filter(&sandbox);
    insta::with_settings!({ filters => FILTERS.to_vec() }, {
        assert_snapshot!(sandbox.run(&["drift"]).snapshot(), @r"
        exit 16
        --- stdout
        STEP          SEEN     IN
        l2/telemetry  differs  /properties/filter/subjectBeginsWith
        --- stderr
        next: `twinctl drift --revert` puts it back, `twinctl drift --accept` takes it as wanted
        ");
    });
    let reverted = sandbox.run(&["drift", "--revert"]).code(0);
    assert!(reverted.stdout.contains("1 updated"), "{reverted:#?}");
    assert_eq!(sandbox.dump(), deployed);
    let _ = sandbox.run(&["drift"]).code(0);
    let recorded = ["run-started", "no-drift", "drift-found", "drift-found", "run-started", "no-drift"];
    assert_eq!(events(&sandbox), recorded);
    let _ = sandbox.run(&["journal", "verify"]).code(0);
}

#[test]
fn what_is_accepted_is_wanted_until_it_changes_again() {
    let sandbox = Sandbox::of_example("factory");
    let by_hand = ByHand::at(&sandbox);
    sandbox.deploy();
    by_hand.narrow_the_filter(&sandbox);
    let unknown = sandbox.run(&["drift", "--accept", "--step", "l1/none"]).code(2);
    assert!(unknown.stderr.contains("error[unknown-step]"), "{unknown:#?}");
    let _ = sandbox.run(&["drift", "--accept", "--step", "l2/telemetry", "--reason", "old devices"]).code(0);
    let changed = sandbox.dump();
    for words in [&["drift"][..], &["status"]] {
        let _ = sandbox.run(words).code(0);
    }
    let again = sandbox.run(&["run"]).code(0);
    assert!(again.stdout.starts_with("nothing to do"), "{again:#?}");
    assert_eq!(sandbox.dump(), changed, "a run leaves what was accepted");
    let _ = sandbox.run(&["drift"]).code(0);
    let told = sandbox.run(&["journal", "records", "--outcome", "drift-accepted"]).code(0).stdout;
    assert!(
        told.contains("l2/telemetry differs /properties/filter/subjectBeginsWith because: old devices by "),
        "{told}"
    );
}

#[test]
fn nobody_looks_for_drift_while_a_run_is_unfinished() {
    let sandbox = Sandbox::of_example("factory");
    sandbox.fault("operation-fails,code=SkuNotAvailable,method=PUT,path=/subscriptions/*/IotHubs/*,times=1");
    let _ = sandbox.run(&["run"]).code(10);
    let refused = sandbox.run(&["drift"]).code(10);
    assert!(refused.stderr.contains("error[unfinished-run]"), "{refused:#?}");
}
