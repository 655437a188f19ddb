//! `twinctl verify`.

use azure::arm::Submitted;
use insta::assert_snapshot;
use tests::twinctl::{FILTERS, Sandbox};
use workflows::clouds::{Clouds, LocalAccess};

/// Latencies first (`1.25s` is no `25s`), and the blanks that their lengths make.
fn filters() -> Vec<(&'static str, &'static str)> {
    let mut filters = vec![(r"\b\d+\.\d\ds|\b\d+(\.\d)?ms", "[took]")];
    filters.extend(FILTERS);
    filters.push((" {2,}", "  "));
    filters
}

#[test]
fn live_data_is_proven_and_so_is_its_absence() {
    let sandbox = Sandbox::of_example("factory");
    sandbox.deploy();
    insta::with_settings!({ filters => filters() }, {
        assert_snapshot!(sandbox.run(&["verify"]).snapshot(), @r#"
        exit 0
        --- stdout
        DEVICE  PROPERTY  RESULT  DEVICE-HUB  HUB-TWIN  TWIN-VISIBLE  TOTAL
        climate-assembly-hall  battery.level  visible  [took]  [took]  [took]  [took]
        climate-press-hall  battery.level  visible  [took]  [took]  [took]  [took]
        press-1-controller  pressure  visible  [took]  [took]  [took]  [took]
        press-2-controller  pressure  visible  [took]  [took]  [took]  [took]
        robot-1-controller  drive.speed  visible  [took]  [took]  [took]  [took]
        vibration-press-1  battery.level  visible  [took]  [took]  [took]  [took]

        6 of 6 twins follow their devices
        --- stderr
        one message per device; waiting for twins to follow (at most [took])
        "#);
    });
    let report = sandbox.run(&["verify", "--json"]).code(0).json();
    assert_eq!(report["live"], true);
    for device in report["devices"].as_array().unwrap() {
        assert_eq!(device["outcome"], "visible", "{device:#}");
        assert!(device["hops"]["total"].as_f64() >= device["hops"]["device_to_hub"].as_f64(), "{device:#}");
    }
    delete(&sandbox, "/eventSubscriptions/factory-adt-updater", azure::api::EVENT_GRID);
    insta::with_settings!({ filters => filters() }, {
        assert_snapshot!(sandbox.run(&["verify", "--timeout", "1"]).snapshot(), @r#"
        exit 17
        --- stdout
        DEVICE  PROPERTY  RESULT  DEVICE-HUB  HUB-TWIN  TWIN-VISIBLE  TOTAL
        climate-assembly-hall  temperature  not visible  [took]  -  -  -
        climate-press-hall  temperature  not visible  [took]  -  -  -
        press-1-controller  strokes  not visible  [took]  -  -  -
        press-2-controller  strokes  not visible  [took]  -  -  -
        robot-1-controller  gripperClosed  not visible  [took]  -  -  -
        vibration-press-1  battery.level  not visible  [took]  -  -  -

        0 of 6 twins follow their devices
        --- stderr
        one message per device; waiting for twins to follow (at most [took])
        error[live-data-missing]: failed to see live data of climate-assembly-hall, climate-press-hall, press-1-controller, press-2-controller, robot-1-controller, vibration-press-1
          cause: the hub took the message, and it did not reach the twin within the deadline
        hint: `twinctl status` shows whether subscription, function and roles stand; `twinctl cloud fault list` shows faults in force on the local cloud
        "#);
    });
    let _ = sandbox.run(&["cloud", "down"]).code(0);
    let down = sandbox.run(&["verify"]).code(1);
    assert!(down.stderr.contains("error[cloud-not-up]") && down.stderr.contains("`twinctl cloud up`"), "{down:#?}");
}

/// Deletes a resource of the deployment behind its back, by the end of its id.
fn delete(sandbox: &Sandbox, end: &str, api_version: &str) {
    let endpoints = local::Endpoints::read(&sandbox.cloud()).unwrap().expect("the cloud is up");
    let access = LocalAccess {
        arm: endpoints.arm.clone(),
        login: endpoints.login.clone(),
        tenant: endpoints.tenant.clone(),
        ca_pem: std::fs::read(&endpoints.ca_pem).unwrap(),
        rates: endpoints.strictness.rates,
        policies: Vec::new(),
    };
    let effects = sandbox.effects();
    let resource = effects.iter().filter_map(|effect| effect["resource"].as_str()).find(|id| id.ends_with(end));
    let id = resource.expect("the deployment has it");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let submitted = runtime.block_on(async {
        let clouds = Clouds::local(access, None).unwrap();
        clouds.azure.arm().delete(id, api_version, azure::arm::Write::default()).await.unwrap()
    });
    assert!(matches!(submitted, Submitted::Done(_) | Submitted::Running(_)), "{submitted:?}");
}

#[test]
fn nothing_can_be_proven_before_the_first_run() {
    let sandbox = Sandbox::of_example("factory");
    assert_snapshot!(sandbox.run(&["verify"]).snapshot(), @r#"
    exit 1
    --- stderr
    error[no-journal]: failed to verify live data
      cause: nothing was ever deployed from here
    hint: `twinctl run` makes the first deployment; `--state-dir` names another state folder
    "#);
}
