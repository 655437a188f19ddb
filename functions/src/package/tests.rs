use std::io::Read;

use super::*;

const L2: [Function; 2] = [Function::Dispatcher, Function::Persister];

fn names(zip: &[u8]) -> Vec<String> {
    let zip = zip::ZipArchive::new(Cursor::new(zip)).unwrap();
    zip.file_names().map(str::to_owned).collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

fn file(zip: &[u8], name: &str) -> (Vec<u8>, Option<u32>) {
    let mut zip = zip::ZipArchive::new(Cursor::new(zip)).unwrap();
    let mut file = zip.by_name(name).unwrap();
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).unwrap();
    (bytes, file.unix_mode())
}

fn l2(program: &[u8]) -> Package {
    Package::new(&L2, None, Handler::bytes(program))
}

fn l2_zip() -> Vec<u8> {
    l2(b"binary").zip(Compression::Deflated).unwrap()
}

#[test]
fn equal_contents_make_equal_bytes_and_digests() {
    assert_eq!(l2_zip(), l2_zip());
    let swapped = Package::new(&[Function::Persister, Function::Dispatcher], None, Handler::bytes(*b"binary"));
    assert_eq!(swapped.zip(Compression::Deflated).unwrap(), l2_zip(), "the order of functions means nothing");
    assert_eq!(swapped.digest().unwrap(), l2(b"binary").digest().unwrap());
}

#[test]
fn whatever_is_in_it_counts_in_the_digest() {
    let info = TwinInfo { digital_twin_name: "factory".into(), ..TwinInfo::default() };
    let packages = [
        l2(b"binary"),
        l2(b"other"),
        Package::new(&L2[..1], None, Handler::bytes(*b"binary")),
        Package::new(&L2, Some(&info), Handler::bytes(*b"binary")),
        Package::new(&L2, Some(&TwinInfo::default()), Handler::bytes(*b"binary")),
    ];
    let digests: std::collections::BTreeSet<_> = packages.iter().map(|package| package.digest().unwrap()).collect();
    assert_eq!(digests.len(), packages.len());
}

#[test]
fn a_package_holds_what_the_host_looks_for() {
    let zip = l2_zip();
    assert_eq!(names(&zip), ["dispatcher/function.json", "handler", "host.json", "persister/function.json"]);
    let (bytes, mode) = file(&zip, HANDLER);
    assert_eq!(bytes, b"binary");
    assert_eq!(mode.unwrap() & 0o777, 0o755, "the host starts it");
    assert_eq!(file(&l2(b"binary").zip(Compression::Stored).unwrap(), HANDLER).0, b"binary");
}

#[test]
fn the_device_map_is_in_the_package_of_functions_that_need_it() {
    let info = TwinInfo { digital_twin_name: "factory".into(), ..TwinInfo::default() };
    let zip =
        Package::new(&[Function::AdtUpdater], Some(&info), Handler::bytes(*b"x")).zip(Compression::Stored).unwrap();
    let (bytes, _) = file(&zip, twin_info::FILE);
    assert_eq!(serde_json::from_slice::<TwinInfo>(&bytes).unwrap(), info);
}

#[test]
fn event_grid_functions_have_the_trigger_that_a_subscription_may_point_at() {
    let (bytes, _) = file(&l2_zip(), "dispatcher/function.json");
    let document: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(document["bindings"][0]["type"], "eventGridTrigger");
    let (bytes, _) = file(&l2_zip(), "persister/function.json");
    let document: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(document["bindings"][0]["type"], "httpTrigger");
    assert_eq!(document["bindings"][0]["route"], "persister");
}

#[test]
fn the_host_starts_the_handler() {
    let (bytes, _) = file(&l2_zip(), "host.json");
    let document: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(document["customHandler"]["description"]["defaultExecutablePath"], HANDLER);
    assert_eq!(document["version"], "2.0");
}

#[test]
fn a_package_for_lambda_is_the_program_alone() {
    let package = Package::lambda(Handler::bytes(*b"binary"));
    let zip = package.zip(Compression::Deflated).unwrap();
    assert_eq!(names(&zip), [BOOTSTRAP]);
    let (bytes, mode) = file(&zip, BOOTSTRAP);
    assert_eq!((bytes.as_slice(), mode.unwrap() & 0o777), (&b"binary"[..], 0o755));
    assert_eq!(package.zip(Compression::Deflated).unwrap(), zip);
    assert_eq!(digest_of_zip(&zip).len(), 64);
    assert_ne!(digest_of_zip(&zip), digest_of_zip(&package.zip(Compression::Stored).unwrap()));
    let azure = Package::new(&[], None, Handler::bytes(*b"binary"));
    assert_ne!(package.digest().unwrap(), azure.digest().unwrap(), "another name is another package");
}
