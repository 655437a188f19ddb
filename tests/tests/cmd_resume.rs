//! `twinctl resume`.

use std::fs;

use insta::assert_snapshot;
use tests::twinctl::{FILTERS, Sandbox};

const HUB_IS_REFUSED: &str = "error,status=400,code=BadRequest,method=PUT,path=*/IotHubs/*,times=0";

fn failed() -> Sandbox {
    let sandbox = Sandbox::of_example("factory");
    sandbox.fault(HUB_IS_REFUSED);
    let _ = sandbox.run(&["run"]).code(10);
    let _ = sandbox.run(&["cloud", "fault", "clear"]).code(0);
    sandbox
}

#[test]
fn without_a_run_there_is_nothing_to_resume() {
    let sandbox = Sandbox::of_example("factory");
    let before = sandbox.files();
    insta::with_settings!({ filters => FILTERS.to_vec() }, {
        assert_snapshot!(sandbox.run(&["resume"]).snapshot(), @r#"
        exit 1
        --- stderr
        error[no-journal]: failed to resume the last run
          cause: there is none
        hint: `twinctl run` makes the first deployment; `--state-dir` names another state folder
        "#);
    });
    assert_eq!(sandbox.files(), before);
}

#[test]
fn a_finished_run_is_not_resumed() {
    let sandbox = Sandbox::of_example("factory");
    sandbox.deploy();
    let effects = sandbox.effects();
    let again = sandbox.run(&["resume"]).code(0);
    assert!(again.stderr.starts_with("nothing to resume: run "), "{again:#?}");
    assert_eq!(sandbox.effects(), effects);
}

#[test]
fn it_needs_no_project_files() {
    let sandbox = failed();
    fs::remove_dir_all(sandbox.project()).unwrap();
    fs::create_dir(sandbox.project()).unwrap();
    let _ = sandbox.run(&["resume"]).code(0);
    let status = sandbox.run(&["status", "--json"]).code(0).json();
    assert_eq!(status["deployed"], true, "{status}");
}

#[test]
fn it_keeps_to_its_definition_and_says_what_changed() {
    let sandbox = failed();
    sandbox.edit("config.json", r#""hot_storage_size_in_days": "#, r#""hot_storage_size_in_days": 1"#);
    let resumed = sandbox.run(&["resume"]).code(0);
    assert!(resumed.stderr.contains("the next `run` applies"), "{resumed:#?}");
    let plan = sandbox.run(&["plan", "--json"]).code(0).json();
    assert_eq!(plan["changes"], true, "the change is still to be applied: {plan}");
}

#[test]
fn its_plan_shows_what_is_left_and_does_nothing() {
    let sandbox = failed();
    let before = sandbox.files();
    let effects = sandbox.effects();
    let plan = sandbox.run(&["resume", "--plan"]).code(0);
    let next = |step: &str| {
        let line = plan.stdout.lines().find(|line| line.contains(&format!(" {step} ")));
        line.unwrap_or_else(|| panic!("{step} is not in {plan:#?}")).split("  ").next().unwrap().to_owned()
    };
    assert_eq!(next("setup/resource-group"), "done: created");
    assert_eq!(next("l1/hub"), "settle: create");
    assert_eq!(next("l4/twin-graph"), "run");
    assert_eq!(sandbox.files(), before);
    assert_eq!(sandbox.effects(), effects);
}
