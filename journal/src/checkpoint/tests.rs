use std::os::unix::fs::PermissionsExt as _;

use super::*;

const JOURNAL: uuid::Uuid = uuid::Uuid::nil();

fn signer(dir: &std::path::Path) -> Signer {
    Signer::open(&Signer::path(dir), &key_name(JOURNAL), true).unwrap()
}

fn checkpoint() -> Checkpoint {
    Checkpoint { origin: origin(JOURNAL, "factory"), size: 3, root: crate::merkle::leaf("x") }
}

#[test]
fn the_key_is_made_once_and_nobody_else_reads_it() {
    let dir = tempfile::tempdir().unwrap();
    let first = signer(dir.path()).verifier_key().to_string();
    assert_eq!(signer(dir.path()).verifier_key().to_string(), first);
    let path = Signer::path(dir.path());
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "no draft is left");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = Signer::open(&path, "n", false).unwrap_err().to_string();
    assert!(error.contains("mode 644") && error.contains("chmod 600"), "{error}");
}

/// A key of RFC 8032 (section 7.1, test 1), in the form that `openssl genpkey` writes.
#[test]
fn a_key_of_others_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("own.pem");
    let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";
    std::fs::write(&path, pem).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let signer = Signer::open(&path, "example", false).unwrap();
    let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    let hex: String = signer.verifier_key().public.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, public);
    assert!(Signer::open(&dir.path().join("none.pem"), "example", false).is_err(), "never made where not asked for");
}

#[test]
fn a_note_holds_until_a_byte_changes() {
    let dir = tempfile::tempdir().unwrap();
    let (signer, checkpoint) = (signer(dir.path()), checkpoint());
    let note = signer.sign(&checkpoint).to_string();
    let key: VerifierKey = signer.verifier_key().to_string().parse().unwrap();
    let open = |note: &str| Checkpoint::open(note, &key, &checkpoint.origin);
    assert_eq!(open(&note), Ok(checkpoint.clone()));
    assert!(note.starts_with("twinctl-journal-00000000-0000-0000-0000-000000000000/factory\n3\n"), "{note}");
    assert!(matches!(open(&note.replace("\n3\n", "\n2\n")), Err(CheckpointError::Forged(_))));
    assert!(matches!(open(&note.replace("— twinctl", "— other")), Err(CheckpointError::Unsigned(_))));
    assert!(matches!(open("nothing"), Err(CheckpointError::Malformed(_))));
    assert!(matches!(open(note.trim_end()), Err(CheckpointError::Malformed(_))));
    let elsewhere = Checkpoint::open(&note, &key, "another/stream");
    assert!(matches!(elsewhere, Err(CheckpointError::Origin { .. })));
}

#[test]
fn a_signature_of_a_witness_beside_ours_does_no_harm() {
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (signer, checkpoint) = (signer(ours.path()), checkpoint());
    let witness = Signer::open(&Signer::path(theirs.path()), "witness.example", true).unwrap();
    let both =
        signer.sign(&checkpoint).to_string() + witness.sign(&checkpoint).to_string().lines().last().unwrap() + "\n";
    for key in [signer.verifier_key(), witness.verifier_key()] {
        assert_eq!(Checkpoint::open(&both, key, &checkpoint.origin).as_ref(), Ok(&checkpoint));
    }
}

#[test]
fn a_verifier_key_states_its_own_id() {
    let dir = tempfile::tempdir().unwrap();
    let text = signer(dir.path()).verifier_key().to_string();
    let (name, rest) = text.split_once('+').unwrap();
    for bad in ["", "a+b", &format!("{name}+00000000+{}", rest.split_once('+').unwrap().1), &format!("x{text}")] {
        assert!(bad.parse::<VerifierKey>().is_err(), "{bad}");
    }
}

#[test]
fn an_origin_is_one_line_whatever_the_stream_is_called() {
    assert!(origin(JOURNAL, "a b\u{2003}c/+").ends_with("/a%20b%E2%80%83c%2F%2B"));
}
