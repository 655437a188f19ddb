//! A local cloud that enforces what the real one does: a deployment lives with it, from its first run to its end.

use serde_json::json;
use tests::twinctl::Sandbox;

#[test]
fn a_deployment_lives_with_rate_limits_and_roles() {
    let sandbox = Sandbox::of_example("factory");
    let _ = sandbox.run(&["cloud", "up", "--rates", "--rbac"]).code(0);
    sandbox.deploy();
    let simulated =
        sandbox.run(&["simulate", "--rate", "60", "--duration", "3", "--seed", "1", "--settle", "120", "--json"]);
    let summary = simulated.code(0).json();
    assert_eq!((&summary["live"], &summary["missing"]), (&json!(true), &json!(0)), "{summary:#}");
    let _ = sandbox.run(&["verify", "--timeout", "100"]).code(0);
    let _ = sandbox.run(&["cloud", "down"]).code(0);
    let again = sandbox.run(&["run", "--json"]).code(0);
    let status = sandbox.run(&["cloud", "status", "--json"]).code(0).json();
    assert_eq!(
        (&status["rates"], &status["rbac"]),
        (&json!(true), &json!(true)),
        "`run` started it as it was: {again:#?}"
    );
    let _ = sandbox.run(&["destroy", "--yes"]).code(0);
}
