//! `twinctl schedule`.

use insta::assert_snapshot;
use tests::twinctl::{FILTERS, Ran, Sandbox};

fn add(sandbox: &Sandbox, more: &[&str]) -> Ran {
    sandbox.run(&[&["schedule", "add", "."], more].concat())
}

#[test]
fn a_schedule_is_added_listed_paused_and_removed() {
    let sandbox = Sandbox::of_example("factory");
    let nightly = ["--cron", "0 3 * * *", "--timezone", "Europe/Vienna", "--name", "nightly", "--jitter", "10m"];
    insta::with_settings!({ filters => FILTERS.to_vec() }, {
        assert_snapshot!(add(&sandbox, &nightly).snapshot(), @r#"
        exit 0
        --- stdout
        nightly is added, next at [time]
        --- stderr
        nobody keeps the schedules of this state folder right now; `twinctl serve` does
        "#);
        let _ = add(&sandbox, &["--cron", "@hourly", "--kind", "drift-check"]).code(0);
        assert_snapshot!(sandbox.run(&["schedule", "pause", "nightly"]).snapshot(), @r#"
        exit 0
        --- stdout
        nightly is paused
        "#);
        assert_snapshot!(sandbox.run(&["schedule", "list"]).snapshot(), @r#"
        exit 0
        --- stdout
        NAME                 KIND         PATTERN    TIME ZONE      NEXT                  LAST  OUTCOME
        nightly              redeploy     0 3 * * *  Europe/Vienna  paused
        project-drift-check  drift-check  @hourly    UTC            [time]
        "#);
        assert_snapshot!(sandbox.run(&["schedule", "unpause", "nightly"]).snapshot(), @r#"
        exit 0
        --- stdout
        nightly is active
        "#);
        assert_snapshot!(sandbox.run(&["schedule", "remove", "nightly"]).snapshot(), @r#"
        exit 0
        --- stdout
        nightly is removed
        "#);
        assert_snapshot!(sandbox.run(&["schedule", "pause", "nightly"]).snapshot(), @r#"
        exit 2
        --- stderr
        error[unknown-schedule]: failed to find the schedule `nightly`
          cause: there is none
        hint: `twinctl schedule list` shows the schedules of this state folder
        "#);
    });
}

#[test]
fn what_cannot_be_kept_is_refused_and_leaves_nothing_behind() {
    let sandbox = Sandbox::of_example("factory");
    let before = sandbox.files();
    assert_snapshot!(add(&sandbox, &["--cron", "0 3 * * *", "--timezone", "Europe/Viena"]).snapshot(), @r#"
    exit 2
    --- stderr
    error[bad-schedule]: failed to add the schedule
      cause: there is no time zone "Europe/Viena"; is Europe/Vienna meant?
    hint: a pattern has five fields, such as '0 3 * * *'; `twinctl schedule add --help` has examples
    "#);
    let _ = add(&sandbox, &["--cron", "0 3 30 2 *"]).code(2);
    let _ = add(&sandbox, &["--cron", "nightly"]).code(2);
    let _ = sandbox.run(&["schedule", "list"]).code(0);
    let _ = sandbox.run(&["schedule", "run-now", "nightly"]).code(2);
    assert_eq!(sandbox.files(), before);
    let _ = add(&sandbox, &["--cron", "@daily", "--name", "every night"]).code(2);
    let _ = add(&sandbox, &["--cron", "@daily"]).code(0);
    let twice = add(&sandbox, &["--cron", "@daily"]).code(2);
    assert!(twice.stderr.starts_with("error[schedule-exists]"), "{twice:#?}");
}

#[test]
fn schedules_are_records_and_no_deployment() {
    let sandbox = Sandbox::of_example("factory");
    let _ = add(&sandbox, &["--cron", "0 3 * * *", "--name", "nightly"]).code(0);
    let status = sandbox.run(&["status"]).code(0);
    assert!(status.stderr.contains("nothing was ever deployed"), "{status:#?}");
    let _ = sandbox.run(&["resume"]).code(1);
    insta::with_settings!({ filters => [FILTERS, &[(r" by [^ ]+@.*", " by [actor]")]].concat() }, {
        assert_snapshot!(sandbox.run(&["journal", "records", "--stream", "schedules"]).snapshot(), @r#"
        exit 0
        --- stdout
        [seq]  [time]  schedule-added nightly redeploy of [folder]/project at 0 3 * * * UTC by [actor]
        "#);
    });
    let verified = sandbox.run(&["journal", "verify"]).code(0);
    assert!(verified.stdout.starts_with("schedules: 1 record, whole"), "{verified:#?}");
}

#[test]
fn a_schedule_is_data() {
    let sandbox = Sandbox::of_example("factory");
    let more = ["--cron", "0 3 * * *", "--overlap", "replace", "--missed", "skip", "--jitter", "90s", "--name", "n"];
    let added = add(&sandbox, &[&more[..], &["--json"]].concat()).code(0).json();
    assert_eq!(added["name"], "n");
    let list = sandbox.run(&["schedule", "list", "--json"]).code(0).json();
    let schedule = &list[0];
    assert_eq!(schedule["next"], added["next"]);
    assert_eq!((&schedule["overlap"], &schedule["missed"]), (&"replace".into(), &"skip".into()));
    assert_eq!((&schedule["jitter_seconds"], &schedule["target"]), (&90.into(), &"local".into()));
    let asked = sandbox.run(&["schedule", "run-now", "n", "--json"]).code(0).json();
    let list = sandbox.run(&["schedule", "list", "--json"]).code(0).json();
    assert_eq!(list[0]["open"][0], asked["at"]);
    // What nobody took up is cancelled with the schedule.
    let _ = sandbox.run(&["schedule", "remove", "n"]).code(0);
    let records = sandbox.run(&["journal", "records", "--stream", "schedules", "--json"]).code(0).json();
    assert_eq!(records[2]["event"]["outcome"], "cancelled");
}
