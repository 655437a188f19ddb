//! `twinctl validate`.

use std::fs;

use insta::assert_snapshot;
use tests::twinctl::{FILTERS, Sandbox};

#[test]
fn the_example_is_valid() {
    let sandbox = Sandbox::of_example("factory");
    assert_snapshot!(sandbox.run(&["validate"]).snapshot(), @r#"
    exit 0
    --- stdout
    valid: no problems
    "#);
}

#[test]
fn every_problem_is_reported_at_once_and_at_its_place() {
    let sandbox = Sandbox::of_example("factory");
    sandbox.edit("config_iot_devices.json", r#""name": "humidity""#, r#""name": "humidty""#);
    sandbox.edit("config_providers.json", r#""layer_4_provider": "azure""#, r#""layer_4_provider": "gogle""#);
    sandbox.edit("config.json", r#""mode""#, r#""moode""#);
    insta::with_settings!({ filters => FILTERS.to_vec() }, {
        assert_snapshot!(sandbox.run(&["validate"]).snapshot(), @r#"
        exit 3
        --- stdout
        warning[unknown-key]: the configuration has no use for "moode"
         --> config.json:5:3
          |
        5 |   "moode": "DEBUG"
          |   ^^^^^^^
          |
          = note: nothing reads it, so it has no effect
          = help: did you mean "mode"? otherwise remove it

        error[device-property-has-no-home]: no property of the twin "climate-press-hall" can take "humidty"
         --> config_iot_devices.json:6:17
          |
        6 |       { "name": "humidty", "dataType": "DOUBLE", "initValue": 45 },
          |                 ^^^^^^^^^
          |
          = note: its model dtmi:factory:ClimateSensor;1 has no property of that name, so live data would never land
          = help: did you mean "humidity"? otherwise declare "humidty" in the model

        error[bad-value]: "layer_4_provider" is "gogle"
         --> config_providers.json:7:23
          |
        7 |   "layer_4_provider": "gogle"
          |                       ^^^^^^^
          |
          = note: that is no cloud that twinctl knows
          = help: did you mean "google"? otherwise write "aws", "azure" or "google"

        invalid: 2 errors and 1 warning
        --- stderr
        hint: `docs/errors/CODE.md` explains each code
        "#);
    });
}

#[test]
fn problems_are_data() {
    let sandbox = Sandbox::of_example("factory");
    sandbox.edit("config_iot_devices.json", r#""name": "humidity""#, r#""name": "humidty""#);
    let report = sandbox.run(&["validate", "--json"]).code(3).json();
    assert_eq!(report["valid"], false);
    let problem = &report["problems"][0];
    assert_eq!(problem["file"], "config_iot_devices.json");
    assert!(problem["line"].as_u64() > Some(1), "{problem}");
    let page = tests::twinctl::repository().join(format!("docs/errors/{}.md", problem["code"].as_str().unwrap()));
    assert!(page.exists(), "{} is missing", page.display());
}

#[test]
fn a_folder_without_a_project_is_named() {
    let sandbox = Sandbox::empty();
    insta::with_settings!({ filters => FILTERS.to_vec() }, {
        assert_snapshot!(sandbox.run(&["validate"]).snapshot(), @r#"
        exit 3
        --- stdout
        error[file-missing]: config.json is missing
        --> config.json
         = note: a project is not whole without it
         = help: add config.json to the project folder

        error[file-missing]: config_iot_devices.json is missing
        --> config_iot_devices.json
         = note: a project is not whole without it
         = help: add config_iot_devices.json to the project folder

        error[file-missing]: config_providers.json is missing
        --> config_providers.json
         = note: a project is not whole without it
         = help: add config_providers.json to the project folder

        invalid: 3 errors
        --- stderr
        hint: `docs/errors/CODE.md` explains each code
        "#);
    });
}

#[test]
fn nothing_is_written() {
    let sandbox = Sandbox::of_example("factory");
    let before = sandbox.files();
    let _ = sandbox.run(&["validate"]).code(0);
    fs::write(sandbox.project().join("config.json"), "{").unwrap();
    let broken = sandbox.files();
    let _ = sandbox.run(&["validate"]).code(3);
    assert_eq!(sandbox.files(), broken);
    assert_ne!(before, broken, "the comparison sees a change");
}

#[test]
fn the_local_target_never_opens_the_credentials() {
    let sandbox = Sandbox::of_example("factory");
    fs::write(sandbox.project().join("config_credentials.json"), "this is not JSON: swordfish").unwrap();
    let _ = sandbox.run(&["validate"]).code(0);
    let real = sandbox.run(&["validate", "--target", "cloud"]).code(3);
    assert!(real.stdout.contains("config_credentials.json"), "{real:#?}");
    assert!(!format!("{real:?}").contains("swordfish"), "{real:#?}");
}
