//! `twinctl journal`.

use std::{fs, path::Path};

use insta::assert_snapshot;
use tests::twinctl::{FILTERS, Sandbox, wait};

#[test]
fn without_a_journal_nothing_is_made() {
    let sandbox = Sandbox::of_example("factory");
    let before = sandbox.files();
    insta::with_settings!({ filters => FILTERS.to_vec() }, {
        assert_snapshot!(sandbox.run(&["journal", "list"]).snapshot(), @r#"
        exit 1
        --- stderr
        error[no-journal]: failed to read the journal
          cause: there is no journal in [folder]/state
        hint: `twinctl run` makes the first deployment; `--state-dir` names another state folder
        "#);
    });
    assert_eq!(sandbox.files(), before);
}

#[test]
fn reading_writes_nothing() {
    let sandbox = Sandbox::of_example("factory");
    sandbox.deploy();
    let before = sandbox.files();
    for words in [
        &["list"][..],
        &["list", "--json"],
        &["list", "--jsonl"],
        &["show"],
        &["show", "last", "--json"],
        &["records", "--jsonl"],
        &["at", "2999-01-01"],
        &["diff", "last", "last"],
        &["prove", "--record", "3"],
        &["export"],
        &["export", "--format", "cloudevents"],
        &["verify"],
        &["tail", "-n", "3"],
    ] {
        let ran = sandbox.run(&[&["journal"], words].concat());
        assert_eq!(ran.code, 0, "{ran:#?}");
        assert!(!ran.stdout.is_empty(), "{words:?} shows nothing");
    }
    assert_eq!(sandbox.files(), before);
}

#[test]
fn runs_and_records_are_shown() {
    let sandbox = Sandbox::of_example("factory");
    sandbox.deploy();
    insta::with_settings!({ filters => FILTERS.to_vec() }, {
        assert_snapshot!(sandbox.run(&["journal", "list"]).snapshot(), @r#"
        exit 0
        --- stdout
        RUN            STARTED               TOOK  KIND    DEFINITION    STATUS    BY       STEPS
        [run]  [time]  [took]  deploy  [digest]  finished  [user]@[host]  31 created, 3 found, 4 passed
        "#);
        assert_snapshot!(sandbox.run(&["journal", "records", "--run", "last", "--step", "setup/resource-group"]).snapshot(), @r#"
        exit 0
        --- stdout
        [seq]  [time]  step-started setup/resource-group
        [seq]  [time]  step-intended setup/resource-group create
        [seq]  [time]  step-completed setup/resource-group created
        "#);
        assert_snapshot!(sandbox.run(&["journal", "tail", "-n", "1"]).snapshot(), @r#"
        exit 0
        --- stdout
        [seq]  [time]  run-finished
        "#);
    });
}

#[test]
fn records_are_data_and_chained() {
    let sandbox = Sandbox::of_example("factory");
    sandbox.deploy();
    let records = sandbox.run(&["journal", "records", "--json"]).code(0).json();
    let records = records.as_array().unwrap();
    for (place, record) in records.iter().enumerate() {
        assert_eq!(record["seq"].as_u64(), Some(place as u64));
        if place > 0 {
            assert_eq!(record["prev"], records[place - 1]["hash"]);
        }
    }
    let run = records[0]["run"].as_str().unwrap();
    let same = sandbox.run(&["journal", "records", "--run", &run[..13], "--json"]).code(0).json();
    assert_eq!(same.as_array().unwrap().len(), records.len());
    let lines = sandbox.run(&["journal", "tail", "-n", "2", "--json"]).code(0).stdout;
    assert_eq!(lines.lines().count(), 2, "a line per record: {lines}");
}

#[test]
fn a_run_that_is_not_there_is_a_usage_error() {
    let sandbox = Sandbox::of_example("factory");
    sandbox.deploy();
    assert_snapshot!(sandbox.run(&["journal", "show", "zzz"]).snapshot(), @r#"
    exit 2
    --- stderr
    error[unknown-run]: failed to find the run `zzz`
      cause: none begins so
    hint: `twinctl journal list` shows the runs
    "#);
    let _ = sandbox.run(&["journal", "verify", "--head", "nonsense"]).code(2);
}

#[test]
fn a_head_kept_elsewhere_is_checked() {
    let sandbox = Sandbox::of_example("factory");
    sandbox.deploy();
    let whole = sandbox.run(&["journal", "verify"]).code(0).stdout;
    let head = whole.trim().rsplit(' ').next().unwrap();
    let _ = sandbox.run(&["journal", "verify", "--head", head]).code(0);
    let (seq, _) = head.split_once(':').unwrap();
    let other = format!("{seq}:{}", "0".repeat(64));
    let _ = sandbox.run(&["journal", "verify", "--head", &other]).code(15);
    let later = format!("{}:{}", seq.parse::<u64>().unwrap() + 1, "0".repeat(64));
    let cut = sandbox.run(&["journal", "verify", "--head", &later]).code(15);
    assert!(cut.stderr.starts_with("error[journal-damaged]: failed to verify the stream"), "{cut:#?}");
    assert!(cut.stderr.contains("the stream ends before it"), "{cut:#?}");
}

#[test]
fn a_store_put_back_to_an_older_state_is_noticed() {
    let sandbox = Sandbox::of_example("factory");
    sandbox.deploy();
    let (store, kept) = (sandbox.state().join("journal"), sandbox.state().with_file_name("kept"));
    copy(&store, &kept);
    sandbox.deploy();
    fs::remove_dir_all(&store).unwrap();
    copy(&kept, &store);
    for words in [&["journal", "verify"][..], &["journal", "list"], &["status"], &["run"]] {
        // What was put back has other times than the index was written for, so it is not asked.
        let ran = sandbox.run(words);
        assert_eq!(ran.code, 15, "{words:?}: {ran:#?}");
        assert!(ran.stderr.contains("error[journal-damaged]"), "{ran:#?}");
    }
}

#[test]
fn a_store_that_cannot_be_read_says_so() {
    let sandbox = Sandbox::of_example("factory");
    sandbox.deploy();
    for entry in fs::read_dir(sandbox.state().join("journal")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let length = usize::try_from(fs::metadata(&path).unwrap().len()).unwrap();
            fs::write(&path, vec![0x5a; length]).unwrap();
        }
    }
    for words in [&["journal", "verify"][..], &["status"], &["run"], &["rollback"]] {
        let ran = sandbox.run(words);
        assert_eq!(ran.code, 15, "{words:?}: {ran:#?}");
        assert!(ran.stderr.contains("error[journal-"), "{ran:#?}");
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

#[test]
fn a_follower_ends_when_nobody_reads_any_more() {
    use std::io::{BufRead, BufReader};
    let sandbox = Sandbox::of_example("factory");
    sandbox.deploy();
    let mut follower = sandbox.start(&["journal", "tail", "-n", "1000", "--follow", "--json"]);
    let mut line = String::new();
    // Far more is written than the pipe takes, so the follower is still writing when its reader goes.
    BufReader::with_capacity(1, follower.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with('{'), "{line}");
    let _ = wait(follower).code(0);
}

#[test]
fn a_project_can_be_named_like_everywhere() {
    let sandbox = Sandbox::of_example("factory");
    sandbox.deploy();
    let folder = sandbox.project();
    let named = |words: &[&str]| {
        let mut command = tests::twinctl::command(words);
        command.arg("--state-dir").arg(sandbox.state()).arg(&folder);
        tests::twinctl::run(command).code(0).stdout
    };
    for words in [&["journal", "list"][..], &["journal", "records"], &["journal", "verify"], &["journal", "tail"]] {
        assert_eq!(named(words), sandbox.run(words).stdout, "{words:?}");
    }
}
