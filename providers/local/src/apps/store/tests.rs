use std::os::unix::fs::PermissionsExt;

use proptest::prelude::*;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::*;

const HOST: (&str, u32, &[u8]) = ("host.json", 0o644, b"{}");

fn zip(files: &[(&str, u32, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (at, (name, mode, bytes)) in files.iter().enumerate() {
        let method = if at % 2 == 0 { CompressionMethod::Stored } else { CompressionMethod::Deflated };
        zip.start_file(*name, SimpleFileOptions::default().compression_method(method).unix_permissions(*mode)).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn scratch() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::new(dir.path());
    (dir, store)
}

fn refused(files: &[(&str, u32, &[u8])]) -> String {
    let (_dir, store) = scratch();
    let error = store.add(&zip(files)).expect_err("refused");
    assert!(!store.root.exists(), "nothing of it is unpacked");
    error.to_string()
}

#[test]
fn two_packages_share_the_files_that_they_both_have() {
    let (_dir, store) = scratch();
    let handler = ("handler", 0o755, [7u8; 100_000].as_slice());
    let function = |name| (name, 0o644, b"{\"bindings\":[]}".as_slice());
    let one = store.add(&zip(&[HOST, handler, function("a/function.json")])).unwrap();
    let two = store.add(&zip(&[HOST, handler, function("b/function.json")])).unwrap();
    assert_ne!(one.digest, two.digest);
    assert_eq!(one.functions.keys().collect::<Vec<_>>(), ["a"]);
    let inode = |digest: &str| fs::metadata(store.folder(digest).join("handler")).unwrap().ino();
    assert_eq!(inode(&one.digest), inode(&two.digest));
    let mode = |path: &str| fs::metadata(store.folder(&one.digest).join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("handler"), mode("host.json")), (0o555, 0o444));
    assert_eq!(entries(&store.root.join("files")).unwrap().len(), 3);
}

#[test]
fn what_no_package_has_any_more_is_taken_away() {
    let (_dir, store) = scratch();
    let one = store.add(&zip(&[HOST, ("only-one", 0o644, b"1")])).unwrap();
    let two = store.add(&zip(&[HOST, ("only-two", 0o644, b"2")])).unwrap();
    fs::write(store.root.join("files/torn.new"), "half").unwrap();
    fs::create_dir(store.root.join("abc.new")).unwrap();
    fs::write(store.root.join("abc.zip"), "of an earlier version").unwrap();
    store.collect(&BTreeSet::from([two.digest.clone()])).unwrap();
    assert!(!store.folder(&one.digest).exists() && store.folder(&two.digest).join("only-two").exists());
    assert_eq!(entries(&store.root).unwrap().len(), 2, "files/ and the package");
    assert_eq!(entries(&store.root.join("files")).unwrap().len(), 2);
    let holds = (store.hold(&two.digest).unwrap(), store.hold(&two.digest).unwrap());
    assert!(store.hold(&one.digest).is_none(), "it is gone");
    drop(holds.0);
    store.collect(&BTreeSet::new()).unwrap();
    assert!(store.folder(&two.digest).exists(), "a process runs it");
    drop(holds.1);
    store.collect(&BTreeSet::new()).unwrap();
    assert_eq!(entries(&store.root.join("files")).unwrap().len(), 0);
}

#[test]
fn a_torn_unpacking_is_done_again() {
    let (_dir, store) = scratch();
    let zip = zip(&[HOST, ("data", 0o644, b"whole")]);
    let digest = store.add(&zip).unwrap().digest;
    let torn = store.root.join(format!("{digest}.new"));
    fs::rename(store.folder(&digest), &torn).unwrap();
    fs::remove_file(torn.join("data")).unwrap();
    fs::write(torn.join("other"), "of another try").unwrap();
    store.add(&zip).unwrap();
    assert_eq!(fs::read(store.folder(&digest).join("data")).unwrap(), b"whole");
    assert!(!store.folder(&digest).join("other").exists() && !torn.exists());
}

#[test]
fn nothing_is_unpacked_outside_of_the_package() {
    for name in ["../evil", "a/../../evil", "/etc/evil", "a\\..\\evil", "a//b", "./a", "a/./b"] {
        let why = refused(&[HOST, (name, 0o644, b"x")]);
        assert!(why.contains("path"), "{name}: {why}");
    }
    let mut link = ZipWriter::new(Cursor::new(Vec::new()));
    link.start_file("host.json", SimpleFileOptions::default()).unwrap();
    link.write_all(b"{}").unwrap();
    link.add_symlink("link", "/etc/passwd", SimpleFileOptions::default()).unwrap();
    let (_dir, store) = scratch();
    let error = store.add(&link.finish().unwrap().into_inner()).expect_err("a link");
    assert_eq!(error.to_string(), "link is neither a file nor a folder");
}

#[test]
fn a_package_that_makes_no_sense_is_refused() {
    assert_eq!(refused(&[("handler", 0o755, b"x")]), "host.json is missing at its root");
    assert!(refused(&[("host.json", 0o644, b"{")]).starts_with("host.json is not JSON"));
    assert!(refused(&[HOST, ("f/function.json", 0o644, b"]")]).starts_with("f/function.json is not JSON"));
    assert_eq!(refused(&[HOST, ("a", 0o644, b"x"), ("a/b", 0o644, b"y")]), "a is both a file and a folder");
    let (_dir, store) = scratch();
    assert!(matches!(store.add(b"no zip").expect_err("refused"), Error::Zip(_)));
    let mut damaged = zip(&[("data", 0o644, &[1; 64]), HOST]);
    damaged[40] ^= 1;
    assert!(matches!(store.add(&damaged).expect_err("refused"), Error::Damaged { .. }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damage_is_an_error_and_never_a_panic(at in 0usize..400, to in any::<u8>()) {
        let (dir, store) = scratch();
        let mut bytes = zip(&[HOST, ("a/function.json", 0o644, b"{}"), ("handler", 0o755, b"some code")]);
        let at = at % bytes.len();
        bytes[at] = to;
        let _ = store.add(&bytes);
        let outside = entries(dir.path()).unwrap().iter().filter(|entry| entry.file_name() != "packages").count();
        prop_assert_eq!(outside, 0);
    }
}
