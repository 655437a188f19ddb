//! `twinctl plan`.

use tests::twinctl::Sandbox;

#[test]
fn before_the_first_run_everything_is_to_be_created() {
    let sandbox = Sandbox::of_example("factory");
    let before = sandbox.files();
    let plan = sandbox.run(&["plan"]).code(0);
    assert!(plan.stdout.starts_with("CHANGE  STEP"), "{plan:#?}");
    assert!(plan.stdout.contains("create  l4/adt"), "{plan:#?}");
    assert_eq!(plan.stderr, "the local cloud is not up: planned from the journal alone\n");
    assert_eq!(sandbox.files(), before, "plan wrote something");
}

#[test]
fn after_a_run_nothing_is_to_be_done_and_nothing_is_written() {
    let sandbox = Sandbox::of_example("factory");
    sandbox.deploy();
    let (before, effects) = (sandbox.files(), sandbox.effects());
    let plan = sandbox.run(&["plan"]).code(0);
    assert_eq!(plan.stdout, "nothing to do: everything is as wanted\n", "{plan:#?}");
    assert_eq!(sandbox.files(), before, "plan wrote something");
    assert_eq!(sandbox.effects(), effects, "plan changed something");
}

#[test]
fn a_change_is_told_in_words_and_in_steps() {
    let sandbox = Sandbox::of_example("factory");
    sandbox.deploy();
    sandbox.edit("config.json", r#""hot_storage_size_in_days": "#, r#""hot_storage_size_in_days": 1"#);
    let plan = sandbox.run(&["plan", "--json"]).code(0).json();
    let words = plan["project_changes"].as_array().unwrap();
    assert!(words.iter().any(|change| change.as_str().unwrap().contains("hot")), "{plan}");
    let steps = plan["steps"].as_array().unwrap();
    assert!(steps.iter().any(|step| step["change"] == "update"), "{plan}");
    assert!(steps.iter().any(|step| step["change"] == "unchanged"), "{plan}");
}

#[test]
fn an_unfinished_run_is_mentioned() {
    let sandbox = Sandbox::of_example("factory");
    sandbox.fault("error,status=400,code=BadRequest,method=PUT,path=*/IotHubs/*,times=0");
    let _ = sandbox.run(&["run"]).code(10);
    let plan = sandbox.run(&["plan"]).code(0);
    assert!(plan.stderr.contains("is unfinished (failed): `resume` or `rollback` comes first"), "{plan:#?}");
}
