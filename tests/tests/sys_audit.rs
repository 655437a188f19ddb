//! An auditor's work: checkpoints kept elsewhere, exports verified by somebody else's program, pruning.

use std::{fs, path::Path, process::Command};

use tests::twinctl::{Ran, Sandbox, repository, run};

/// The verifier that is not ours: Python's standard library and nothing else.
fn verifier(sandbox: &Sandbox, arguments: &[&str]) -> Option<Ran> {
    let mut command = Command::new("python3");
    command.arg("-I").arg(repository().join("docs/verify/verify.py")).args(arguments).current_dir(sandbox.project());
    command
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    match Command::new("python3").arg("--version").output() {
        Ok(_) => Some(run(command)),
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "under CI there must be a python3: {error}");
            eprintln!("skipped: there is no python3: {error}");
            None
        }
    }
}

/// Two runs, with a checkpoint after each and an export of all; the verifier key.
fn audited(sandbox: &Sandbox) -> String {
    sandbox.deploy();
    let key = sandbox.run(&["journal", "key"]).code(0).stdout.trim().to_owned();
    let _ = sandbox.run(&["journal", "checkpoint", "-o", "a.note"]).code(0);
    sandbox.deploy();
    let _ = sandbox.run(&["journal", "checkpoint", "-o", "b.note"]).code(0);
    let _ = sandbox.run(&["journal", "export", "-o", "export.jsonl"]).code(0);
    key
}

#[test]
fn a_stand_alone_verifier_says_the_same_as_we_do() {
    let sandbox = Sandbox::of_example("factory");
    let key = audited(&sandbox);
    let ours = sandbox.run(&["journal", "verify", "--json"]).code(0).json();
    let ours = &ours["streams"][0];
    let both = ["--checkpoint", "a.note", "--checkpoint", "b.note", "--key", &key];
    let Some(theirs) = verifier(&sandbox, &[&["export.jsonl"][..], &both].concat()) else { return };
    let theirs = theirs.code(0).stdout;
    for ours in [&ours["head"]["hash"], &ours["root"]] {
        assert!(theirs.contains(ours.as_str().unwrap()), "{theirs}");
    }
    let _ = sandbox.run(&[&["journal", "verify"][..], &both].concat()).code(0);
    let _ = sandbox.run(&[&["journal", "verify", "--file", "export.jsonl"][..], &both].concat()).code(0);
}

#[test]
fn proofs_hold_for_somebody_who_has_checkpoints_alone() {
    let sandbox = Sandbox::of_example("factory");
    let key = audited(&sandbox);
    let prove = |arguments: &[&str], to: &str| {
        let proof = sandbox.run(&[&["journal", "prove"][..], arguments].concat()).code(0).stdout;
        fs::write(sandbox.project().join(to), proof).unwrap();
    };
    prove(&["--record", "5", "--checkpoint", "b.note"], "in.json");
    prove(&["--since", "a.note", "--checkpoint", "b.note"], "grew.json");
    let checks = [&["--proof", "in.json"][..], &["--proof", "grew.json", "--since", "a.note"]];
    for check in checks {
        let arguments = [check, &["--checkpoint", "b.note", "--key", &key]].concat();
        let Some(ran) = verifier(&sandbox, &arguments) else { return };
        let _ = ran.code(0);
    }
    let proof = fs::read_to_string(sandbox.project().join("in.json")).unwrap();
    fs::write(sandbox.project().join("in.json"), proof.replace("step-", "stop-")).unwrap();
    let forged = verifier(&sandbox, &["--proof", "in.json", "--checkpoint", "b.note", "--key", &key]);
    assert!(forged.unwrap().code(1).stderr.contains("the record is not in the checkpoint"));
}

#[test]
fn tampering_with_an_export_is_found_by_both() {
    type Tampering = (&'static str, fn(&mut Vec<String>));
    let tamperings: [Tampering; 6] = [
        ("a byte", |it| it[7] = it[7].replacen("step", "stop", 1)),
        ("taken out", |it| drop(it.remove(7))),
        ("swapped", |it| it.swap(7, 8)),
        ("repeated", |it| it.insert(7, it[7].clone())),
        ("cut off", |it| it.truncate(20)),
        ("cut in front", |it| drop(it.drain(..3))),
    ];
    let sandbox = Sandbox::of_example("factory");
    let key = audited(&sandbox);
    let whole = fs::read_to_string(sandbox.project().join("export.jsonl")).unwrap();
    for (what, tamper) in tamperings {
        let mut lines: Vec<String> = whole.lines().map(str::to_owned).collect();
        tamper(&mut lines);
        fs::write(sandbox.project().join("bad.jsonl"), lines.join("\n") + "\n").unwrap();
        let known = ["--checkpoint", "a.note", "--key", &key];
        let ours = sandbox.run(&[&["journal", "verify", "--file", "bad.jsonl"][..], &known].concat());
        assert_eq!(ours.code, 15, "{what}: {ours:#?}");
        assert!(ours.stderr.contains("record "), "{what}: {ours:#?}");
        let Some(theirs) = verifier(&sandbox, &[&["bad.jsonl"][..], &known].concat()) else { return };
        assert_eq!(theirs.code, 1, "{what}: {theirs:#?}");
        assert!(theirs.stderr.starts_with("does not hold: record "), "{what}: {theirs:#?}");
    }
}

#[test]
fn what_was_pruned_is_exported_and_the_rest_still_proves_itself() {
    let sandbox = Sandbox::of_example("factory");
    let key = audited(&sandbox);
    let before = sandbox.run(&["journal", "list", "--json"]).code(0).json();
    let second = before[1]["started"].as_str().unwrap().to_owned();
    let pruned = sandbox.run(&["journal", "prune", "--before", &second, "--export", "old.jsonl"]).code(0);
    assert!(pruned.stdout.contains("out of the journal"), "{pruned:#?}");
    let whole = sandbox.run(&["journal", "verify", "--checkpoint", "b.note", "--key", &key]).code(0).stdout;
    assert!(whole.contains("were pruned") && whole.contains("as the checkpoint of"), "{whole}");
    assert_eq!(
        sandbox.run(&["journal", "list", "--json"]).code(0).json().as_array().unwrap().len(),
        2,
        "the last one that left is remembered"
    );
    let _ = sandbox.run(&["journal", "export", "-o", "new.jsonl"]).code(0);
    let known = ["--checkpoint", "a.note", "--checkpoint", "b.note", "--key", &key];
    let files = ["journal", "verify", "--file", "old.jsonl", "--file", "new.jsonl"];
    let _ = sandbox.run(&[&files[..], &known].concat()).code(0);
    if let Some(theirs) = verifier(&sandbox, &[&["old.jsonl", "new.jsonl"][..], &known].concat()) {
        let _ = theirs.code(0);
    }
    let alone = sandbox.run(&["journal", "verify", "--file", "new.jsonl"]).code(15);
    assert!(alone.stderr.contains("earlier exports come first"), "{alone:#?}");
    let gone = sandbox.run(&["journal", "verify", "--checkpoint", "a.note", "--key", &key]);
    assert_eq!(gone.code, 0, "a checkpoint at the very cut is known still: {gone:#?}");
    let taken = sandbox.run(&["journal", "prune", "--before", "2999-01-01", "--export", "old.jsonl"]);
    assert_eq!(taken.code, 0, "nothing is left to take, so nothing is written: {taken:#?}");
    let again = sandbox.run(&["run"]).code(0);
    assert!(again.stdout.starts_with("nothing to do"), "{again:#?}");
    let _ = sandbox.run(&["destroy", "--yes"]).code(0);
    let _ = sandbox.run(&["journal", "verify"]).code(0);
}

#[test]
fn what_was_deployed_at_a_time_is_shown() {
    let sandbox = Sandbox::of_example("factory");
    sandbox.deploy();
    let _ = sandbox.run(&["destroy", "--yes"]).code(0);
    let runs = sandbox.run(&["journal", "list", "--json"]).code(0).json();
    let between = sandbox.run(&["journal", "at", runs[0]["ended"].as_str().unwrap(), "--json"]).code(0).json();
    assert_eq!(between["definition"], runs[0]["definition"]);
    assert!(between["steps"]["l1/hub"].is_object(), "{between}");
    let after = sandbox.run(&["journal", "at", "2999-01-01", "--json"]).code(0).json();
    assert_eq!((&after["definition"], after["steps"].as_object().unwrap().len()), (&serde_json::Value::Null, 0));
    let before = sandbox.run(&["journal", "at", "2001-01-01"]).code(0).stdout;
    assert!(before.ends_with("nothing was deployed\n"), "{before}");
}

#[test]
fn two_runs_are_compared() {
    let sandbox = Sandbox::of_example("factory");
    sandbox.deploy();
    sandbox.edit("config.json", r#""hot_storage_size_in_days": "#, r#""hot_storage_size_in_days": 1"#);
    sandbox.deploy();
    let runs = sandbox.run(&["journal", "list", "--json"]).code(0).json();
    let id = |place: usize| runs[place]["run"].as_str().unwrap().to_owned();
    let told = sandbox.run(&["journal", "diff", &id(0), &id(1)]).code(0).stdout;
    assert!(told.contains("hot"), "what changed in the definition: {told}");
    assert!(told.contains("l3/hot-container") && told.contains("document "), "{told}");
    let same = sandbox.run(&["journal", "diff", "last", "last"]).code(0).stdout;
    assert_eq!(same.trim(), "every step ended the same way");
}

#[test]
fn the_signing_key_is_made_for_its_owner_alone_and_a_given_one_is_taken() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = Sandbox::of_example("factory");
    sandbox.deploy();
    let _ = sandbox.run(&["journal", "checkpoint"]).code(0);
    let made = sandbox.state().join("checkpoint.key");
    assert_eq!(fs::metadata(&made).unwrap().permissions().mode() & 0o777, 0o600);
    let own = sandbox.project().join("own.pem");
    fs::rename(&made, &own).unwrap();
    let signed = sandbox.run(&["journal", "checkpoint", "--signing-key", "own.pem", "--json"]).code(0).json();
    fs::write(sandbox.project().join("note"), signed["note"].as_str().unwrap()).unwrap();
    let key = signed["key"].as_str().unwrap();
    let _ = sandbox.run(&["journal", "verify", "--checkpoint", "note", "--key", key]).code(0);
    assert!(!made.exists(), "a key that was given is not copied");
    open_to_all(&own);
    let refused = sandbox.run(&["journal", "checkpoint", "--signing-key", "own.pem"]).code(1);
    assert!(refused.stderr.contains("chmod 600"), "{refused:#?}");
}

fn open_to_all(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
}
