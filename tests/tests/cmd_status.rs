//! `twinctl status`.

use azure::arm::Submitted;
use insta::assert_snapshot;
use tests::twinctl::{FILTERS, Sandbox};
use workflows::clouds::{Clouds, LocalAccess};

#[test]
fn before_the_first_run_nothing_is_deployed() {
    let sandbox = Sandbox::of_example("factory");
    let before = sandbox.files();
    assert_snapshot!(sandbox.run(&["status"]).snapshot(), @r#"
    exit 0
    --- stdout
    LAYER  DEPLOYED
    Setup  no        0 steps
    L0     no        0 steps
    L1     no        0 steps
    L2     no        0 steps
    L3     no        0 steps
    L4     no        0 steps

    everything correctly deployed: no
    --- stderr
    nothing was ever deployed from here; next: `twinctl run`
    "#);
    assert_eq!(sandbox.files(), before, "status wrote something");
}

#[test]
fn after_a_run_every_layer_says_yes() {
    let sandbox = Sandbox::of_example("factory");
    sandbox.deploy();
    let (before, effects) = (sandbox.files(), sandbox.effects());
    insta::with_settings!({ filters => FILTERS.to_vec() }, {
        assert_snapshot!(sandbox.run(&["status"]).snapshot(), @r#"
        exit 0
        --- stdout
        LAYER  DEPLOYED
        Setup  yes       5 steps
        L0     yes       0 steps
        L1     yes       5 steps
        L2     yes       6 steps
        L3     yes       7 steps
        L4     yes       11 steps

        everything correctly deployed: yes
        --- stderr
        last run [id]: finished
        "#);
    });
    assert_eq!(sandbox.files(), before, "status wrote something");
    assert_eq!(sandbox.effects(), effects, "status changed something");
}

#[test]
fn the_local_cloud_is_not_started_for_a_look() {
    let sandbox = Sandbox::of_example("factory");
    sandbox.deploy();
    let _ = sandbox.run(&["cloud", "down"]).code(0);
    let status = sandbox.run(&["status"]).code(1);
    assert!(status.stderr.contains("error[cloud-not-up]"), "{status:#?}");
}

#[test]
fn what_somebody_deleted_is_drift() {
    let sandbox = Sandbox::of_example("factory");
    sandbox.deploy();
    delete_cold_container(&sandbox);
    let status = sandbox.run(&["status", "--json"]).code(16).json();
    assert_eq!(status["deployed"], false);
    let wrong: Vec<_> =
        status["layers"].as_array().unwrap().iter().filter(|layer| layer["deployed"] == false).collect();
    assert_eq!(wrong.len(), 1, "{status}");
    assert_eq!(wrong[0]["layer"], "L3");
    sandbox.deploy();
    let _ = sandbox.run(&["status"]).code(0);
}

/// Deletes one of the deployment's resources behind its back.
fn delete_cold_container(sandbox: &Sandbox) {
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
    let container = |effect: &serde_json::Value| {
        let resource = effect["resource"].as_str().unwrap_or_default().to_owned();
        resource.ends_with("/containers/cold-storage").then_some(resource)
    };
    let id = effects.iter().find_map(container).expect("the deployment has a cold container");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let submitted = runtime.block_on(async {
        let clouds = Clouds::local(access, None).unwrap();
        clouds.azure.arm().delete(&id, azure::api::STORAGE, azure::arm::Write::default()).await.unwrap()
    });
    assert!(matches!(submitted, Submitted::Done(_)), "{submitted:?}");
}

#[test]
fn a_misspelt_folder_is_not_a_project_without_a_deployment() {
    let sandbox = Sandbox::empty();
    for words in
        [&["status"][..], &["destroy", "--yes"], &["rollback"], &["validate"], &["cloud", "up"], &["journal", "list"]]
    {
        let mut command = tests::twinctl::command(words);
        command.arg("misspelt").current_dir(sandbox.project());
        let refused = tests::twinctl::run(command).code(3);
        assert!(refused.stderr.starts_with("error[no-project]: failed to find the project /"), "{refused:#?}");
    }
    assert!(!sandbox.project().join("misspelt").exists(), "it was made");
}
