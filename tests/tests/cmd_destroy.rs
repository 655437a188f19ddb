//! `twinctl destroy`.

use std::fs;

use insta::assert_snapshot;
use tests::twinctl::{FILTERS, Sandbox};

#[test]
fn everything_that_was_created_goes_without_project_files() {
    let sandbox = Sandbox::of_example("factory");
    let _ = sandbox.run(&["cloud", "up"]).code(0);
    let before = sandbox.dump();
    sandbox.deploy();
    fs::remove_dir_all(sandbox.project()).unwrap();
    fs::create_dir(sandbox.project()).unwrap();
    let destroyed = sandbox.run(&["destroy"]).code(0);
    insta::with_settings!({ filters => FILTERS.to_vec() }, {
        assert_snapshot!(destroyed.stdout, @r#"
        destroyed in [took]: 31 deleted, 3 left
        next: `twinctl run` deploys again
        "#);
    });
    assert_eq!(sandbox.dump(), before);
    let again = sandbox.run(&["destroy"]).code(0);
    assert_eq!(again.stderr, "nothing to destroy: nothing stands\n");
}

#[test]
fn without_a_deployment_there_is_nothing_to_do() {
    let sandbox = Sandbox::of_example("factory");
    assert_snapshot!(sandbox.run(&["destroy"]).snapshot(), @r#"
    exit 0
    --- stderr
    nothing to destroy: nothing was ever deployed from here
    "#);
}

#[test]
fn an_unfinished_run_comes_first() {
    let sandbox = Sandbox::of_example("factory");
    sandbox.fault("error,status=400,code=BadRequest,method=PUT,path=*/IotHubs/*,times=0");
    let _ = sandbox.run(&["run"]).code(10);
    insta::with_settings!({ filters => FILTERS.to_vec() }, {
        assert_snapshot!(sandbox.run(&["destroy"]).snapshot(), @r#"
        exit 10
        --- stderr
        error[unfinished-run]: failed to destroy the deployment
          cause: run [id] is unfinished: failed
        hint: `twinctl resume` finishes it, `twinctl rollback` undoes it
        "#);
    });
}
